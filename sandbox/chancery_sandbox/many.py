"""`python -m chancery_sandbox.many SOCKET`: a sandbox for everybody who asks at that socket, each of its own.

Reading moto takes seconds, and tests want fresh sandboxes by the dozen. So this process reads all of it once and then
does nothing but make copies of itself: each connection gets one, which is a sandbox until the connection is closed. It
begins with a line of JSON, the arguments of `chancery_sandbox.moto`, and is answered with a line of JSON as that says
it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from moto import backends
from moto.core.utils import get_service_model

from . import moto
from .server import Server

_SERVICES = (
    "cloudtrail", "dynamodb", "events", "iam", "kms", "lambda", "logs", "s3", "secretsmanager", "sns", "sqs", "sts",
)  # fmt: skip
"""What every copy would otherwise read for itself when it is first called."""


def main() -> None:
    """Make sandboxes until standard input ends."""
    for service in _SERVICES:
        backends.get_backend(service)  # type: ignore[call-overload]
        get_service_model(service)
    path = Path(sys.argv[1])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(64)
    # Nobody waits for a copy that has ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _end_with_standard_input()
    print("ready", flush=True)  # noqa: T201 - the interface
    # Nobody reads there any more.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while True:
        with contextlib.suppress(ConnectionError):
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _be_a_sandbox(connection)


def _end_with_standard_input() -> None:
    """A process of its own watches it: one that makes copies of itself must have no second thread."""
    parent = os.getpid()
    if os.fork() != 0:
        # Only the watcher may see its end, and whoever started this its beginning.
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        return
    while os.read(0, 4096):
        pass
    with contextlib.suppress(ProcessLookupError):
        os.kill(parent, signal.SIGTERM)
    os._exit(0)


def _be_a_sandbox(connection: socket.socket) -> None:
    """Serve until the connection is closed; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        stream = connection.makefile("rw", encoding="utf-8")
        server = Server(moto.options(json.loads(stream.readline())))
        server.start()
        stream.write(json.dumps({"endpoint": server.endpoint, "slack": server.slack}) + "\n")
        stream.flush()
        while connection.recv(4096):
            pass
        ending = threading.Thread(target=server.stop, daemon=True)
        ending.start()
        ending.join(timeout=10)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
