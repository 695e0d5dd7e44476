"""Makes a data folder as `tests/upgrade/local` has one: `python3 make_local.py PROGRAM FOLDER`, with OpenSSL on the PATH.

It kills the server while 48 requests are under way, so that some of their intents stay open. How many is chance: look, and
repeat if there are none with, or none without, an idempotency token (those of odd numbers have one).
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

PROGRAM, FOLDER = str(Path(sys.argv[1]).absolute()), Path(sys.argv[2])
REQUESTS, UNTIL_KILLED = 48, 0.025
CONFIG = """\
# The authority of a test: it lives long, so that the test never ends.
project = "chancery"
environment = "prd"
public_url = "http://pki.example.com"
max_cert_lifetime = 36000

[[ca]]
name = "root-ca"
lifetime_days = 36500

[[ca]]
name = "issuing-ca"
parent = "root-ca"
lifetime_days = 36400
[ca.crl]
shards = 2
"""


def run(*arguments: str) -> dict[str, object]:
    """Run a command on the data folder; return its answer."""
    command = [PROGRAM, "--dir", "data", "--json", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=FOLDER
    )
    return json.loads(done.stdout) if done.stdout.strip() else {}


def csr(name: str) -> None:
    """Make a key and its CSR."""
    command = [
        "openssl",
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]
    command += ["-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"]
    subprocess.run(command, check=True, capture_output=True, cwd=FOLDER / "csr")


def ask(host: str, token: str, number: int, together: threading.Barrier) -> None:
    """Ask for one certificate, with an idempotency token where the number is odd."""
    name = f"open-{number}"
    body = {
        "base64_csr_data": base64.b64encode(
            (FOLDER / "csr" / f"{name}.csr").read_bytes()
        ).decode(),
        "common_name": name,
        "profile": "tls-client",
        "lifetime": 30000,
    }
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    if number % 2:
        headers["idempotency-key"] = name
    connection = http.client.HTTPSConnection(
        host, context=ssl._create_unverified_context(), timeout=20
    )
    connection.connect()
    together.wait()
    try:
        connection.request("POST", "/api/v1/certificates", json.dumps(body), headers)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        pass


def main() -> None:
    """Make the folder."""
    (FOLDER / "csr").mkdir(parents=True)
    (FOLDER / "chancery.toml").write_text(CONFIG)
    ready = FOLDER / "ready"
    start = [PROGRAM, "--dir", "data", "--json", "start", "--config", "chancery.toml"]
    start += ["--https", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    with ready.open("w") as out:
        server = subprocess.Popen(start, stdout=out, cwd=FOLDER)
    while not ready.read_text().endswith("\n"):
        time.sleep(0.1)
    host = json.loads(ready.read_text())["https"].removeprefix("https://")
    for name in ["kept", "revoked", "compromised"]:
        run("request", f"{name}.example.com", "--out", name, "--days", "30000")
    run("request", "short.example.com", "--out", "short", "--days", "1")
    run("revoke", "revoked", "--reason", "superseded")
    run("revoke", "compromised", "--reason", "keyCompromise")
    token = str(
        run(
            "token",
            "create",
            "--name",
            "upgrade",
            "--scope",
            "issue",
            "--scope",
            "read",
        )["token"]
    )
    (FOLDER / "token").write_text(token)
    for number in range(REQUESTS):
        csr(f"open-{number}")
    together = threading.Barrier(REQUESTS + 1)
    clients = [
        threading.Thread(target=ask, args=(host, token, number, together))
        for number in range(REQUESTS)
    ]
    for client in clients:
        client.start()
    together.wait()
    time.sleep(UNTIL_KILLED)
    server.kill()
    server.wait()
    for client in clients:
        client.join()


if __name__ == "__main__":
    main()
