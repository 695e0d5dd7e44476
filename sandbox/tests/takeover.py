"""A deployment of the former module with the rows and files of the Python CA, and its takeover by ours, all applied."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import deployments
import lambdas

from chancery_sandbox import lists, terraform
from chancery_sandbox.authority import Authority, client

FORMER = deployments.MODULE / "tests" / "takeover"
PYTHON_CA = deployments.REPOSITORY / "crates" / "aws" / "tests" / "aws" / "python_ca.py"
PROJECT, ENVIRONMENT = "serverless", "dev"
EXTERNAL = "serverless-ca-external-dev-z9x8c"


@dataclass
class Takeover:
    """What was before, what Terraform planned, and what is now."""

    made: dict[str, Any]
    """Serial numbers and requests of what the Python CA issued."""
    before: dict[str, Any]
    plan: list[dict[str, Any]]
    stack: terraform.Stack
    authority: Authority
    runs: list[Any] = field(default_factory=list)


def take_over(endpoint: str, folder: Path) -> Takeover:
    """Apply the former configuration, let the Python CA work there, change the source, and apply again."""
    code = folder / "former.zip"
    code.write_bytes(
        lambdas.zipped("tls_cert.py", "def lambda_handler(event, context): return 'the former one'", 0o644)
    )
    stack = terraform.Stack(folder, endpoint, FORMER, {"zip": str(code)})
    stack.write()
    stack.init()
    stack.apply()
    made = json.loads(
        subprocess.run(
            [sys.executable, PYTHON_CA, endpoint, PROJECT, ENVIRONMENT, EXTERNAL],
            env=os.environ | {"AWS_REGION": terraform.REGION},
            capture_output=True,
            check=True,
        ).stdout
    )
    before = things(endpoint)
    files = lists.write(folder / "certs" / ENVIRONMENT, deployments.ENTRIES[:1])
    stack.module = deployments.MODULE
    stack.inputs = {
        "lambda_zip": str(deployments.ZIP),
        "slack_channels": ["pki"],
        "csr_files": files,
        "cert_info_files": ["tls", "revoked", "revoked-root-ca"],
    }
    stack.write()
    stack.init()
    plan = stack.plan()
    return Takeover(made, before, plan, stack, Authority(endpoint, stack.apply()))


def things(endpoint: str) -> dict[str, Any]:
    """What must stay what it is, by what AWS itself knows it by."""
    aliases = client(endpoint, "kms").list_aliases()["Aliases"]
    keys = {each["AliasName"]: each.get("TargetKeyId") for each in aliases if f"{PROJECT}-" in each["AliasName"]}
    table = client(endpoint, "dynamodb").describe_table(TableName="ServerlessCADev")["Table"]
    buckets = client(endpoint, "s3").list_buckets()["Buckets"]
    functions = client(endpoint, "lambda").list_functions()["Functions"]
    secrets = client(endpoint, "secretsmanager").list_secrets()["SecretList"]
    return {
        "keys": keys,
        "table": (table["TableArn"], str(table["CreationDateTime"])),
        "buckets": {each["Name"]: str(each["CreationDate"]) for each in buckets},
        "topics": [each["TopicArn"] for each in client(endpoint, "sns").list_topics()["Topics"]],
        "secrets": {each["Name"]: (each["ARN"], str(each["CreatedDate"])) for each in secrets},
        "functions": sorted(each["FunctionArn"] for each in functions),
    }
