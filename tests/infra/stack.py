"""The AWS edge as people deploy it: this repository's Terraform and package, applied to an emulator of AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.ministack import Ministack, running

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
AT_ONCE = "-parallelism=40"
"""Most of the time goes by while the provider waits between two looks at a resource."""


class Unfit(Exception):
    """This machine can't do it; the text says why in one line."""


class Terraform:
    """The configuration in a folder of its own, so that nothing is left in the checkout."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_"))},
            "TF_IN_AUTOMATION": "1",
            "TF_CLI_ARGS": "-no-color",
            "CHECKPOINT_DISABLE": "1",
            **environment,
        }

    def init(self) -> None:
        """Copy and initialise; raises ``Unfit`` where Terraform or its AWS provider is missing."""
        if not shutil.which("terraform"):
            raise Unfit("no terraform on the PATH")
        self._folder.mkdir(parents=True)
        for path in INFRA.glob("*.tf"):
            if path.name != "backend.tf":
                shutil.copy(path, self._folder)
        if self._try(str(ROOT / "tools/terraform-init")).returncode:
            raise Unfit("Terraform's AWS provider can't be had here (TF_PLUGIN_DIR names a folder with it)")

    def run(self, *arguments: str) -> str:
        done = self._try("terraform", *arguments)
        if done.returncode:
            raise AssertionError(f"terraform {arguments[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def _try(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=600, check=False
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments))


class Resources:
    """Terraform's resources by their address, such as ``aws_lambda_function.this["app"]``."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.values: dict[str, dict[str, Any]] = {
            resource["address"]: resource.get("values", {})
            for resource in shown["root_module"]["resources"]
            if resource["mode"] == "managed"
        }

    def of(self, type: str) -> dict[str, dict[str, Any]]:
        return {address: values for address, values in self.values.items() if address.startswith(f"{type}.")}

    def by_key(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the instances of one resource with ``for_each``, by its keys."""
        start = f'{name}["'
        return {
            address[len(start) : -2]: values for address, values in self.values.items() if address.startswith(start)
        }


class Stack:
    """What was planned, what is there, its outputs, and the account that it is in."""

    def __init__(self, planned: Resources, applied: Resources, outputs: dict[str, Any], account: Ministack) -> None:
        self.planned = planned
        self.applied = applied
        self.outputs = outputs
        self.account = account

    def bootstrap(self, **wanted: str) -> Any:
        """Do what the output of this name says, without AWS's command line."""
        assert "lariat-resync:live" in self.outputs["bootstrap"]
        client = self.account.client("lambda")
        payload = json.dumps({"bootstrap": wanted})
        answer = client.invoke(FunctionName="lariat-resync", Qualifier="live", Payload=payload)
        made = json.loads(answer["Payload"].read())
        client.close()
        return made

    def upgrade(self) -> dict[str, str]:
        """Give every function a new version and move its alias there; returns the versions."""
        client = self.account.client("lambda")
        versions = {}
        for name in self.outputs["functions"]:
            variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            changed = {"Variables": {**variables, "LARIAT_LOG_LEVEL": "warning"}}
            client.update_function_configuration(FunctionName=name, Environment=changed)
            versions[name] = client.publish_version(FunctionName=name)["Version"]
            client.update_alias(FunctionName=name, Name="live", FunctionVersion=versions[name])
        client.close()
        return versions


def package(arguments: Sequence[str] = ()) -> None:
    """Build a package as ``make package`` does."""
    subprocess.run([sys.executable, str(ROOT / "tools/package.py"), *arguments], cwd=ROOT, check=True)


@contextmanager
def deployed(folder: Path) -> Iterator[Stack]:
    """Deploy to an emulator, and destroy; raises ``Unfit`` where that can't be done."""
    zip = folder / "lariat.zip"
    package(["--local", "--output", str(zip)])
    with running(folder, tls=True) as account:
        terraform = configured(folder / "infra", account, zip)
        terraform.run("plan", "-input=false", "-out=plan")
        planned = Resources(terraform.json("show", "-json", "plan")["planned_values"])
        terraform.run("apply", "-input=false", AT_ONCE, "plan")
        try:
            applied = Resources(terraform.json("show", "-json")["values"])
            outputs = {name: output["value"] for name, output in terraform.json("output", "-json").items()}
            yield Stack(planned, applied, outputs, account)
        finally:
            terraform.run("destroy", "-input=false", "-auto-approve", "-refresh=false", AT_ONCE)


def configured(folder: Path, account: Ministack, zip: Path) -> Terraform:
    """Return the configuration, ready to be applied to the emulator; raises ``Unfit``."""
    terraform = Terraform(
        folder,
        {
            "AWS_ENDPOINT_URL": account.url,
            "AWS_CA_BUNDLE": str(account.authority),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TF_VAR_emulator": account.url.removeprefix("https://"),
            "TF_VAR_package": str(zip),
            "TF_VAR_protect": "false",
            "TF_VAR_architecture": "x86_64",
        },
    )
    terraform.init()
    return terraform
