"""The commands of docs/aws/getting-started.md, word for word, from the first run to the check against the CRL."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import judges
import pytest
from deployments import REPOSITORY

pytestmark = pytest.mark.deployed("main")

PAGE = REPOSITORY / "docs" / "aws" / "getting-started.md"
STEPS = ("## 4. Make the CAs", "## 5. The first certificate", "## 6. Verify")


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Each command of the page's console blocks, with what it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        joined = block.replace("\\\n", "\\\n\0")
        for line in joined.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            elif line.startswith("\0"):
                found[-1] = (found[-1][0] + "\n" + line.removeprefix("\0"), [])
            else:
                found[-1][1].append(line.split("  #")[0].strip())
    return found


def test_the_page_is_true(authority, tmp_path):
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    (tmp_path / "authority.json").write_text(json.dumps(authority.outputs))
    page = PAGE.read_text()
    chosen = []
    for title in STEPS:
        chosen += commands(page.split(title)[1].split("\n## ")[0])
    # The page offers the AWS CLI and OpenSSL instead of it.
    chosen = [(command, said) for command, said in chosen if not command.startswith("chancery ")]
    assert len(chosen) >= 14
    script = ["set -euo pipefail"]
    for command, _ in chosen:
        if "describe-execution" in command:
            script.append(f'while [ "$({command})" = RUNNING ]; do sleep 0.2; done')
        script += [command, "echo @@@"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=judges.aws_environment(authority.endpoint, tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.split("@@@\n")
    for (command, said), output in zip(chosen, printed, strict=False):
        if said:
            assert output.splitlines() == said, command
    listed = next(
        output for (command, _), output in zip(chosen, printed, strict=False) if command.startswith("aws s3 ls")
    )
    # The bucket holds what the page says, and what a neighbour publishes there.
    for name in re.findall(r"`(serverless-[a-z-]+\.(?:crt|pem))`", page):
        assert f" {name}\n" in listed
