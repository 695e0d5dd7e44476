"""A process that runs a function, one event at a time, watched for time and memory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

from .deployment import Deployment
from .invocation import Event, Outcome, Report, failure
from .runtime_api import RuntimeApi

_INIT_LIMIT = 10.0
"""Seconds until the first question, https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html."""
_GLANCE = 0.02
"""Seconds before the first look at log and memory."""
_SLOWEST_GLANCE = 0.2
"""Seconds between two looks at most: threads that wake often keep the others from their work."""
_PIPE = 1 << 20
_TAIL = 4096


class Process:
    """An execution environment. After a failure that ends the process, `alive` is false and it must not be used."""

    def __init__(self, deployment: Deployment, command: list[str], task: Path, environment: dict[str, str]) -> None:
        self.deployment = deployment
        self.api = RuntimeApi()
        self.alive = True
        self._log = bytearray()
        self._init_ms: float | None = None
        self._peak = 0
        self._began = time.perf_counter()
        self._refusal = ""
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE)
        os.set_blocking(reader, False)
        self._pipe = reader
        self._program: subprocess.Popen[bytes] | None = None
        try:
            self._program = subprocess.Popen(
                command,
                cwd=task,
                env=environment | {"AWS_LAMBDA_RUNTIME_API": self.api.address},
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
            )
        except OSError as error:
            self._refusal = f"fork/exec {command[0]}: {error.strerror}"
        finally:
            os.close(writer)

    def run(self, event: Event) -> Outcome:
        """Give it one event and wait for what comes of it."""
        deadline = time.perf_counter() + self.deployment.timeout
        first = self._init_ms is None
        if first:
            failed = self._initialise(event)
            if failed is not None:
                return self._close(event, failed, 0.0, first=True)
            # The time of initialisation does not count towards the function's own.
            deadline = time.perf_counter() + self.deployment.timeout
        began = time.perf_counter()
        self.api.give(event, int((time.time() + self.deployment.timeout) * 1000))
        outcome = self._wait(event, deadline)
        return self._close(event, outcome, (time.perf_counter() - began) * 1000, first=first)

    def running(self) -> bool:
        """Whether it can take another event."""
        return self.alive and self._program is not None and self._program.poll() is None

    def end(self) -> None:
        """Kill it and everything it started."""
        self.alive = False
        self.api.close()
        if self._program is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait()
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _initialise(self, event: Event) -> Outcome | None:
        if self._program is None:
            return Outcome(
                failure("Runtime.InvalidEntrypoint", f"RequestId: {event.request_id} Error: {self._refusal}"),
                "Unhandled",
            )
        limit = self._began + _INIT_LIMIT
        while not self.api.asked.wait(_GLANCE / 4):
            self._glance()
            if self.api.init_error is not None:
                return Outcome(self.api.init_error, "Unhandled")
            if self._program.poll() is not None:
                return self._exited(event)
            if time.perf_counter() > limit:
                return self._timed_out(event, _INIT_LIMIT)
        self._init_ms = (time.perf_counter() - self._began) * 1000
        return None

    def _wait(self, event: Event, deadline: float) -> Outcome:
        pause = _GLANCE
        with self.api.finished:
            while self.api.answer is None:
                self.api.finished.wait(max(0.0, min(pause, deadline - time.perf_counter())))
                pause = min(pause * 1.5, _SLOWEST_GLANCE)
                if self.api.answer is not None:
                    break
                self._glance()
                if self._peak > self.deployment.memory * 1024:
                    return self._killed(event)
                if self._program is not None and self._program.poll() is not None:
                    return self._exited(event)
                if time.perf_counter() >= deadline:
                    return self._timed_out(event, float(self.deployment.timeout))
        answer = self.api.answer
        return Outcome(answer.payload, "Unhandled" if answer.error else "")

    def _close(self, event: Event, outcome: Outcome, duration: float, *, first: bool) -> Outcome:
        self._glance()
        if outcome.error and (self._program is None or self._program.poll() is not None or self._init_ms is None):
            self.alive = False
        report = Report(
            event.request_id,
            duration,
            self.deployment.memory,
            -(-self._peak // 1024),
            self._init_ms if first else None,
        )
        lines = [f"START RequestId: {event.request_id} Version: {self.deployment.version}"]
        text = self._log.decode(errors="replace")
        self._log.clear()
        lines += text.splitlines()
        lines += [f"END RequestId: {event.request_id}", report.line()]
        outcome.log = "\n".join(lines) + "\n"
        outcome.report = report
        if not self.alive:
            self.end()
        return outcome

    def _glance(self) -> None:
        """Read what was logged, and how much memory was ever used."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._pipe, 1 << 16):
                self._log += chunk
        if self._program is None:
            return
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self._program.pid}/status").read_text(encoding="utf-8").splitlines():
                if line.startswith("VmHWM:"):
                    self._peak = max(self._peak, int(line.split()[1]))
                    break

    def _exited(self, event: Event) -> Outcome:
        code = self._program.returncode if self._program is not None else 0
        how = f"signal: {signal.strsignal(-code)}".lower() if code < 0 else f"exit status {code}"
        message = f"RequestId: {event.request_id} Error: Runtime exited with error: {how}"
        return Outcome(failure("Runtime.ExitError", message), "Unhandled")

    def _killed(self, event: Event) -> Outcome:
        self._kill()
        message = f"RequestId: {event.request_id} Error: Runtime exited with error: signal: killed"
        return Outcome(failure("Runtime.OutOfMemory", message), "Unhandled")

    def _timed_out(self, event: Event, seconds: float) -> Outcome:
        self._kill()
        message = f"RequestId: {event.request_id} Error: Task timed out after {seconds:.2f} seconds"
        self._log += f"{message}\n".encode()
        return Outcome(failure("Sandbox.Timedout", message), "Unhandled")

    def _kill(self) -> None:
        if self._program is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait()


def tail(log: str) -> bytes:
    """The end of a log that `X-Amz-Log-Result` carries."""
    return log.encode()[-_TAIL:]
