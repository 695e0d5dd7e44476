"""What somebody who tries Chancery out is given to begin with, and is told."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from . import terraform
from .authority import Authority, Run

ENTRIES = (
    {"common_name": "www.example.com", "csr_file": "www.csr", "purposes": ["server_auth"], "lifetime": 90},
    {"common_name": "api.example.com", "csr_file": "api.csr", "purposes": ["server_auth", "client_auth"]},
    {"common_name": "robot-7", "csr_file": "robot-7.csr", "organization": "Example Ltd"},
)
"""`tls.json`."""


def came_of(authority: Authority, run: Run) -> Iterator[str]:
    """A line for each thing that a run of the state machine has made."""
    if run.status != "SUCCEEDED":
        yield f"The run ended {run.status}, {run.error}."
        for name, error in run.failed.items():
            yield f"  {name}: {error}"
        return
    for title, ca_name in (("Root CA", authority.root_ca_name), ("Issuing CA", authority.issuing_ca_name)):
        certificate = x509.load_pem_x509_certificate(authority.published(f"{ca_name}.crt"))
        crl = x509.load_der_x509_crl(authority.published(f"{ca_name}.crl"))
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        yield (
            f"{title:<21} {certificate.subject.rfc4514_string()}, until {certificate.not_valid_after_utc:%Y-%m-%d}"
            f", CRL {number}"
        )
    ca_names = {authority.root_ca_name, authority.issuing_ca_name}
    leaves = [row for row in authority.rows() if row["CommonName"]["S"] not in ca_names]
    for leaf in sorted(leaves, key=lambda row: str(row["CommonName"]["S"])):
        certificate = x509.load_pem_x509_certificate(base64.b64decode(leaf["Certificate"]["B"]))
        subject, end = certificate.subject.rfc4514_string(), certificate.not_valid_after_utc
        yield f"{'Certificate':<21} {subject}, until {end:%Y-%m-%d}"


def how_to_go_on(authority: Authority, folder: Path) -> str:
    """Commands for another terminal."""
    bucket, table = authority.outputs["external_s3_bucket_name"], authority.outputs["certificate_table_name"]
    return f"""
Go on in another terminal, with the ordinary AWS CLI:

  cd {folder}
  export AWS_ENDPOINT_URL={authority.endpoint} AWS_REGION={terraform.REGION} AWS_DEFAULT_REGION={terraform.REGION} \\
    AWS_ACCESS_KEY_ID={terraform.ACCESS_KEY} AWS_SECRET_ACCESS_KEY={terraform.SECRET_KEY}

  # a certificate
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout db.key -subj /CN=db.example.com \\
    -out db.csr
  echo '{{"common_name": "db.example.com", "base64_csr_data": "'$(openssl base64 -A -in db.csr)'"}}' > request.json
  aws lambda invoke --function-name {authority.function("tls-cert")} --payload fileb://request.json answer.json
  jq -r .Base64Certificate answer.json | openssl base64 -d -A > db.pem

  # what verifiers need, and what they say
  aws s3 cp --recursive s3://{bucket} published
  cat published/*.crl.pem > crls.pem
  openssl verify -crl_check_all -CRLfile crls.pem -CAfile published/{authority.outputs["ca_bundle_s3_key"]} db.pem

  # what was issued
  aws dynamodb scan --table-name {table} --query 'Items[].[CommonName.S,Expires.S,SerialNumber.S]' --output text

  # who used the CAs' keys, as CloudTrail records it
  aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=Sign \\
    --query 'Events[].[EventTime,Username,Resources[0].ResourceName]' --output text

  # revoke: an entry in certs/dev/revoked.json, {{"common_name": "…", "serial_number": "…"}}, then
  terraform apply -auto-approve
  aws stepfunctions start-execution --state-machine-arn {authority.outputs["state_machine_arn"]}

  # Chancery's own command (cargo install --path crates/cli --features aws)
  chancery --aws --project serverless --env dev list

  # what Slack was told
  curl -s $AWS_ENDPOINT_URL/_sandbox/slack

Ctrl-C ends it, and nothing of it is left."""
