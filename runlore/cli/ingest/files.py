"""`runlore ingest csv`, `parquet`, `jsonl` and `swf`: files of records."""

from typing import TYPE_CHECKING, Any

from runlore.cli.ingest.options import (
    Const,
    DateFormat,
    Decimal,
    Delimiter,
    DryRun,
    Encoding,
    Epoch,
    File,
    Inputs,
    Map,
    Mapping,
    Metrics,
    Missing,
    NoTimes,
    Outcome,
    Source,
    Start,
    Statuses,
    TakeLastLine,
    Thousands,
    Timezone,
    read_mapping,
    without_none,
)
from runlore.cli.ingest.running import FileRun, run_ingest
from runlore.cli.output import Json

if TYPE_CHECKING:
    from pathlib import Path

    from runlore.ingest.actions.opening import Format


def from_csv(
    file: File,
    source: Source = None,
    metrics: Metrics = False,
    mapping: Mapping = None,
    columns: Map = None,
    const: Const = None,
    inputs: Inputs = None,
    outcome: Outcome = None,
    status: Statuses = None,
    timezone: Timezone = None,
    epoch: Epoch = None,
    date_format: DateFormat = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    missing: Missing = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    take_last_line: TakeLastLine = False,
    no_times: NoTimes = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import a CSV file with a header line.

    Fields are separated by comma, semicolon, tab or bar. Each field is read from the column with
    its name, unless --map names another. Fields of executions: id actor kind scope submitted
    started finished duration_s duration_ms status known_at. Fields of metrics: name scope at value
    known_at.

    Example: runlore ingest csv builds.csv --map submitted=queued_at --map status=result
    """
    parts = read_mapping(mapping, metrics, columns, const, inputs, outcome, status, no_times)
    parts |= without_none(
        timezone=timezone,
        epoch=epoch,
        date_format=date_format,
        decimal=decimal,
        thousands=thousands,
        missing=missing,
        delimiter=delimiter,
        encoding=encoding,
    )
    run = FileRun(json, dry_run, take_last_line)
    _ingest_columns(file, "csv", source, parts, run)


def from_parquet(
    file: File,
    source: Source = None,
    metrics: Metrics = False,
    mapping: Mapping = None,
    columns: Map = None,
    const: Const = None,
    inputs: Inputs = None,
    outcome: Outcome = None,
    status: Statuses = None,
    timezone: Timezone = None,
    epoch: Epoch = None,
    date_format: DateFormat = None,
    missing: Missing = None,
    no_times: NoTimes = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import a Parquet file. The mapping options are those of csv.

    Example: runlore ingest parquet runs.parquet --mapping runs.toml
    """
    parts = read_mapping(mapping, metrics, columns, const, inputs, outcome, status, no_times)
    parts |= without_none(timezone=timezone, epoch=epoch, date_format=date_format, missing=missing)
    _ingest_columns(file, "parquet", source, parts, FileRun(json, dry_run))


def from_jsonl(
    file: File,
    source: Source = None,
    metrics: Metrics = False,
    mapping: Mapping = None,
    columns: Map = None,
    const: Const = None,
    inputs: Inputs = None,
    outcome: Outcome = None,
    status: Statuses = None,
    timezone: Timezone = None,
    epoch: Epoch = None,
    date_format: DateFormat = None,
    missing: Missing = None,
    encoding: Encoding = None,
    take_last_line: TakeLastLine = False,
    no_times: NoTimes = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import JSON objects: one in each line, or a list of them.

    The mapping options are those of csv; a nested key is written as a.b.

    Example: runlore ingest jsonl runs.jsonl --map submitted=queued_at --map actor=user.name
    """
    parts = read_mapping(mapping, metrics, columns, const, inputs, outcome, status, no_times)
    parts |= without_none(
        timezone=timezone,
        epoch=epoch,
        date_format=date_format,
        missing=missing,
        encoding=encoding,
    )
    run = FileRun(json, dry_run, take_last_line)
    _ingest_columns(file, "jsonl", source, parts, run)


def from_swf(
    file: File,
    source: Source = None,
    start: Start = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import a log in the Standard Workload Format (SWF).

    Example: runlore ingest swf CTC-SP2-1996-3.1-cln.swf.gz
    """
    from runlore.kernel.instants import parse
    from runlore.records.mapping import ColumnMapping

    began = None if start is None else parse(start, "start")
    run = FileRun(json, dry_run, take_last_line)
    run_ingest(file, "swf", source, ColumnMapping(), began, run)


def _ingest_columns(
    file: "Path", file_format: "Format", source: str | None, document: dict[str, Any], run: FileRun
) -> None:
    from runlore.records.mapping import declare, split_source

    named, parts = split_source(document)
    run_ingest(file, file_format, source or named, declare(parts), None, run)
