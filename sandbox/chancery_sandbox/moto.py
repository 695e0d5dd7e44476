"""`python -m chancery_sandbox.moto`: start the sandbox's AWS, say where it is, stay until standard input closes."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from .server import Options, Server


def main() -> None:
    """Run until standard input ends, or until asked to stop."""
    server = Server(options(sys.argv[1:]))
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        print(json.dumps({"endpoint": server.endpoint, "slack": server.slack}), flush=True)  # noqa: T201 - the interface
        while os.read(sys.stdin.fileno(), 4096):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


def options(given: list[str]) -> Options:
    """What the arguments say."""
    parser = argparse.ArgumentParser(prog="chancery_sandbox.moto", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--trail", type=Path, help="file to which every KMS call is appended, a line of JSON each")
    parser.add_argument("--concurrency", type=int, default=32, help="processes of one function at most")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="interpreter for Python functions")
    parser.add_argument(
        "--function-env", action="append", default=[], metavar="NAME=VALUE", help="given to every function"
    )
    parser.add_argument(
        "--retry-delays", default="1,2", help="seconds before the two retries of an asynchronous event; AWS: 60,120"
    )
    parser.add_argument(
        "--patience", type=float, default=1.0, help="share of a state machine's waits before retries that is waited"
    )
    arguments = parser.parse_args(given)
    first, _, second = arguments.retry_delays.partition(",")
    return Options(
        host=arguments.host,
        port=arguments.port,
        trail=arguments.trail,
        python=arguments.python,
        concurrency=arguments.concurrency,
        environment=dict(pair.split("=", 1) for pair in arguments.function_env),
        retry_delays=(float(first), float(second or first)),
        patience=arguments.patience,
    )


if __name__ == "__main__":
    main()
