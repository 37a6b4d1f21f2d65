"""Provide the Kubernetes binaries that the tests run against; called by ``make kubernetes`` and the cluster fixture.

A test cluster is real: etcd, kube-apiserver, kube-controller-manager and kubectl. They come from, in this order,

1. the folder named by ``KUBEBUILDER_ASSETS`` (what the usual ``setup-envtest`` downloads),
2. the user's cache directory,
3. a build from Debian's source package ``kubernetes`` with Debian's Go, about nine minutes on two cores, once.

The build touches nothing outside the cache: compiler, etcd and sources are fetched with a private apt configuration
and unpacked there. Only ``dpkg-dev``, ``rsync``, ``jq`` and ``make`` must be installed; they are, where apt is allowed to.
Progress goes to stderr; the last line on stdout is the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

VERSION = "v1.20.2"
BUILT = ("kube-apiserver", "kube-controller-manager", "kubectl")
REQUIRED = ("etcd", "kube-apiserver", "kubectl")
TOOLS = {"dpkg-source": "dpkg-dev", "rsync": "rsync", "jq": "jq", "make": "make"}
GO_PACKAGES = ("golang-1.19-go", "golang-1.19-src")
REFLECT2 = "golang-github-modern-go-reflect2-dev"


ADVICE = "set KUBEBUILDER_ASSETS to the folder that `setup-envtest use -p path` prints"


class Unavailable(Exception):
    """The binaries can't be had here; the message is one line that says what to do."""


def folder(environment: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Return the folder with the binaries, building them first if nobody has yet.

    Raises ``Unavailable`` where neither ``KUBEBUILDER_ASSETS`` nor a build is possible.
    """
    assets = environment.get("KUBEBUILDER_ASSETS")
    if assets:
        return _assets(Path(assets))
    cache = _cache(environment)
    if not _missing(cache):
        return cache
    return _build(cache, say)


def _assets(assets: Path) -> Path:
    absent = [name for name in REQUIRED if not (assets / name).is_file()]
    if absent:
        raise Unavailable(
            f"KUBEBUILDER_ASSETS={assets} lacks {', '.join(absent)}; unset it to build them, or point it elsewhere"
        )
    return assets


def _cache(environment: Mapping[str, str]) -> Path:
    root = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "lariat" / f"kubernetes-{VERSION}"


def _missing(cache: Path) -> list[str]:
    return [name for name in ("etcd", *BUILT) if not (cache / name).is_file()]


def _build(cache: Path, say: Callable[[str], None]) -> Path:
    _install_tools(say)
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="build-", dir=cache))
    try:
        apt = Apt(work / "apt")
        say("fetching Debian's sources of Kubernetes, its Go compiler and etcd")
        apt.update()
        if not (cache / "etcd").is_file():
            _keep(apt.unpack("etcd-server", work / "etcd") / "usr/bin/etcd", cache)
        go = work / "go"
        for package in (*GO_PACKAGES, REFLECT2):
            apt.unpack(package, go)
        source = apt.source("kubernetes", work)
        _replace_reflect2(source, go)
        for name in _missing(cache):
            _compile(name, source, go, say)
            _keep(source / "_output/bin" / name, cache)
    finally:
        _remove(work)
    return cache


def _install_tools(say: Callable[[str], None]) -> None:
    packages = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if not packages:
        return
    if not shutil.which("apt-get"):
        raise Unavailable(f"no apt here to build Kubernetes with: {ADVICE}")
    if os.geteuid() != 0:
        raise Unavailable(f"run `sudo apt-get install {' '.join(packages)}` first, or set KUBEBUILDER_ASSETS")
    say(f"installing {', '.join(packages)}")
    _run(["apt-get", "update", "-qq"])
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages], env=environment)


class Apt:
    """apt with a configuration of its own: the machine's sources, with source packages added, and separate lists."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for name in ("lists/partial", "cache/archives/partial", "sources"):
            (root / name).mkdir(parents=True)
        for path in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]:
            if path.suffix in (".list", ".sources") and path.is_file():
                (root / "sources" / path.name).write_text(_with_sources(path.read_text(), path.suffix))

    def update(self) -> None:
        # A third-party source that is out of reach must not stop Debian's own from being used.
        subprocess.run(["apt-get", *self._options(), "update", "-qq"], capture_output=True, check=False)

    def unpack(self, package: str, into: Path) -> Path:
        """Download a binary package and unpack its files, without installing it."""
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._root) as downloads:
            self._fetch(["download", package], Path(downloads), package)
            archive = next(Path(downloads).glob("*.deb"))
            _run(["dpkg-deb", "-x", str(archive), str(into)])
        return into

    def source(self, package: str, into: Path) -> Path:
        """Download and unpack a source package; return its folder."""
        self._fetch(["source", "-qq", package], into, package)
        return next(path for path in into.glob(f"{package}-*") if path.is_dir())

    def _fetch(self, arguments: list[str], into: Path, package: str) -> None:
        try:
            _run(["apt-get", *self._options(), *arguments], cwd=into)
        except Unavailable as error:
            raise Unavailable(f"apt has no `{package}` here ({error}); {ADVICE}") from None

    def _options(self) -> list[str]:
        settings = {
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": f"{self._root}/sources",
            "Dir::State::lists": f"{self._root}/lists",
            "Dir::Cache": f"{self._root}/cache",
            "APT::Sandbox::User": "root",
        }
        return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _with_sources(text: str, suffix: str) -> str:
    if suffix == ".sources":
        return re.sub(r"^Types:.*$", "Types: deb deb-src", text, flags=re.MULTILINE)
    lines = [line for line in text.splitlines() if line.startswith("deb ")]
    return "".join(f"{line}\ndeb-src {line.removeprefix('deb ')}\n" for line in lines)


