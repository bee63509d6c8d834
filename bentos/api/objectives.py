"""Service objectives over HTTP: error budgets, burn rates and alerts."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.signals import asked_instant
from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.app import App
from runlore.signals.actions.objectives import find_objective, read_objective, read_objectives
from runlore.signals.objective_views import budget_history, show_objective


class WindowBurnBody(Closed):
    """A burn rate of 1 spends the budget in exactly one period."""

    window_s: int
    events: float
    bad: float
    burn: float | None = Field(description="null: no events")
    low: float | None = Field(description="of its 95 % interval")
    high: float | None


class BurnAlertBody(Closed):
    """A rule of the policy: it fires when both windows burn `factor` times too fast."""

    severity: str = Field(description="page or ticket")
    factor: float
    long_s: int
    short_s: int
    state: str = Field(description="firing, quiet, or unknown: its windows have no events")
    chance: float = Field(description="of so many bad events, were the objective exactly met")


class ObjectiveBody(Closed):
    """An objective over its rolling period, as it was known at `as_of`."""

    name: str
    description: str
    target: float = Field(description="share of events that must be good")
    period_s: int
    as_of: datetime
    state: str = Field(description="page, ticket, spent, kept or no events")
    events: float
    bad: float
    sli: float | None = Field(description="share of good events; null: no events")
    sli_low: float | None = Field(description="of its 95 % interval")
    sli_high: float | None
    budget: float = Field(description="how many events may be bad")
    left: float | None = Field(description="share of the budget; below 0 when overspent")
    burns: list[WindowBurnBody]
    alerts: list[BurnAlertBody]
    rate_window_s: int = Field(description="the window whose rate says when the budget is spent")
    spent_at: datetime | None = Field(description="null: not within a period, or unknown")
    spent_at_earliest: datetime | None = Field(description="at the ends of the rate's interval")
    spent_at_latest: datetime | None
    conclusion: str
    first_event_at: datetime | None = Field(description="end of its step in the period")
    newest_event_at: datetime | None


class BudgetStepBody(Closed):
    at: datetime
    events: float
    bad: float
    left: float | None = Field(description="share of the period's budget after this step")
    burns: dict[int, float | None] = Field(description="window in seconds: burn rate")


class ObjectivePage(Closed):
    objectives: list[ObjectiveBody] = Field(description="in the order of the setting")


class ObjectiveHistoryBody(Closed):
    objective: ObjectiveBody
    history: list[BudgetStepBody] = Field(description="the oldest first")


async def listing(request: Request) -> Response:
    product: App = request.app.state.product
    at = asked_instant(request.query_params)
    rows = await read_store(request, lambda store: read_objectives(store, product.objectives, at))
    bodies = [ObjectiveBody.model_validate(asdict(show_objective(row))) for row in rows]
    return model_response(ObjectivePage(objectives=bodies))


async def one(request: Request) -> Response:
    product: App = request.app.state.product
    at, spec = (
        asked_instant(request.query_params),
        find_objective(product.objectives, request.path_params["name"]),
    )
    status = await read_store(request, lambda store: read_objective(store, spec, at))
    body = {
        "objective": asdict(show_objective(status)),
        "history": [asdict(step) for step in budget_history(status)],
    }
    return model_response(ObjectiveHistoryBody.model_validate(body))


AT = in_query("at", "Use only what was known then", {"type": "string"})
ENDPOINTS = (
    Endpoint(
        "GET",
        "/signals/objectives",
        listing,
        "read",
        "List service objectives with their error budgets",
        {200: ("In the order of the setting", ObjectivePage)},
        (422, 503),
        parameters=[AT],
        tag=Tag.SIGNALS,
        name="read_objectives",
    ),
    Endpoint(
        "GET",
        "/signals/objectives/{name}",
        one,
        "read",
        "Read a service objective and how its budget was spent",
        {200: ("With at most 336 steps of the period", ObjectiveHistoryBody)},
        (404, 422, 503),
        parameters=[in_path("name", "Name of the objective", {"type": "string"}), AT],
        tag=Tag.SIGNALS,
        name="read_objective",
    ),
)
