"""The page of the log: its sources and ingests, rejected rows with their remedy, and undo."""

from collections.abc import Sequence

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from runlore.ingest.actions.reject_list import list_reject_groups
from runlore.ingest.actions.sources import IngestView, SourceView, list_sources
from runlore.ingest.actions.undo import UndoReason, UndoTarget, withdraw_ingest
from runlore.kernel.errors import BadInput

PATH = "/console/log"
MOST_SOURCES, MOST_INGESTS, MOST_FILES = 50, 20, 30  # shown; a page stays small


def show_log(request: PageRequest) -> Shown:
    sources = list_sources(request.store)
    files = list_reject_groups(request.store)
    executions = [source for source in sources if source.records == "executions"]
    newest = max((source.last for source in sources if source.last), default=None)
    values = {
        "sources": sources[:MOST_SOURCES],
        "hidden_sources": max(0, len(sources) - MOST_SOURCES),
        "most_ingests": MOST_INGESTS,
        "executions": sum(source.rows for source in executions),
        "points": sum(source.rows for source in sources) - sum(s.rows for s in executions),
        "newest": newest,
        "files": files[:MOST_FILES],
        "hidden_files": max(0, len(files) - MOST_FILES),
        "rejected": sum(file.rows for file in files),
        "course": _course(sources),
    }
    return Shown("log/log.html", values)


def undo_ingest(request: PageRequest) -> Moved:
    """Withdraw what one ingest brought in."""
    number = request.number("id")
    return _undo(request, UndoTarget(ingest_id=number), f"ingest {number}")


def undo_source(request: PageRequest) -> Moved:
    """Withdraw all that a source brought in; its name comes in the form, for it may be any text."""
    source = request.form.get("source", "")
    if not source or "\x00" in source:
        raise BadInput("source: no source has such a name", "source")
    return _undo(request, UndoTarget(source=source), f"source {source}")


def _undo(request: PageRequest, target: UndoTarget, name: str) -> Moved:
    done = withdraw_ingest(
        request.store, target, UndoReason(request.actor(), request.line("reason"))
    )
    facts = done.withdrawal.executions + done.withdrawal.metrics
    notice = f"{name}: {facts:,} facts are withdrawn."
    if not done.is_new:
        notice = f"{name} was undone before."
    paths = ", ".join(other.path for other in done.reread)
    return Moved(
        PATH, f"{notice} Ingest again, since they share rows: {paths}" if paths else notice
    )


def _course(sources: Sequence[SourceView]) -> Chart | None:
    """What each ingest brought in, and what it rejected."""
    ingests = sorted(
        (i for source in sources for i in source.ingests if i.undone_at is None),
        key=lambda ingest: ingest.started_at,
    )
    if not ingests:
        return None
    parts = (
        _series("facts in the log", ingests, [float(one.facts) for one in ingests], 1),
        _series("rejected rows", ingests, [float(one.rejected) for one in ingests], 2),
    )
    return Chart("What came in", "ingest", "rows", parts, "By ingest, oldest first.")


def _series(
    name: str, ingests: Sequence[IngestView], rows: Sequence[float], colour: int
) -> ChartSeries:
    return ChartSeries(name, [f"{i.ingest}" for i in ingests], rows, style="bars", colour=colour)


PAGE = ConsolePage(
    "Log",
    40,
    PATH,
    (
        PageRoute("GET", PATH, show_log),
        PageRoute("POST", f"{PATH}/ingests/{{id}}/undo", undo_ingest, "train"),
        PageRoute("POST", f"{PATH}/undo-source", undo_source, "train"),
    ),
)
