"""An authority in an account of its own, with a trail, and what `chancery guard` says of what happened there."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import deployments
import judges
import watching
from deployments import csr

from chancery_sandbox import terraform
from chancery_sandbox.authority import Authority

PROJECT, TRAIL, RULE = "attacks", "attacks-trail", "attacks-guard-dev"
PATTERN = json.dumps({"detail-type": ["AWS API Call via CloudTrail"]})
"""Of the rule: it should name the source, so that nobody forges records."""
REGIONS = (terraform.REGION, "us-east-1")
"""The authority's, and the one that has the records of IAM and Organizations."""
ROLES = "arn:aws:iam::123456789012:role"
DEPLOYER, INTRUDER, OPERATOR = "deployer", "intruder", f"{ROLES}/attacks-operator"
"""Who changes the deployment as their task; who has every permission and means harm; who may write to the tables."""
SIGNERS = ("create-root-ca", "create-issuing-ca", "root-ca-crl", "issuing-ca-crl", "tls-cert", "sweep")
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
_SERVICES = ("dynamodb", "kms", "lambda", "logs", "s3", "stepfunctions")


def of_bucket(name: str) -> dict:
    """A selector of what is done to a bucket's objects."""
    return {"Name": name, "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "resources.ARN", "StartsWith": [f"arn:aws:s3:::{name}/"]},
    ]}  # fmt: skip


