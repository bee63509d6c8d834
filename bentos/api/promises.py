"""What share of work can be promised to within 15 %, over HTTP."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.planning.actions.promises import list_promises
from runlore.planning.promise_views import show_promises


class PromiseScoresBody(Closed):
    """Of tasks that were answered from what was known before each."""

    tasks: int
    promised: int
    share: float = Field(description="of tasks that were promised")
    kept: float | None = Field(description="of promises; null: none was made")
    low: float | None = Field(
        description="95 % interval of kept, tasks of one day and actor taken as dependent"
    )
    high: float | None
    wilson_low: float | None = Field(description="its low end if all tasks were independent")
    pred_15: float = Field(description="share of all estimates within 15 % of the truth")
    pred_25: float
    md_mre: float
    sa: float | None = Field(description="standardised accuracy")
    mae: float
    mae_median: float = Field(description="of the median of all")
    coverage: dict[str, float] = Field(description="of intervals, by their level")


class KindPromisesBody(Closed):
    kind: str
    scores: PromiseScoresBody


class MeasurePromisesBody(Closed):
    measure: str
    unit: str
    moment: str = Field(description="when estimates are asked for: submitted or started")
    learned_at: datetime
    tasks: int = Field(description="with an outcome, that were learned from")
    threshold: float | None = Field(description="null: no promise is made")
    fields: list[str] = Field(description="by which tasks are alike")
    all: PromiseScoresBody
    kinds: list[KindPromisesBody] = Field(description="with 30 tested tasks or more")


class PromisesPage(Closed):
    promises: list[MeasurePromisesBody] = Field(description="by measure")


async def listing(request: Request) -> Response:
    at = read_as_of(request)
    rows = await read_store(request, lambda store: list_promises(store, at))
    bodies = [MeasurePromisesBody.model_validate(asdict(show_promises(row))) for row in rows]
    return model_response(PromisesPage(promises=bodies))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/estimates/promises",
        listing,
        "read",
        "See what share of work can be promised to within 15 %",
        {200: ("By measure", PromisesPage)},
        (422, 503),
        parameters=[in_query("as_of", "As learned by then", {"type": "string"})],
        tag=Tag.PLANNING,
        name="read_promises",
    ),
)
