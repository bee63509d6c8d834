"""`runlore console`: an address for the home's own service, which a browser opens privately."""

import json
import re
import socket
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner, Result

from runlore.cli import app, console
from runlore.kernel import instants
from runlore.kernel.errors import Refused, Unavailable
from runlore.registry import credentials
from runlore.settings import Settings
from runlore.web.console_link import LASTS_S, PATH, find_link


@pytest.fixture
def service(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port on which somebody of this account listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("RUNLORE_SERVE_PORT", str(port))
        yield port


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["console", *arguments])


def test_it_prints_an_address_that_signs_in(service: int, short_tmp: Path) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    address, _ = result.output.splitlines()
    parts = urlsplit(address)
    assert (parts.netloc, parts.path) == (f"127.0.0.1:{service}", PATH)
    assert find_link(short_tmp, parse_qs(parts.query)["token"][0], instants.now()) is not None


@pytest.mark.usefixtures("settings")
def test_machines_get_the_address_and_its_end(short_tmp: Path) -> None:
    result = run("--json", "--url", "https://runlore.example/")
    document = json.loads(result.output)
    assert document["url"].startswith(f"https://runlore.example{PATH}?token=")
    end = datetime.fromisoformat(document["expires_at"])
    assert timedelta(0) < end - instants.now() <= timedelta(seconds=LASTS_S)


def test_nobody_else_gets_the_address(
    settings: Settings, service: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "listens_as", lambda port, uid: False)
    refused = run()
    assert isinstance(refused.exception, Refused)
    assert "program of another account" in str(refused.exception)
    assert PATH not in refused.output
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("RUNLORE_SERVE_PORT", str(free.getsockname()[1]))
    silent = run()
    assert isinstance(silent.exception, Unavailable)
    assert "runlore up" in str(silent.exception)


def test_a_browser_gets_it_by_a_private_page(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The arguments of programs are for all to read."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    address = f"http://127.0.0.1:3000{PATH}?token=abc"
    for _ in range(2):
        console.open_privately(short_tmp, address)
    page = short_tmp / "run" / "console.html"
    assert opened == [page.as_uri()] * 2
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert f"url={address}" in page.read_text()


def test_a_screen_is_needed_to_open_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    for name in console.DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    assert not console.has_display()
    monkeypatch.setenv("DISPLAY", ":0")
    assert console.has_display()


@pytest.mark.parametrize(("log_format", "is_terminal"), [("json", True), ("text", False)])
def test_the_address_is_in_no_log_of_the_stack(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, log_format: str, is_terminal: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal, raising=False)
    lines: list[str] = []
    console.print_link(settings.model_copy(update={"log_format": log_format}), lines.append)
    assert lines == ["`runlore console` prints an address that signs you in to the console."]


def test_on_a_terminal_the_stack_prints_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    lines: list[str] = []
    console.print_link(settings, lines.append)
    assert lines == []
    assert re.search(rf"http://127\.0\.0\.1:3000{PATH}\?token=\S+\n", capsys.readouterr().out)
