"""Ingest a log: parse it, reject bad rows, add what is new, and store how far we came."""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import TypeVar

import httpx
import pyarrow as pa

from runlore.ingest.actions.formats import FilePiece, Progress
from runlore.ingest.actions.opening import (
    FileSource,
    ResumableSource,
    mapping_digest,
    open_log,
    rules_of,
)
from runlore.ingest.actions.prefect_runs import TIMEOUT_S, PrefectHistory
from runlore.ingest.actions.reject_list import groups_of
from runlore.ingest.actions.source_names import check_source
from runlore.ingest.queries import facts, ingests
from runlore.ingest.queries.column_rules import keep_rules, read_rules
from runlore.ingest.queries.facts import AddedFacts, CopyBatch
from runlore.ingest.queries.ingests import IngestCounts, IngestSource, Mark
from runlore.ingest.queries.rejects import add_rejects, is_due
from runlore.ingest.rules import log_warnings
from runlore.ingest.rules.log_evidence import LogEvidence
from runlore.ingest.rules.log_warnings import LogWarning
from runlore.ingest.rules.reject_groups import RejectGroup
from runlore.kernel.durations import CLOCK_SKEW_S, SOURCE_CLOCK_TOLERANCE_US
from runlore.kernel.errors import Unavailable
from runlore.kernel.instants import to_us
from runlore.kernel.redaction import without_login
from runlore.records.formats.parsed import MOST_RAW_CHARACTERS, Parsed, merged, rejects
from runlore.serving.actions import states
from runlore.serving.queries import feature_states
from runlore.serving.queries.feature_states import Connection
from runlore.signals.actions import execution_series
from runlore.store import advisory
from runlore.store.engine import Store

T = TypeVar("T")
SOURCE_CLOCK_TOLERANCE = timedelta(microseconds=SOURCE_CLOCK_TOLERANCE_US)


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """new + known + rejected and the skipped are all rows of the file; `rows_per_s` is of those
    read this time.

    renewed: histories of features whose states were renewed, also those that an earlier ingest
    had left behind. skipped: reason -> how many rows are no executions of their own. warnings: what
    a person should know about the rows, of this run and of earlier ones. unfinished_line: the
    number of the last line, which has no end yet and is left for the next time. rejects: the
    rejected rows by kind. ingest: its number, to undo it.
    """

    source: str
    path: str
    records: str
    new: int
    known: int
    rejected: int
    seconds: float
    rows_per_s: float
    renewed: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[LogWarning, ...] = ()
    unfinished_line: int | None = None
    rejects: tuple[RejectGroup, ...] = ()
    ingest: int = 0


class StatesBehind(Unavailable):
    """All facts are committed, and the states of features do not know them yet."""

    def __init__(self, summary: IngestSummary, cause: Unavailable) -> None:
        super().__init__(
            f"{summary.path}: all facts are committed ({summary.new:,} are new), and predictions do"
            f" not know them yet, because the states of features could not be renewed: {cause}. The"
            " prediction service renews them by itself, and so does the next ingest"
        )
        self.summary = summary


class Interrupted(Unavailable):
    """Some rows are committed, with the place in the file up to which they were read."""

    def __init__(self, path: str, done: IngestCounts, cause: Unavailable) -> None:
        super().__init__(
            f"{path}: interrupted when {done.rows:,} rows of this run were committed ({done.new:,}"
            f" new facts); the same command goes on from there: {cause}"
        )


@dataclass(frozen=True, slots=True)
class PrefectSource:
    """A Prefect server whose flow runs to ingest. api_url ends in /api.

    max_revisions: as in FileSource.
    """

    api_url: str
    source: str = "prefect"
    headers: Mapping[str, str] = field(default_factory=dict)
    max_revisions: int | None = None


