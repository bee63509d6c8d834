"""`runlore up`, `down`, `login`, `status`, `doctor`: run and check the services."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from json import dumps
from textwrap import shorten
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from runlore.cli.console import print_link
from runlore.cli.output import Json, echo, emit_json, emit_secret, emit_table
from runlore.kernel.readable import readable_bytes

if TYPE_CHECKING:
    from runlore.reports.queries.loop_events import LoopEvent
    from runlore.settings import Settings
    from runlore.stack import Stack
    from runlore.stack.child import ServiceEvent
    from runlore.stack.doctor import DoctorFinding
    from runlore.stack.status import StackStatus

Say = Callable[[str], None]
LONGEST_EVENT = 100  # characters of what was done, in a row of `runlore status`

log = logging.getLogger("runlore.up")

Only = Annotated[
    str, typer.Option(help="Start only these services and what they need: prefect,mlflow,…")
]


def up(only: Only = "") -> None:
    """Run all services until Ctrl-C.

    These are the database, Prefect with its schedules, MLflow, the prediction service and the
    delivery of alerts.

    Example: runlore up
    """
    from runlore.app import open_app
    from runlore.stack import running
    from runlore.stack.services import NAMES
    from runlore.stack.status import look

    names = tuple(filter(None, (name.strip() for name in only.split(",")))) or NAMES
    failed: list[str] = []
    began = time.monotonic()
    with (
        open_app() as app,
        ended_by_signals(),
        running(
            app.settings,
            names,
            is_lasting=True,
            tell=partial(tell, say=(say := _speaker(app.settings))),
        ) as stack,
    ):
        say(f"All is up after {time.monotonic() - began:.0f} s:")
        _print_addresses(stack, say)
        _print_waiting(look(app.settings), say)
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(1.0)
        failed = stack.failed
        say("stopping")
    if failed:
        echo(f"runlore: these services failed and were given up: {', '.join(failed)}", err=True)
        raise typer.Exit(1)


def down(json: Json = False) -> None:
    """Stop everything that runs for the home.

    These are the services of `runlore up`, the database, and commands such as `runlore train` in
    other terminals. A command is stopped within seconds, with exit code 143; what it has not
    committed is rolled back.

    Example: runlore down
    """
    from runlore.app import open_app
    from runlore.stack.down import stop_services

    with open_app() as app:
        stopped = stop_services(app.settings.home)
    if json:
        emit_json(asdict(stopped))
        return
    if stopped.services:
        echo(f"stopped: {', '.join(stopped.services)}")
    for command in stopped.commands:
        echo(f"stopped: {command}")
    if not stopped:
        echo("nothing was running")
    if stopped.database_users:
        pids = ", ".join(map(str, stopped.database_users))
        echo(f"the database still runs for process {pids}, which is no command of Runlore")


def login(json: Json = False) -> None:
    """Print the user and password for the Prefect and MLflow pages.

    Example: runlore login
    """
    from runlore.app import open_app
    from runlore.web.login import login_file, read_login

    with open_app() as app:
        home = app.settings.home
    credentials = read_login(home)
    if json:
        fields = {
            "user": credentials.user,
            "password": credentials.password,
            "file": str(login_file(home)),
        }
        emit_secret(dumps(fields))
        return
    emit_secret(f"user      {credentials.user}\npassword  {credentials.password}")
    emit_secret(f"Prefect's login page has one field for both: {credentials.text}")


def status(json: Json = False) -> None:
    """Show the running services and what is in the database."""
    from runlore.app import open_app
    from runlore.stack.status import look

    with open_app() as app:
        seen = look(app.settings)
    if json:
        emit_json(asdict(seen))
    else:
        _print_status(seen)


def doctor(json: Json = False) -> None:
    """Find problems and show how to fix them. The exit code is 1 if there are any."""
    from runlore.app import open_app
    from runlore.stack.doctor import DoctorVerdict, examine

    with open_app() as app:
        findings = examine(app.settings)
    if json:
        emit_json({"findings": [asdict(finding) for finding in findings]})
    else:
        _print_findings(findings)
    if any(finding.verdict is DoctorVerdict.WRONG for finding in findings):
        raise typer.Exit(1)


def tell(event: "ServiceEvent", say: Say = echo) -> None:
    """Print one line of progress, as the stack's `tell`."""
    say(f"  {event.name:10} {event.state:10} {event.detail}".rstrip())


