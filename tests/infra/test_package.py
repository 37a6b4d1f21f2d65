"""The zip for Lambda: small, whole, and the same bytes each time."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.infra.stack import ROOT, package

SERVICES: set[str] = runpy.run_path(str(ROOT / "tools/package.py"))["SERVICES"]

IMPORT_SECONDS = 0.3
ELF_MACHINE, AARCH64 = slice(18, 20), b"\xb7\x00"
"""Where a shared library says which processor it is for."""

IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
before = time.process_time()
import app
print(time.process_time() - before)
assert not {"kubernetes", "docker", "botocore", "pynamodb"} & set(sys.modules)
"""

IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import app, chalicelib
for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    if module.name not in ("chalicelib.adapters.keyfile", "chalicelib.adapters.sqlite"):
        importlib.import_module(module.name)
from botocore.session import get_session
for service in sys.argv[2:]:
    get_session().create_client(service, region_name="us-east-1")
strangers = [name for name in ("kubernetes", "docker", "boto3", "pip") if name in sys.modules]
assert not strangers, strangers
outside = [
    name for name, module in sys.modules.items()
    if "-packages" in (getattr(module, "__file__", None) or "")
]
assert not outside, outside
"""


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("package")
    first, second = folder / "first.zip", folder / "second.zip"
    package(["--output", str(first)])
    package(["--output", str(second)])
    return first, second


@pytest.mark.slow
def test_small_and_the_same_bytes_each_time(zips: tuple[Path, Path]) -> None:
    first, second = zips
    assert first.stat().st_size < 50_000_000
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_holds_what_lambda_runs_and_no_more(zips: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(zips[0]) as archive:
        names = archive.namelist()
        machines = {name: archive.read(name)[ELF_MACHINE] for name in names if name.endswith(".so")}
    chalice = {name for name in names if name.startswith("chalice/") and name.endswith(".py")}
    assert chalice == {"chalice/__init__.py", "chalice/app.py"}
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "chalicelib").rglob("*.py")}
    assert ours | {"app.py"} <= set(names)
    tops = {name.partition("/")[0] for name in names}
    assert not tops & {"agent", "standalone", "tests", "tools", "kubernetes", "docker", "pip", "setuptools", "bin"}
    assert set(machines.values()) == {AARCH64}
    assert [name for name in machines if re.search(r"cpython-(?!313)", name)] == []


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package for this machine's Python, unpacked as Lambda does."""
    folder = tmp_path_factory.mktemp("local")
    package(["--local", "--output", str(folder / "local.zip")])
    zipfile.ZipFile(folder / "local.zip").extractall(folder / "task")
    return folder / "task"


@pytest.mark.slow
def test_a_cold_start_is_quick(task: Path) -> None:
    """Processor time to import the handlers, with the bytecode that is in the package. The least of some tries counts."""
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT, str(task)]
    spent = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(5)]
    assert min(spent) < IMPORT_SECONDS


@pytest.mark.slow
def test_runs_by_itself(task: Path, tmp_path: Path) -> None:
    """On this machine's Python, with nothing but the standard library besides."""
    command = [sys.executable, "-I", "-S", "-c", IMPORT_ALL, str(task), *sorted(SERVICES)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


def test_describes_every_service_that_is_called() -> None:
    source = "".join(path.read_text() for path in (ROOT / "chalicelib/adapters").glob("*.py"))
    called = set(re.findall(r'(?:\bclient|create_client)\(\s*"([a-z0-9]+)"', source))
    assert called <= SERVICES
