"""What is queued or running now, with what the versions that answer say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bentos.console.frame.page import PageRequest, Shown
from bentos.predict.live_versions import Live
from runlore.features.keys import KeyParts
from runlore.serving.actions import prediction
from runlore.serving.actions.prediction import UNDRAWN, RequestBatch, ServedPrediction
from runlore.serving.actions.prediction_commit import commit
from runlore.serving.queries import execution_search
from runlore.serving.queries.execution_search import ExecutionQuery, ExecutionSummary
from runlore.specs.model_spec import Probability

MOST_OPEN = 100
LONG_AGO = timedelta(days=30)  # work that is open for longer was hardly ever reported as ended
FAILED, DURATION = "failed", "duration_s"


@dataclass(frozen=True)
class OpenExecution:
    """risk: that it fails. ends_at: by the predicted duration, since its start or from now.

    late: the upper end of the interval has passed. None: no version answers that.
    """

    execution: ExecutionSummary
    risk: float | None
    ends_at: datetime | None
    is_late: bool


def show_open(request: PageRequest) -> Shown:
    query = ExecutionQuery(is_open=True, since=request.at - LONG_AGO)
    page = execution_search.search(request.store, query, MOST_OPEN)
    rows = _predicted(request, page.executions)
    rows.sort(key=lambda row: -1.0 if row.risk is None else row.risk, reverse=True)
    risks = [row.risk for row in rows if row.risk is not None]
    values = {
        "rows": rows,
        "has_more": page.next is not None,
        "most": MOST_OPEN,
        "expected": sum(risks) if risks else None,
        "late": sum(row.is_late for row in rows),
        "days": LONG_AGO.days,
        "has_version": bool(request.serving.live),
    }
    return Shown("executions/open.html", values)


def _predicted(request: PageRequest, found: Sequence[ExecutionSummary]) -> list[OpenExecution]:
    """Computed for this page, and not put on the ledger."""
    if not found:
        return []
    inputs = execution_search.read_inputs(request.store, [one.seq for one in found])
    subjects = [KeyParts(one.actor, one.kind, one.scope, inputs.get(one.seq, {})) for one in found]
    risks: Mapping[int, ServedPrediction] = {}
    lengths: Mapping[int, ServedPrediction] = {}
    for live in request.serving.live.values():
        question = live.bundle.question
        if isinstance(question, Probability) and question.of == FAILED:
            risks = _answers(request, live, subjects)
        elif question.of == DURATION and live.unit == "s":
            lengths = _answers(request, live, subjects)
    return [
        _open(execution, risks.get(at), lengths.get(at), request.at)
        for at, execution in enumerate(found)
    ]


def _answers(
    request: PageRequest, live: Live, subjects: Sequence[KeyParts]
) -> Mapping[int, ServedPrediction]:
    requests = [prediction.Request(subject) for subject in subjects]
    batch = RequestBatch(live.predictor, requests, request.at, arm=UNDRAWN)
    return dict(enumerate(commit(request.serving.answering(), batch, has_ledger=False)))


def _open(
    execution: ExecutionSummary,
    risk: ServedPrediction | None,
    length: ServedPrediction | None,
    at: datetime,
) -> OpenExecution:
    chance = None if risk is None else risk.prediction
    begun = execution.started or (at if execution.status == "submitted" else None)
    if length is None or begun is None:
        return OpenExecution(execution, chance, None, is_late=False)
    latest = length.prediction if length.high is None else length.high
    is_late = at > begun + timedelta(seconds=latest)
    return OpenExecution(execution, chance, begun + timedelta(seconds=length.prediction), is_late)
