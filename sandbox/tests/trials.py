"""`python -m chancery_sandbox`, started as `cargo xtask sandbox` does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import deployments

SANDBOX = deployments.REPOSITORY / "sandbox"


class Trial:
    """A running one, and what it has said until it waits."""

    def __init__(self, folder: Path) -> None:
        with (folder / "complaints").open("w") as complaints:
            self.process = begin(deployments.ZIP, stderr=complaints)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        self.said = "".join(lines)
        self.complaints = (folder / "complaints").read_text()

    def stop(self) -> int:
        """Let its standard input end, as the terminal's closing does."""
        self.process.stdin.close()
        return self.process.wait(timeout=30)


def begin(zipped: Path, environment: Mapping[str, str] | None = None, **more) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "chancery_sandbox", zipped],
        cwd=SANDBOX,
        env=os.environ if environment is None else environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **more,
    )
