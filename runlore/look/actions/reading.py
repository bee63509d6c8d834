"""A log file in memory: its format and its columns named without a question."""

import csv
import io
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from runlore.features.log import Log, prepare
from runlore.ingest.actions.formats import START, FilePiece, Progress, parquet_schema, sample
from runlore.ingest.actions.lineage_files import LineageFile
from runlore.ingest.actions.opening import FileSource, Format, open_log
from runlore.ingest.actions.preview import IngestPreview, preview_pieces
from runlore.ingest.queries.ingests import IngestSource
from runlore.ingest.rules.reject_groups import in_sentences
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import from_us, to_us
from runlore.log.parsed_facts import facts_of
from runlore.look.rules import column_guess, detection
from runlore.look.rules.column_guess import ColumnGuess
from runlore.records.formats.csv import find_header
from runlore.records.mapping import ColumnMapping, declare

SAMPLE_ROWS = 2_000
GUESSED: tuple[Format, ...] = ("csv", "jsonl", "parquet")
TIMELESS_START = "2000-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class LogChoice:
    """What a person said about a file; what is None is found out.

    document: a mapping as `declare` takes it; empty: guess the columns.
    """

    path: Path
    format: Format | None = None
    document: Mapping[str, Any] | None = None
    start: datetime | None = None


@dataclass(frozen=True)
class ReadLog:
    """A log in memory. preview: counts, rejects and warnings. notes: what was assumed."""

    log: Log
    source: FileSource
    preview: IngestPreview
    notes: tuple[str, ...]


def read_log_file(choice: LogChoice, at: datetime, progress: Progress | None = None) -> ReadLog:
    """Read a file of any known format. at: now; rows that end later are rejects.

    Raises BadInput for a file that cannot be read, and where its columns cannot be guessed: then
    it names the options that say them.
    """
    source, notes = name_format(choice)
    log_file = open_log(source, to_us(at))
    pieces = log_file.alone() if isinstance(log_file, LineageFile) else log_file.pieces(START)
    records: list[pa.Table] = []
    subject = IngestSource(source.source, source.path.name, "executions", mapping="")
    preview = preview_pieces(subject, _noting(pieces, records), at, progress)
    if not preview.accepted:
        raise BadInput(_nothing(source, preview), "file")
    latest = max(table["known_at"].combine_chunks().to_numpy().max() for table in records)
    facts = facts_of(records, from_us(int(latest)))
    return ReadLog(prepare(facts), source, preview, notes)


def name_format(choice: LogChoice) -> tuple[FileSource, tuple[str, ...]]:
    """The file with its format and mapping, and what was assumed about it."""
    path, kind = choice.path, choice.format or _format_of(choice.path)
    mapping = ColumnMapping()
    notes: tuple[str, ...] = ()
    if kind in GUESSED:
        mapping, notes = _mapping_of(path, kind, choice.document or {})
    elif choice.document:
        mapping = declare(choice.document)
    source = FileSource(path, kind, _stem(path), mapping, choice.start, takes_last_line=True)
    if kind == "swf" and choice.start is None and b"UnixStartTime" not in sample(path):
        note = f"the header does not say when the log began: its clock starts at {TIMELESS_START}"
        source = replace(source, start=datetime.fromisoformat(TIMELESS_START))
        notes = (*notes, note)
    return source, notes


def _format_of(path: Path) -> Format:
    if path.is_dir():
        return "snakemake"
    try:
        with path.open("rb") as file:
            magic = file.read(len(detection.PARQUET))
    except FileNotFoundError as error:
        raise BadInput(f"{path}: there is no such file", "file") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "file") from error
    return "parquet" if magic == detection.PARQUET else detection.detect(sample(path))


def _mapping_of(
    path: Path, kind: Format, document: Mapping[str, Any]
) -> tuple[ColumnMapping, tuple[str, ...]]:
    """The mapping that was said; its columns guessed where nobody named any."""
    plain = declare(document)
    cells, delimiter = _cells(path, kind, plain)
    guess = column_guess.guess(cells, delimiter)
    if document.get("columns") or document.get("inputs"):
        return plain, ()
    said = {name: part for name, part in document.items() if part}
    mapping = declare({**guess.document, **said})
    _check(path, kind, guess, mapping, [*cells])
    return mapping, guess.notes


