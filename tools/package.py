"""Build what Lambda runs, ``build/lariat.zip``: our code, the locked packages, Chalice's runtime; ``make package``.

The same commit gives the same bytes: packages come from the hashed lock, entries are sorted and carry one date.
``docs/decisions/0010-the-package.md`` has the reasons for what is left out. ``--local`` builds for this machine's
Python instead of Lambda's, for an emulator.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.13"
# Amazon Linux 2023, on which Lambda's Python 3.13 runs, has glibc 2.34.
PLATFORM = "aarch64-manylinux_2_28"
LIMIT = 50_000_000
"""Bytes that Lambda takes in one upload."""

UNZIPPED_LIMIT = 250_000_000

# The services that chalicelib/adapters calls. botocore describes 400 more, which are two thirds of its size.
SERVICES = {"apigatewaymanagementapi", "dynamodb", "dynamodbstreams", "kms", "secretsmanager", "sqs", "sts"}

_LEFT_OUT = re.compile(
    r"(^|/)(__pycache__|tests?)/"
    r"|\.(pyi|pyx|pxd|c|h|lock)$"
    r"|^bin/"
    r"|^boto3/(data|examples)/"
    r"|^ecdsa/test_"
    r"|\.dist-info/(?!METADATA$|licenses/|LICENSE)"
    r"|^\.lock$"
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


def is_kept(name: str) -> bool:
    """Tell whether Lambda needs this file of a package."""
    if name.startswith("botocore/data/"):
        parts = name.split("/")
        return len(parts) == 3 or parts[2] in SERVICES
    return not _LEFT_OUT.search(name)


def stage(folder: Path, local: bool) -> None:
    """Lay out the zip's contents in ``folder``."""
    with tempfile.TemporaryDirectory() as packages:
        _install(Path(packages), local)
        _copy(Path(packages), folder)
    spec = find_spec("chalice")
    chalice = Path(spec.origin).parent if spec and spec.origin else None
    if chalice is None:
        raise SystemExit("chalice is not installed: run `make check` once, or this script with .venv's Python")
    for name in ("__init__.py", "app.py"):
        # Chalice's own packager takes these two modules and nothing else of it.
        _put(chalice / name, folder / "chalice" / name)
    _put(ROOT / "app.py", folder / "app.py")
    for path in (ROOT / "chalicelib").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            _put(path, folder / path.relative_to(ROOT))


def _install(folder: Path, local: bool) -> None:
    target = [] if local else ["--python-platform", PLATFORM, "--python-version", PYTHON]
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(folder), *target]
    command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"]
    subprocess.run([*command, "--requirement", str(ROOT / "requirements.txt")], check=True)


def _copy(packages: Path, folder: Path) -> None:
    for path in packages.rglob("*"):
        name = path.relative_to(packages).as_posix()
        if path.is_file() and is_kept(name):
            _put(path, folder / name)


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def compiler(local: bool) -> str | None:
    """Return a Python whose bytecode Lambda's can load, or ``None``."""
    if local:
        return sys.executable
    version = "import sys; print('%d.%d' % sys.version_info[:2])"
    for python in (os.environ.get("LARIAT_PYTHON_FOR_LAMBDA", f"python{PYTHON}"), sys.executable):
        try:
            answer = subprocess.run([python, "-c", version], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if answer.stdout.strip() == PYTHON:
            return python
    return None


def precompile(folder: Path, python: str) -> None:
    """Add bytecode that is never checked against its source, as the package can't be changed once it is there."""
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", "/var/task", str(folder)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})


def write(folder: Path, target: Path) -> None:
    """Zip ``folder``, the same bytes for the same contents."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in _files(folder):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = (0o100755 if ".so" in path.suffixes else 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())
    unfinished.replace(target)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    yield from sorted(names.items())


def build(target: Path, local: bool = False) -> None:
    """Build ``target`` and say what it became."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage(folder, local)
        if python := compiler(local):
            precompile(folder, python)
        else:
            print(
                f"No Python {PYTHON} here (LARIAT_PYTHON_FOR_LAMBDA names one): "
                "the package has no bytecode, and cold starts take longer."
            )
        write(folder, target)
        unzipped = sum(path.stat().st_size for _, path in _files(folder))
    size = target.stat().st_size
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    where = target.relative_to(ROOT) if target.is_relative_to(ROOT) else target
    print(f"{where}: {size / 1e6:.1f} MB, {unzipped / 1e6:.1f} MB unzipped, sha256 {digest}")
    if size >= LIMIT or unzipped >= UNZIPPED_LIMIT:
        raise SystemExit(f"Lambda takes at most {LIMIT / 1e6:.0f} MB, {UNZIPPED_LIMIT / 1e6:.0f} MB unzipped")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Build the zip that Lambda runs.")
    parser.add_argument("--local", action="store_true", help="for this machine's Python, into build/lariat-local.zip")
    parser.add_argument("--output", type=Path, help="where to put it")
    options = parser.parse_args(arguments)
    default = "lariat-local.zip" if options.local else "lariat.zip"
    build((options.output or ROOT / "build" / default).resolve(), options.local)


if __name__ == "__main__":
    main(sys.argv[1:])
