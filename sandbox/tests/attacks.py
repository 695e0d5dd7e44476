"""Sixteen attacks on a deployment, with the calls that Stratus Red Team and Pacu make, or would make of a CA."""

from __future__ import annotations

import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import attacked
import deployments
import lambdas
import watching
from attacked import Attacked
from botocore.exceptions import ClientError

from chancery_sandbox import terraform


@dataclass(frozen=True)
class Attack:
    """An attack, what becomes of it, and who tells."""

    name: str
    what: str
    calls: str
    rules: frozenset[str]
    """Those of the guard that find it, and no others that alarm."""
    prevented: bool
    make: Callable[[Attacked], list[Path] | None]
    """Makes it. It returns files of records, where the trail's are not what is read."""

    def records(self, a: Attacked) -> list[Path]:
        """Attacks, and returns the records of it."""
        other = self.make(a)
        return a.deliver() if other is None else other

    @property
    def row(self) -> str:
        """Its row in docs/aws/guard.md."""
        calls = ", ".join(f"`{call}`" for call in self.calls.split(", "))
        told = ", ".join(f"`{rule}`" for rule in sorted(self.rules)) or "-"
        return f"| {self.name} | {self.what} | {calls} | {'yes' if self.prevented else 'no'} | {told} |"


ATTACKS: list[Attack] = []


def attack(name: str, what: str, calls: str, *rules: str, prevented: bool = False):
    """Enters an attack."""

    def enter(make: Callable[[Attacked], list[Path] | None]):
        ATTACKS.append(Attack(name, what, calls, frozenset(rules), prevented, make))
        return make

    return enter


def said(call, **arguments) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"


def signature(a: Attacked) -> dict:
    return {"KeyId": a.key(), "Message": secrets.token_bytes(32), "MessageType": "DIGEST",
            "SigningAlgorithm": "ECDSA_SHA_256"}  # fmt: skip


def sign(a: Attacked, session) -> str:
    """Signs what nobody should, and returns the request id."""
    return watching.request_id(session("kms").sign(**signature(a)))


def attempts(a: Attacked) -> list[dict]:
    """The journal's attempts to sign a certificate, newest first."""
    rows = a.authority.rows("journal_table_name")
    found = [row for row in rows if row["Key"]["S"].startswith("attempts#") and row["Purpose"]["S"] == "certificate"]
    return sorted(found, key=lambda row: row["Sort"]["S"], reverse=True)


def plant(a: Attacked, session, receipt: str, invocation: str) -> None:
    """Writes rows that account for a signature, as the function itself would have: an attempt, and a certificate."""
    model = next(row for row in attempts(a) if row["Outcome"]["S"] == "signed")
    now, serial = int(time.time()), str(secrets.randbits(158))
    at, name = model["Sort"]["S"].split("#")
    own = f"{now:0{len(at)}}#{secrets.token_hex(15)}{name[-2:]}"
    attempt = model | {"Sort": {"S": own}, "Subject": {"S": serial}, "Detail": {"S": receipt},
                       "RequestId": {"S": invocation}, "EndedAt": {"N": str(now)}}  # fmt: skip
    rows = a.authority.rows()
    row = next(row for row in rows if row["CommonName"]["S"] == "two.example.com") | {"SerialNumber": {"S": serial}}
    tables = [a.authority.outputs[f"{kind}_table_name"] for kind in ("journal", "certificate")]
    session("dynamodb").transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": item}} for table, item in zip(tables, (attempt, row), strict=True)
        ]
    )


@attack("1a", "a function's credentials sign elsewhere", "kms:Sign", "unaccounted-signature")
def credentials_elsewhere(a: Attacked) -> None:
    sign(a, a.stolen())


@attack(
    "1b",
    "the same, with fitting rows in journal and ledger",
    "kms:Sign, dynamodb:TransactWriteItems",
    "unaccounted-signature",
)
def credentials_elsewhere_with_rows(a: Attacked) -> None:
    thief = a.stolen()
    plant(a, thief, sign(a, thief), str(uuid.uuid4()))


