"""Rules about the code that ruff, mypy and import-linter can't express; part of ``make check``.

- Nothing is patched: no ``setattr`` of a monkeypatch or a mocker. Tests use real parts.
- ``chalicelib.tunnel`` imports the standard library alone, since the agent shares it.
- ``app.py`` is wiring: of ours it imports ``chalicelib``, but no adapter; and no database or AWS library.
- Every folder of Python is known to mypy and, unless it holds tests or tools, to import-linter.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

UNCHECKED_DIRECTION = {"tests", "tools"}
NOT_FOR_APP = ("agent", "standalone", "chalicelib.adapters", "boto3", "botocore", "pynamodb", "sqlite3")


def problems(root: Path) -> Iterator[str]:
    """Yield a line for each broken rule."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]
    packages = sorted({path.relative_to(root).parts[0] for path in root.glob("[!.]*/**/*.py")} - {"build"})
    for package in packages:
        if package not in settings["mypy"]["files"]:
            yield f"pyproject.toml: mypy does not check {package}/"
        if package not in {*settings["importlinter"]["root_packages"], *UNCHECKED_DIRECTION}:
            yield f"pyproject.toml: import-linter does not check {package}/"
    for path in sorted(
        [*root.glob("*.py"), *(path for package in packages for path in (root / package).rglob("*.py"))]
    ):
        name = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(), name)
        for line, rule in _broken(name, tree):
            yield f"{name}:{line}: {rule}"


def _broken(name: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    yield from _patches(tree)
    for line, module in _imports(tree):
        if name.startswith("chalicelib/tunnel/") and not _is_for_tunnel(module):
            yield line, f"the tunnel is pure: {module} is not of the standard library"
        if name == "app.py" and any(f"{module}.".startswith(f"{banned}.") for banned in NOT_FOR_APP):
            yield line, f"app.py is wiring: it may not import {module}"


def _patches(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"setattr", "delattr"}:
            yield node.lineno, f".{node.attr}() replaces a part of the code under test; pass the part in instead"
        elif isinstance(node, ast.arg) and node.arg == "mocker":
            yield node.lineno, "no mocks: use a real part, or a fake that passes its port's contract suite"


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def _is_for_tunnel(module: str) -> bool:
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or f"{module}.".startswith("chalicelib.tunnel.")


def main() -> int:
    found = list(problems(Path(__file__).resolve().parent.parent))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
