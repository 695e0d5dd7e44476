"""What the former CA's own integration tests hold a deployment to, and no other test here does."""

from __future__ import annotations

import base64
from datetime import timedelta

import judges
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

pytestmark = pytest.mark.deployed("main")

# In the order in which the former CA's clients put them.
FIELDS = (
    (NameOID.COUNTRY_NAME, "GB"),
    (NameOID.LOCALITY_NAME, "London"),
    (NameOID.ORGANIZATION_NAME, "Animals Ltd"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "Zoo"),
    (NameOID.STATE_OR_PROVINCE_NAME, "England"),
)


@pytest.fixture
def request_of(sandbox):
    """A request with a key that KMS makes under the deployment's own key, as clients of the former CA do."""
    kms = sandbox.client("kms")

    def request_of(name: str, fields=FIELDS) -> bytes:
        pair = kms.generate_data_key_pair(KeyId="alias/serverless-tls-keygen-dev", KeyPairSpec="ECC_NIST_P256")
        key = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
        subject = [x509.NameAttribute(oid, value) for oid, value in ((NameOID.COMMON_NAME, name), *fields)]
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
        return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    return request_of


@pytest.fixture
def issue(authority, request_of):
    """The first certificate of the bundle, and its row."""

    def issue(name: str, fields=FIELDS, **more) -> tuple[x509.Certificate, dict]:
        event = {"common_name": name, "lifetime": 1, "force_issue": True, "cert_bundle": True, **more}
        if "csr_file" not in more:
            event["base64_csr_data"] = base64.b64encode(request_of(name, fields)).decode()
        answer = authority.invoke("tls-cert", event)
        assert answer["CertificateInfo"]["CommonName"] == name, answer
        serial = answer["CertificateInfo"]["SerialNumber"]
        (row,) = [row for row in authority.rows() if row["SerialNumber"]["S"] == serial]
        return judges.certificate(answer["Base64Certificate"]), row

    return issue


def usages(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def domains(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)


def test_the_request_s_subject_is_the_certificate_s(issue):
    leaf, _ = issue("subject.example.com", purposes=["client_auth", "server_auth"])
    assert leaf.subject.rfc4514_string() == "ST=England,OU=Zoo,O=Animals Ltd,L=London,C=GB,CN=subject.example.com"
    assert set(usages(leaf)) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}


def test_what_the_event_says_goes_before_a_file_s_subject(authority, issue, request_of):
    authority.put_internal("csrs/former.csr", request_of("former"))
    leaf, _ = issue("former", csr_file="former.csr", locality="Elsewhere", organization="Others Ltd")
    assert leaf.subject.rfc4514_string() == "ST=England,OU=Zoo,O=Others Ltd,L=Elsewhere,C=GB,CN=former"


def test_alternative_names_that_are_none_are_left_out_of_a_list(issue):
    sans = ["one.example.com", "two.example.com", "no name at all"]
    leaf, _ = issue("listed.example.com", purposes=["server_auth"], sans=sans)
    assert domains(leaf) == sans[:2]


def test_a_common_name_that_is_a_domain_is_an_alternative_name(issue):
    leaf, _ = issue("alone.example.com", purposes=["server_auth"])
    assert domains(leaf) == ["alone.example.com"]


def test_a_server_whose_name_is_no_domain_has_no_alternative_name(issue):
    leaf, _ = issue("This is no domain", purposes=["server_auth"])
    assert usages(leaf) == [ExtendedKeyUsageOID.SERVER_AUTH]
    with pytest.raises(x509.ExtensionNotFound):
        domains(leaf)


def test_a_client_is_a_client_alone(issue):
    for more in ({"purposes": ["client_auth"]}, {}):
        assert usages(issue("My client", (), **more)[0]) == [ExtendedKeyUsageOID.CLIENT_AUTH]


@pytest.mark.parametrize(("asked", "days"), [(1, 1), (500, 365)])
def test_lifetimes_are_five_minutes_longer_and_no_longer_than_the_longest(issue, asked, days):
    leaf, _ = issue("lifetime.example.com", lifetime=asked)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=days, minutes=5)


@pytest.mark.parametrize(("more", "stored"), [({}, False), ({"notify_expiry": True}, True)])
def test_rows_say_whether_to_remind_and_are_reminded_of(authority, issue, more, stored):
    name = f"remind-{stored}.example.com"
    _, row = issue(name, **more)
    assert row["NotifyExpiry"] == {"BOOL": stored}
    for _ in range(2):
        authority.invoke("expiry", {})
        (row,) = [row for row in authority.rows() if row["CommonName"]["S"] == name]
        assert len(row.get("ExpiryReminders", {"L": []})["L"]) == int(stored)
