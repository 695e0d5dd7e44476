"""Functions to try: in Python behind the managed runtime, and one that speaks the Runtime API itself."""

from __future__ import annotations

import io
import json
import sys
import textwrap
import zipfile

PYTHON = """
import json, os, sys, time
COLD = {"cold": True}
if os.environ.get("FAIL_INIT"):
    raise RuntimeError("no init today")

def lambda_handler(event, context):
    kind = event.get("do") if isinstance(event, dict) else None
    if kind == "raise":
        raise ValueError("asked to fail")
    if kind == "sleep":
        time.sleep(event["seconds"])
    if kind == "exit":
        os._exit(3)
    if kind == "memory":
        hoard = bytearray(event["mib"] << 20)
        time.sleep(0.3)
    if kind == "big":
        return "x" * event["size"]
    if kind == "aws":
        import boto3
        return boto3.client(event["service"]).get_caller_identity()["Arn"]
    if kind == "fail-then-work":
        mark = event["mark"]
        with open(mark, "a") as f:
            f.write("x")
        if len(open(mark).read()) < event["times"]:
            raise ValueError("not yet")
    print("seen", json.dumps(event))
    cold, COLD["cold"] = COLD["cold"], False
    return {
        "event": event, "cold": cold, "pid": os.getpid(), "greeting": os.environ.get("GREETING"),
        "request": context.aws_request_id, "arn": context.invoked_function_arn,
        "left": context.get_remaining_time_in_millis(), "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "client": context.client_context, "slack": os.environ.get("SLACK_API_URL"),
    }
"""

CALLS = """
import boto3
from botocore.exceptions import ClientError

def lambda_handler(event, context):
    service, call, arguments = event
    try:
        getattr(boto3.client(service), call)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
"""
"""Makes the one call that its event is, and says what came of it."""

BOOTSTRAP = f"""#!{sys.executable}
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    asked = api.getresponse(); event = asked.read()
    print("bootstrap saw", event.decode(), flush=True)
    if b'"die"' in event:
        os._exit(3)
    answer = json.dumps({{"handler": os.environ["_HANDLER"], "event": json.loads(event)}}).encode()
    request = asked.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", f"/2018-06-01/runtime/invocation/{{request}}/response",
                iter([answer]), {{"Transfer-Encoding": "chunked"}}, encode_chunked=True)
    api.getresponse().read()
"""


def zipped(name: str, text: str, mode: int = 0o755) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, textwrap.dedent(text))
    return buffer.getvalue()


def role(sandbox, name: str) -> str:
    return sandbox.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]


def create_python(sandbox, name: str, **more) -> str:
    return sandbox.client("lambda").create_function(
        **{
            "FunctionName": name,
            "Runtime": "python3.11",
            "Role": role(sandbox, name),
            "Handler": "app.lambda_handler",
            "Code": {"ZipFile": zipped("app.py", PYTHON, 0o644)},
            "Timeout": 10,
            **more,
        }
    )["FunctionArn"]


def create_bootstrap(sandbox, name: str, mode: int = 0o755) -> str:
    return sandbox.client("lambda").create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Role=role(sandbox, name),
        Handler="thing.lambda_handler",
        Code={"ZipFile": zipped("bootstrap", BOOTSTRAP, mode)},
    )["FunctionArn"]


def call(sandbox, name: str, event, **more) -> tuple[dict, object]:
    answer = sandbox.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **more)
    return answer, json.loads(answer["Payload"].read() or b"null")