@attack("1c", "the same, during an honest invocation", "kms:Sign", "unaccounted-signature")
def during_an_invocation(a: Attacked) -> None:
    before = len(attempts(a))
    a.fault("slow", delay=1.5)
    honest = threading.Thread(target=a.issue, args=("honest.example.com",))
    honest.start()
    while len(attempts(a)) == before:
        time.sleep(0.02)
    time.sleep(0.3)
    sign(a, a.stolen())
    honest.join()


@attack("1d", "the same, under the name of an honest attempt", "kms:Sign", "count-exceeded")
def under_an_attempts_name(a: Attacked) -> None:
    a.issue("honest.example.com")
    name = attempts(a)[0]["Sort"]["S"].split("#")[1]
    sign_as(a, name)


def sign_as(a: Attacked, attempt: str) -> None:
    """Signs with a function's credentials, in the name of an attempt."""
    kms = a.stolen()("kms")

    def call_itself(request, **_) -> None:
        request.headers["User-Agent"] = f"aws-sdk-rust/1.3 attempt/{attempt}"

    kms.meta.events.register("before-send.kms.Sign", call_itself)
    kms.sign(**signature(a))


@attack(
    "1e",
    "the same, with rows that name an honest invocation",
    "kms:Sign, dynamodb:TransactWriteItems",
    "count-exceeded",
)
def with_rows_of_an_invocation(a: Attacked) -> None:
    a.issue("honest.example.com")
    thief, invocation = a.stolen(), attempts(a)[0]["RequestId"]["S"]
    plant(a, thief, sign(a, thief), invocation)


@attack("2", "other code in a function", "lambda:UpdateFunctionCode", "function-code-changed")
def other_code(a: Attacked) -> None:
    function = {"FunctionName": a.authority.function("tls-cert")}
    before = deployments.ZIP.read_bytes()
    a.afterwards(lambda: a.sandbox.client("lambda").update_function_code(**function, ZipFile=before))
    code = lambdas.zipped("lambda.py", "def lambda_handler(e, c):\n    print('hello')\n", 0o644)
    a.intruder("lambda").update_function_code(**function, Publish=True, ZipFile=code)


@attack(
    "3",
    "a layer for a function",
    "lambda:PublishLayerVersion, lambda:UpdateFunctionConfiguration",
    "function-layer-changed",
)
def a_layer(a: Attacked) -> None:
    thief, function = a.intruder("lambda"), a.authority.outputs["function_arns"]["tls-cert"]
    code = lambdas.zipped("extensions/spy", "#!/bin/sh\n")
    layer = thief.publish_layer_version(LayerName="spy", Content={"ZipFile": code})["LayerVersionArn"]
    a.afterwards(lambda: a.sandbox.client("lambda").update_function_configuration(FunctionName=function, Layers=[]))
    thief.update_function_configuration(FunctionName=function, Layers=[layer])


@attack("4a", "anybody may invoke a function", "lambda:AddPermission", "function-policy-changed")
def anybody_may_invoke(a: Attacked) -> None:
    function = {"FunctionName": a.authority.function("tls-cert"), "StatementId": "backdoor"}
    a.afterwards(lambda: a.sandbox.client("lambda").remove_permission(**function))
    a.intruder("lambda").add_permission(**function, Action="lambda:InvokeFunction", Principal="*")


@attack("4b", "another policy of a function", "lambda:PutResourcePolicy", "function-policy-changed")
def a_whole_policy(a: Attacked) -> None:
    # The sandbox has no such call.
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": "*"}]}
    function = a.authority.outputs["function_arns"]["tls-cert"]
    inject(a, "lambda.amazonaws.com", "PutResourcePolicy", resourceArn=function, policy=json.dumps(policy))


