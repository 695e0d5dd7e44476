"""What somebody sees who tries Chancery out, and whether what is then proposed works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import judges
import pytest
import trials


def said_and_code(process: subprocess.Popen) -> tuple[str, int]:
    said, _ = process.communicate(timeout=60)
    return said, process.returncode


def test_a_zip_that_is_missing_is_named(tmp_path):
    said, code = said_and_code(trials.begin(tmp_path / "none.zip"))
    assert (said, code) == (f"There is no {tmp_path / 'none.zip'}. Make it with `cargo xtask lambda`.\n", 1)


def test_a_terraform_that_is_missing_is_named(tmp_path):
    zipped = tmp_path / "functions.zip"
    zipped.write_bytes(b"")
    said, code = said_and_code(trials.begin(zipped, {"PATH": str(tmp_path)}))
    assert code == 1
    assert said.startswith("Neither terraform nor tofu is on the PATH")


@pytest.mark.deployed("trial")
def test_what_is_proposed_works(deployed):
    said = deployed.said
    assert deployed.complaints == ""
    for line in (
        r"AWS on this machine   http://127\.0\.0\.1:\d+",
        r"Terraform             … \d+ s",
        r"State machine         … \d+ s",
        r"Root CA               .*CN=Serverless Root CA, until 20\d\d-\d\d-\d\d, CRL 1",
        r"Issuing CA            .*CN=Serverless Issuing CA, until 20\d\d-\d\d-\d\d, CRL 1",
        r"Certificate           CN=www\.example\.com, until 20\d\d-\d\d-\d\d",
    ):
        assert re.search(f"^{line}$", said, re.MULTILINE), said
    commands = said.split("ordinary AWS CLI:\n")[1].split("Ctrl-C")[0]
    # An endpoint that the proposal itself sets; the command is built elsewhere.
    commands = re.sub("(?m)^  chancery .*$", "", commands)
    folder = Path(re.search("cd (.*)", commands)[1])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=judges.aws_environment("http://127.0.0.1:1", folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "db.pem: OK" in done.stdout
    assert "db.example.com" in done.stdout
    assert "Certificate Issued" in done.stdout
    assert re.search(r"\tserverless-tls-cert-dev\tarn:aws:kms:", done.stdout), done.stdout
    assert deployed.stop() == 0
    assert not folder.exists()
