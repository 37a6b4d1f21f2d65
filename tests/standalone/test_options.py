"""The server's options: where each comes from, which of two counts, and what is answered to a wrong one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from standalone.options import VERSION, BadOption, Options, parse
from tests.support.lariat import ROOT


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a kubeconfig."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Files that exist, by the names that the tables use."""
    found = {}
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
        found[name] = str(tmp_path / name)
    return found


def test_without_options(home: Path) -> None:
    assert parse([], {}) == Options(
        host="127.0.0.1",
        port=8443,
        data=home / ".local" / "share" / "lariat",
        certificate=None,
        key=None,
        hostnames=(),
        kubeconfig=None,
        demanded=False,
        lifetime=86400,
        password="",
        level="info",
        audit_level=0,
        audit_log=str(home / ".local" / "share" / "lariat" / "audit.log"),
        audit_required=True,
    )


TABLE = [
    ("--listen", "LARIAT_LISTEN", "port", "0.0.0.0:1", 1, "[::1]:2", 2),
    ("--listen", "LARIAT_LISTEN", "host", "192.0.2.1:1", "192.0.2.1", "[::1]:2", "::1"),
    ("--data", "LARIAT_DATA", "data", "/a", Path("/a"), "/b", Path("/b")),
    ("--hostnames", "LARIAT_HOSTNAMES", "hostnames", "a, b.test,", ("a", "b.test"), "2001:db8::1", ("2001:db8::1",)),
    ("--tunnel-lifetime", "LARIAT_TUNNEL_LIFETIME", "lifetime", "60", 60, "7200", 7200),
    ("--audit-level", "LARIAT_AUDIT_LEVEL", "audit_level", "1", 1, "3", 3),
    ("--audit-log", "LARIAT_AUDIT_LOG", "audit_log", "-", "-", "/audit.log", "/audit.log"),
    ("--audit-failure", "LARIAT_AUDIT_FAILURE", "audit_required", "continue", False, "refuse", True),
    ("--log-level", "LARIAT_LOG_LEVEL", "level", "debug", "debug", "error", "error"),
]
IDS = [f"{option} {field}" for option, _, field, *_ in TABLE]


@pytest.mark.parametrize(("option", "variable", "field", "first", "one", "second", "two"), TABLE, ids=IDS)
def test_each_comes_from_the_command_line_or_a_variable(
    option: str, variable: str, field: str, first: str, one: Any, second: str, two: Any
) -> None:
    assert getattr(parse([option, first], {}), field) == one
    assert getattr(parse([f"{option}={second}"], {}), field) == two
    assert getattr(parse([], {variable: first}), field) == one
    assert getattr(parse([option, second], {variable: first}), field) == two, "the command line counts more"
    assert getattr(parse([], {variable: ""}), field) == getattr(parse([], {}), field), "an empty variable is none"


def test_the_files_too(files: dict[str, str]) -> None:
    one, two = files["one"], files["two"]
    given = parse(["--certificate", one, "--key", two, "--local-kubeconfig", one], {})
    assert (given.certificate, given.key, given.kubeconfig) == (Path(one), Path(two), Path(one))
    variables = {"LARIAT_CERTIFICATE": one, "LARIAT_KEY": two, "LARIAT_LOCAL_KUBECONFIG": two}
    assert parse([], variables) == parse(["--certificate", one, "--key", two, "--local-kubeconfig", two], {})
    assert parse(["--certificate", two], variables).certificate == Path(two)


def test_the_password_comes_from_a_variable_alone() -> None:
    """A command line is visible to everybody on the machine."""
    assert parse([], {"LARIAT_ADMIN_PASSWORD": "x" * 12}).password == "x" * 12
    with pytest.raises(BadOption, match="unrecognized"):
        parse(["--admin-password", "x" * 12], {})


def test_folders_may_start_at_home(home: Path) -> None:
    assert parse(["--data", "~/there"], {}).data == home / "there"
    assert parse([], {"XDG_DATA_HOME": "/x"}).data == Path("/x/lariat")
    assert parse(["--data", "/y"], {"XDG_DATA_HOME": "/x"}).data == Path("/y")


