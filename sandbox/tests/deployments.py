"""The real zip, deployed by the real module: several authorities, which Terraform applies at the same time.

Terraform spends most of an apply waiting, so all are begun before the first test, and a test waits for the one it needs.
"""

from __future__ import annotations

import base64
import functools
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lambdas
import pytest

from chancery_sandbox import lists, terraform
from chancery_sandbox.authority import Authority, Run

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "terraform"
ZIP = Path(os.environ.get("CHANCERY_LAMBDA_ZIP") or REPOSITORY / "dist" / "chancery-lambda.zip")

SLACK_TOKEN = "xoxb-0000-token"
NAMED_OPERATOR = "arn:aws:iam::123456789012:role/named-operator"
"""Who may write to the ledger of `main` besides its functions."""
CUSTOM_EXTENSION = "1.3.6.1.4.1.55555.1.1"

ENTRIES = (
    {"common_name": "www.example.com", "csr_file": "www.csr", "purposes": ["server_auth"], "lifetime": 90},
    {"common_name": "api.example.com", "csr_file": "api.csr", "purposes": ["server_auth", "client_auth"]},
    {"common_name": "client", "csr_file": "client.csr", "organization": "Example, Ltd", "country": "GB"},
)
INFO = {"organization": "Example, Ltd", "organizationalUnit": "PKI", "country": "GB", "locality": "London"}


def csr(**subject: str) -> str:
    """A request for a new key, as events carry it."""
    return base64.b64encode(lists.Request.make(**subject).csr).decode()


def grow_older(authority: Authority, seconds: int) -> int:
    """Let what is open in the journal have been begun so many seconds earlier; how much that was."""
    journal = "journal_table_name"
    items = [row for row in authority.rows(journal) if "Open" in row]
    for row in items:
        authority.client("dynamodb").update_item(
            TableName=authority.outputs[journal],
            Key={name: row[name] for name in ("Key", "Sort")},
            UpdateExpression="ADD Since :less, ReservedAt :less",
            ExpressionAttributeValues={":less": {"N": str(-seconds)}},
        )
    return len(items)


def why_not() -> str:
    """Why nothing can be deployed here; empty where it can."""
    if terraform.program() is None:
        return "neither terraform nor tofu is installed"
    if terraform.mirror() is None:
        return "no mirror with the AWS provider; set CHANCERY_TERRAFORM_PLUGINS"
    return ""


def need(files: tuple[Path, ...] = (ZIP,)) -> None:
    """Skip the test where nothing can be deployed."""
    reason = why_not() or next((f"{file} is missing (cargo xtask lambda)" for file in files if not file.exists()), "")
    if reason:
        pytest.skip(reason)


@dataclass(frozen=True)
class Deployed:
    """A configuration that was applied, and the authorities of its calls of the module."""

    stack: terraform.Stack
    authorities: dict[str, Authority]

    @property
    def authority(self) -> Authority:
        return self.authorities["ca"]

    @functools.cached_property
    def first_run(self) -> Run:
        """The run of the state machine that makes the CAs."""
        return self.authority.run()

    @property
    def running(self) -> Authority:
        """The authority after that run."""
        assert self.first_run.status == "SUCCEEDED", self.first_run
        return self.authority


