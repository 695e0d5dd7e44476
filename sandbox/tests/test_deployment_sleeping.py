"""A root whose key is disabled between uses, as docs/aws/operations.md says it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import judges
import pytest
from deployments import csr

from chancery_sandbox.authority import FunctionFailedError

pytestmark = pytest.mark.deployed("sleeping")

ASLEEP = {"sleeping_root": True, "root_crl_days": 180, "root_crl_seconds": 0}


def issue(authority, name: str):
    answer = authority.invoke("tls-cert", {"common_name": name, "base64_csr_data": csr(common_name=name)})
    return judges.certificate(answer["Base64Certificate"])


def cold(sandbox, authority) -> None:
    for arn in authority.outputs["function_arns"].values():
        sandbox.ask("POST", "cold", {"arn": arn})


def test_a_root_sleeps_and_is_woken(sandbox, deployed, authority):
    kms, root = authority.client("kms"), authority.outputs["root_ca_key_arn"]
    noted = hashlib.sha256(kms.get_public_key(KeyId=root)["PublicKey"]).hexdigest()
    stack = deployed.stack
    stack.inputs = {**stack.inputs, **ASLEEP, "root_ca_public_key_sha256": noted}
    stack.write()
    stack.apply()

    # The CRL of months is published before the key sleeps.
    authority.invoke("root-ca-crl")
    kms.disable_key(KeyId=root)
    crl = judges.crl(authority, authority.root_ca_name)
    assert crl.next_update_utc - crl.last_update_utc > dt.timedelta(days=179)
    assert stack.plan() == [], "no apply wakes a root"

    # Whatever is known is forgotten; everything but the root's own signatures goes on, and alarms nobody.
    cold(sandbox, authority)
    run = authority.run()
    assert (run.status, run.failed) == ("SUCCEEDED", {})
    leaf = issue(authority, "asleep.example.com")
    assert leaf.issuer == judges.ca(authority, authority.issuing_ca_name).subject
    entry = {"common_name": "asleep.example.com", "serial_number": str(leaf.serial_number)}
    authority.put_internal("revoked.json", json.dumps([entry]).encode())
    assert authority.run().status == "SUCCEEDED"
    assert leaf.serial_number in judges.serials(judges.crl(authority, authority.issuing_ca_name))
    assert judges.crl(authority, authority.root_ca_name) == crl
    measured = [json.loads(line) for line in authority.log("sweep") if "CrlAge" in line]
    assert {line.get("Authority") for line in measured} >= {authority.root_ca_name, authority.issuing_ca_name}

    with pytest.raises(FunctionFailedError):
        authority.invoke("root-ca-crl")
    assert judges.crl(authority, authority.root_ca_name) == crl
    kms.enable_key(KeyId=root)
    authority.invoke("root-ca-crl")
    assert judges.number(judges.crl(authority, authority.root_ca_name)) > judges.number(crl)

    # Who knows nothing of the key that sleeps believes no root, and issues nothing.
    stack.inputs = {
        name: value for name, value in stack.inputs.items() if name not in {*ASLEEP, "root_ca_public_key_sha256"}
    }
    stack.write()
    stack.apply()
    kms.disable_key(KeyId=root)
    with pytest.raises(FunctionFailedError):
        issue(authority, "unknown.example.com")
    kms.enable_key(KeyId=root)
    issue(authority, "awake.example.com")