class TestKubeconfig:
    """Of the cluster ``local``: the one that was named, else kubectl's own, if it is there."""

    def test_none_is_none_whatever_there_is(self, home: Path, files: dict[str, str]) -> None:
        self._at_home(home)
        options = parse([], {"LARIAT_LOCAL_KUBECONFIG": "none", "KUBECONFIG": files["one"]})
        assert (options.kubeconfig, options.demanded) == (None, False)

    def test_one_that_is_named_is_demanded(self, files: dict[str, str]) -> None:
        options = parse(["--local-kubeconfig", files["one"]], {"KUBECONFIG": files["two"]})
        assert (options.kubeconfig, options.demanded) == (Path(files["one"]), True)

    def test_kubectls_own_is_taken_but_not_demanded(self, files: dict[str, str]) -> None:
        options = parse([], {"KUBECONFIG": files["one"]})
        assert (options.kubeconfig, options.demanded) == (Path(files["one"]), False)

    def test_of_several_the_first(self, files: dict[str, str]) -> None:
        assert parse([], {"KUBECONFIG": f"{files['two']}:{files['one']}"}).kubeconfig == Path(files["two"])

    def test_the_one_at_home(self, home: Path) -> None:
        expected = self._at_home(home)
        options = parse([], {})
        assert (options.kubeconfig, options.demanded) == (expected, False)

    def test_one_that_is_gone_is_none(self) -> None:
        assert parse([], {"KUBECONFIG": "/no/such/file"}).kubeconfig is None

    def _at_home(self, home: Path) -> Path:
        (home / ".kube").mkdir()
        path = home / ".kube" / "config"
        path.write_text("")
        return path


@pytest.mark.parametrize("name", ["::1", "fd00::", "[2001:db8::1]"])
def test_any_address_may_be_a_hostname(name: str) -> None:
    assert parse(["--hostnames", name], {}).hostnames == (name,)


@pytest.mark.parametrize("listen", ["0.0.0.0:8443", ":8443"])
def test_every_interface_may_be_listened_on(listen: str) -> None:
    assert parse(["--listen", listen], {}).host == "0.0.0.0"  # noqa: S104


WRONG = [
    (("--listen", "8443"), "ADDRESS:PORT is needed"),
    (("--listen", "127.0.0.1"), "ADDRESS:PORT is needed"),
    (("--listen", "127.0.0.1:"), "ADDRESS:PORT is needed"),
    (("--listen", "127.0.0.1:65536"), "ADDRESS:PORT is needed"),
    (("--listen", "127.0.0.1:-1"), "ADDRESS:PORT is needed"),
    (("--listen", "127.0.0.1:http"), "ADDRESS:PORT is needed"),
    (("--listen", "::1:8443"), "ADDRESS:PORT is needed"),
    (("--listen", "https://localhost:8443"), "ADDRESS:PORT is needed"),
    (("--listen", "a b:1"), "ADDRESS:PORT is needed"),
    (("--listen", "127.0.0.1:8443\n"), "ADDRESS:PORT is needed"),
    (("--certificate", "/no/such"), "--certificate '/no/such': there is no such file"),
    (("--key", "/no/such"), "--key '/no/such': there is no such file"),
    (("--key", "/"), "--key '/': there is no such file"),
    (("--key", "/etc/hostname"), "--certificate and --key belong together"),
    (("--certificate", "/etc/hostname"), "--certificate and --key belong together"),
    (("--hostnames", "a,b c"), "'b c' is no host name"),
    (("--hostnames", "https://a"), "'https://a' is no host name"),
    (("--hostnames", "*.test"), "is no host name"),
    (("--hostnames", "ä.test"), "is no host name"),
    (("--hostnames", "-a"), "expected one argument"),
    (("--local-kubeconfig", "/no/such"), "--local-kubeconfig '/no/such': there is no such file"),
    (("--tunnel-lifetime", "0"), "a number of seconds is needed"),
    (("--tunnel-lifetime", "-5"), "a number of seconds is needed"),
    (("--tunnel-lifetime", "1.5"), "a number of seconds is needed"),
    (("--tunnel-lifetime", "1h"), "a number of seconds is needed"),
    (("--tunnel-lifetime", "²"), "a number of seconds is needed"),
    (("--tunnel-lifetime", "9" * 12), "a number of seconds is needed"),
    (("--log-level", "loud"), "--log-level 'loud': one of debug, info, warning, error"),
    (("--log-level", "INFO"), "one of debug, info, warning, error"),
    (("--no-such-option",), "unrecognized arguments: --no-such-option"),
    (("more",), "unrecognized arguments: more"),
    (("--listen",), "expected one argument"),
]


@pytest.mark.parametrize(("arguments", "part"), WRONG, ids=[" ".join(arguments).strip() for arguments, _ in WRONG])
def test_a_wrong_value_is_answered_in_one_line(arguments: tuple[str, ...], part: str) -> None:
    with pytest.raises(BadOption) as caught:
        parse(arguments, {})
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


