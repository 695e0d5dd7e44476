"""`python -m chancery_sandbox.moto`: start the sandbox's AWS, say where it is, stay until standard input closes."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from .server import Server


def main() -> None:
    """Run until standard input ends, or until asked to stop."""
    parser = argparse.ArgumentParser(prog="chancery_sandbox.moto", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--trail", type=Path, help="file to which every KMS call is appended, a line of JSON each")
    arguments = parser.parse_args()
    server = Server(arguments.host, arguments.port, arguments.trail)
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        print(json.dumps({"endpoint": server.endpoint}), flush=True)  # noqa: T201 - this line is the interface
        while sys.stdin.buffer.read(4096):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


if __name__ == "__main__":
    main()