def _replace_reflect2(source: Path, go: Path) -> None:
    """The vendored reflect2 reads runtime internals that Go 1.18 changed; Debian's copy does not."""
    vendored = source / "vendor/github.com/modern-go/reflect2"
    _remove(vendored)
    shutil.copytree(go / "usr/share/gocode/src/github.com/modern-go/reflect2", vendored)


def _compile(name: str, source: Path, go: Path, say: Callable[[str], None]) -> None:
    path = source.parent / "gopath"
    workspace = path / "src/k8s.io/kubernetes"
    if not workspace.exists():
        workspace.parent.mkdir(parents=True)
        workspace.symlink_to(source)
    compiler = go / "usr/lib/go-1.19"
    environment = {
        "PATH": f"{compiler}/bin:{os.environ['PATH']}",
        "HOME": str(source.parent),
        "GOROOT": str(compiler),
        "GOPATH": str(path),
        "GOCACHE": str(source.parent / "gocache"),
        "GO111MODULE": "off",
        "CGO_ENABLED": "0",
        "KUBE_GIT_VERSION": VERSION,
        "KUBE_GIT_TREE_STATE": "clean",
        "KUBE_GIT_COMMIT": "debian",
        "KUBE_GIT_MAJOR": "1",
        "KUBE_GIT_MINOR": "20",
    }
    log = source.parent / f"{name}.log"
    command = ["make", f"WHAT=cmd/{name}", "GOLDFLAGS=-s -w"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=workspace, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _wait(process, f"building {name}", say)
    if process.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-20:]
        raise Unavailable(f"building {name} failed:\n" + "\n".join(tail))


def _wait(process: subprocess.Popen[bytes], title: str, say: Callable[[str], None]) -> None:
    started = time.monotonic()
    say(f"{title} (some minutes)")
    while True:
        try:
            process.wait(timeout=30)
            return
        except subprocess.TimeoutExpired:
            say(f"{title}: {time.monotonic() - started:.0f} s")


def _keep(binary: Path, cache: Path) -> None:
    """Move a finished file into the cache in one step, so that a broken build leaves no half of one."""
    partial = cache / f"{binary.name}.partial"
    shutil.copy2(binary, partial)
    partial.rename(cache / binary.name)


def _remove(tree: Path) -> None:
    if tree.exists():
        _run(["chmod", "-R", "u+w", str(tree)])
        shutil.rmtree(tree)


def _run(command: list[str], **options: object) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines() or [f"exit code {result.returncode}"]
        raise Unavailable(f"{command[0]}: {lines[-1]}")


def main() -> int:
    try:
        path = folder(os.environ, lambda line: print(f"kubernetes: {line}", file=sys.stderr, flush=True))
    except Unavailable as error:
        print(f"kubernetes: {error}", file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
