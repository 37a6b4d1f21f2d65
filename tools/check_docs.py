"""Rules about the documents and about what may be written in the repository; part of ``make check``.

- Every relative link in a Markdown file leads to a file, and ``docs/architecture.md`` exists.
- Every decision is a numbered file of its own, listed with its title and status in ``docs/decisions/README.md``.
- No file names the host of a package registry: where packages come from is the machine's affair.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"^( *)(```|~~~).*?^\1\2|`[^`\n]+`", re.DOTALL | re.MULTILINE)
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
    found = list(problems(Path(__file__).resolve().parent.parent))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
