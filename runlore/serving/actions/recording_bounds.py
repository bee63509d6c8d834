"""Bounds of recording: how many facts one execution may have, and how old its submission."""

from dataclasses import dataclass
from datetime import timedelta

from runlore.kernel.errors import BadInput, TooManyRevisions
from runlore.records.execution import ExecutionFact
from runlore.settings import Settings


@dataclass(frozen=True, slots=True)
class RecordingBounds:
    """revisions: the largest revision of a fact. backdating: from `submitted` to when we learn of
    it. None: any.
    """

    revisions: int | None = None
    backdating: timedelta | None = None

    @classmethod
    def of(cls, settings: Settings) -> "RecordingBounds":
        """When a log is replayed, with its own clock, work may be as old as the log."""
        days = 0 if settings.clock == "record" else settings.max_backdating_days
        return cls(settings.max_revisions, timedelta(days=days) if days else None)

    def check_revision(self, source_id: str, revision: int) -> None:
        """Raises TooManyRevisions."""
        if self.revisions is not None and revision > self.revisions:
            raise TooManyRevisions(source_id, self.revisions)

    def check_submitted(self, fact: ExecutionFact) -> None:
        """Raises BadInput."""
        if self.backdating is None or fact.submitted >= fact.known_at - self.backdating:
            return
        raise BadInput(
            f"submitted: {fact.submitted.isoformat()} is more than {self.backdating.days} days ago;"
            " bring older work in by `runlore ingest`, or let whoever runs the service raise"
            " RUNLORE_MAX_BACKDATING_DAYS",
            "submitted",
        )


UNBOUNDED = RecordingBounds()
