"""What is needed to run a function: its code unpacked, its configuration at this moment, its command."""

from __future__ import annotations

import io
import os
import stat
import sys
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Deployment:
    """One version of a function with one configuration. Two that are equal share their processes."""

    arn: str
    """Without a qualifier."""
    name: str
    version: str
    region: str
    account: str
    code_sha256: str
    handler: str
    runtime: str
    role: str
    timeout: int
    """Seconds."""
    memory: int
    """MiB."""
    reserved: int | None
    """Reserved concurrency."""
    traced: bool
    environment: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, function: Any) -> Deployment:
        """Read it off moto's `LambdaFunction`."""
        arn = ":".join(function.function_arn.split(":")[:7])
        reserved = function.reserved_concurrency
        return cls(
            arn=arn,
            name=function.function_name,
            version=str(function.version),
            region=function.region,
            account=function.account_id,
            code_sha256=function.code_sha_256,
            handler=function.handler or "",
            runtime=function.run_time or "",
            role=function.role,
            timeout=int(function.timeout or 3),
            memory=int(function.memory_size or 128),
            reserved=None if reserved is None else int(reserved),
            traced=(function.tracing_config or {}).get("Mode") == "Active",
            environment=tuple(sorted((function.environment_vars or {}).items())),
        )

    @property
    def slot(self) -> tuple[str, str]:
        """Deployments with the same slot replace one another."""
        return self.arn, self.version

    @property
    def log_group(self) -> str:
        """Where its logs go."""
        return f"/aws/lambda/{self.name}"

    def command(self, task: Path, python: Path) -> list[str]:
        """The program to start. An OS-only runtime starts the zip's own `bootstrap`."""
        if self.runtime.startswith("python"):
            return [str(python), str(Path(__file__).with_name("python_bootstrap.py"))]
        return [str(task / "bootstrap")]


class CodeStore:
    """Zips, unpacked once each, by their hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def task_root(self, sha256: str, code: bytes) -> Path:
        """The folder that stands for `/var/task`."""
        root = self._folder / sha256.replace("/", "_").rstrip("=")
        with self._lock:
            if not root.exists():
                unpacked = root.with_suffix(".part")
                _unpack(code, unpacked)
                unpacked.rename(root)
        return root


def _unpack(code: bytes, folder: Path) -> None:
    """Unpack with the modes that the zip states: a `bootstrap` that is not executable there fails here as on AWS."""
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        archive.extractall(folder)
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            if mode and not entry.is_dir():
                (folder / entry.filename).chmod(stat.S_IMODE(mode) | stat.S_IRUSR)


def base_environment(deployment: Deployment, task: Path, runtime_api: str, log_stream: str) -> dict[str, str]:
    """The variables that Lambda itself sets.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    return {
        "_HANDLER": deployment.handler,
        "AWS_REGION": deployment.region,
        "AWS_DEFAULT_REGION": deployment.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{deployment.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": deployment.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": deployment.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": deployment.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "LAMBDA_TASK_ROOT": str(task),
        "LAMBDA_RUNTIME_DIR": str(Path(sys.executable).parent),
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
        "PWD": str(task),
    }
