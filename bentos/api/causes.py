"""Why failures rose, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import TEXT
from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.advice.actions.causes import CauseQuestion, find_causes
from runlore.advice.cause_views import show_causes
from runlore.kernel import instants
from runlore.kernel.errors import BadInput

LONGEST_NAME = 1024


class SuspectBody(Closed):
    """expected: failures by its own time before. share: of all failures above the expected; null:
    failures did not rise.

    p: of such a difference by chance, corrected for all values looked at. rate, low, high: share
    that failed, with the interval of 95 % by Wilson; null: of no execution.
    """

    text: str
    what: Literal["kind", "actor", "scope", "input", "earlier failure", "metric"]
    name: str
    value: str
    rows: int
    failed: int
    expected: float
    share: float | None
    p: float
    without_rows: int
    without_failed: int
    rate: float
    low: float
    high: float
    without_rate: float | None
    without_low: float | None
    without_high: float | None


class MovedMetricBody(Closed):
    """A metric that left its usual level. low, high: of 95 % of such periods before."""

    text: str
    name: str
    scope: str
    source: str
    level: float = Field(description="mean of the period")
    usual: float
    low: float
    high: float
    p: float = Field(description="corrected for all metrics compared")


class CauseBody(Closed):
    """since, until: of the submissions that were compared with those of the 28 days before."""

    answer: Literal["cause", "not known", "no incident"]
    risen: bool | None = Field(description="beyond chance; null: too few failures to tell")
    text: str
    reason: str = Field(description="why no cause is named; else empty")
    as_of: datetime
    since: datetime
    until: datetime
    kind: str | None
    scope: str | None
    execution: str | None
    rows: int
    failed: int
    expected: float
    p: float = Field(description="of so many failures by chance")
    looked_at: int = Field(description="how many values were compared")
    compared: int = Field(description="how many executions were read")
    truncated: bool = Field(description="older executions were left out")
    causes: list[SuspectBody] = Field(description="several go together")
    suspects: list[SuspectBody] = Field(description="the strongest first")
    metrics: list[MovedMetricBody] = Field(description="that moved at the same time, 20 at most")
    metrics_compared: int
    metrics_truncated: bool = Field(description="more than 100 metrics; the others were not read")


async def causes(request: Request) -> Response:
    question = read_question(request)
    view = await read_store(request, lambda store: show_causes(find_causes(store, question)))
    return model_response(CauseBody.model_validate(asdict(view)))


def read_question(request: Request) -> CauseQuestion:
    """Raises BadInput, which names the parameter."""
    query = request.query_params
    for name in ("kind", "scope", "execution"):
        text = query.get(name, "")
        if "\x00" in text or len(text) > LONGEST_NAME:
            raise BadInput(f"{name}: no {name} has such a name", name)
    return CauseQuestion(
        _instant(query, "as_of") or instants.now(),
        query.get("kind"),
        query.get("scope"),
        query.get("execution"),
        _instant(query, "since"),
        _instant(query, "until"),
    )


def _instant(query: Any, name: str) -> datetime | None:  # noqa: ANN401  (Starlette's parameters)
    text = query.get(name)
    return None if text is None else instants.parse(text, name)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/causes",
        causes,
        "read",
        "Say why failures rose, or that it is not known",
        {200: ("The cause, or why none is named", CauseBody)},
        (404, 422, 503),
        parameters=[
            in_query("kind", "Only executions of this kind", TEXT),
            in_query("scope", "Only executions of this scope", TEXT),
            in_query("execution", "The id of an execution that failed", TEXT),
            in_query("since", "Start of the incident; else searched in 7 days", TEXT),
            in_query("until", "End of the incident; else as of", TEXT),
            in_query("as_of", "Use only what was known then", TEXT),
        ],
        tag=Tag.ADVICE,
        name="read_causes",
    ),
)
