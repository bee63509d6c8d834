"""Say why executions failed, or that it is not known."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from runlore.advice.actions.cause_columns import cause_columns
from runlore.advice.queries.cause_metrics import LevelQuery, read_levels
from runlore.advice.queries.failures import (
    EndedRun,
    FailureQuery,
    FailureRows,
    read_failures,
    read_named,
    read_run,
)
from runlore.advice.rules.causes.expected import FailureTable
from runlore.advice.rules.causes.metric_levels import (
    MetricLevels,
    MovedMetric,
    moved_metrics,
)
from runlore.advice.rules.causes.search import ALPHA, CauseSearch, find_cause
from runlore.advice.rules.causes.window import RiseWindow, find_rise
from runlore.kernel.errors import BadInput, NotFound
from runlore.store.engine import Store

BEFORE = timedelta(days=28)
SEARCHED = timedelta(days=7)  # without `since`, for the stretch in which failures rose
AROUND = timedelta(hours=12)  # before a single execution
MOST_RUNS = 100_000
MOST_METRICS, MOST_SCOPES = 100, 200


@dataclass(frozen=True)
class CauseQuestion:
    """kind, scope: None is all. execution: the id of one that failed. since, until: the incident.

    source: of the execution; None: the one of that id submitted last.

    Without since the stretch of the last 7 days is taken in which failures rose most.
    """

    as_of: datetime
    kind: str | None = None
    scope: str | None = None
    execution: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None


@dataclass(frozen=True, eq=False)
class CauseAnswer:
    """since, until: of the submissions that were compared with those of the 28 days before.

    compared: how many executions were read; is_truncated: older ones were left out.
    moved: metrics that left their usual level in the window, of `metrics` that were compared.
    """

    question: CauseQuestion
    since: datetime
    until: datetime
    search: CauseSearch
    compared: int
    is_truncated: bool
    run: EndedRun | None = None
    moved: tuple[MovedMetric, ...] = ()
    metrics: int = 0
    is_metrics_cut: bool = False


def ask_about(store: Store, name: str, as_of: datetime) -> CauseQuestion:
    """The question about a kind, a scope or an execution of that name.

    Raises NotFound where nothing has the name, BadInput where several have.
    """
    found = dict(zip(("kind", "scope", "execution"), read_named(store, name, as_of), strict=True))
    named = [what for what, is_there in found.items() if is_there]
    if not named:
        raise NotFound(f"no kind, scope or execution is named {name[:80]!r}")
    if len(named) > 1:
        options = " or ".join(f"--{what}" for what in named)
        raise BadInput(f"name: {name[:80]!r} is the name of several; use {options}", "name")
    kind, scope, execution = (name if what in named else None for what in found)
    return CauseQuestion(as_of, kind, scope, execution)


def find_causes(store: Store, question: CauseQuestion) -> CauseAnswer:
    """Raises NotFound for an unknown execution, BadInput for a period that cannot be."""
    run = _run(store, question)
    kind = run.kind if run and question.kind is None else question.kind
    until = question.until or (run.submitted if run else question.as_of)
    since = question.since or (run.submitted - AROUND if run else None)
    if since is not None and since >= until:
        raise BadInput("since: must be before the end of the period", "since")
    begin = (since or until - SEARCHED) - BEFORE
    query = FailureQuery(question.as_of, begin, until, kind, question.scope)
    rows = read_failures(store, query, MOST_RUNS)
    if not len(rows.runs):
        raise NotFound("no execution ended in this period or in the 28 days before it")
    stretch = _stretch(rows, since, until)
    rows = _until(rows, stretch.end_s)
    table = _table(rows, stretch)
    if not table.in_window.any():
        raise NotFound("no execution that was submitted in this period has ended")
    levels = _levels(store, question.as_of, begin, until, rows, table)
    columns = cause_columns(rows, table.in_window, levels, stretch.start_s)
    search = find_cause(table, columns, stretch.looked_at, _member(rows, run))
    moved, compared = moved_metrics(levels, stretch.start_s, stretch.end_s, ALPHA)
    return CauseAnswer(
        question,
        datetime.fromtimestamp(stretch.start_s, until.tzinfo),
        datetime.fromtimestamp(stretch.end_s, until.tzinfo),
        search,
        len(rows.runs),
        len(rows.runs) == MOST_RUNS,
        run,
        moved,
        compared,
        levels.is_cut,
    )


def _levels(
    store: Store,
    as_of: datetime,
    begin: datetime,
    until: datetime,
    rows: FailureRows,
    table: FailureTable,
) -> MetricLevels:
    """Of metrics without a scope, then of the scopes with most failures in the window."""
    failed = rows.runs["scope"][table.in_window & table.failed].value_counts()
    scopes = [str(one) for one in failed.index if one][:MOST_SCOPES]
    return read_levels(store, LevelQuery(as_of, begin, until, scopes, MOST_METRICS))


def _run(store: Store, question: CauseQuestion) -> EndedRun | None:
    if question.execution is None:
        return None
    run = read_run(store, question.execution, question.as_of, question.source)
    if run is None:
        raise NotFound(f"there is no execution {question.execution[:80]!r}")
    if run.status not in ("failed", "partial"):
        raise BadInput(f"execution: {run.source_id[:80]!r} did not fail: {run.status}", "execution")
    return run


def _stretch(rows: FailureRows, since: datetime | None, until: datetime) -> RiseWindow:
    if since is not None:
        return RiseWindow(since.timestamp(), until.timestamp(), 1)
    submitted = rows.runs["submitted_s"].to_numpy(np.float64)
    failed = rows.runs["failed"].to_numpy(bool)
    return find_rise(submitted, failed, (until - SEARCHED).timestamp())


def _until(rows: FailureRows, end_s: float) -> FailureRows:
    """Without what was submitted after the stretch; rows are in the order of submission."""
    size = int((rows.runs["submitted_s"] <= end_s).sum())
    return FailureRows(rows.runs[:size], rows.inputs[rows.inputs["run"] < size], rows.upstream)


def _table(rows: FailureRows, stretch: RiseWindow) -> FailureTable:
    submitted_s = rows.runs["submitted_s"].to_numpy(np.float64)
    kind = np.unique(rows.runs["kind"].to_numpy(str), return_inverse=True)[1]
    hour = (submitted_s // 3600 % 24).astype(np.int64)
    failed = rows.runs["failed"].to_numpy(bool)
    return FailureTable(failed, kind, hour, submitted_s - stretch.start_s)


def _member(rows: FailureRows, run: EndedRun | None) -> int | None:
    if run is None:
        return None
    at = np.flatnonzero(rows.runs["id"] == run.source_id)
    return int(at[-1]) if len(at) else None
