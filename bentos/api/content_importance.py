"""Which features matter to the champions of engagement, over HTTP."""

from dataclasses import asdict

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from bentos.predict.live_versions import Serving
from runlore.app import open_app
from runlore.engagement.importance_views import ImportanceView, draw_importance, show_importance
from runlore.kernel.errors import BadInput

SPECS = ("engagement", "engagement-success")
SVG = "image/svg+xml"


class FeatureRankBody(Closed):
    """low, high: 95 % over repeated shuffles."""

    rank: int
    feature: str
    context_feature: str | None = Field(description="of the 18; null: beyond them")
    importance: float = Field(description="by how much the score gets worse when it is shuffled")
    low: float
    high: float


class FeatureImportanceBody(Closed):
    """posts: held out from training. The most important feature comes first."""

    spec: str
    version: str | None
    candidate: str
    score: str
    posts: int
    shuffles: int
    features: list[FeatureRankBody]


def importance_of(request: Request, name: str) -> ImportanceView:
    """Of the champion that this service answers with. Raises NotFound and NoChampion."""
    serving: Serving = request.app.state.serving
    bundle = serving.champion(name).bundle
    with open_app(store=serving.store, delivers=False) as app:
        spec = app.spec(name)
    return show_importance(bundle.description, bundle.version, spec.select_by)


def is_chart(request: Request) -> bool:
    """Whether a picture is asked for. Raises BadInput for another format than json and svg."""
    form = request.query_params.get("format", "json")
    if form not in ("json", "svg"):
        raise BadInput(f"format: {form[:20]!r} is neither json nor svg", "format")
    return form == "svg"


def chart_response(view: ImportanceView) -> Response:
    return Response(
        draw_importance(view), media_type=SVG, headers={"x-content-type-options": "nosniff"}
    )


async def importance(request: Request) -> Response:
    name = request.query_params.get("spec", SPECS[0])
    if name not in SPECS:
        raise BadInput(f"spec: {name[:40]!r} is none of {', '.join(SPECS)}", "spec")
    wants_chart = is_chart(request)
    view = importance_of(request, name)
    if wants_chart:
        return chart_response(view)
    return model_response(FeatureImportanceBody.model_validate(asdict(view)))


FORMAT = in_query("format", "svg: a chart", {"type": "string", "enum": ["json", "svg"]})
ENDPOINTS = (
    Endpoint(
        "GET",
        "/engagement/importance",
        importance,
        "read",
        "Show which features matter to a model of engagement",
        {200: ("The most important first", FeatureImportanceBody)},
        (404, 409, 422, 503),
        parameters=[
            in_query("spec", "Which model", {"type": "string", "enum": list(SPECS)}),
            FORMAT,
        ],
        tag=Tag.ENGAGEMENT,
        name="show_content_importance",
    ),
)
