"""The tour of the demo: what has been seen so far, and what the demo data of a subject is about."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runlore.cli.output import echo

if TYPE_CHECKING:
    from runlore.app import App
    from runlore.settings import Settings

ACTOR = "demo"  # who does what the demo does, on record


@dataclass
class Tour:
    """Results of the steps so far; printed at the end."""

    settings: "Settings"
    quiet: bool
    seen: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        self.say(f"\n== {what}")
        yield
        self.say(f"   {time.monotonic() - began:.1f} s")

    def say(self, line: str) -> None:
        echo(line, err=self.quiet)


@dataclass(frozen=True)
class DemoWorld:
    """What a subject adds its demo data to, inside the run of Prefect's flows.

    specs: those that have a champion. end: of the simulated log; later work is new.
    """

    app: "App"
    specs: tuple[str, ...]
    end: datetime
    now: datetime


# Adds what the console shows of a subject; gives back what was added, in one line. It may run again
# on the same home, and then changes nothing that is there.
AddDemoData = Callable[[DemoWorld], str]
