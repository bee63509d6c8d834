"""What is known of one execution, in the order in which it became known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runlore.features.columns import Results, number, read_outcomes
from runlore.kernel.instants import to_us
from runlore.records.execution import NO_INSTANT, OPEN_STATUSES, ExecutionStatus, Scalar
from runlore.serving.actions import recording
from runlore.serving.queries import execution_search, ledger_pages
from runlore.serving.queries.execution_search import ExecutionQuery, ExecutionSummary
from runlore.serving.queries.recording import StoredFact
from runlore.store.engine import Store

LIKE_ONES = 40
IS_OPEN = frozenset(map(str, OPEN_STATUSES))


class HasOutcome(Protocol):
    """A fact or a summary of an execution."""

    @property
    def status(self) -> str: ...
    @property
    def submitted(self) -> datetime: ...
    @property
    def started(self) -> datetime | None: ...
    @property
    def finished(self) -> datetime | None: ...
    @property
    def outcome(self) -> Mapping[str, Scalar]: ...
    @property
    def known_at(self) -> datetime: ...


@dataclass(frozen=True)
class StoryStep:
    """Something that became known at an instant. fact, answer: which of the two it is.

    answer: a row of the ledger.
    """

    at: datetime
    what: str
    fact: StoredFact | None = None
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ExecutionStory:
    """facts: in sequence. answers: rows of the ledger about it. like: the same actor and kind,
    known before it, the newest first."""

    facts: Sequence[StoredFact]
    answers: Sequence[dict[str, Any]]
    like: Sequence[ExecutionSummary]

    @property
    def first(self) -> StoredFact:
        return self.facts[0]

    @property
    def newest(self) -> StoredFact:
        """The fact that holds now."""
        return self.facts[-1]

    @property
    def steps(self) -> list[StoryStep]:
        """Facts and answers in the order in which they became known."""
        steps = [StoryStep(self.first.submission_known_at, "submitted"), *self._facts()]
        steps += [StoryStep(row["at"], "answered", answer=row) for row in self.answers]
        return sorted(steps, key=lambda step: step.at)

    def _facts(self) -> list[StoryStep]:
        steps: list[StoryStep] = []
        has_ended = False
        for fact in self.facts:
            if fact.is_final:
                what = "corrected" if has_ended else "ended"
                has_ended = True
            else:
                what = "news"
            if fact.is_final or fact.revision > 0 or fact.status != ExecutionStatus.SUBMITTED:
                steps.append(StoryStep(fact.known_at, what, fact=fact))
        return steps


def tell(
    store: Store, source: str, source_id: str, submitted: datetime | None = None
) -> ExecutionStory:
    """Read the story of an execution. Raises NotFound for one that is not recorded.

    submitted: None: the one of this name that was submitted last.
    """
    facts = recording.read_execution(store, source, source_id, submitted)
    first = facts[0]
    answers = ledger_pages.of_execution(store, source, source_id, first.submitted)
    query = ExecutionQuery(actor=first.actor, kind=first.kind, before=first.seq)
    like = execution_search.search(store, query, LIKE_ONES)
    return ExecutionStory(facts, answers, like.executions)


def outcome_values(executions: Sequence[HasOutcome], name: str) -> list[float | None]:
    """A value of each outcome, such as `failed` or `duration_s`, as training computes it.

    None: the execution is open, nobody knows how it ended, or its outcome has no such value.
    """
    if not executions:
        return []
    values = _results(executions, name).value(name)
    is_known = np.array([row.status not in IS_OPEN for row in executions]) & np.isfinite(values)
    if name == "failed":
        is_known &= np.array([row.status != ExecutionStatus.UNKNOWN for row in executions])
    return [float(v) if known else None for v, known in zip(values, is_known, strict=True)]


def _results(executions: Sequence[HasOutcome], name: str) -> Results:
    measured = {*read_outcomes(name), "duration_s"}
    return Results(
        status=np.array([row.status for row in executions], dtype=object),
        submitted=_instants([row.submitted for row in executions]),
        started=_instants([row.started for row in executions]),
        finished=_instants([row.finished for row in executions]),
        outcome={
            one: np.array([number(row.outcome.get(one)) for row in executions]) for one in measured
        },
        known=_instants([row.known_at for row in executions]),
    )


def _instants(instants: Sequence[datetime | None]) -> NDArray[np.int64]:
    return np.array([NO_INSTANT if at is None else to_us(at) for at in instants], dtype=np.int64)
