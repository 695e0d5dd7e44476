"""The HTTP server: moto's dispatcher behind the gate, on waitress, which keeps connections open as AWS does."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import waitress
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from waitress.server import MultiSocketServer

from . import kms
from .control import Control
from .gate import Gate
from .trail import Trail

# A call may wait for a function that itself calls: there must always be a thread left for the inner call.
_THREADS = 1024


class Server:
    """A running sandbox."""

    def __init__(self, host: str, port: int, trail: Path | None = None) -> None:
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        logging.getLogger("waitress").setLevel(logging.ERROR)
        kms.mend()
        self.gate = Gate(DomainDispatcherApplication(create_backend_app), Trail(trail) if trail is not None else None)
        self.control = Control(self.gate)
        self._server = waitress.create_server(
            self.control,
            host=host,
            port=port,
            threads=_THREADS,
            connection_limit=4096,
            asyncore_use_poll=True,
            channel_timeout=900,
            ident=None,
            expose_tracebacks=True,
        )
        if isinstance(self._server, MultiSocketServer):
            raise TypeError(f"{host} stands for several addresses; give one, e.g. 127.0.0.1")
        self.port = int(self._server.effective_port)
        self.endpoint = f"http://{host}:{self.port}"
        # moto calls itself (Step Functions, SNS): it must know where it is.
        os.environ["MOTO_PORT"] = str(self.port)

    def start(self) -> None:
        """Serve in a thread of its own."""
        threading.Thread(target=self._server.run, name="sandbox-server", daemon=True).start()

    def stop(self) -> None:
        """Close the door, and end what was started."""
        self._server.close()