class Attacked:
    """The authority after an honest history, whose records are kept."""

    def __init__(self, sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        inputs = {
            "lambda_zip": str(deployments.ZIP), "project": PROJECT, "bucket_prefix": PROJECT, "expiry_reminders": [],
            "operator_role_arns": [OPERATOR],
        }  # fmt: skip
        stack = terraform.Stack(folder, sandbox.endpoint, deployments.MODULE, inputs)
        stack.write()
        stack.init()
        stack.apply()
        outputs = stack.outputs["ca"]
        self.deployer, self.intruder = self.session(DEPLOYER), self.session(INTRUDER)
        clients = {service: self.deployer(service) for service in _SERVICES}
        self.authority = Authority(sandbox.endpoint, outputs, clients)
        self.began = self.since = self.now()
        self.selectors = [
            watching.MANAGEMENT,
            watching.data_of("AWS::Lambda::Function", *outputs["function_arns"].values()),
            watching.data_of("AWS::DynamoDB::Table", *map(self.table_arn, ("certificate", "journal"))),
            *(of_bucket(outputs[f"{kind}_s3_bucket_name"]) for kind in ("internal", "external")),
        ]
        self.listen()
        watching.bucket(sandbox, TRAIL)
        self.make_trail()
        self.undo: list[Callable[[], object]] = []
        self.history: list[Path] = []
        self.leaves: list[dict] = []
        self._live()
        self.signed = len(sandbox.ask("GET", "signatures"))
        """How many signatures KMS made until then, as it says itself."""
        self.history = self.deliver()
        self.pristine = self.state()

    def listen(self, rule: str = RULE) -> str:
        """The URL of a new queue that hears through a new rule, which is named as the deployment's own."""
        events, sqs = self.sandbox.client("events"), self.sandbox.client("sqs")
        url = sqs.create_queue(QueueName=rule)["QueueUrl"]
        arn = f"arn:aws:sqs:{terraform.REGION}:123456789012:{rule}"
        allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
                   "Resource": arn}  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        events.put_rule(Name=rule, EventPattern=PATTERN, State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
        events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def make_trail(self) -> None:
        """The trail, in its bucket. What the root user did for it is not kept."""
        cloudtrail = self.sandbox.client("cloudtrail")
        cloudtrail.create_trail(Name=TRAIL, S3BucketName=TRAIL, IsMultiRegionTrail=True, EnableLogFileValidation=True)
        cloudtrail.put_event_selectors(TrailName=TRAIL, AdvancedEventSelectors=self.selectors)
        cloudtrail.start_logging(Name=TRAIL)
        self.deliver()

    def afterwards(self, undo: Callable[[], object]) -> None:
        """Let that be done when the test is over; what was said last is done first."""
        self.undo.append(undo)

    @staticmethod
    def now() -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def next_second(self) -> None:
        """Wait for it: the event history is asked in whole seconds."""
        time.sleep(1.01 - self.now().microsecond / 1e6)
        self.since = self.now().replace(microsecond=0)

    def _live(self) -> None:
        """Days of an authority: runs, certificates, a revocation; KMS refuses, fails, and its answers are lost."""
        assert self.authority.run().status == "SUCCEEDED"
        self.leaves = [self.issue(f"{name}.example.com") for name in ("one", "two", "three")]
        serial = self.leaves[0]["CertificateInfo"]["SerialNumber"]
        entry = {"common_name": "one.example.com", "serial_number": serial}
        self.authority.put_internal("revoked.json", json.dumps([entry]).encode())
        for kind in ("throttled", "lost", "failed-done"):
            self.fault(kind)
            self.leaves.append(self.issue(f"{kind}.example.com"))
            self.fault(kind)
            self.authority.invoke("issuing-ca-crl")
            assert self.sandbox.ask("DELETE", "faults") == 0, f"{kind} did not strike"
        assert self.authority.run().status == "SUCCEEDED"

    def fault(self, kind: str, **more) -> None:
        """Let the next signature meet a fault."""
        self.sandbox.ask("POST", "faults", {"service": "kms", "operation": "Sign", "kind": kind, "times": 1} | more)

    def issue(self, name: str) -> dict:
        return self.authority.invoke("tls-cert", {"common_name": name, "base64_csr_data": csr(common_name=name)})

    def table_arn(self, table: str) -> str:
        return f"arn:aws:dynamodb:{terraform.REGION}:123456789012:table/{self.authority.outputs[f'{table}_table_name']}"

    def key(self, ca: str = "issuing") -> str:
        return self.authority.outputs[f"{ca}_ca_key_arn"]

    def session(self, name: str):
        """Clients of a session of a new role that may do everything, as far as its own policy is asked."""
        iam = self.sandbox.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=EVERYTHING)
        key = self.sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        return self.clients(key)

    def stolen(self, function: str = "tls-cert"):
        """Clients with the credentials that a function's environment has."""
        arn = self.authority.outputs["function_arns"][function]
        return self.clients(self.sandbox.ask("POST", "credentials", {"arn": arn}))

    def clients(self, key: dict):
        return lambda service, **more: self.sandbox.client(
            service, key["AccessKeyId"], aws_session_token=key["SessionToken"], **more
        )

    def state(self) -> dict:
        outputs = self.authority.outputs
        wanted = {
            "region": terraform.REGION,
            "tables": [outputs[f"{kind}_table_name"] for kind in ("certificate", "journal")],
            "buckets": [outputs[f"{kind}_s3_bucket_name"] for kind in ("internal", "external")],
        }
        return self.sandbox.ask("POST", "state", wanted) | {"region": terraform.REGION}

    def restore(self) -> None:
        """Put everything back, and forget what was recorded since the honest history."""
        while self.undo:
            self.undo.pop()()
        self.sandbox.settle()
        self.sandbox.ask("DELETE", "faults")
        self.sandbox.ask("PUT", "state", self.pristine)
        for arn in self.authority.outputs["function_arns"].values():
            self.sandbox.ask("POST", "cold", {"arn": arn})
        self.deliver()
        self.since = self.now()

    def deliver(self) -> list[Path]:
        """The files that the trail writes now, as it wrote them."""
        self.sandbox.settle()
        s3, files = self.sandbox.client("s3"), []
        for region in REGIONS:
            for each in self.sandbox.ask("POST", "trail/deliver", {"region": region, "trail": TRAIL}):
                if not each.get("digest"):
                    file = self.folder / each["key"].rsplit("/", 1)[1]
                    file.write_bytes(s3.get_object(Bucket=each["bucket"], Key=each["key"])["Body"].read())
                    files.append(file)
        return files

    def write(self, name: str, value) -> Path:
        """A file of records that come another way."""
        file = self.folder / name
        file.write_text(json.dumps(value))
        return file

    def guard(self, *records: Path, settled: bool = True) -> tuple[int, dict]:
        """Exit code and answer of the guard over these records, once everything has settled or right now."""
        now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=3 if settled else 0)
        return self.command(
            "guard", "--invocations", "--since", stamp(self.began - dt.timedelta(hours=1)), "--now", stamp(now),
            "--deployer", f"{ROLES}/{DEPLOYER}", "--operator", OPERATOR, "--watch", TRAIL,
            "--records", *map(str, records),
        )  # fmt: skip

    def command(self, *arguments: str) -> tuple[int, dict]:
        """Exit code and answer of a command of `chancery`."""
        call = [os.environ["CHANCERY_COMMAND"], "--json", "--aws", "--project", PROJECT, "--env", "dev", *arguments]
        environment = judges.aws_environment(self.sandbox.endpoint, self.folder)
        said = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
        assert said.returncode in {0, 3}, said.stderr
        return said.returncode, json.loads(said.stdout)


def stamp(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def above_low(answer: dict) -> list[dict]:
    """The findings that alarm somebody."""
    return [finding for finding in answer["findings"] if finding["severity"] != "low"]


def rules(answer: dict) -> set[str]:
    return {finding["rule"] for finding in above_low(answer)}
