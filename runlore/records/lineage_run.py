"""A run as OpenLineage events tell of it: what is known, whatever events have come so far.

Events come in any order, repeated and incomplete. Three of a run's events matter: the earliest of
all, the earliest START and the latest that ends it. Each is kept as text that begins with its time,
so that the earliest is the smallest text; of several at one time the text decides. `merged` is
therefore commutative, associative and idempotent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from runlore.records.execution import ExecutionStatus, Scalar

BETWEEN = "\x1f"  # of a name and JSON, in which it does not occur
TIME_DIGITS = 17  # of microseconds since 1970, with leading zeros
# A START may be this much before the instant that a run was submitted at, or after its end, and is
# moved there: the events of one run come from several machines. With more, a duration is wrong.
TOLERANCE_US = 1_000_000
STATUSES = {
    "COMPLETE": ExecutionStatus.SUCCEEDED,
    "FAIL": ExecutionStatus.FAILED,
    "ABORT": ExecutionStatus.CANCELLED,
}

RunKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class LineageRun:
    """Events of one run, merged. line: of the first of them in its file; events: how many.

    first_event, start_event, end_event: texts of `event_text`; None: no such event came.
    submitted_us, profile: what the run was recorded with first; None: it was not yet.
    """

    namespace: str
    job: str
    run_id: str
    first_event: str
    start_event: str | None = None
    end_event: str | None = None
    submitted_us: int | None = None
    profile: str | None = None
    line: int = 0
    events: int = 1

    @property
    def key(self) -> RunKey:
        return self.namespace, self.job, self.run_id

    def merged(self, other: "LineageRun") -> "LineageRun":
        """What both know. Only runs that were not recorded yet are merged here."""
        return replace(
            self,
            first_event=min(self.first_event, other.first_event),
            start_event=_smaller(self.start_event, other.start_event),
            end_event=_larger(self.end_event, other.end_event),
            line=min(self.line, other.line),
            events=self.events + other.events,
        )

    def recorded(self) -> "LineageRun":
        """The same as the store records it, if it knows no other events of the run."""
        profile = self.start_event or self.first_event
        instants = [time_of(event) for event in (profile, self.end_event) if event]
        return replace(self, submitted_us=min(instants), profile=profile[TIME_DIGITS:])


@dataclass(frozen=True, slots=True)
class RunFact:
    """A run as an execution. Instants are microseconds since 1970; inputs and outcome are JSON."""

    source_id: str
    actor: str
    kind: str
    scope: str
    inputs: str
    submitted_us: int
    started_us: int | None
    finished_us: int | None
    status: ExecutionStatus
    outcome: str
    known_us: int


def event_text(us: int, name: str, values: Mapping[str, Scalar]) -> str:
    """An event's time, a name and values; texts are in the order of their times.

    >>> event_text(1, "ann", {"b": 1, "a": 2}).split(BETWEEN)
    ['00000000000000001ann', '{"a":2,"b":1}']
    """
    return f"{us:0{TIME_DIGITS}d}{name.replace(BETWEEN, ' ')}{BETWEEN}{as_json(values)}"


def as_json(values: Mapping[str, Scalar]) -> str:
    """Equal values as equal text."""
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def time_of(event: str) -> int:
    return int(event[:TIME_DIGITS])


def fact_of(run: LineageRun) -> RunFact:
    """What is known of a recorded run now.

    A START that came after the run had been recorded does not move the submission. Then it is not
    known when the work started, but how long it took is an outcome.
    """
    submitted_us = run.submitted_us
    assert submitted_us is not None  # noqa: S101  (of a run that is recorded)
    actor, _, inputs = (run.profile or "").partition(BETWEEN)
    start_us = None if run.start_event is None else time_of(run.start_event)
    finished_us, status, outcome = None, ExecutionStatus.RUNNING, "{}"
    if run.end_event is not None:
        kind, _, outcome = run.end_event[TIME_DIGITS:].partition(BETWEEN)
        finished_us, status = max(time_of(run.end_event), submitted_us), STATUSES[kind]
        if start_us is not None and start_us < submitted_us - TOLERANCE_US:
            run_s = (finished_us - start_us) / 1e6
            outcome = as_json({**json.loads(outcome), "run_s": run_s})
    started_us = _started_us(start_us, submitted_us, finished_us)
    return RunFact(
        run.run_id,
        actor,
        run.job,
        run.namespace,
        inputs or "{}",
        submitted_us,
        started_us,
        finished_us,
        status,
        outcome,
        finished_us or started_us or submitted_us,
    )


def _started_us(start_us: int | None, submitted_us: int, finished_us: int | None) -> int | None:
    """Between submission and end; unknown when it is further away than clocks differ."""
    if start_us is None or start_us < submitted_us - TOLERANCE_US:
        return None
    if finished_us is None:
        return max(start_us, submitted_us)
    if start_us > finished_us + TOLERANCE_US:
        return None
    return min(max(start_us, submitted_us), finished_us)


def _smaller(one: str | None, other: str | None) -> str | None:
    return one if other is None else other if one is None else min(one, other)


def _larger(one: str | None, other: str | None) -> str | None:
    return one if other is None else other if one is None else max(one, other)
