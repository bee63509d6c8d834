"""The services for as long as a block runs.

    with running(settings, ("prefect", "mlflow")) as stack:
        use(stack.settings)

A service that another Runlore process of the same home runs already is used, not started again,
and its owner waits for its users before it stops it.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from runlore.settings import Settings
from runlore.stack import commands, tcp_ports
from runlore.stack.child import ServiceEvent, ServiceState, Tell
from runlore.stack.claims import ServiceClaim
from runlore.stack.services import DATABASE, NAMES, Service, declare, select
from runlore.stack.supervisor import StackSupervisor

POLL_S = 0.05
Ports = Literal["as_set", "free"]


class Stack:
    """What runs. `settings` has the ports that are really used."""

    def __init__(
        self, settings: Settings, services: tuple[Service, ...], run: StackSupervisor
    ) -> None:
        self.settings = settings
        self.services = services
        self._run = run

    @property
    def addresses(self) -> dict[str, str]:
        """Title -> address, of the services that have a page."""
        return {s.title: s.address for s in self.services if s.port is not None}

    @property
    def failed(self) -> list[str]:
        """Names of the services that were given up."""
        return [c.service.name for c in self._run.children if c.state is ServiceState.FAILED]


def ignore(_event: ServiceEvent) -> None:
    """Tell nobody."""


@contextmanager
def running(
    settings: Settings,
    services: Iterable[str] = NAMES,
    *,
    ports: Ports = "as_set",
    is_lasting: bool = False,
    tell: Tell = ignore,
) -> Iterator[Stack]:
    """The named services and what they need: healthy when the block begins, gone after it.

    `ports="free"` leaves the ports in the settings to others and takes any that are free.
    `is_lasting` is for `runlore up`: all of it is ours, nobody is waited for at the end.
    """
    names = tuple(services)
    with _claimed(settings, names, exclusive=is_lasting) as claims:
        ours = {one.name for one in claims if one.host is None}
        settled = settings.model_copy(update=_ports(settings, claims, ports))
        selected = select(settled, names)
        supervisor = StackSupervisor(settled, selected, ours, tell, is_lasting=is_lasting)
        needed = {*names}.union(*(service.needs for service in selected))
        try:
            supervisor.start(with_database=DATABASE in needed)
            if len(ours) < len(claims):
                commands.note_guest(settings.home)
            yield Stack(settled, selected, supervisor)
            if not is_lasting:
                _await_users(claims, tell)
            else:
                _end_guests(settings.home, tell)
        finally:
            supervisor.stop()
            for one in claims:
                one.forget()


@contextmanager
def _claimed(
    settings: Settings, names: tuple[str, ...], *, exclusive: bool
) -> Iterator[list[ServiceClaim]]:
    """Find out what is ours to run and what somebody else runs already."""
    with ExitStack() as locks:
        claims = []
        for service in select(settings, names):
            claims.append(ServiceClaim(settings.home, service.name))
            locks.callback(claims[-1].release)
            claims[-1].settle(exclusive=exclusive)
        yield claims


def _end_guests(home: Path, tell: Tell) -> None:
    """End the commands that need our servers, while these can still record their end."""
    guests = [command for command in commands.running(home) if command.is_guest]
    for guest in guests:
        tell(ServiceEvent("command", ServiceState.STOPPED, str(guest)))
    commands.end(
        home, guests, f"`runlore up` (process {os.getpid()}), whose servers it used, ended"
    )


def _await_users(claims: Sequence[ServiceClaim], tell: Tell) -> None:
    used = [one for one in claims if not one.close_to_users()]
    for one in used:
        tell(
            ServiceEvent(
                one.name, ServiceState.HEALTHY, "another Runlore process still uses it; waiting"
            )
        )
    while used := [one for one in used if not one.close_to_users()]:
        time.sleep(POLL_S)


def _ports(settings: Settings, claims: Sequence[ServiceClaim], how: Ports) -> dict[str, int]:
    """Settings to change: where guests find their service, and what a taken port becomes."""
    changed = {}
    ports = {s.name: s.port for s in declare(settings) if s.port is not None}
    for one in claims:
        port = ports.get(one.name)
        if port is None:
            continue
        if one.host is not None and one.host.port is not None:
            changed[port.field] = one.host.port
        elif how == "free" and one.host is None:
            changed[port.field] = tcp_ports.free_port(settings.host)
        elif one.host is None:
            tcp_ports.insist(settings.host, port, one.name)
    return changed