def inject(a: Attacked, source: str, name: str, region: str = terraform.REGION, **parameters) -> None:
    """A record of a call of the intruder's that the sandbox does not know."""
    arn = a.intruder("sts").get_caller_identity()["Arn"]
    who = {"type": "AssumedRole", "principalId": "AROAEXAMPLE:session", "arn": arn, "accountId": watching.ACCOUNT}
    record = {"eventSource": source, "eventName": name, "awsRegion": region, "userIdentity": who,
              "requestParameters": parameters or None}  # fmt: skip
    a.sandbox.ask("POST", "trail/records", record)


@attack("5a", "somebody else may take on a signing role", "iam:UpdateAssumeRolePolicy", "role-trust-changed")
def another_trust(a: Attacked) -> None:
    role, iam = f"{attacked.PROJECT}-tls-cert-dev", a.sandbox.client("iam")
    before = json.dumps(iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"])
    a.afterwards(lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=before))
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::193672423079:root"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    a.intruder("iam").update_assume_role_policy(RoleName=role, PolicyDocument=policy)


@attack(
    "5b", "the same, takes it on and signs", "iam:UpdateAssumeRolePolicy, sts:AssumeRole, kms:Sign",
    "denied-signature", "role-assumed", "role-trust-changed", prevented=True,
)  # fmt: skip
def another_trust_and_a_session(a: Attacked) -> None:
    another_trust(a)
    role = f"{attacked.ROLES}/{attacked.PROJECT}-tls-cert-dev"
    taken = a.intruder("sts").assume_role(RoleArn=role, RoleSessionName="backdoor")["Credentials"]
    assert said(a.clients(taken)("kms").sign, **signature(a)) == "AccessDeniedException"


@attack(
    "6",
    "a signing role for another function, which signs",
    "lambda:CreateFunction, lambda:Invoke, kms:Sign",
    "denied-signature",
    "role-passed",
    prevented=True,
)
def the_role_for_another_function(a: Attacked) -> None:
    thief, functions = a.intruder("lambda"), a.sandbox.client("lambda")
    role = functions.get_function_configuration(FunctionName=a.authority.function("tls-cert"))["Role"]
    thief.create_function(
        FunctionName="backdoor", Role=role, Runtime="python3.11", Handler="f.lambda_handler", Timeout=60,
        Code={"ZipFile": lambdas.zipped("f.py", lambdas.CALLS)},
    )  # fmt: skip
    a.afterwards(lambda: functions.delete_function(FunctionName="backdoor"))
    event = ["kms", "sign", signature(a) | {"Message": "x" * 32}]
    answer = thief.invoke(FunctionName="backdoor", Payload=json.dumps(event))
    assert json.loads(answer["Payload"].read()) == "AccessDeniedException"


def keep_key_policy(a: Attacked) -> str:
    """The key's policy, which is put back afterwards."""
    kms = a.sandbox.client("kms")
    policy = kms.get_key_policy(KeyId=a.key(), PolicyName="default")["Policy"]
    a.afterwards(lambda: kms.put_key_policy(KeyId=a.key(), PolicyName="default", Policy=policy))
    return policy


OPEN = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"},
]})  # fmt: skip


@attack(
    "7",
    "another policy of a key, then a signature",
    "kms:PutKeyPolicy, kms:Sign",
    "key-policy-changed",
    "unaccounted-signature",
    "wrong-role",
)
def another_key_policy(a: Attacked) -> None:
    keep_key_policy(a)
    a.intruder("kms").put_key_policy(KeyId=a.key(), PolicyName="default", Policy=OPEN)
    sign(a, a.intruder)


@attack(
    "8",
    "a grant, then a signature",
    "kms:CreateGrant, kms:Sign",
    "denied-signature",
    "key-grant-created",
    prevented=True,
)
def a_grant(a: Attacked) -> None:
    kms = a.intruder("kms")
    grantee = f"{attacked.ROLES}/{attacked.INTRUDER}"
    grant = {"KeyId": a.key(), "GranteePrincipal": grantee, "Operations": ["Sign"]}
    assert said(kms.create_grant, **grant) == "AccessDeniedException"
    assert said(kms.sign, **signature(a)) == "AccessDeniedException"


