"""An incident in words: for alerts, events and the terminal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from runlore.kernel.readable import readable_number

MOST_NAMED = 3  # series in one sentence


class Deviating(Protocol):
    """A series of an incident."""

    @property
    def name(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def sort(self) -> str: ...
    @property
    def since(self) -> datetime: ...
    @property
    def seen(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def probability(self) -> float | None: ...


def describe_series(moved: Deviating) -> str:
    """What a series does, without its scope."""
    seen = readable_number(moved.seen)
    if moved.sort == "missing":
        return f"{moved.name} has no points since {moved.since:%Y-%m-%d %H:%M:%S}"
    if moved.sort == "flat":
        return f"{moved.name} stays at {seen}"
    usual = f"{readable_number(moved.low)} to {readable_number(moved.high)}"
    return f"{moved.name} is {seen}, usual {usual}"


def describe_incident(subject: str, count: int, series: Sequence[Deviating]) -> str:
    """What moved, the first series by name; of many that are missing, only how many."""
    if count > MOST_NAMED and all(moved.sort == "missing" for moved in series):
        since = min(moved.since for moved in series)
        return f"{subject}: {count} series have no points since {since:%Y-%m-%d %H:%M:%S}"
    named = "; ".join(describe_series(moved) for moved in series[:MOST_NAMED])
    more = f"; and {count - MOST_NAMED} more series" if count > MOST_NAMED else ""
    return f"{subject}: {named}{more}"


def describe_certainty(series: Sequence[Deviating]) -> str:
    """How unlikely the least likely value is."""
    known = [moved.probability for moved in series if moved.probability is not None]
    if not known:
        return ""
    return f"a value so far off has a probability of {min(known):.1e} by the past of its series"