VARIABLES = [
    ("LARIAT_LISTEN", "8443"),
    ("LARIAT_CERTIFICATE", "/no/such"),
    ("LARIAT_KEY", "/no/such"),
    ("LARIAT_HOSTNAMES", "a b"),
    ("LARIAT_LOCAL_KUBECONFIG", "/no/such"),
    ("LARIAT_TUNNEL_LIFETIME", "soon"),
    ("LARIAT_LOG_LEVEL", "loud"),
    ("LARIAT_AUDIT_LEVEL", "4"),
    ("LARIAT_AUDIT_LOG", "/nowhere/audit.log"),
    ("LARIAT_AUDIT_FAILURE", "ignore"),
    ("LARIAT_ADMIN_PASSWORD", "x" * 11),
    ("LARIAT_ADMIN_PASSWORD", "x" * 1025),
]


@pytest.mark.parametrize(("variable", "value"), VARIABLES, ids=[f"{name} {len(value)}" for name, value in VARIABLES])
def test_a_wrong_variable_is_too(variable: str, value: str) -> None:
    with pytest.raises(BadOption) as caught:
        parse([], {variable: value})
    assert "\n" not in str(caught.value)


def test_a_wrong_password_is_not_shown() -> None:
    with pytest.raises(BadOption) as caught:
        parse([], {"LARIAT_ADMIN_PASSWORD": "secret"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:8443", "https://localhost:8443"),
        ("0.0.0.0:443", "https://localhost:443"),
        (":9443", "https://localhost:9443"),
        ("[::]:8443", "https://localhost:8443"),
        ("lariat.test:8443", "https://lariat.test:8443"),
        ("192.0.2.1:8443", "https://192.0.2.1:8443"),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_url_can_be_typed_into_a_browser(listen: str, url: str) -> None:
    assert parse(["--listen", listen], {}).url == url


class TestCommandLine:
    def start(self, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        complete = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LARIAT_LISTEN": "127.0.0.1:0",
            "LARIAT_DATA": str(folder / "data"),
            "LARIAT_LOCAL_KUBECONFIG": "none",
            **environment,
        }
        command = [sys.executable, "-m", "standalone", *arguments]
        return subprocess.run(command, env=complete, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)

    def test_the_version(self, tmp_path: Path) -> None:
        told = self.start(tmp_path, "--version")
        assert (told.returncode, told.stdout) == (0, f"Lariat {VERSION}\n")

    def test_help_names_every_variable(self, tmp_path: Path) -> None:
        told = self.start(tmp_path, "--help")
        assert told.returncode == 0
        for variable in {variable for _, variable, *_ in TABLE} | {variable for variable, _ in VARIABLES}:
            assert variable in told.stdout

    def test_a_wrong_value_ends_with_2(self, tmp_path: Path) -> None:
        refused = self.start(tmp_path, "--listen", "nowhere")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == "lariat: --listen 'nowhere': ADDRESS:PORT is needed, such as 127.0.0.1:8443\n"

    def test_a_data_folder_that_can_not_be_is_a_wrong_value(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        refused = self.start(tmp_path, LARIAT_DATA=str(tmp_path / "file" / "data"))
        assert refused.returncode == 2
        assert refused.stderr.startswith("lariat: --data ")
        assert refused.stderr.count("\n") == 1

    def test_an_address_of_another_machine_is_a_fault(self, tmp_path: Path) -> None:
        refused = self.start(tmp_path, LARIAT_LISTEN="192.0.2.1:8443")
        assert refused.returncode == 1
        assert refused.stderr == "lariat: can't listen on 192.0.2.1:8443: Cannot assign requested address\n"

    def test_a_name_that_nobody_has_is_a_fault(self, tmp_path: Path) -> None:
        refused = self.start(tmp_path, LARIAT_LISTEN="lariat.invalid:8443")
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert refused.stderr.startswith("lariat: can't listen on lariat.invalid:8443: ")
        assert "Unknown error" not in refused.stderr

    @pytest.mark.parametrize(("certificate", "key"), [("no PEM", "no PEM"), ("", "")])
    def test_a_certificate_that_is_none_is_a_wrong_value(self, tmp_path: Path, certificate: str, key: str) -> None:
        (tmp_path / "certificate").write_text(certificate)
        (tmp_path / "key").write_text(key)
        refused = self.start(tmp_path, "--certificate", str(tmp_path / "certificate"), "--key", str(tmp_path / "key"))
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1, refused.stderr
        assert "--certificate" in refused.stderr
