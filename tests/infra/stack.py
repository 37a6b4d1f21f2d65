"""The AWS edge as people deploy it: this repository's Terraform and package, applied to an emulator of AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.kubernetes.cluster import free_port

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
START_SECONDS = 30


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
        plugins = os.environ.get("TF_PLUGIN_DIR")
        try:
            self.run("init", "-backend=false", "-input=false", *([f"-plugin-dir={plugins}"] if plugins else []))
        except AssertionError:
            raise Unfit("Terraform's AWS provider can't be had here (TF_PLUGIN_DIR names a folder with it)") from None

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["terraform", arguments[0], *arguments[1:]],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"terraform {arguments[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

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
    """What was planned, what is there, and its outputs."""

    def __init__(self, planned: Resources, applied: Resources, outputs: dict[str, Any], endpoint: str) -> None:
        self.planned = planned
        self.applied = applied
        self.outputs = outputs
        self.endpoint = endpoint


@contextmanager
def ministack(folder: Path) -> Iterator[int]:
    """Run the emulator; yields its port."""
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_PORT": str(free_port()),
    }
    # Its own command ends idle connections after 75 s; Terraform, which keeps them for 90, then writes into a closed one.
    command = [sys.executable, "-m", "hypercorn", "ministack.app:app", "--keep-alive", "600"]
    with (folder / "ministack.log").open("wb") as log:
        emulator = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        _await_port(emulator, port)
        yield port
    finally:
        emulator.terminate()
        with suppress(subprocess.TimeoutExpired):
            emulator.wait(10)
        if emulator.poll() is None:
            emulator.kill()


def _await_port(emulator: subprocess.Popen[bytes], port: int) -> None:
    from socket import create_connection

    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and emulator.poll() is None:
        with suppress(OSError):
            create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.1)
    raise AssertionError("the emulator of AWS did not start")


def package(arguments: Sequence[str] = ()) -> None:
    """Build a package as ``make package`` does."""
    subprocess.run([sys.executable, str(ROOT / "tools/package.py"), *arguments], cwd=ROOT, check=True)


@contextmanager
def deployed(folder: Path) -> Iterator[Stack]:
    """Deploy to an emulator, and destroy; raises ``Unfit`` where that can't be done."""
    zip = folder / "lariat.zip"
    package(["--local", "--output", str(zip)])
    with ministack(folder) as port:
        endpoint = f"http://127.0.0.1:{port}"
        terraform = Terraform(
            folder / "infra",
            {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_EC2_METADATA_DISABLED": "true",
                "TF_VAR_emulator": f"127.0.0.1:{port}",
                "TF_VAR_package": str(zip),
                "TF_VAR_protect": "false",
                "TF_VAR_architecture": "x86_64",
            },
        )
        terraform.init()
        terraform.run("plan", "-input=false", "-out=plan")
        planned = Resources(terraform.json("show", "-json", "plan")["planned_values"])
        terraform.run("apply", "-input=false", "plan")
        try:
            applied = Resources(terraform.json("show", "-json")["values"])
            outputs = {name: output["value"] for name, output in terraform.json("output", "-json").items()}
            yield Stack(planned, applied, outputs, endpoint)
        finally:
            terraform.run("destroy", "-input=false", "-auto-approve")