@attack(
    "9a",
    "a stopped trail, and what is signed meanwhile",
    "cloudtrail:StopLogging",
    "signature-missing",
    "trail-stopped",
)
def a_stopped_trail(a: Attacked) -> None:
    a.afterwards(lambda: a.sandbox.client("cloudtrail").start_logging(Name=attacked.TRAIL))
    a.intruder("cloudtrail").stop_logging(Name=attacked.TRAIL)
    a.issue("dark.example.com")


@attack("9b", "a deleted trail, seen in the event history", "cloudtrail:DeleteTrail", "trail-stopped")
def a_deleted_trail(a: Attacked) -> list[Path]:
    a.next_second()
    a.intruder("cloudtrail").delete_trail(Name=attacked.TRAIL)
    a.afterwards(a.make_trail)
    return [looked_up(a)]


@attack("9c", "a trail of as little as can be", "cloudtrail:UpdateTrail", "trail-changed")
def a_smaller_trail(a: Attacked) -> None:
    a.afterwards(lambda: update(a.sandbox.client("cloudtrail"), has=True))
    update(a.intruder("cloudtrail"), has=False)


def update(cloudtrail, *, has: bool) -> None:
    settings = dict.fromkeys(("IncludeGlobalServiceEvents", "IsMultiRegionTrail", "EnableLogFileValidation"), has)
    cloudtrail.update_trail(Name=attacked.TRAIL, **settings)


def looked_up(a: Attacked) -> Path:
    """What `LookupEvents` shows of the intruder, in the form that the AWS CLI writes."""
    who = {"AttributeKey": "Username", "AttributeValue": "session"}
    records = watching.lookup(a.sandbox, StartTime=a.since, LookupAttributes=[who])
    return a.write("events.json", {"Events": [{"CloudTrailEvent": json.dumps(record)} for record in records]})


def select(a: Attacked, **selectors) -> None:
    cloudtrail = a.sandbox.client("cloudtrail")
    before = {"TrailName": attacked.TRAIL, "AdvancedEventSelectors": a.selectors}
    a.afterwards(lambda: cloudtrail.put_event_selectors(**before))
    a.intruder("cloudtrail").put_event_selectors(TrailName=attacked.TRAIL, **selectors)
    a.issue("dark.example.com")


@attack(
    "10a",
    "a trail without management events, seen in the event history",
    "cloudtrail:PutEventSelectors",
    "signature-missing",
    "trail-selectors-changed",
)
def a_trail_of_nothing(a: Attacked) -> list[Path]:
    a.next_second()
    nothing = [{"Type": kind, "Values": []} for kind in ("AWS::S3::Object", "AWS::Lambda::Function")]
    chosen = {"ReadWriteType": "ReadOnly", "IncludeManagementEvents": False, "DataResources": nothing}
    select(a, EventSelectors=[chosen])
    # It does not have the call that chose so.
    return [*a.deliver(), looked_up(a)]


@attack("10b", "a trail without KMS", "cloudtrail:PutEventSelectors", "signature-missing", "trail-selectors-changed")
def a_trail_without_kms(a: Attacked) -> None:
    fields = watching.MANAGEMENT["FieldSelectors"]
    without = {"FieldSelectors": [*fields, {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}]}
    select(a, AdvancedEventSelectors=[without, *a.selectors[1:]])


@attack(
    "10c",
    "a trail without invocations",
    "cloudtrail:PutEventSelectors",
    "trail-selectors-changed",
    "unaccounted-signature",
)
def a_trail_without_invocations(a: Attacked) -> None:
    select(a, AdvancedEventSelectors=[a.selectors[0]])