class Deployments:
    """Configurations by name, each applied once."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self._endpoint, self._folder = endpoint, folder
        self._others: dict[str, Callable[[Path], Any]] = {}
        self.sandboxes: list[Any] = []
        self._workers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="terraform")
        self._begun: dict[str, Future[Any]] = {}

    def add(self, name: str, make: Callable[[Path], Any]) -> None:
        """Let that be made in a folder under that name, beside the configurations."""
        self._others[name] = make

    def begin(self, name: str) -> None:
        if name not in self._begun:
            self._begun[name] = self._workers.submit(self._make, name)

    def __getitem__(self, name: str) -> Any:
        need(() if name == "echo" else (ZIP,))
        self.begin(name)
        return self._begun[name].result()

    def end(self) -> None:
        self._workers.shutdown(cancel_futures=True)

    def _make(self, name: str) -> Any:
        folder = self._folder / name
        folder.mkdir()
        return self._others[name](folder) if name in self._others else self._apply(name, folder)

    def _apply(self, name: str, folder: Path) -> Deployed:
        calls = CONFIGURATIONS[name](folder)
        stack = terraform.Stack(folder, self._endpoint, MODULE, calls.pop("ca"), calls)
        stack.write()
        stack.init()
        stack.apply()
        return Deployed(stack, {call: Authority(self._endpoint, outputs) for call, outputs in stack.outputs.items()})


def _main(folder: Path) -> dict[str, dict]:
    """The defaults, with lists, Slack and one extension that requests may bring."""
    return {
        "ca": {
            "lambda_zip": str(ZIP),
            "bucket_prefix": "main",
            "csr_files": lists.write(folder / "certs" / "dev", ENTRIES),
            "cert_info_files": ["tls", "revoked", "revoked-root-ca"],
            "custom_extension_allowlist": [CUSTOM_EXTENSION],
            "slack_channels": ["ca", "alerts"],
            "slack_token": SLACK_TOKEN,
            "operator_role_arns": [NAMED_OPERATOR],
            "root_ca_info": INFO | {"commonName": "Example Root CA", "lifetime": 7300},
            "issuing_ca_info": INFO | {"commonName": "Example Issuing CA", "lifetime": 3650, "pathLengthConstraint": 0},
        }
    }


def _neighbours(_folder: Path) -> dict[str, dict]:
    """Two more in the same account: one publishes into the bucket of `main`, the other has the largest curves."""
    fewer = {"lambda_zip": str(ZIP), "expiry_reminders": []}
    return {
        "ca": fewer
        | {
            "project": "old-school",
            "env": "prd",
            "external_s3_bucket_name": "main-serverless-ca-external-dev",
            "root_ca_key_spec": "RSA_4096",
            "issuing_ca_key_spec": "RSA_2048",
        },
        "public": fewer
        | {
            "project": "public",
            "env": "tst",
            "bucket_prefix": "public",
            "root_ca_key_spec": "ECC_NIST_P521",
            "issuing_ca_key_spec": "ECC_NIST_P521",
        },
    }


def _post_quantum(_folder: Path) -> dict[str, dict]:
    """One whose keys are replaced before its first run, by such as the provider cannot make yet."""
    return {"ca": {"lambda_zip": str(ZIP), "project": "quantum", "bucket_prefix": "quantum", "expiry_reminders": []}}


def _rotation(_folder: Path) -> dict[str, dict]:
    """One to which an issuing CA is added while it runs."""
    return {
        "ca": {
            "lambda_zip": str(ZIP),
            "project": "rotation",
            "bucket_prefix": "rotation",
            "operator_role_arns": [
                f"arn:aws:iam::123456789012:role/rotation-{name}" for name in ("operator", "reader")
            ],
            "root_ca_info": INFO | {"commonName": "Rotation Root CA", "lifetime": 7300},
            "issuing_ca_info": INFO | {"commonName": "First Issuing CA", "lifetime": 3650, "pathLengthConstraint": 0},
        }
    }


def _sleeping(_folder: Path) -> dict[str, dict]:
    """One whose root is put to sleep while it runs, in an account that an organisation has policies for."""
    return {
        "ca": {
            "lambda_zip": str(ZIP),
            "project": "sleeping",
            "bucket_prefix": "sleeping",
            "expiry_reminders": [],
            "organization_id": "o-exampleorgid",
            "key_administrators": ["arn:aws:iam::123456789012:role/deployer"],
            "break_glass_role_arns": ["arn:aws:iam::123456789012:role/break-glass"],
            "root_operator_role_arns": ["arn:aws:iam::123456789012:role/root-operator"],
            "pin_signing_roles": True,
        }
    }


def _faults(_folder: Path) -> dict[str, dict]:
    """One to which everything happens, and which is put back as it was all the time."""
    return {
        "ca": {
            "lambda_zip": str(ZIP),
            "project": "faulty",
            "bucket_prefix": "faulty",
            "timeout": 30,
            "slack_channels": ["ca"],
            "slack_token": SLACK_TOKEN,
        }
    }


def _echo(folder: Path) -> dict[str, dict]:
    """Functions that only say what they were asked."""
    zipped = folder / "functions.zip"
    zipped.write_bytes(lambdas.zipped("bootstrap", lambdas.BOOTSTRAP))
    lists.write(folder / "certs" / "dev", [{"common_name": f"{name}.example.com"} for name in "abc"])
    return {
        "ca": {
            "project": "echo",
            "lambda_zip": str(zipped),
            "cert_info_files": ["tls", "revoked", "revoked-root-ca"],
            "slack_channels": ["ca"],
            "issuing_ca_key_spec": "ECC_NIST_P521",
        }
    }


CONFIGURATIONS = {
    "main": _main,
    "neighbours": _neighbours,
    "post-quantum": _post_quantum,
    "rotation": _rotation,
    "sleeping": _sleeping,
    "faults": _faults,
    "echo": _echo,
}
