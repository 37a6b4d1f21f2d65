"""Rules about the documents and about what may be written in the repository; part of ``make check``.

- Every relative link in a Markdown file leads to a file, and ``docs/architecture.md`` exists.
- Every decision is a numbered file of its own, listed with its title and status in ``docs/decisions/README.md``.
- Every identity provider that works has a page in ``docs/operations/login``, and the API takes what its examples send.
- No file names the host of a package registry: where packages come from is the machine's affair.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"^( *)(```|~~~).*?^\1\2|`[^`\n]+`", re.DOTALL | re.MULTILINE)
JSON = re.compile(r"^ *```json\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
DECISION = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
REGISTRIES = re.compile(
    r"(pypi|pythonhosted|npmjs|golang|debian)"
    + r"\.org\b|(archive|ports|security)\.ubuntu"
    + r"\.com\b|crates"
    + r"\.io\b"
)


def problems(root: Path) -> Iterator[str]:
    """Yield a line for each broken rule."""
    files = _files(root)
    for path in files:
        name = path.relative_to(root).as_posix()
        text = _text(path)
        yield from (f"{name}:{_line(text, hit)}: names a package registry" for hit in REGISTRIES.finditer(text))
        if path.suffix == ".md":
            yield from (f"{name}: {target} leads nowhere" for target in _dead_links(root, path, text))
    if not (root / "docs/architecture.md").is_file():
        yield "docs/architecture.md is missing"
    yield from _decisions(root / "docs/decisions")


def _decisions(folder: Path) -> Iterator[str]:
    index = folder / "README.md"
    listed = index.read_text() if index.is_file() else ""
    numbers: dict[str, str] = {}
    for path in sorted(folder.glob("*.md")):
        if path == index:
            continue
        match = DECISION.fullmatch(path.name)
        if match is None:
            yield f"docs/decisions/{path.name}: not named like 0001-what-was-decided.md"
            continue
        number = match[1]
        if number in numbers:
            yield f"docs/decisions/{path.name}: {numbers[number]} has the same number"
        numbers[number] = path.name
        if not re.search(rf"^\| {number} \| \[[^\]]+\]\({re.escape(path.name)}\) \| \w.* \|$", listed, re.MULTILINE):
            yield f"docs/decisions/README.md: lacks the line | {number} | [Title]({path.name}) | status |"


def examples(root: Path) -> Iterator[str]:
    """Yield a line for each page on a provider that is missing, and for each of its examples that the API would not take."""
    sys.path.insert(0, str(root))
    from chalicelib.schema.kinds.providers import CONFIGS

    for name, kind in CONFIGS.items():
        page = root / "docs/operations/login" / f"{name}.md"
        if kind.later or "testAndApply" not in kind.actions:
            continue
        if not page.is_file():
            yield f"docs/operations/login/{name}.md is missing"
            continue
        inputs = [action.input.fields for action in kind.actions.values() if action.input is not None]
        for example in JSON.findall(page.read_text()):
            sent = json.loads(example)
            if not any(_takes(fields, sent) for fields in inputs):
                yield f"docs/operations/login/{name}.md: no action takes {', '.join(sent)}"


def _takes(fields: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Is each of the names a field, in what is nested too?"""
    return all(
        name in fields and (not isinstance(value, dict) or _takes(fields[name].part.fields, value))
        for name, value in sent.items()
    )


def _dead_links(root: Path, path: Path, text: str) -> Iterator[str]:
    for target in LINK.findall(CODE.sub("", text)):
        place = target.partition("#")[0]
        if not place or re.match(r"[a-z][a-z+.-]*:", place):
            continue
        start = root if place.startswith("/") else path.parent
        if not (start / place.lstrip("/")).exists():
            yield target


def _files(root: Path) -> Sequence[Path]:
    """Return what is tracked or about to be; outside of a git checkout (an archive), what is not hidden."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        paths = [root / name for name in listing.stdout.split("\0") if name]
    else:
        paths = [path for path in root.glob("[!.]*/**/*") if "build" not in path.relative_to(root).parts]
    return [path for path in paths if path.is_file()]


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def _line(text: str, hit: re.Match[str]) -> int:
    return text.count("\n", 0, hit.start()) + 1


def main() -> int:
    root = Path(__file__).resolve().parent.parent
    found = [*problems(root), *examples(root)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