@attack("11", "a trail's files that are deleted after a day", "s3:PutBucketLifecycleConfiguration", "bucket-changed")
def files_that_go(a: Attacked) -> None:
    rule = {"ID": "nuke-cloudtrail-logs-after-1-day", "Status": "Enabled", "Expiration": {"Days": 1},
            "Filter": {"Prefix": "*"}}  # fmt: skip
    a.afterwards(lambda: a.sandbox.client("s3").delete_bucket_lifecycle(Bucket=attacked.TRAIL))
    a.intruder("s3").put_bucket_lifecycle_configuration(Bucket=attacked.TRAIL, LifecycleConfiguration={"Rules": [rule]})


@attack("12a", "silent alarms", "cloudwatch:DisableAlarmActions, cloudwatch:DeleteAlarms", "alarm-changed")
def silent_alarms(a: Attacked) -> None:
    alarms = a.sandbox.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{attacked.PROJECT}-")["MetricAlarms"]
    names = sorted(alarm["AlarmName"] for alarm in alarms)
    thief = a.intruder("cloudwatch")
    thief.disable_alarm_actions(AlarmNames=names)
    thief.delete_alarms(AlarmNames=names[:1])


@attack("12b", "deaf rules", "events:DisableRule, events:PutRule, events:RemoveTargets", "event-rule-changed")
def deaf_rules(a: Attacked) -> None:
    thief, rule = a.intruder("events"), attacked.RULE
    a.afterwards(a.listen)
    thief.disable_rule(Name=rule)
    thief.put_rule(Name=rule, EventPattern=attacked.PATTERN, State="ENABLED")
    thief.remove_targets(Rule=rule, Ids=["queue"])


@attack("12c", "no other detector", "guardduty:DeleteDetector", "detection-disabled")
def no_detector(a: Attacked) -> None:
    detector = a.sandbox.client("guardduty").create_detector(Enable=True)["DetectorId"]
    a.deliver()
    a.intruder("guardduty").delete_detector(DetectorId=detector)


def tamper(a: Attacked) -> set[str]:
    """Deletes and writes rows, and puts an old CRL in the place of the new one; what comes of each."""
    row, dynamodb, s3 = a.authority.rows()[0], a.intruder("dynamodb"), a.intruder("s3")
    table = {"TableName": a.authority.outputs["certificate_table_name"]}
    of_row = {name: row[name] for name in ("CommonName", "SerialNumber")}
    crl = f"{a.authority.issuing_ca_name}.crl"
    return {
        said(dynamodb.put_item, **table, Item=row | {"SerialNumber": {"S": "4711"}}),
        said(dynamodb.delete_item, **table, Key=of_row),
        said(s3.put_object, Bucket=a.authority.outputs["external_s3_bucket_name"], Key=crl, Body=b"older"),
    }


@attack(
    "13a",
    "rows written and deleted, an old CRL published",
    "dynamodb:PutItem, dynamodb:DeleteItem, s3:PutObject",
    "ca-file-changed",
    "ledger-written",
    prevented=True,
)
def rows_and_crls(a: Attacked) -> None:
    assert tamper(a) == {"AccessDenied", "AccessDeniedException"}


@attack(
    "13b",
    "the same, after the policies of table and bucket were deleted",
    "dynamodb:DeleteResourcePolicy, s3:DeleteBucketPolicy",
    "bucket-changed",
    "ca-file-changed",
    "ledger-written",
    "table-changed",
)
def rows_and_crls_after_their_policies(a: Attacked) -> None:
    dynamodb, s3 = a.sandbox.client("dynamodb"), a.sandbox.client("s3")
    table, bucket = a.table_arn("certificate"), a.authority.outputs["external_s3_bucket_name"]
    of_table = dynamodb.get_resource_policy(ResourceArn=table)["Policy"]
    of_bucket = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    a.afterwards(lambda: dynamodb.put_resource_policy(ResourceArn=table, Policy=of_table))
    a.afterwards(lambda: s3.put_bucket_policy(Bucket=bucket, Policy=of_bucket))
    a.intruder("dynamodb").delete_resource_policy(ResourceArn=table)
    a.intruder("s3").delete_bucket_policy(Bucket=bucket)
    assert tamper(a) == {"done"}