def ingest_file(
    store: Store, source: FileSource, at: datetime, progress: Progress | None = None
) -> IngestSummary:
    """Add a file's rows that the store does not have yet, from where an earlier run stopped.

    at: now, the instant at which corrections become known; rows from the future are rejects. When
    the time of one has come, the file is read from its beginning again. Each
    chunk is one transaction with its rejects and its place in the file: what was finished stays
    when the rest fails. Feature states that the new rows outdate are renewed at the end, and so are
    those that a killed ingest left outdated. Raises Interrupted and StatesBehind, which say what
    is committed, when the database goes away or has no room.
    """
    check_source(source.source, source.mapping.records)
    path = str(source.path.resolve())
    subject = IngestSource(source.source, path, source.mapping.records, mapping_digest(source))
    if source.format == "csv" and source.rules is None:
        with store.connect() as connection:
            source = replace(source, rules=read_rules(connection, subject))
    log = open_log(source, to_us(at))
    with advisory.shared(store.url, states.INGESTING):
        with store.connect() as connection:
            last = ingests.latest(connection, subject)
            if last is None or not log.starts_with(last.mark):
                last = ingests.begin(connection, subject)
            elif is_due(connection, last.id, at + SOURCE_CLOCK_TOLERANCE):
                last = ingests.restart(connection, last)
            else:
                ingests.reopen(connection, last)
            if (rules := rules_of(log)) and rules != source.rules:
                keep_rules(connection, last.id, rules)
        run = _IngestRun(store, subject, at, last, source.max_revisions)
        return _renewed(store, run.take(log, progress), at)


def ingest_prefect(
    store: Store, source: PrefectSource, at: datetime, progress: Progress | None = None
) -> IngestSummary:
    """Add a Prefect server's flow runs: all at first, later only those that may have changed.

    `known` counts the runs that were read again. Feature states are renewed, too.
    """
    path = without_login(source.api_url.rstrip("/"))
    subject = IngestSource(source.source, path, "executions", "prefect")
    with httpx.Client(
        base_url=source.api_url, headers=dict(source.headers), timeout=TIMEOUT_S
    ) as client:
        log = PrefectHistory(client, source.source, at)
        options = IngestOptions(at, source.max_revisions, progress=progress)
        return ingest_history(store, subject, log, options)


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """at: now. max_revisions, clock_tolerance_s: as in FileSource."""

    at: datetime
    max_revisions: int | None = None
    clock_tolerance_s: float = CLOCK_SKEW_S
    progress: Progress | None = None


def ingest_history(
    store: Store, subject: IngestSource, log: ResumableSource, options: IngestOptions
) -> IngestSummary:
    """Add what a server's log has after the mark that an earlier import left.

    `known` counts the rows that were read again. Feature states are renewed, too.
    """
    check_source(subject.source, subject.records)
    with advisory.shared(store.url, states.INGESTING):
        with store.connect() as connection:
            last = ingests.latest(connection, subject) or ingests.begin(connection, subject)
            ingests.reopen(connection, last)
        begun = replace(last, rows_new=0, rows_known=0, rows_rejected=0, rows_skipped={})
        run = _IngestRun(store, subject, options.at, begun, options.max_revisions)
        return _renewed(store, run.take(log, options.progress), options.at)


def _renewed(store: Store, summary: IngestSummary, at: datetime) -> IngestSummary:
    try:
        renewed = states.renew(store)
    except Unavailable as error:
        raise StatesBehind(summary, error) from error
    execution_series.renew_when_possible(store, at)
    return replace(summary, renewed=len(renewed))


