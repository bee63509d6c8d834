"""The routes, as one ASGI application: what BentoML mounts, and what tests talk to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import bentoml
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Mount, Route
from starlette.staticfiles import StaticFiles

from bentos.access import admission
from bentos.api import alerts, recording
from bentos.app import openapi
from bentos.dialects.routes import WAYS
from bentos.http import page_headers
from bentos.http.bodies import Limits, in_thread, json_response
from bentos.http.errors import TITLES, Problem, TooSlow, problem
from bentos.http.metrics import exposition, metrics
from bentos.http.page_headers import PageHeaders
from bentos.http.routing import Scope
from bentos.predict import handler
from bentos.predict.live_versions import Serving
from runlore import settings as environment
from runlore.kernel.errors import RunloreError
from runlore.serving.actions.recording_bounds import Bounds
from runlore.settings import Settings

Endpoint = Callable[[Request], Awaitable[Response]]
TIMEOUT_S = handler.ANSWER_S + 1
"""Of any request; the second is there to write down that an answer was too late."""

HEALTH, HEALTH_METHODS = ("/livez", "/readyz", "/healthz"), {"GET", "HEAD"}
"""BentoML's own."""

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
STATIC = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
SCRIPT = """
SwaggerUIBundle({url: "./docs.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null});
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Runlore predictions</title>
<link rel="stylesheet" href="./static_content/swagger-ui.css">
</head>
<body>
<div id="swagger-ui">The routes are in <a href="./docs.json">docs.json</a> (OpenAPI).</div>
<script src="./static_content/swagger-ui-bundle.js"></script>
<script>{script}</script>
</body>
</html>
""".replace("{script}", SCRIPT)

log = logging.getLogger("runlore.serving")


def application(
    opened: Callable[[], AbstractAsyncContextManager[Serving]],
    read_settings: Callable[[], Settings] = environment.read,
) -> Starlette:
    """opened: what gives the Serving for as long as the application runs."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        settings = read_settings()
        async with opened() as serving, admission.opened(serving, settings) as app.state.door:
            app.state.serving = serving
            app.state.documents = openapi.Documents(serving)
            app.state.limits = Limits.usual(settings.largest_body_mb)
            app.state.bounds = Bounds.of(settings)
            try:
                yield
            finally:
                await serving.commits.close()

    return Starlette(
        routes=_routes(),
        lifespan=lifespan,
        exception_handlers={HTTPException: _unmatched},
        middleware=[Middleware(PageHeaders)],
    )


def _routes() -> list[Route | Mount]:
    return [
        _route("/predict/{spec}", "POST", handler.one, "predict"),
        _route("/predict/{spec}/batch", "POST", handler.batch, "predict"),
        _route("/predictions/{id}", "GET", handler.read, "read"),
        _route("/executions", "POST", recording.submission, "record"),
        _route("/executions/{id:path}/outcome", "POST", recording.outcome, "record"),
        _route("/executions/{id:path}", "GET", recording.read, "read"),
        _route("/alerts", "GET", alerts.every, "read"),
        _route("/alerts/{id}", "GET", alerts.one, "read"),
        _route("/alerts/{id}/ack", "POST", alerts.acknowledge, "record"),
        *(_route(way.path, way.method, way.endpoint, way.scope) for way in WAYS),
        _route("/metrics", "GET", _metrics, "read"),
        _route("/docs.json", "GET", _document),
        _route("/openapi.json", "GET", _document),
        _route("/", "GET", _page),
        Mount("/static_content", StaticFiles(directory=STATIC)),
        Route("/{path:path}", _guarded("", _nothing), methods=METHODS),
    ]


def _route(path: str, method: str, endpoint: Endpoint, scope: Scope | None = None) -> Route:
    """scope: what a key must allow; None: it is open to all."""
    return Route(path, _guarded(path, endpoint, scope), methods=[method])


def _guarded(path: str, endpoint: Endpoint, scope: Scope | None = None) -> Endpoint:
    """Every error becomes a problem; what was not foreseen is told to the log alone."""

    async def counted(request: Request) -> Response:
        response = await answer(request)
        metrics().requested(path, request.method, response.status_code)
        return response

    async def answer(request: Request) -> Response:
        try:
            async with asyncio.timeout(TIMEOUT_S) as request.state.limit:
                headers = await request.app.state.door.admit(request, scope) if scope else {}
                response = await endpoint(request)
        except (RunloreError, ValidationError) as error:
            return problem(error).response()
        except TimeoutError:
            return problem(TooSlow(f"no answer within {TIMEOUT_S:g} s; try again")).response()
        except Exception:  # the edge of the process
            log.exception("%s %s", request.method, request.url.path)
            return Problem(500, TITLES[500]).response()
        if headers:
            response.headers.update(headers)
        return response

    return counted


async def _document(request: Request) -> Response:
    state = request.app.state
    needs_key = state.door.needs_key(request)
    return json_response(await asyncio.to_thread(state.documents.read, needs_key=needs_key))


async def _metrics(request: Request) -> Response:
    return Response(await in_thread(request, exposition), media_type=CONTENT_TYPE_LATEST)


async def _page(_request: Request) -> Response:
    return HTMLResponse(PAGE, headers=page_headers.of_page(SCRIPT))


async def _nothing(request: Request) -> Response:
    """No such path, or a path that knows other methods."""
    path = request.url.path
    partial = (r for r in request.app.routes[:-1] if r.matches(request.scope)[0] is Match.PARTIAL)
    found = {method for route in partial for method in route.methods}
    allowed = HEALTH_METHODS if path in HEALTH else found
    if allowed:
        listed = ", ".join(sorted(allowed))
        return Problem(405, f"{path} takes {listed}", headers={"Allow": listed}).response()
    return Problem(404, f"there is nothing at {path}; the routes are in /docs.json").response()


async def _unmatched(request: Request, error: Exception) -> Response:
    """A path that no pattern matches, such as one with a line break, or no static file."""
    assert isinstance(error, HTTPException)  # noqa: S101  (what it is for)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return Problem(error.status_code, detail, headers=error.headers or {}).response()
