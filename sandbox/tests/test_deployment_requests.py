"""Requests for certificates as callers make them, with the AWS CLI, and what callers and Slack are told."""

from __future__ import annotations

import base64
import json

import judges
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from deployments import CUSTOM_EXTENSION, csr

from chancery_sandbox.lists import Request

pytestmark = pytest.mark.deployed("main")

ANSWER = {
    "CertificateInfo",
    "Base64Certificate",
    "Subject",
    "Base64IssuingCaCertificate",
    "Base64RootCaCertificate",
    "Base64CaChain",
}


@pytest.fixture
def ask(authority, tmp_path):
    """Ask `tls-cert` with the AWS CLI."""

    def ask(**event) -> dict:
        (tmp_path / "request.json").write_text(json.dumps(event))
        judges.aws(
            authority.endpoint, tmp_path,
            "lambda", "invoke", "--function-name", "serverless-tls-cert-dev",
            "--payload", "fileb://request.json", "answer.json",
        )  # fmt: skip
        return json.loads((tmp_path / "answer.json").read_text())

    return ask


def test_a_request_in_full(authority, ask, told, tmp_path):
    answer = ask(
        common_name="full.example.com",
        country="DE",
        state="Hessen",
        locality="Frankfurt",
        organization="Acme, Inc.",
        organizational_unit="Ops",
        email_address="ops@example.com",
        lifetime=10,
        purposes=["server_auth", "client_auth", "nonsense"],
        extended_key_usages=["CODE_SIGNING"],
        sans={"DNS_NAME": ["full.example.com", "not a name"], "IP_ADDRESS": "192.0.2.7"},
        extensions=[{"oid": CUSTOM_EXTENSION, "value_b64": "BAMBAgM=", "critical": False}],
        base64_csr_data=csr(common_name="ignored"),
        notify_issued=True,
        passphrase=True,
    )
    assert set(answer) == ANSWER | {"Warnings"}
    assert len(answer["Warnings"]) == 2
    assert "nonsense" in answer["Warnings"][0]
    assert "not a name" in answer["Warnings"][1]
    assert set(answer["CertificateInfo"]) == {"CommonName", "SerialNumber", "Issued", "Expires"}
    assert answer["Subject"] == (
        "ST=Hessen,OU=Ops,O=Acme\\, Inc.,L=Frankfurt,1.2.840.113549.1.9.1=ops@example.com,C=DE,CN=full.example.com"
    )
    leaf = judges.certificate(answer["Base64Certificate"])
    assert leaf.subject.rfc4514_string() == answer["Subject"]
    assert str(leaf.serial_number) == answer["CertificateInfo"]["SerialNumber"]
    assert f"{leaf.not_valid_after_utc:%Y-%m-%d %H:%M:%S}" == answer["CertificateInfo"]["Expires"]
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() == 10 * 86400 + 300
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    oids = ExtendedKeyUsageOID
    assert set(usages) == {oids.SERVER_AUTH, oids.CLIENT_AUTH, oids.CODE_SIGNING}
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["full.example.com"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    custom = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(CUSTOM_EXTENSION))
    assert (custom.value.value, custom.critical) == (b"\x04\x03\x01\x02\x03", False)
    pem = leaf.public_bytes(serialization.Encoding.PEM)
    assert judges.openssl_verify(tmp_path, authority, pem) == "leaf.pem: OK\n"
    root, issuing = (
        authority.published(f"{ca_name}.crt") for ca_name in (authority.root_ca_name, authority.issuing_ca_name)
    )
    parts = [
        base64.b64decode(answer[name]).strip() for name in ("Base64IssuingCaCertificate", "Base64RootCaCertificate")
    ]
    assert parts == [issuing.strip(), root.strip()]
    assert base64.b64decode(answer["Base64CaChain"]) == b"\n".join(parts)

    notices, messages = told()
    issued = {name: answer[name] for name in ("CertificateInfo", "Base64Certificate", "Subject")}
    assert notices == [("Certificate Issued", issued)]
    assert [message["channel"] for message in messages] == ["ca", "alerts"]
    assert messages[0]["username"] == "Serverless CA"
    assert messages[0]["blocks"][0]["text"]["text"] == ":white_check_mark: Certificate Issued"
    assert "full.example.com" in json.dumps(messages[0]["blocks"])
    assert messages[0]["blocks"][-1]["elements"][0]["text"].startswith("*Project:* serverless")


