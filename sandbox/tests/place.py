"""A deployment of the real module with the real functions, and what can be seen of it and put back."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chancery_sandbox import terraform

FUNCTIONS = (
    "create-root-ca",
    "create-issuing-ca",
    "root-ca-crl",
    "issuing-ca-crl",
    "tls-cert",
    "expiry",
    "notify",
    "sweep",
)
RETRY_LATER = {"UnavailableError", "InProgressError"}
"""Error types by which callers and state machines know that the same call may succeed later."""


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to."""

    value: object
    error: str
    """The error's type; empty where there is an answer."""
    log: str


@dataclass(frozen=True)
class State:
    """Everything that a deployment keeps but its keys, which never change."""

    raw: dict
    """As the sandbox tells it."""

    def items(self, table: str) -> dict[tuple[str, str], dict]:
        """By their keys."""
        items = self.raw["tables"][table]
        hash_key, range_key = ("Key", "Sort") if items and "Key" in items[0] else ("CommonName", "SerialNumber")
        return {(item[hash_key]["S"], item[range_key]["S"]): item for item in items}

    def published(self, bucket: str, name: str) -> bytes | None:
        content = self.raw["buckets"][bucket].get(name)
        return None if content is None else base64.b64decode(content)


class Place:
    """A deployment."""

    def __init__(self, sandbox, project: str, outputs: dict, environment: str = "dev") -> None:
        self.sandbox = sandbox
        self.project, self.environment, self.outputs = project, environment, outputs
        self.root, self.issuing = (f"{project}-{ca}-ca-{environment}" for ca in ("root", "issuing"))
        stem, tail = project.title().replace("-", ""), environment.title()
        self.certificates, self.journal = f"{stem}CA{tail}", f"{stem}CAJournal{tail}"
        self.internal = outputs["internal_s3_bucket_name"]
        self.external = outputs["external_s3_bucket_name"]
        # One client of each service: making one costs more than many calls.
        self.lambdas, self.dynamodb, self.s3, self.sqs = (
            sandbox.client(service) for service in ("lambda", "dynamodb", "s3", "sqs")
        )
        self._arns = {}
        self.pristine = self.state()

    def name(self, function: str) -> str:
        return f"{self.project}-{function}-{self.environment}"

    def arn(self, function: str) -> str:
        if function not in self._arns:
            told = self.lambdas.get_function(FunctionName=self.name(function))
            self._arns[function] = told["Configuration"]["FunctionArn"]
        return self._arns[function]

    def invoke(self, function: str, event: object = MappingProxyType({})) -> Outcome:
        payload = json.dumps(dict(event) if isinstance(event, Mapping) else event)
        answer = self.lambdas.invoke(FunctionName=self.name(function), Payload=payload, LogType="Tail")
        value = json.loads(answer["Payload"].read())
        log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        return Outcome(value, value["errorType"] if "FunctionError" in answer else "", log)

    def cold(self, function: str) -> None:
        """Let the next event of a function start a process of its own."""
        self.sandbox.ask("POST", "cold", {"arn": self.arn(function)})

    def fault(self, function: str, service: str, operation: str, kind: str, **more: float) -> None:
        """Let the function's next call of an operation meet a fault; sandbox/README.md lists the kinds."""
        fault = {"service": service, "operation": operation, "kind": kind, "principal": self.principal(function)}
        self.sandbox.ask("POST", "faults", fault | more)

    def principal(self, function: str) -> str:
        """What is in the ARN of the function's role, and in no other's."""
        return f"assumed-role/{self.name(function)}/"

    def calls(self, function: str) -> list[tuple[str, str]]:
        """Service and operation of the function's calls, in their order."""
        made = self.sandbox.ask("GET", "calls")
        of = self.principal(function)
        return [(call["service"], call["operation"]) for call in made if of in call["caller"]]

    def state(self) -> State:
        wanted = {
            "region": terraform.REGION,
            "tables": [self.certificates, self.journal],
            "buckets": [self.internal, self.external],
        }
        return State(self.sandbox.ask("POST", "state", wanted) | {"region": terraform.REGION})

    def restore(self, state: State) -> None:
        """Put it back; nothing of what was since then is known to any process."""
        self.sandbox.ask("PUT", "state", state.raw)
        for function in FUNCTIONS:
            self.cold(function)

    def items(self, table: str) -> dict[tuple[str, str], dict]:
        return self.state().items(table)

    def published(self, name: str) -> bytes | None:
        """A file of the external bucket."""
        return self.state().published(self.external, name)

    def put(self, name: str, content: bytes) -> None:
        """Put a file into the internal bucket."""
        self.s3.put_object(Bucket=self.internal, Key=name, Body=content)

    def age_intents(self) -> int:
        """Make what is open an hour old, and say how many those are: nobody is at work on them any more."""
        open_ones = [item for item in self.items(self.journal).values() if "Open" in item]
        for item in open_ones:
            self.dynamodb.update_item(
                TableName=self.journal,
                Key={name: item[name] for name in ("Key", "Sort")},
                UpdateExpression="SET Since = :then, ReservedAt = :then",
                ExpressionAttributeValues={":then": {"N": str(int(time.time()) - 3600)}},
            )
        return len(open_ones)

    def rows(self, common_name: str) -> list[dict]:
        return [row for (name, _), row in self.items(self.certificates).items() if name == common_name]

    def key_arn(self, ca: str) -> str:
        """ARN of a CA's key."""
        return self.sandbox.client("kms").describe_key(KeyId=f"alias/{ca}")["KeyMetadata"]["Arn"]


@dataclass(frozen=True)
class Request:
    """A key, and a request for a certificate for it."""

    common_name: str
    pem: bytes

    @classmethod
    def new(cls, common_name: str) -> Request:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        return cls(common_name, csr.public_bytes(serialization.Encoding.PEM))

    def event(self, **more) -> dict:
        return {
            "common_name": self.common_name,
            "base64_csr_data": base64.b64encode(self.pem).decode(),
            "lifetime": 1,
            **more,
        }


def digest(tbs: bytes, bits: int) -> bytes:
    """What a CA's key is given to sign of it."""
    return hashlib.new(f"sha{bits}", tbs).digest()


def certificate_of(row: dict) -> x509.Certificate:
    """The certificate in a row, where it is the base64 text of its PEM."""
    return x509.load_pem_x509_certificate(base64.b64decode(octets(row["Certificate"])))


def octets(value: dict) -> bytes:
    """A binary attribute."""
    return base64.b64decode(value["B"])