@attack("14a", "a disabled key", "kms:DisableKey", "key-disabled")
def a_disabled_key(a: Attacked) -> None:
    a.afterwards(lambda: a.sandbox.client("kms").enable_key(KeyId=a.key()))
    a.intruder("kms").disable_key(KeyId=a.key())


@attack(
    "14b",
    "a key that is to be deleted, which its owner may not keep",
    "kms:ScheduleKeyDeletion, kms:PutKeyPolicy",
    "key-deletion-scheduled",
    "key-policy-changed",
)
def a_deleted_key(a: Attacked) -> None:
    kms, thief = a.sandbox.client("kms"), a.intruder("kms")
    a.afterwards(lambda: kms.enable_key(KeyId=a.key()))
    a.afterwards(lambda: kms.cancel_key_deletion(KeyId=a.key()))
    policy = json.loads(keep_key_policy(a))
    thief.schedule_key_deletion(KeyId=a.key(), PendingWindowInDays=7)
    policy["Statement"].append(
        {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "kms:CancelKeyDeletion", "Resource": "*"}
    )
    thief.put_key_policy(KeyId=a.key(), PolicyName="default", Policy=json.dumps(policy))


@attack(
    "15a",
    "a trust anchor and a profile",
    "rolesanywhere:CreateTrustAnchor, rolesanywhere:CreateProfile",
    "trust-anchor-changed",
)
def a_trust_anchor(a: Attacked) -> None:
    thief = a.intruder("rolesanywhere")
    certificate = a.authority.published(f"{a.authority.root_ca_name}.crt").decode()
    thief.create_trust_anchor(
        name="malicious-rolesanywhere-trust-anchor", enabled=True,
        source={"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": certificate}},
    )  # fmt: skip
    role = f"{attacked.ROLES}/{attacked.INTRUDER}"
    thief.create_profile(name="malicious-rolesanywhere-profile", roleArns=[role], enabled=True, durationSeconds=3600)


@attack("15b", "credentials that outlive their user's keys", "sts:GetFederationToken", "credentials-made")
def federation(a: Attacked) -> None:
    key = watching.user(a.sandbox, "stratus")
    a.deliver()
    a.sandbox.client("sts", key).get_federation_token(Name="stratus-red-team", Policy=attacked.EVERYTHING)


@attack("15c", "an account that leaves its organisation", "organizations:LeaveOrganization", "organization-changed")
def another_organisation(a: Attacked) -> None:
    # The sandbox has no such call.
    inject(a, "organizations.amazonaws.com", "LeaveOrganization", "us-east-1")


@attack("16", "a forged record", "events:PutEvents", prevented=True)
def a_forged_record(a: Attacked) -> list[Path]:
    return [a.write("forged.json", forged(a))]


def forged(a: Attacked) -> dict:
    """What a rule that does not match the source hands on of `PutEvents` with a record's likeness."""
    record = watching.published("kms-sign") | {
        "requestID": str(uuid.uuid4()), "eventID": str(uuid.uuid4()), "eventTime": attacked.stamp(a.now()),
        "awsRegion": terraform.REGION, "resources": [{"accountId": watching.ACCOUNT, "type": "AWS::KMS::Key", "ARN": a.key()}],
    }  # fmt: skip
    rule = f"forged-{uuid.uuid4()}"
    queue = a.listen(rule)
    a.afterwards(lambda: a.sandbox.client("events").disable_rule(Name=rule))
    entry = {"DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(record)}
    events, sqs = a.intruder("events"), a.sandbox.client("sqs")
    assert events.put_events(Entries=[entry | {"Source": "aws.kms"}])["FailedEntryCount"] == 1
    assert events.put_events(Entries=[entry | {"Source": "example.kms"}])["FailedEntryCount"] == 0
    a.sandbox.settle()
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            event = json.loads(message["Body"])
            if event["source"] == "example.kms":
                return event
    raise AssertionError("the rule did not hear it")
