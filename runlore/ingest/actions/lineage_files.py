"""OpenLineage events in a file: merged with what is known of their runs, then facts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from runlore.ingest.actions.formats import START, FilePiece
from runlore.ingest.queries import lineage_runs
from runlore.ingest.queries.ingests import Mark
from runlore.ingest.queries.lineage_runs import Connection
from runlore.records.formats.openlineage import (
    ParsedRuns,
    merge_runs,
    no_events,
    records,
)
from runlore.records.formats.parsed import Parsed
from runlore.records.lineage_run import LineageRun, fact_of

FURTHER = "further events of the same runs"


class EventFile(Protocol):
    """A file whose pieces hold runs."""

    def starts_with(self, mark: Mark) -> bool: ...

    def pieces(self, after: Mark) -> Iterator[FilePiece]: ...


@dataclass(frozen=True)
class LineageFile:
    """A file of events. Its runs become facts in the transaction that stores its pieces."""

    events: EventFile
    source: str

    def starts_with(self, mark: Mark) -> bool:
        return self.events.starts_with(mark)

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """Those of the file, then one for the runs whose START it does not have."""
        last = FilePiece(no_events(), None if after == START else after, 0, 0)
        for piece in self.events.pieces(after):
            last = piece
            parsed = piece.parsed
            assert isinstance(parsed, ParsedRuns)  # noqa: S101  (of the parsers of events)
            yield replace(piece, settle=partial(self._merged, parsed))
        yield replace(last, parsed=no_events(), settle=self._without_start)

    def alone(self) -> Iterator[FilePiece]:
        """Pieces with the facts that these events make by themselves; no database is read."""
        runs: list[LineageRun] = []
        last = FilePiece(no_events(), START, 0, 0)
        for piece in self.events.pieces(START):
            assert isinstance(piece.parsed, ParsedRuns)  # noqa: S101  (of the parsers of events)
            runs += piece.parsed.runs
            yield piece
            last = piece
        known = [(run.line, run.recorded()) for run in merge_runs(runs)]
        facts = self._facts(known, no_events(), sum(run.events for run in runs))
        yield replace(last, parsed=facts)

    def _merged(self, parsed: ParsedRuns, connection: Connection, ingest_id: int) -> Parsed:
        runs = lineage_runs.merge(connection, self.source, parsed.runs, ingest_id)
        lines = {run.key: run.line for run in parsed.runs}
        known = [(lines[run.key], run) for run in runs if run.submitted_us is not None]
        events = sum(run.events for run in parsed.runs)
        return self._facts(sorted(known, key=lambda row: row[0]), parsed, events)

    def _without_start(self, connection: Connection, ingest_id: int) -> Parsed:
        runs = lineage_runs.take_without_start(connection, self.source, ingest_id)
        return self._facts([(0, run) for run in runs], no_events(), 0)

    def _facts(self, runs: list[tuple[int, LineageRun]], parsed: ParsedRuns, events: int) -> Parsed:
        """events: how many were merged into runs; those that made no fact are further ones. A run
        that waited for its START was counted among them: it is taken off again."""
        table = records([(line, fact_of(run)) for line, run in runs], self.source)
        further = {FURTHER: events - len(runs)} if events != len(runs) else {}
        return Parsed(table, parsed.rejects, {**parsed.skipped, **further})
