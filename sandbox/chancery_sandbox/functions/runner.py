"""Runs functions: finds their code, starts their processes with their role's credentials, keeps their logs."""

from __future__ import annotations

import datetime as dt
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from moto.logs.models import logs_backends

from . import credentials
from .deployment import CodeStore, Deployment, base_environment
from .invocation import Event, Outcome
from .pool import Pool
from .process import Process


@dataclass(frozen=True)
class Settings:
    """How functions are run."""

    endpoint: str
    """Where they find AWS."""
    python: Path
    """The interpreter of Python functions; it must have what they import beside their zip."""
    concurrency: int
    """Processes of one function at most; further callers wait."""
    environment: Mapping[str, str]
    """Variables given to every function, over its own."""
    retry_delays: tuple[float, float]
    """Seconds before the first and the second retry of an asynchronous event. AWS waits one and two minutes."""


class Runner:
    """All functions of the sandbox."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # The folder goes with the sandbox.
        self._folder = tempfile.TemporaryDirectory(prefix="chancery-sandbox-")
        self._code = CodeStore(Path(self._folder.name))
        self._pool = Pool(self._process, settings.concurrency)
        self.reports: deque[dict[str, Any]] = deque(maxlen=100_000)
        self._log_lock = threading.Lock()

    def run(self, deployment: Deployment, code: bytes, event: Event) -> Outcome:
        """Run one event and keep its log."""
        outcome = self._pool.run(deployment, code, event)
        if outcome.report is not None:
            self.reports.append(
                {"function": deployment.name, "error": outcome.error, "at": time.time()} | asdict(outcome.report)
            )
        self._keep_log(deployment, outcome)
        return outcome

    def forget(self, arn: str) -> None:
        """Let the next event of a function start cold."""
        self._pool.forget(arn)

    def end(self) -> None:
        """End all processes."""
        self._pool.end()
        self._folder.cleanup()

    def _process(self, deployment: Deployment, code: bytes) -> Process:
        task = self._code.task_root(deployment.code_sha256, code)
        given = credentials.issue(deployment)
        environment = {
            "AWS_ENDPOINT_URL": self.settings.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            **dict(deployment.environment),
            **self.settings.environment,
            **base_environment(deployment, task, "", _log_stream(deployment)),
            "AWS_ACCESS_KEY_ID": given.access_key_id,
            "AWS_SECRET_ACCESS_KEY": given.secret_access_key,
            "AWS_SESSION_TOKEN": given.session_token,
        }
        return Process(deployment, deployment.command(task, self.settings.python), task, environment)

    def _keep_log(self, deployment: Deployment, outcome: Outcome) -> None:
        backend = logs_backends[deployment.account][deployment.region]
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in outcome.log.splitlines()]
        with self._log_lock:
            backend.ensure_log_group(deployment.log_group)
            stream = _log_stream(deployment)
            backend.create_log_stream(deployment.log_group, stream)
            backend.put_log_events(deployment.log_group, stream, events)


def _log_stream(deployment: Deployment) -> str:
    today = dt.datetime.now(dt.UTC).strftime("%Y/%m/%d")
    return f"{today}/[{deployment.version}]{uuid.uuid4().hex}"
