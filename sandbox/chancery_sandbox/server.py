"""The HTTP server: moto's dispatcher behind the gate, on waitress, which keeps connections open as AWS does."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import waitress
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from waitress.channel import HTTPChannel
from waitress.server import MultiSocketServer
from waitress.task import WSGITask

from . import dynamodb, events, functions, kms, remembered, s3, sns, state, stepfunctions
from .cloudtrail import CloudTrail, trails
from .control import Control
from .functions import Later, Queues, Runner, Settings, credentials
from .functions.deployment import Deployment
from .gate import Gate
from .kms import usage
from .rolesanywhere import RolesAnywhere
from .slack import PREFIX as SLACK
from .slack import Slack
from .trail import Trail

# A call may wait for a function that itself calls: there must always be a thread left for the inner call.
_THREADS = 1024
_SWITCH = 0.0005
"""Seconds until a thread lets another one go on."""


@dataclass(frozen=True)
class Options:
    """What whoever starts a sandbox may choose."""

    host: str
    port: int
    trail: Path | None
    """Where every KMS call is written down."""
    python: Path
    """The interpreter of Python functions."""
    concurrency: int = 32
    """Processes of one function at most."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables given to every function."""
    retry_delays: tuple[float, float] = (1.0, 2.0)
    """Seconds before the retries of an asynchronous event."""
    patience: float = 1.0
    """Share of AWS's waits before a state machine's retries that is really waited."""


def _application(service: Any) -> Any:
    """The application of a service; the dispatcher passes `None` for a service that moto lacks."""
    if service is None:
        raise NotImplementedError
    return create_backend_app(service)


_METADATA = re.compile(rb"^X-Amz-Meta-[^:\r]*", re.MULTILINE)


class _Task(WSGITask):
    """Writes metadata headers of S3 in lower case, as S3 does; waitress capitalises header names."""

    def build_response_header(self) -> bytes:
        header: bytes = super().build_response_header()
        return _METADATA.sub(lambda name: name[0].lower(), header)


class Server:
    """A running sandbox."""

    def __init__(self, options: Options) -> None:
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
        # Many threads here do a little each, and wait for one another's locks meanwhile.
        sys.setswitchinterval(_SWITCH)
        for name in ("werkzeug", "waitress"):
            logging.getLogger(name).setLevel(logging.ERROR)
        # It tells of every state that fails and of every variable that is looked for in vain.
        logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
        self._cloudtrail, self._usage = CloudTrail(), usage.Usage()
        rolesanywhere = RolesAnywhere(DomainDispatcherApplication(_application))
        gate = Gate(
            rolesanywhere,
            self._cloudtrail,
            self._usage,
            Trail(options.trail) if options.trail else None,
        )
        control = Control(gate)
        control.add("POST", "rolesanywhere/seen", rolesanywhere.seen)
        slack = Slack(control)
        HTTPChannel.task_class = _Task
        self._server = waitress.create_server(
            slack,
            host=options.host,
            port=options.port,
            threads=_THREADS,
            connection_limit=4096,
            asyncore_use_poll=True,
            channel_timeout=900,
            ident=None,
            expose_tracebacks=True,
        )
        if isinstance(self._server, MultiSocketServer):
            raise TypeError(f"{options.host} stands for several addresses; give one, e.g. 127.0.0.1")
        self.endpoint = f"http://{options.host}:{self._server.effective_port}"
        self.slack = self.endpoint + SLACK
        # moto calls itself in places: it must know where it is.
        os.environ["MOTO_PORT"] = str(self._server.effective_port)
        self._runner = Runner(
            Settings(
                self.endpoint,
                options.python,
                options.concurrency,
                {"SLACK_API_URL": self.slack} | dict(options.environment),
                options.retry_delays,
            )
        )
        self._later = Later(self._runner)
        self._queues = Queues(self._runner, options.patience)
        self._mend(options.patience)
        self._offer(control, slack)

    def start(self) -> None:
        """Serve in a thread of its own."""
        threading.Thread(target=self._server.run, name="sandbox-server", daemon=True).start()

    def stop(self) -> None:
        """Close the door, and end what was started."""
        # Answers that are under way find their door closed; nobody needs to hear of it.
        logging.getLogger("waitress").setLevel(logging.CRITICAL)
        self._server.close()
        self._cloudtrail.end()
        self._queues.end()
        self._later.end()
        self._runner.end()

    def _mend(self, patience: float) -> None:
        remembered.mend()
        dynamodb.mend()
        kms.mend()
        functions.mend(self._runner, self._later)
        s3.mend()
        sns.mend(self._later)
        events.mend(self._later)
        functions.queues.mend(self._queues)
        trails.mend(self._cloudtrail)
        usage.mend(self._usage)
        self._cloudtrail.to_rules = events.deliver
        self._later.accepted, self._later.ran = self._cloudtrail.accepted, self._cloudtrail.executed
        self._queues.ran = self._cloudtrail.polled
        stepfunctions.mend(self.endpoint, patience)

    def _offer(self, control: Control, slack: Slack) -> None:
        def forget(value: dict[str, Any]) -> None:
            self._runner.forget(functions.by_arn(value["arn"]).function_arn.removesuffix(":$LATEST"))

        control.add("GET", "reports", lambda _: list(self._runner.reports))
        control.add("DELETE", "reports", lambda _: self._runner.reports.clear())
        control.add("POST", "state", state.look)
        control.add("PUT", "state", state.put_back)
        control.add("POST", "settle", lambda value: {"settled": self._settle((value or {}).get("seconds", 30))})
        control.add("POST", "credentials", self._credentials)
        control.add("POST", "trail/usage-delay", self._delay_usage)
        control.add("GET", "trail/undelivered", lambda _: list(events.undelivered))
        for (method, name), handler in self._cloudtrail.control().items():
            control.add(method, name, handler)
        control.add("POST", "cold", forget)
        control.add("GET", "slack", lambda _: list(slack.messages))
        control.add("POST", "slack", slack.behave)
        control.add("DELETE", "slack", lambda _: slack.clear())

    def _settle(self, seconds: float) -> bool:
        """Wait until nothing is in progress: each part may cause work for the others."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            settled = self._cloudtrail.settle(left) and self._queues.settle(left) and self._later.settle(left)
            if not settled:
                return False
            # The last one may have produced another record or message.
            if self._cloudtrail.quiet() and self._queues.quiet() and self._later.settle(0):
                return True
        return False

    @staticmethod
    def _credentials(value: dict[str, Any]) -> dict[str, str]:
        """The credentials of a function's newest execution environment, or new ones if it has none."""
        deployment = Deployment.of(functions.by_arn(value["arn"]))
        return (credentials.newest(deployment.arn) or credentials.issue(deployment)).answer()

    def _delay_usage(self, value: dict[str, Any]) -> None:
        self._usage.delay = float(value["seconds"])
