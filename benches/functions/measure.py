"""Measures the functions on AWS, deployed in the sandbox, beside a Python function with the calls of the Python CA.

Arguments: the zip of the functions; `--quick` for a tenth of the rounds. Says what it found as one line of JSON.
"""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import json
import statistics
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ledger
import world
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUED = 100_000
REVOKED = 10
ISSUING_CA = f"{world.PROJECT}-issuing-ca-dev"


@dataclass
class Rounds:
    """How often what is measured."""

    cold: int = 40
    warm: int = 300
    crl: int = 15


@dataclass
class Run:
    """One invocation. Times in milliseconds."""

    init: float
    duration: float
    aws: float
    """How long the sandbox took to answer its calls, added up."""
    calls: dict[str, int]
    items: int
    """Read by its queries and scans."""


class Function:
    """A function that is measured."""

    def __init__(self, of: world.World, name: str) -> None:
        self._world = of
        self._name = name
        self._lambda = of.client("lambda")
        self._arn = self._lambda.get_function(FunctionName=name)["Configuration"]["FunctionArn"]

    def cold(self, event: Any) -> Run:
        """Start a process, and let it answer."""
        self._world.ask("POST", "cold", {"arn": self._arn})
        return self.warm(event)

    def warm(self, event: Any) -> Run:
        """Let it answer."""
        for kind in ("calls", "reports"):
            self._world.ask("DELETE", kind)
        answer = self._lambda.invoke(FunctionName=self._name, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or (isinstance(payload, dict) and "error" in payload):
            raise RuntimeError(f"{self._name} failed: {payload}")
        report = next(each for each in self._world.ask("GET", "reports") if each["function"] == self._name)
        made = [call for call in self._world.ask("GET", "calls") if f"/{self._name}" in call["caller"]]
        return Run(
            init=report["init_duration"] or 0.0,
            duration=report["duration"],
            aws=1000 * sum(call["seconds"] for call in made),
            calls=dict(Counter(f"{call['service']} {call['operation']}" for call in made)),
            items=sum(call["scanned"] for call in made),
        )

    def peak_kib(self) -> int:
        """What its process ever used of memory."""
        status = Path(f"/proc/{world.own_program(self._name)}/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))

    def processor_ms(self) -> float:
        """How long its process was on a processor, all threads together."""
        tasks = Path(f"/proc/{world.own_program(self._name)}/task").iterdir()
        return sum(int((task / "schedstat").read_text(encoding="utf-8").split()[0]) for task in tasks) / 1e6


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zip", type=Path)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    rounds = Rounds(4, 30, 2) if arguments.quick else Rounds()
    issued = ISSUED // 10 if arguments.quick else ISSUED
    with tempfile.TemporaryDirectory() as folder, world.deployed(arguments.zip.resolve(), Path(folder)) as deployed:
        for name in ("create-root-ca", "create-issuing-ca"):
            Function(deployed, named(name)).cold({})
        deployed.client("s3").put_object(
            Bucket=deployed.outputs["internal_s3_bucket_name"],
            Key="tls.json",
            Body=b'[{"common_name": "a.example.com"}]',
        )
        result = {
            "rounds": vars(rounds),
            "zip": arguments.zip.stat().st_size,
            "binary": zipfile.ZipFile(arguments.zip).getinfo("bootstrap").file_size,
            "tls_cert": issuance(Function(deployed, named("tls-cert")), rounds, requests()),
            "python": issuance(Function(deployed, yardstick(deployed)), rounds, requests()),
            "crl": crl(deployed, rounds, issued),
        }
    print(json.dumps(result))  # noqa: T201 - the interface


def named(function: str) -> str:
    """The name of a function in the deployment."""
    return f"{world.PROJECT}-{function}-dev"


def issuance(function: Function, rounds: Rounds, request: Callable[[], Any]) -> dict[str, Any]:
    """Cold and warm issuances, each for a key and a name of its own."""
    cold, started = [], []
    for _ in range(rounds.cold):
        cold.append(function.cold(request()))
        started.append(function.processor_ms())
    # The first ones after a start find their connections open, and the allocator not yet settled.
    for _ in range(10):
        function.warm(request())
    before = function.processor_ms()
    warm = [function.warm(request()) for _ in range(rounds.warm)]
    processor = (function.processor_ms() - before) / rounds.warm
    return {
        "init_ms": spread([run.init for run in cold]),
        "cold_ms": spread([run.init + run.duration for run in cold]),
        "cold_aws_ms": spread([run.aws for run in cold]),
        "cold_processor_ms": spread(started),
        "cold_calls": usual(cold),
        "warm_ms": spread([run.duration for run in warm]),
        "warm_aws_ms": spread([run.aws for run in warm]),
        "warm_processor_ms": processor,
        "warm_calls": usual(warm),
        "peak_kib": function.peak_kib(),
    }


def crl(deployed: world.World, rounds: Rounds, issued: int) -> dict[str, Any]:
    """CRL runs, each of a process of its own, over a ledger with so many certificates."""
    function = Function(deployed, named("issuing-ca-crl"))
    answers = [issue(deployed, requests()()) for _ in range(REVOKED + 1)]
    listed = [answer["CertificateInfo"] for answer in answers[1:]]
    entries = [{"common_name": one["CommonName"], "serial_number": one["SerialNumber"]} for one in listed]
    deployed.client("s3").put_object(
        Bucket=deployed.outputs["internal_s3_bucket_name"], Key="revoked.json", Body=json.dumps(entries).encode()
    )
    function.cold({})
    ledger.fill(answers[0]["CertificateInfo"], issued)
    runs, peaks = [], []
    for _ in range(rounds.crl):
        runs.append(function.cold({}))
        peaks.append(function.peak_kib())
    return {
        "issued": issued,
        "revoked": REVOKED,
        "init_ms": spread([run.init for run in runs]),
        "cold_ms": spread([run.init + run.duration for run in runs]),
        "cold_aws_ms": spread([run.aws for run in runs]),
        "calls": usual(runs),
        "items": max(run.items for run in runs),
        "peak_kib": max(peaks),
    }


def issue(deployed: world.World, request: Any) -> Any:
    """A certificate."""
    answer = deployed.client("lambda").invoke(FunctionName=named("tls-cert"), Payload=json.dumps(request))
    return json.loads(answer["Payload"].read())


def spread(values: list[float]) -> dict[str, float]:
    """The value in the middle, and the greatest."""
    return {"median": statistics.median(values), "worst": max(values)}


def usual(runs: list[Run]) -> dict[str, int]:
    """The calls that most runs made."""
    return dict(Counter(tuple(sorted(run.calls.items())) for run in runs).most_common(1)[0][0])


def requests() -> Callable[[], Any]:
    """Makes events, each for a key and a name that nobody has."""
    numbers = itertools.count()

    def request() -> Any:
        key = ec.generate_private_key(ec.SECP256R1())
        name = f"host{next(numbers)}-{key.private_numbers().private_value % 10**9}.example.com"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        pem = csr.public_bytes(serialization.Encoding.PEM)
        return {"common_name": name, "lifetime": 1, "base64_csr_data": base64.b64encode(pem).decode()}

    return request


def yardstick(deployed: world.World) -> str:
    """Deploy the Python function, and say its name."""
    name = named("python")
    s3, kms, iam = (deployed.client(service) for service in ("s3", "kms", "iam"))
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(everything))
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    bucket = deployed.outputs["internal_s3_bucket_name"]
    s3.put_object(Bucket=bucket, Key="python.json", Body=b'[{"common_name": "a.example.com"}]')
    deployed.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": attribute, "KeyType": kind} for attribute, kind in ROW_KEY.items()],
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"} for attribute in ROW_KEY],
        BillingMode="PAY_PER_REQUEST",
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(Path(__file__).with_name("yardstick.py"), "yardstick.py")
    deployed.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="yardstick.lambda_handler",
        Role=role,
        Timeout=60,
        MemorySize=128,
        Code={"ZipFile": buffer.getvalue()},
        Environment={
            "Variables": {"TABLE": name, "BUCKET": bucket, "FILE": "python.json", "KEY": key, "ISSUER": ISSUING_CA}
        },
    )
    return name


ROW_KEY = {"CommonName": "HASH", "SerialNumber": "RANGE"}

if __name__ == "__main__":
    main()
