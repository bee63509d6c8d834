"""Sources and ingests as a person lists them before one is undone."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.ingest.queries import sources
from runlore.ingest.queries.sources import FactCount, StoredIngest
from runlore.ingest.rules.log_warnings import LogWarning
from runlore.store.engine import Store


@dataclass(frozen=True, slots=True)
class IngestView:
    """An ingest. facts: what the log holds of it now; undone_at: None while it stands.

    warnings: what a person should know about its rows.
    """

    ingest: int
    source: str
    records: str
    path: str
    facts: int
    rejected: int
    started_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None
    because: str | None
    warnings: tuple[LogWarning, ...]


@dataclass(frozen=True, slots=True)
class SourceView:
    """What the log holds of a source. rows: executions, or points of metrics.

    facts: with their corrections. unnumbered: facts of no ingest: recorded over HTTP, or older
    than the numbers of ingests. withdrawn: facts that undos took out of it. first, last:
    submissions or points; None: all of it is withdrawn.
    """

    source: str
    records: str
    rows: int
    facts: int
    unnumbered: int
    withdrawn: int
    first: datetime | None
    last: datetime | None
    last_ingest: datetime | None
    ingests: tuple[IngestView, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Of the ingests that stand, the newest first."""
        return tuple(dict.fromkeys(i.path for i in self.ingests if i.undone_at is None))


def list_sources(store: Store) -> list[SourceView]:
    """All sources by name, each with its ingests, the newest first; also withdrawn ones."""
    with store.connect() as connection:
        counts, ingests = sources.count_facts(connection), sources.read_ingests(connection)
        withdrawn = sources.count_withdrawn(connection)
    facts: dict[tuple[str, str], list[FactCount]] = defaultdict(list)
    stored: dict[tuple[str, str], list[StoredIngest]] = defaultdict(list)
    for count in counts:
        facts[count.source, count.records].append(count)
    for ingest in ingests:
        stored[ingest.source, ingest.records].append(ingest)
    return [
        _view(name, facts[name], stored[name], withdrawn.get(name, 0))
        for name in sorted({*facts, *stored, *withdrawn})
    ]


def _view(
    name: tuple[str, str],
    counts: Sequence[FactCount],
    ingests: Sequence[StoredIngest],
    withdrawn: int,
) -> SourceView:
    source, records = name
    standing = [i for i in ingests if i.undone_at is None]
    of_ingest = {count.ingest_id: count.facts for count in counts}
    return SourceView(
        source=source,
        records=records,
        rows=sum(count.things for count in counts),
        facts=sum(count.facts for count in counts),
        unnumbered=of_ingest.get(None, 0),
        withdrawn=withdrawn,
        first=min((count.first_at for count in counts), default=None),
        last=max((count.last_at for count in counts), default=None),
        last_ingest=max((i.finished_at or i.started_at for i in standing), default=None),
        ingests=tuple(_ingest(ingest, of_ingest.get(ingest.id, 0)) for ingest in ingests),
    )


def _ingest(ingest: StoredIngest, facts: int) -> IngestView:
    return IngestView(
        ingest=ingest.id,
        source=ingest.source,
        records=ingest.records,
        path=ingest.path,
        facts=facts,
        rejected=ingest.rows_rejected,
        started_at=ingest.started_at,
        finished_at=ingest.finished_at,
        undone_at=ingest.undone_at,
        because=ingest.because,
        warnings=tuple(LogWarning(**warning) for warning in ingest.warnings),
    )
