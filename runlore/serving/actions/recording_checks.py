"""What a submission and an outcome must be like to be recorded."""

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import pairwise

from runlore.kernel.durations import SOURCE_CLOCK_TOLERANCE_US
from runlore.kernel.errors import BadInput
from runlore.records.execution import OPEN_STATUSES, ExecutionFact, ExecutionStatus

CLOCK_SKEW = timedelta(microseconds=SOURCE_CLOCK_TOLERANCE_US)


def check_open(status: ExecutionStatus) -> None:
    """Raises BadInput unless work with this status is still open."""
    if status not in OPEN_STATUSES:
        raise BadInput(
            f"status: {status} is how work ends; record the submission first, with one of"
            f" {listed(OPEN_STATUSES)}, then the outcome",
            "status",
        )


def check_order(fact: ExecutionFact, *, is_live: bool, sent: Collection[str] = ()) -> None:
    """Work is submitted, starts and finishes in this order, and not in the future.

    sent: names of the instants that came just now; the others were known.
    """
    instants = {name: getattr(fact, name) for name in ("submitted", "started", "finished")}
    known = [(name, at) for name, at in instants.items() if at is not None]
    for (earlier, before), (name, at) in pairwise(known):
        if at < before:
            if earlier in sent and name not in sent:
                raise BadInput(f"{earlier}: {shown(before)} is after {name}, {shown(at)}", earlier)
            raise BadInput(f"{name}: {shown(at)} is before {earlier}, {shown(before)}", name)
    latest = fact.known_at + CLOCK_SKEW
    for name, at in known:
        if is_live and at > latest:
            raise BadInput(
                f"{name}: {shown(at)} is in the future; it is {shown(fact.known_at)}", name
            )
    if not is_live and fact.known_at < fact.submitted:
        raise BadInput(
            f"known_at: {shown(fact.known_at)} is before submitted, {shown(fact.submitted)}",
            "known_at",
        )


def shown(value: object) -> str:
    """A value as an error names it."""
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def listed(statuses: frozenset[ExecutionStatus]) -> str:
    """Statuses as an error names them."""
    return ", ".join(sorted(statuses))
