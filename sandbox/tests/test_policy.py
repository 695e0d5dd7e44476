"""Policy evaluation, judged by the rules that the IAM user guide states."""

from __future__ import annotations

import pytest

from chancery_sandbox.policy import Asked, Verdict, evaluate

ROLE = "arn:aws:iam::111122223333:role/signer"
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:signer"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1"


def asked(action="kms:Sign", resource=KEY, who=ROLE, **context) -> Asked:
    return Asked(action, resource, (who,), {name.replace("__", ":").lower(): value for name, value in context.items()})


def policy(**statement) -> dict:
    return {
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Sign", "Resource": "*"} | statement
        ]
    }


def when(condition: dict) -> dict:
    return policy(Condition=condition)


@pytest.mark.parametrize(
    ("document", "question", "verdict"),
    [
        (policy(), asked(), Verdict.ALLOWED),
        (policy(), asked(action="kms:Verify"), Verdict.SILENT),
        (policy(), asked(who="arn:aws:iam::111122223333:role/other"), Verdict.SILENT),
        (policy(Action=["KMS:s*"]), asked(), Verdict.ALLOWED),
        (policy(Resource="arn:aws:kms:*:*:key/2"), asked(), Verdict.SILENT),
        (policy(Effect="Deny", Principal="*"), asked(), Verdict.DENIED),
        (policy(Effect="Deny", NotAction="kms:Sign"), asked(), Verdict.SILENT),
        (when({"Bool": {"aws:SecureTransport": "false"}}), asked(aws__SecureTransport="true"), Verdict.SILENT),
        (when({"StringEquals": {"kms:MessageType": "DIGEST"}}), asked(kms__MessageType="RAW"), Verdict.SILENT),
        (when({"StringEquals": {"kms:MessageType": ["DIGEST", "RAW"]}}), asked(kms__MessageType="RAW"), Verdict.ALLOWED),
        (when({"StringEquals": {"aws:SourceAccount": "1"}}), asked(), Verdict.SILENT),
        (when({"StringEqualsIfExists": {"aws:SourceAccount": "1"}}), asked(), Verdict.ALLOWED),
        (when({"StringNotEquals": {"aws:SourceAccount": "1"}}), asked(), Verdict.ALLOWED),
        (when({"ArnNotLike": {"aws:PrincipalArn": "arn:*:iam::*:role/sig*"}}), asked(aws__PrincipalArn=ROLE), Verdict.SILENT),
        # Part by part: no wildcard reaches beyond a colon.
        (when({"ArnLike": {"aws:PrincipalArn": "arn:*:role/sig*"}}), asked(aws__PrincipalArn=ROLE), Verdict.SILENT),
        (when({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}), asked(aws__PrincipalArn=ROLE), Verdict.ALLOWED),
        (when({"ArnNotEquals": {"aws:PrincipalArn": ["arn:aws:iam::1:role/x", ROLE]}}), asked(aws__PrincipalArn=ROLE), Verdict.SILENT),
        # What is negated holds where the key is absent, as does what is optional; what is neither does not.
        (when({"ArnNotEquals": {"lambda:SourceFunctionArn": FUNCTION}}), asked(), Verdict.ALLOWED),
        (when({"ArnNotLike": {"lambda:SourceFunctionArn": FUNCTION}}), asked(), Verdict.ALLOWED),
        (when({"ArnNotEquals": {"lambda:SourceFunctionArn": FUNCTION}}), asked(lambda__SourceFunctionArn=FUNCTION), Verdict.SILENT),
        (when({"ArnNotEquals": {"lambda:SourceFunctionArn": FUNCTION}}), asked(lambda__SourceFunctionArn=FUNCTION + "2"), Verdict.ALLOWED),
        (when({"ArnEquals": {"lambda:SourceFunctionArn": FUNCTION}}), asked(), Verdict.SILENT),
        (when({"StringNotEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}), asked(), Verdict.ALLOWED),
        (when({"StringNotEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}), asked(aws__SourceVpce="vpce-2"), Verdict.SILENT),
        (when({"StringNotEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}), asked(aws__SourceVpce="vpce-3"), Verdict.ALLOWED),
        (when({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}), asked(), Verdict.ALLOWED),
        (when({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}), asked(aws__PrincipalOrgID="o-1"), Verdict.SILENT),
        (when({"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}), asked(), Verdict.ALLOWED),
        (when({"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}), asked(aws__PrincipalIsAWSService="true"), Verdict.SILENT),
        (when({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), asked(), Verdict.SILENT),
        (when({"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["attempts#*"]}}), asked(), Verdict.SILENT),
        (when({"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["attempts#*"]}}), asked(dynamodb__LeadingKeys=("key#1", "attempts#1#0")), Verdict.ALLOWED),
        # Of several conditions, all hold.
        (when({"ArnNotEquals": {"aws:PrincipalArn": ROLE + "2"}, "BoolIfExists": {"aws:x": "false"}}), asked(aws__PrincipalArn=ROLE, aws__x="true"), Verdict.SILENT),
        (when({"NumericLessThan": {"s3:TlsVersion": "1.2"}}), asked(s3__TlsVersion="1.3"), Verdict.SILENT),
        (when({"Null": {"kms:EncryptionContextKeys": "true"}}), asked(), Verdict.ALLOWED),
        ("not json", asked(), Verdict.SILENT),
    ],
)  # fmt: skip
def test_what_a_policy_says(document, question, verdict):
    assert evaluate(document, question) is verdict
