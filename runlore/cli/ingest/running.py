"""Running an ingest from the command line: the progress bar and the summary."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore.cli.ingest.preview import emit_preview
from runlore.cli.ingest.rejects import show_groups, show_warnings
from runlore.cli.output import echo, emit_json
from runlore.kernel.errors import BadInput
from runlore.kernel.redaction import redact

if TYPE_CHECKING:
    from runlore.ingest.actions.files import IngestSummary
    from runlore.ingest.actions.opening import FileSource, Format
    from runlore.ingest.actions.preview import IngestPreview
    from runlore.records.mapping import ColumnMapping


@dataclass(frozen=True, slots=True)
class FileRun:
    """How a command reads its file and shows what came of it."""

    json: bool
    is_dry: bool = False
    takes_last_line: bool = False


def run_ingest(
    file: Path,
    file_format: "Format",
    source: str | None,
    mapping: "ColumnMapping",
    start: Any,  # noqa: ANN401  (a datetime, whose module need not be imported for --help)
    run: FileRun,
) -> None:
    from runlore.app import open_app
    from runlore.ingest.actions.files import ingest_file
    from runlore.ingest.actions.opening import FileSource
    from runlore.kernel.instants import now

    with open_app(delivers=not run.is_dry) as app:
        log = FileSource(
            file,
            file_format,
            source or _stem(file),
            mapping,
            start,
            max_revisions=app.settings.max_revisions,
            clock_tolerance_s=app.settings.clock_tolerance_s,
            takes_last_line=run.takes_last_line,
        )
        if run.is_dry:
            _preview(log, run)
            return
        with progress_bar(file.name) as progress, shown_if_behind(run):
            summary = ingest_file(app.store, log, now(), progress)
    emit_summary(summary, run)
    refuse_nothing(summary)


@contextmanager
def shown_if_behind(run: FileRun) -> Iterator[None]:
    """Show what was committed also when predictions do not know it yet, which is an error."""
    from runlore.ingest.actions.files import StatesBehind

    try:
        yield
    except StatesBehind as behind:
        emit_summary(behind.summary, run)
        raise


def _preview(log: "FileSource", run: FileRun) -> None:
    from runlore.ingest.actions.preview import preview_file
    from runlore.kernel.instants import now

    with progress_bar(log.path.name) as progress:
        preview = preview_file(log, now(), progress)
    show_preview(preview, run)


def show_preview(preview: "IngestPreview", run: FileRun) -> None:
    """Raises BadInput when nothing would get in."""
    emit_preview(preview, json=run.json)
    if not preview.accepted:
        raise BadInput(f"{preview.path}: nothing would be ingested", "file")


def refuse_nothing(summary: "IngestSummary") -> None:
    """Raises BadInput when no row got in, now or earlier."""
    from runlore.ingest.rules.reject_groups import in_sentences

    if summary.new or summary.known:
        return
    skipped = sum(summary.skipped.values())
    reason = "the file has no rows"
    if summary.rejects:
        reason = in_sentences(summary.rejects)
    elif skipped:
        reason = f"all {skipped:,} rows were skipped"
    elif summary.unfinished_line is not None:
        reason = (
            f"line {summary.unfinished_line} has no line end; say --take-last-line if it is"
            " complete"
        )
    raise BadInput(f"{summary.path}: nothing was ingested: {reason}", "file")


def run_tool(
    file: Path,
    file_format: "Format",
    source: str | None,
    timezone: str | None,
    run: FileRun,
    start: Any = None,  # noqa: ANN401
) -> None:
    """Import a tool's own export. timezone: of times without a zone; None: UTC.

    Exports of one tool are one source, whatever their files are called, unless `source` says more:
    then a job that is in several of them is one execution.
    """
    from runlore.records.mapping import ColumnMapping

    mapping = ColumnMapping(timezone=timezone or "UTC")
    run_ingest(file, file_format, source or file_format, mapping, start, run)


def _stem(file: Path) -> str:
    name = file.name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] or name


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    shown = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*shown, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(redact(what), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def emit_summary(summary: "IngestSummary", run: FileRun) -> None:
    from dataclasses import asdict

    if run.json:
        emit_json(asdict(summary))
        return
    skipped = sum(summary.skipped.values())
    echo(
        f"{summary.path}: {summary.new:,} new, {summary.known:,} already known,"
        f" {summary.rejected:,} rejected{f', {skipped:,} skipped' if skipped else ''};"
        f" {summary.seconds:.1f} s"
        + (f", {summary.rows_per_s:,.0f} rows/s" if summary.rows_per_s else "")
    )
    if summary.unfinished_line is not None:
        echo(
            f"line {summary.unfinished_line:,} is left for the next time, since it has no line end;"
            " --take-last-line takes it"
        )
    show_warnings(summary.warnings)
    for reason, rows in sorted(summary.skipped.items()):
        echo(f"skipped: {rows:,} {reason}")
    if summary.renewed and not summary.new:
        echo("the states of features were renewed, which an earlier ingest had left behind")
    if summary.new:
        echo(f"`runlore ingest undo {summary.ingest}` takes it back")
    if summary.rejected:
        show_groups(summary.rejects)
        echo("see `runlore ingest rejects --all` for the rejected rows")