def test_a_bundle_and_a_chain(ask):
    answer = ask(common_name="bundle.example.com", base64_csr_data=csr(common_name="b"), cert_bundle=True)
    assert set(answer) == ANSWER
    bundle = x509.load_pem_x509_certificates(base64.b64decode(answer["Base64Certificate"]))
    issuers = [judges.certificate(answer[f"Base64{ca}CaCertificate"]) for ca in ("Issuing", "Root")]
    assert bundle[1:] == issuers
    bundle[0].verify_directly_issued_by(issuers[0])
    chain = ask(ca_chain_only=True)
    assert chain == {name: answer[name] for name in chain}
    assert set(chain) == {"Base64IssuingCaCertificate", "Base64RootCaCertificate", "Base64CaChain"}


def test_a_request_in_a_file(authority, ask):
    authority.put_internal("csrs/in-a-file.csr", Request.make(common_name="in-a-file").csr)
    event = {"common_name": "in-a-file", "csr_file": "in-a-file.csr"}
    leaf = judges.certificate(ask(**event)["Base64Certificate"])
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert ask(**event) == {"error": "Certificate already issued"}
    renewed = ask(**event, force_issue=True)
    assert judges.certificate(renewed["Base64Certificate"]).serial_number != leaf.serial_number
    bucket = authority.outputs["internal_s3_bucket_name"]
    missing = {"error": f"CSR file 'none.csr' not found in S3 bucket '{bucket}'"}
    assert ask(common_name="in-a-file", csr_file="none.csr") == missing


def test_a_name_of_no_domain_has_no_alternative_name_and_a_domain_has(ask):
    domain = judges.certificate(ask(common_name="a.example.com", base64_csr_data=csr())["Base64Certificate"])
    names = domain.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.com"]
    usages = domain.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def _extension(**changes) -> dict:
    return {"extensions": [{"oid": CUSTOM_EXTENSION, "value_b64": "BQA=", "critical": False} | changes]}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"lifetime": 0}, "0 is too short"),
        ({"lifetime": -3}, "-3 is too short"),
        (
            _extension(oid="1.3.6.1.4.1.9999.1"),
            "Custom extension OID 1.3.6.1.4.1.9999.1 is not in the configured allowlist",
        ),
        (_extension(oid="2.5.29.17"), "Custom extension OID 2.5.29.17 is reserved and cannot be set by callers"),
        (_extension(value_b64="!"), f"Custom extension OID {CUSTOM_EXTENSION} has an invalid base64 value"),
        (
            {"extensions": _extension()["extensions"] * 2},
            f"Custom extension OID {CUSTOM_EXTENSION} is specified more than once",
        ),
    ],
)
def test_refusals_are_answers_and_notices(ask, told, event, reason):
    request = csr(common_name="refused.example.com")
    event = {"common_name": "refused.example.com", "purposes": ["server_auth"], **event}
    assert ask(**event, base64_csr_data=request) == {"error": reason}
    notices, messages = told()
    ((subject, notice),) = notices
    assert subject == "Certificate Request Rejected"
    assert set(notice) == {"CSRInfo", "Base64CSR", "Subject", "Reason"}
    assert set(notice["CSRInfo"]) == {"CommonName", "Lifetime", "Purposes", "SANs"}
    assert (notice["Reason"], notice["CSRInfo"]["CommonName"]) == (reason, "refused.example.com")
    assert base64.b64decode(notice["Base64CSR"]) == base64.b64decode(request)
    assert messages[0]["blocks"][0]["text"]["text"] == ":octagonal_sign: Certificate Request Rejected"
    assert reason in json.dumps(messages[0]["blocks"])


def test_a_request_without_a_name(ask):
    assert ask(base64_csr_data=csr()) == {"error": "CSR must include a Common Name"}


def test_a_key_is_certified_once(ask, told):
    request = csr(common_name="once")
    assert set(ask(common_name="once", base64_csr_data=request)) == ANSWER
    reason = "Private key has already been used for a certificate"
    assert ask(common_name="once", base64_csr_data=request) == {"error": reason}
    assert [(subject, notice["Reason"]) for subject, notice in told()[0]] == [("Certificate Request Rejected", reason)]


def test_whoever_is_in_the_list_is_told_of(authority, ask, told):
    del authority
    ask(common_name="www.example.com", base64_csr_data=csr(common_name="www.example.com"))
    ask(common_name="unlisted.example.com", base64_csr_data=csr(common_name="unlisted.example.com"))
    notices = [notice["CertificateInfo"]["CommonName"] for _, notice in told()[0]]
    assert notices == ["www.example.com"]
