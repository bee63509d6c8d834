"""`runlore console`: an address that signs in to the console, once and for five minutes."""

import os
import sys
from collections.abc import Callable
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, emit_secret

if TYPE_CHECKING:
    from runlore.settings import Settings

PAGE = Path("run", "console.html")  # in the home
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")

Url = Annotated[
    str | None,
    typer.Option(help="Address of the service.  [default: the one of RUNLORE_SERVE_PORT here]"),
]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Only print it, and open no browser.")]


def console(url: Url = None, no_open: NoOpen = False, json: Json = False) -> None:
    """Print an address that signs you in to the console, and open it.

    The address is good once, for five minutes. Where there is a display, your browser opens it.

    Example: runlore console
    """
    from runlore.app import open_app
    from runlore.kernel.instants import now
    from runlore.web.console_link import make_link

    with open_app() as app:
        settings = app.settings
    if url is None:
        check_own_service(settings)
    link = make_link(settings.home, now())
    address = link.address(url or settings.serve_url)
    opens = not (no_open or json) and has_display()
    if json:
        emit_secret(dumps({"url": address, "expires_at": link.expires_at.isoformat()}))
    else:
        emit_secret(address)
        emit_secret("It signs you in once, within five minutes.")
    if opens:
        open_privately(settings.home, address)


def check_own_service(settings: "Settings") -> None:
    """Hand a link to the home's own service alone: no other program on its port may get it.

    Raises Unavailable while nobody listens, Refused where another account does.
    """
    from runlore.kernel.errors import Refused, Unavailable
    from runlore.registry.credentials import listens_as
    from runlore.stack import tcp_ports

    port = settings.serve_port
    if tcp_ports.is_free(settings.host, port):
        raise Unavailable(
            f"nothing listens on port {port}; start it with `runlore up` or `runlore serve`,"
            " or name its address: --url"
        )
    owners = {os.getuid(), settings.home.stat().st_uid}
    if not any(listens_as(port, owner) for owner in owners):
        raise Refused(
            f"port {port} is used by a program of another account; stop it, choose another port"
            " with RUNLORE_SERVE_PORT, or name the address of your service: --url"
        )


def print_link(settings: "Settings", say: Callable[[str], None]) -> None:
    """Print a link for whoever has just started the service: on a terminal, and in no log."""
    from runlore.kernel.instants import now
    from runlore.web.console_link import make_link

    if settings.log_format != "text" or not sys.stdout.isatty():
        say("`runlore console` prints an address that signs you in to the console.")
        return
    address = make_link(settings.home, now()).address(settings.serve_url)
    emit_secret(f"Open the console, signed in (once, within five minutes):\n  {address}")


def has_display() -> bool:
    """Whether a person at a screen runs the command."""
    has_screen = sys.platform in ("darwin", "win32") or any(map(os.environ.get, DISPLAYS))
    return sys.stdout.isatty() and has_screen


def open_privately(home: Path, address: str) -> None:
    """Open a browser with a private page that leads on.

    Other accounts read the arguments of programs, so the address must not be one of them.
    """
    import webbrowser
    from html import escape

    page = home / PAGE
    page.parent.mkdir(mode=0o700, exist_ok=True)
    page.unlink(missing_ok=True)
    page.touch(mode=0o600)
    page.write_text(
        '<!DOCTYPE html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={escape(address)}"><title>Runlore</title>',
        encoding="utf-8",
    )
    webbrowser.open(page.as_uri())