@dataclass(frozen=True)
class _IngestRun:
    """One running ingest. begun: how far earlier runs got."""

    store: Store
    subject: IngestSource
    at: datetime
    begun: ingests.IngestProgress
    max_revisions: int | None = None

    def take(self, log: ResumableSource, progress: Progress | None) -> IngestSummary:
        """Land every piece, each parsed while the one before it is being stored."""
        started = perf_counter()
        mark = self.begun.mark
        tally = unmarked = IngestCounts()
        evidence = LogEvidence()
        unfinished_line, progressed = None, (0, 0)
        try:
            for piece, batch in _ahead(self._batches(log.pieces(mark), evidence)):
                facts.ensure_partitions(self.store, batch)
                landed = self._land(piece, batch, mark, unmarked)
                tally = tally.plus(landed)
                unmarked = unmarked.plus(landed) if piece.mark is None else IngestCounts()
                mark = piece.mark or mark
                unfinished_line, progressed = piece.unfinished_line, (piece.done, piece.total)
                if progress is not None:
                    progress(piece.done, piece.total)
        except Unavailable as error:
            if not tally.rows:
                raise
            raise Interrupted(self.subject.path, tally, error) from error
        with self.store.connect() as connection:
            warnings = self._warnings(connection, evidence)
            ingests.finish(connection, self.begun.id)
            ingests.publish_progress(connection, self.begun.id, *progressed)
            groups = groups_of(connection, self.begun.id)
        summary = self._summary(tally, perf_counter() - started)
        return replace(summary, warnings=warnings, unfinished_line=unfinished_line, rejects=groups)

    def _warnings(self, connection: Connection, evidence: LogEvidence) -> tuple[LogWarning, ...]:
        """The warnings of this run and of earlier ones, stored with the ingest."""
        stored = ingests.read_warnings(connection, self.begun.id)
        warnings = log_warnings.merged(stored, log_warnings.warnings_of(evidence, to_us(self.at)))
        if warnings:
            documents = log_warnings.as_documents(warnings)
            ingests.store_warnings(connection, self.begun.id, documents)
        return tuple(warnings)

    def _batches(
        self, pieces: Iterator[FilePiece], evidence: LogEvidence
    ) -> Iterator[tuple[FilePiece, CopyBatch]]:
        for piece in pieces:
            evidence.add(piece.parsed)
            yield piece, facts.batch(self.subject.records, piece.parsed.records, self.begun.id)

    def _land(
        self, piece: FilePiece, batch: CopyBatch, mark: Mark, unmarked: IngestCounts
    ) -> IngestCounts:
        """One transaction: the piece's facts, its rejects and the new mark.

        unmarked: the counts of the pieces since the last mark.
        """
        with self.store.connect() as connection:
            ingests.check_mark(connection, self.begun.id, mark)
            parsed = piece.parsed
            if piece.settle is not None:
                parsed = piece.settle(connection, self.begun.id)
                batch = facts.batch(self.subject.records, parsed.records, self.begun.id)
                facts.ensure_partitions(self.store, batch)
            added = self._add(connection, batch)
            refused = self._rejects(parsed, added)
            add_rejects(connection, self.begun.id, self.subject.path, refused)
            skipped = parsed.skipped
            landed = IngestCounts(added.new, added.known, refused.num_rows, skipped)
            if piece.mark is not None:
                ingests.advance(connection, self.begun.id, piece.mark, unmarked.plus(landed))
            ingests.publish_progress(connection, self.begun.id, piece.done, piece.total)
        return landed

    def _add(self, connection: Connection, batch: CopyBatch) -> AddedFacts:
        """Add facts; those of executions leave the states of features behind."""
        if self.subject.records != "executions":
            return facts.add(connection, batch, self.at)
        feature_states.hold_off_rebuilds(connection)
        added = facts.add(connection, batch, self.at, self.max_revisions)
        if added.new:
            feature_states.spoil(connection)
        return added

    def _rejects(self, parsed: Parsed, added: AddedFacts) -> pa.Table:
        """Rows that could not be read, and those that are one correction too many."""
        if not added.refused.size:
            return parsed.rejects
        rows = parsed.records.take(pa.array(added.refused)).to_pylist()
        reason = (
            f"id has been added to as often as one may be, {self.max_revisions:,} times; leave the"
            " row out, give other work another id, or raise RUNLORE_MAX_REVISIONS"
        )
        raw = [
            f"{row['source_id']} {row['status']} {row['outcome']}"[:MOST_RAW_CHARACTERS]
            for row in rows
        ]
        lines = [row["line"] for row in rows]
        return merged([parsed.rejects, rejects(lines, [reason] * len(rows), raw)])

    def _summary(self, tally: IngestCounts, seconds: float) -> IngestSummary:
        before = self.begun
        return IngestSummary(
            source=self.subject.source,
            path=self.subject.path,
            records=self.subject.records,
            new=tally.new,
            known=tally.known + before.rows_new + before.rows_known,
            rejected=tally.rejected + before.rows_rejected,
            seconds=round(seconds, 3),
            rows_per_s=round(tally.rows / max(seconds, 1e-9), 1),
            skipped=dict(Counter(tally.skipped) + Counter(before.rows_skipped)),
            ingest=before.id,
        )


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made while the one before it is being used."""
    with ThreadPoolExecutor(1, "ahead") as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item
