"""`python -m chancery_sandbox ZIP`: deploy the functions of that zip on this machine, run them once, and stay.

Needs Terraform (or OpenTofu) with the AWS provider, from a registry or from a mirror.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from . import lists, terraform
from .authority import Authority, Run
from .server import Options, Server
from .trial import ENTRIES, came_of, how_to_go_on

MODULE = Path(__file__).resolve().parents[2] / "terraform"


def main() -> int:
    """Run until standard input ends, or until asked to stop."""
    parser = argparse.ArgumentParser(prog="chancery_sandbox", description=__doc__)
    parser.add_argument(
        "zip", type=Path, help="the functions: dist/chancery-lambda.zip, as `cargo xtask lambda` makes it"
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    fault = _missing(arguments.zip)
    if fault:
        _say(fault)
        return 1
    server = Server(Options(host="127.0.0.1", port=arguments.port, trail=None, python=Path(sys.executable)))
    server.start()
    try:
        with tempfile.TemporaryDirectory(prefix="chancery-trial-") as folder:
            return _stay(server.endpoint, Path(folder), arguments.zip.resolve())
    except KeyboardInterrupt:
        _say("")
        return 0
    finally:
        server.stop()


def _stay(endpoint: str, folder: Path, functions: Path) -> int:
    _say(f"AWS on this machine   {endpoint}")
    try:
        with _timed("Terraform"):
            authority = _deploy(endpoint, folder, functions)
    except terraform.TerraformError as error:
        _say(f"\n{error}\n")
        _say("Terraform could not deploy the module. Without a registry it needs a mirror with hashicorp/aws:")
        _say("CHANCERY_TERRAFORM_PLUGINS names one (a folder that holds registry.terraform.io/hashicorp/aws).")
        return 1
    with _timed("State machine"):
        run = authority.run()
    _say("\n".join(came_of(authority, run)))
    if _failed(run):
        return 1
    _say(how_to_go_on(authority, folder))
    # Whoever started it may have no terminal: it ends with them.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    return 0


def _deploy(endpoint: str, folder: Path, functions: Path) -> Authority:
    stack = terraform.Stack(
        folder,
        endpoint,
        MODULE,
        {
            "lambda_zip": str(functions),
            "csr_files": lists.write(folder / "certs" / "dev", ENTRIES),
            "cert_info_files": ["tls", "revoked", "revoked-root-ca"],
            "slack_channels": ["pki"],
            "slack_token": "xoxb-of-the-sandbox",
        },
    )
    stack.write()
    stack.init()
    return Authority(endpoint, stack.apply())


def _missing(functions: Path) -> str:
    if not functions.is_file():
        return f"There is no {functions}. Make it with `cargo xtask lambda`."
    if terraform.program() is None:
        return (
            "Neither terraform nor tofu is on the PATH, and the authority is deployed with one of them. Install it, or "
            "name it in CHANCERY_TERRAFORM."
        )
    return ""


def _failed(run: Run) -> bool:
    return run.status != "SUCCEEDED"


@contextlib.contextmanager
def _timed(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"{what:<21} … ", end="", flush=True)  # noqa: T201 - a command for people in a terminal
    began = time.monotonic()
    try:
        yield
    except BaseException:
        _say("failed")
        raise
    _say(f"{time.monotonic() - began:.0f} s")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command for people in a terminal


if __name__ == "__main__":
    sys.exit(main())