def _speaker(settings: "Settings") -> Say:
    """How `runlore up` says what it does: by lines for people, or in the log as JSON."""
    from runlore import process

    if settings.log_format == "text":
        return echo
    process.log_as("up")
    return lambda text: log.info("%s", text.strip())


def _print_addresses(stack: "Stack", say: Say) -> None:
    width = max((len(title) for title in stack.addresses), default=0)
    for title, address in stack.addresses.items():
        say(f"  {title:{width}}  {address}")
    _print_login(stack, say)
    say("Ctrl-C stops it.")


def _print_login(stack: "Stack", say: Say) -> None:
    """Print how to log in to the pages."""
    from runlore.web.login import USER, login_file

    guarded = {service.name for service in stack.services} & {"prefect", "mlflow"}
    if guarded:
        file = login_file(stack.settings.home.absolute())
        say(f"Pages ask for user `{USER}` and the password that `runlore login` prints ({file}).")
    if "prefect" in guarded:
        say(f"Prefect's login page has one field for both: {USER}:PASSWORD")
    if "serving" in {service.name for service in stack.services}:
        print_link(stack.settings, say)


def _print_status(seen: "StackStatus") -> None:
    shown = ("name", "health", "address", "since")
    rows = [{key: getattr(service, key) for key in shown} for service in seen.services]
    emit_table(f"Services of {seen.home}", rows)
    for service in seen.services:
        if service.detail:
            echo(f"{service.name}: {service.detail}")
    if seen.rows:
        size = readable_bytes(seen.database_bytes or 0)
        counts = ", ".join(
            f"{'about ' if name in seen.estimated else ''}{count:,} {name}"
            for name, count in seen.rows.items()
        )
        echo(f"In the database ({size}): {counts}")
        champions = ", ".join(f"{spec} version {v}" for spec, v in seen.champions.items())
        echo(f"Champions: {champions or 'none yet; `runlore train` creates the first'}")
    for what in seen.broken.values():
        echo(f"Broken champion: {what}; see `runlore doctor`")
    for spec, facts in seen.states_behind.items():
        echo(f"States behind: {spec}, up to {facts:,} facts; see `runlore doctor`")
    if seen.alerts:
        open_ones = ", ".join(f"{count} {severity}" for severity, count in seen.alerts.items())
        echo(f"Open alerts: {open_ones}; see `runlore alerts`")
    if seen.loop:
        emit_table("What was done last", [_loop_row(event) for event in seen.loop])
    _print_waiting(seen, echo)
    for channel in seen.undelivered:
        echo(f"Alerts not delivered to {channel.channel}: {channel.deliveries} ({channel.error})")


def _loop_row(event: "LoopEvent") -> dict[str, object]:
    return {
        "at (UTC)": f"{event.at:%Y-%m-%d %H:%M}",
        "spec": event.spec,
        "about": event.subject,
        "what": shorten(event.what, LONGEST_EVENT, placeholder=" …"),
    }


def _print_waiting(seen: "StackStatus", say: Say) -> None:
    """Print what only a person can decide, with the commands."""
    for pending in seen.decisions:
        say(f"needs a decision: {pending.what}\n  {pending.command}")
    if seen.rows and not seen.decisions:
        say("Nothing waits for a decision of yours.")


def _print_findings(findings: "list[DoctorFinding]") -> None:
    for finding in findings:
        echo(f"{finding.verdict:6} {finding.check:10} {finding.what}")
        if finding.remedy:
            echo(f"{'':17} -> {finding.remedy}")


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal do what Ctrl-C does."""
    before = {
        number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
