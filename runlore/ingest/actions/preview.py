"""What an ingest of a file would do, without a database: counts, warnings and the first rows."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from runlore.ingest.actions.formats import START, FilePiece, Progress
from runlore.ingest.actions.lineage_files import LineageFile
from runlore.ingest.actions.opening import FileSource, open_log
from runlore.ingest.actions.source_names import check_source
from runlore.ingest.queries.ingests import IngestSource
from runlore.ingest.rules.log_evidence import LogEvidence
from runlore.ingest.rules.log_warnings import LogWarning, warnings_of
from runlore.ingest.rules.reject_groups import RejectGroup, group_rejects
from runlore.kernel.instants import from_us, to_us
from runlore.records.formats.parsed import REJECT_TYPES

SHOWN_ROWS = 3
INSTANTS = ("submitted", "started", "finished", "known_at", "at")
HIDDEN = ("source", "submission_known_at")


@dataclass(frozen=True, slots=True)
class IngestPreview:
    """What an ingest would do. accepted: rows that would be stored, unless they are known already.

    executions: how many executions those rows are; for metrics, how many points. first: the first
    rows as they would be stored, by field. The rest as in IngestSummary.
    """

    source: str
    path: str
    records: str
    rows: int
    accepted: int
    executions: int
    rejected: int
    skipped: Mapping[str, int]
    warnings: tuple[LogWarning, ...]
    rejects: tuple[RejectGroup, ...]
    unfinished_line: int | None
    first: tuple[Mapping[str, Any], ...]


def preview_file(
    source: FileSource, at: datetime, progress: Progress | None = None
) -> IngestPreview:
    """Read a file to its end as an ingest would, and write nothing. at: now.

    Raises BadInput as the ingest would.
    """
    check_source(source.source, source.mapping.records)
    log = open_log(source, to_us(at))
    path = str(source.path.resolve())
    subject = IngestSource(source.source, path, source.mapping.records, mapping="")
    pieces = log.alone() if isinstance(log, LineageFile) else log.pieces(START)
    return preview_pieces(subject, pieces, at, progress)


def preview_pieces(
    subject: IngestSource,
    pieces: Iterable[FilePiece],
    at: datetime,
    progress: Progress | None = None,
) -> IngestPreview:
    """The same of pieces that were opened before."""
    evidence = LogEvidence(is_exact=True)
    first: list[Mapping[str, Any]] = []
    rejects: list[pa.Table] = [REJECT_TYPES.empty_table()]
    accepted, skipped, unfinished_line = 0, Counter[str](), None
    for piece in pieces:
        parsed = piece.parsed
        evidence.add(parsed)
        accepted += parsed.records.num_rows
        first += _rows(parsed.records.slice(0, SHOWN_ROWS - len(first)))
        rejects.append(parsed.rejects)
        skipped.update(parsed.skipped)
        unfinished_line = piece.unfinished_line
        if progress is not None:
            progress(piece.done, piece.total)
    refused = pa.concat_tables(rejects)
    is_points = subject.records == "metrics"
    return IngestPreview(
        source=subject.source,
        path=subject.path,
        records=subject.records,
        rows=accepted + refused.num_rows + skipped.total(),
        accepted=accepted,
        executions=accepted if is_points else evidence.executions,
        rejected=refused.num_rows,
        skipped=dict(skipped),
        warnings=tuple(warnings_of(evidence, to_us(at))),
        rejects=tuple(group_rejects(refused)),
        unfinished_line=unfinished_line,
        first=tuple(first),
    )


def _rows(records: pa.Table) -> list[Mapping[str, Any]]:
    return [_row(row) for row in records.to_pylist()]


def _row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row by the names of its fields, with instants and objects as people read them."""
    shown = {"id" if name == "source_id" else name: value for name, value in row.items()}
    for name in INSTANTS:
        if shown.get(name) is not None:
            shown[name] = from_us(shown[name])
    for name in ("inputs", "outcome"):
        if name in shown:
            shown[name] = json.loads(shown[name])
    return {name: value for name, value in shown.items() if name not in HIDDEN}
