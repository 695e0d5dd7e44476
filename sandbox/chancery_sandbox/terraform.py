"""Applies the Terraform module against the sandbox, as a caller of the module would against AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCESS_KEY = "AKIASANDBOXSANDBOX00"
SECRET_KEY = "sandbox"  # noqa: S105 - nobody checks it
REGION = "eu-west-1"

# Where Terraform itself looks for mirrors of providers, and where they are often put.
_MIRRORS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt/tf-plugins",
)


class TerraformError(Exception):
    """Terraform failed; the message is what it said."""


def program() -> str | None:
    """Terraform or OpenTofu, whichever is installed."""
    chosen = os.environ.get("CHANCERY_TERRAFORM")
    return chosen or shutil.which("terraform") or shutil.which("tofu")


def mirror() -> Path | None:
    """A folder with the AWS provider, for machines that reach no registry."""
    chosen = os.environ.get("CHANCERY_TERRAFORM_PLUGINS")
    folders = [Path(chosen)] if chosen else [Path(each).expanduser() for each in _MIRRORS]
    return next((folder for folder in folders if list(folder.glob("registry.*/hashicorp/aws"))), None)


@dataclass
class Stack:
    """A configuration that calls the module, and its state, in one folder."""

    folder: Path
    endpoint: str
    module: Path
    inputs: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further calls of the module, by name, with their inputs: one apply is quicker than many."""
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each call of the module gave out when it was applied last."""

    def write(self) -> None:
        """Write the configuration. It holds nothing that is not said here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        calls = {"ca": self.inputs, **self.others}
        (self.folder / "main.tf.json").write_text(
            json.dumps(
                {
                    "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
                    "provider": {
                        "aws": {
                            "region": REGION,
                            "access_key": ACCESS_KEY,
                            "secret_key": SECRET_KEY,
                            "s3_use_path_style": True,
                            "skip_credentials_validation": True,
                            "skip_metadata_api_check": True,
                            "skip_region_validation": True,
                        }
                    },
                    "module": {name: {"source": str(self.module), **inputs} for name, inputs in calls.items()},
                    "output": {name: {"value": f"${{module.{name}}}", "sensitive": True} for name in calls},
                },
                indent=2,
            ),
            encoding="utf-8",
        )

    def init(self) -> None:
        """Find the provider: in a mirror if there is one, else wherever Terraform is configured to look."""
        plugins = mirror()
        self._run("init", "-no-color", "-input=false", *([f"-plugin-dir={plugins}"] if plugins else []))

    def apply(self, *arguments: str) -> dict[str, Any]:
        """Apply, and return the outputs of the module's first call, `ca`."""
        self._run(
            "apply", "-no-color", "-input=false", "-auto-approve", "-compact-warnings", "-parallelism=60", *arguments
        )
        said = json.loads(self._run("output", "-no-color", "-json"))
        self.outputs = {name: output["value"] for name, output in said.items()}
        return self.outputs["ca"]

    def plan(self) -> list[dict[str, Any]]:
        """The changes that another apply would make: an empty list where all is as it should be."""
        self._run("plan", "-no-color", "-input=false", "-compact-warnings", "-parallelism=60", "-out=plan")
        plan = json.loads(self._run("show", "-no-color", "-json", "plan"))
        return [
            change
            for change in plan.get("resource_changes", [])
            if change["change"]["actions"] not in (["no-op"], ["read"])
        ]

    def _run(self, *arguments: str) -> str:
        terraform = program()
        if terraform is None:
            raise TerraformError("neither terraform nor tofu is installed")
        done = subprocess.run(
            [terraform, *arguments],
            cwd=self.folder,
            env=_environment(self.endpoint),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise TerraformError(f"terraform {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


def _environment(endpoint: str) -> dict[str, str]:
    # Nothing of the caller's own AWS settings may reach the provider, or it would change a real account.
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_", "TF_CLI_ARGS"))
    }
    configuration = kept.get("TF_CLI_CONFIG_FILE")
    if configuration and not Path(configuration).exists():
        del kept["TF_CLI_CONFIG_FILE"]
    return kept | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
        # The provider tells a schema of many megabytes at every start: a third of that is collecting garbage.
        "GOGC": "400",
        "TF_IN_AUTOMATION": "1",
    }
