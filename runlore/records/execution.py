"""Executions, each one piece of work, recorded as facts that are only ever added."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Scalar = str | float | int | bool | None


class ExecutionStatus(StrEnum):
    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PARTIAL = "partial"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        return self not in OPEN_STATUSES


OPEN_STATUSES = frozenset({ExecutionStatus.SUBMITTED, ExecutionStatus.RUNNING})
FINAL_STATUSES = frozenset(ExecutionStatus) - OPEN_STATUSES


@dataclass(frozen=True, slots=True)
class ExecutionFact:
    """All that one source recorded, at one moment, about one execution.

    `(source, source_id, submitted)` names the execution; a further fact with the same name is
    news about it (it started, it finished, the first report was wrong) and gets the next revision.

    submission_known_at: when we learnt that the work had been submitted.
    known_at: when we learnt this fact's status and outcome.
    outcome: measured results, such as ``{"cost": 12.5}``; never inputs to a prediction.
    """

    source: str
    source_id: str
    actor: str
    kind: str
    scope: str
    submitted: datetime
    status: ExecutionStatus
    submission_known_at: datetime
    known_at: datetime
    started: datetime | None = None
    finished: datetime | None = None
    inputs: Mapping[str, Scalar] = field(default_factory=dict)
    outcome: Mapping[str, Scalar] = field(default_factory=dict)


# Columns of a frame of facts, in the order that the store copies them. Instants are int64
# microseconds since 1970 (`started` and `finished` use NO_INSTANT for "none"), `inputs` and
# `outcome` are JSON text, the rest is text. Text is never null: an unknown actor, kind or scope is
# the empty string.
EXECUTION_COLUMNS = (
    "source",
    "source_id",
    "actor",
    "kind",
    "scope",
    "inputs",
    "submitted",
    "started",
    "finished",
    "status",
    "outcome",
    "submission_known_at",
    "known_at",
)

NO_INSTANT = -(2**63)

# The outcome that holds the seconds of a run whose start or end is not known.
RUN_LENGTH = "duration_s"