def _check(
    path: Path, kind: Format, guess: ColumnGuess, mapping: ColumnMapping, names: Sequence[str]
) -> None:
    """Raise BadInput where the guess does not say when runs were, or how they ended."""
    known = {*guess.columns, *mapping.constants}
    lacking = (
        [] if "submitted" in known else ["when each run was submitted: --map submitted=COLUMN"]
    )
    if not {"status", "finished", "duration_s", "duration_ms"} & known:
        lacking.append(
            "how each run ended: --map status=COLUMN, with"
            f" {column_guess.status_example()}; or --map finished=COLUMN"
        )
    if lacking:
        said = shlex.join(column_guess.as_options(declare({"columns": guess.columns})))
        raise BadInput(
            f"{path}: the columns do not show {'; and not '.join(lacking)}."
            + (f" Guessed so far: {said}." if said else "")
            + f" Columns: {', '.join(names)}. `runlore ingest {kind} --help` has all options",
            "file",
        )


def _cells(
    path: Path, kind: Format, mapping: ColumnMapping
) -> tuple[Mapping[str, Sequence[str]], str]:
    """The first cells of each column as text, and what separates them."""
    if kind == "parquet":
        return _parquet_cells(path), ","
    head = sample(path, mapping.encoding)
    if kind == "jsonl":
        return _json_cells(head), ","
    if b"\0" in head.partition(b"\n")[0]:
        raise BadInput(f"{path}: its first line holds NUL bytes; export the log as text", "file")
    names, line, delimiter = find_header(head, mapping.delimiter)
    text = head.decode("utf-8", "replace").removeprefix("\ufeff")
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    kept = [row for at, row in enumerate(rows) if at >= line and len(row) == len(names)]
    kept = kept[:SAMPLE_ROWS]
    return {name: [row[at] for row in kept] for at, name in enumerate(names) if name}, delimiter


def _parquet_cells(path: Path) -> Mapping[str, Sequence[str]]:
    names = parquet_schema(path).names
    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(SAMPLE_ROWS), None)
    rows = batch.to_pylist() if batch is not None else []
    return {name: [_as_text(row[name]) for row in rows] for name in names}


def _json_cells(head: bytes) -> Mapping[str, Sequence[str]]:
    objects = [flat for one in _objects(head) if (flat := _flat(one))]
    names = dict.fromkeys(name for one in objects for name in one)
    return {name: [one.get(name, "") for one in objects] for name in names}


def _objects(head: bytes) -> Iterator[Any]:
    """The whole JSON objects at the beginning of a file, outside or inside a list."""
    text, decoder, at = head.decode("utf-8", "replace"), json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        try:
            one, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield one


def _flat(one: Any, before: str = "") -> dict[str, str]:  # noqa: ANN401  (what JSON can hold)
    flat: dict[str, str] = {}
    for key, value in one.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{key}.")
        else:
            flat[f"{before}{key}"] = _as_text(value)
    return flat


def _as_text(value: Any) -> str:  # noqa: ANN401  (any cell)
    return "" if value is None else str(value)


def _noting(pieces: Iterator[FilePiece], records: list[pa.Table]) -> Iterator[FilePiece]:
    for piece in pieces:
        if piece.parsed.records.num_rows:
            records.append(piece.parsed.records)
        yield piece


def _nothing(source: FileSource, preview: IngestPreview) -> str:
    reason = "the file has no rows"
    if preview.rejects:
        reason = f"{in_sentences(preview.rejects)}. Remedy: {preview.rejects[0].remedy}"
    elif preview.skipped:
        reason = f"all {sum(preview.skipped.values()):,} rows were skipped"
    return f"{source.path}: no run could be read as {source.format}: {reason}"


def _stem(path: Path) -> str:
    name = path.resolve().name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] or name
