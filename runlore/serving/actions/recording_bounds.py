"""Bounds of recording: facts per execution, its age, late corrections, and clocks that differ."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from runlore.kernel.errors import BadInput, CorrectionNeeded, TooManyRevisions
from runlore.records.execution import ExecutionFact
from runlore.settings import Settings


@dataclass(frozen=True, slots=True)
class RecordingBounds:
    """revisions: the largest revision of a fact. backdating: from `submitted` to when we learn of
    it. correction: from the end of work to another outcome that does not say it is a correction.
    None: any. clock_tolerance: starts and ends that are so little too early are moved into order.
    """

    revisions: int | None = None
    backdating: timedelta | None = None
    correction: timedelta | None = None
    clock_tolerance: timedelta = timedelta(0)

    @classmethod
    def of(cls, settings: Settings) -> "RecordingBounds":
        """When a log is replayed, with its own clock, work may be as old as the log."""
        is_replay = settings.clock == "record"
        days = 0 if is_replay else settings.max_backdating_days
        return cls(
            settings.max_revisions,
            timedelta(days=days) if days else None,
            None if is_replay else timedelta(days=settings.correction_days),
            timedelta(seconds=settings.clock_tolerance_s),
        )

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

    def is_long_over(self, known: ExecutionFact, now: datetime) -> bool:
        """Whether work ended so long ago that its name may stand for other work by now."""
        return self.correction is not None and _ended(known) < now - self.correction

    def check_correction(self, known: ExecutionFact, now: datetime) -> None:
        """Raises CorrectionNeeded. known: the outcome so far."""
        if self.correction is not None and self.is_long_over(known, now):
            days = self.correction.days
            raise CorrectionNeeded(known.source_id, known.submitted, _ended(known), days)


def _ended(known: ExecutionFact) -> datetime:
    return known.finished or known.known_at


UNBOUNDED = RecordingBounds()
