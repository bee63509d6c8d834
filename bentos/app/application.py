"""The routes, as one ASGI application: what BentoML mounts, and what tests talk to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from pathlib import Path
from time import perf_counter

import bentoml
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from bentos.access import chain
from bentos.api.assistant import mcp_host
from bentos.api.maintenance_cache import warm_maintenance
from bentos.api.privacy_warming import warm_privacy
from bentos.api.task_waiting import TaskWaiting
from bentos.app import openapi
from bentos.app.endpoints import ENDPOINTS
from bentos.app.gauges import GaugeCollector
from bentos.app.objective_gauges import ObjectiveReader
from bentos.console.frame.problems import problem_page
from bentos.dialects.agent_zero_live import WEBSOCKET
from bentos.http.ending import at_end
from bentos.http.errors import TITLES, Problem, TooSlow, problem, problem_of_disk
from bentos.http.page_headers import PageHeaders
from bentos.http.parameters import check_query
from bentos.http.prometheus_metrics import metrics
from bentos.http.request_id import HEADER, request_id_of
from bentos.http.routing import Endpoint, Handler
from bentos.http.threads import ThreadLimits
from bentos.live.hub import LiveHub
from bentos.live.websocket import follow_by_websocket
from bentos.predict.live_versions import Serving
from runlore.app import App, open_app
from runlore.ingest.actions.points import PointBounds
from runlore.kernel.deadlines import REQUEST_S
from runlore.kernel.errors import RunloreError
from runlore.kernel.log_lines import log_fields
from runlore.kernel.spans import NOTHING, Span, is_tracing, note_span, span
from runlore.serving.actions.recording_bounds import RecordingBounds
from runlore.settings import Settings
from runlore.web.tracing import start_tracing, stop_tracing

BENTOML_PATHS = {endpoint.path for endpoint in ENDPOINTS if endpoint.handler is None}
BENTOML_METHODS = {"GET", "HEAD"}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
TRACE_HEADERS = ("traceparent", "tracestate")  # W3C Trace Context
STATIC = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
log = logging.getLogger("runlore.serving")


def application(
    opened: Callable[[App], AbstractAsyncContextManager[Serving]],
    settings: Settings | None = None,
) -> Starlette:
    """opened: what gives the Serving for as long as the application runs.

    settings: None: those of the environment when the application starts.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            product = stack.enter_context(open_app(settings, delivers=False))
            serving = await stack.enter_async_context(opened(product))
            access = chain.opened(serving, product.settings)
            app.state.access = await stack.enter_async_context(access)
            app.state.serving = serving
            app.state.product = product
            app.state.documents = openapi.Documents(serving)
            app.state.logs_requests = product.settings.log_requests == "on"
            start_tracing("serving", product.settings.otlp_url)
            stack.push_async_callback(asyncio.to_thread, stop_tracing)
            app.state.gauges = GaugeCollector(
                serving,
                product.settings.home,
                product.settings.metrics_actors,
                ObjectiveReader(product.objectives),
            )
            app.state.threads = ThreadLimits.default()
            await _open_hosts(app, stack, serving)
            app.state.bounds = RecordingBounds.of(product.settings)
            app.state.point_bounds = PointBounds.of(product.settings)
            try:
                yield
            finally:
                await serving.commits.close()
                metrics().buffer.flush()

    return Starlette(
        routes=_routes(),
        lifespan=lifespan,
        exception_handlers={HTTPException: _unmatched},
        middleware=[Middleware(PageHeaders)],
    )


async def _open_hosts(app: Starlette, stack: AsyncExitStack, serving: Serving) -> None:
    app.state.live = await stack.enter_async_context(_live_hub(serving))
    await asyncio.to_thread(warm_maintenance, app.state.product, serving.store)
    warm_privacy(app.state.product, serving.store)
    app.state.mcp = await stack.enter_async_context(mcp_host())
    app.state.task_waiting = TaskWaiting(lambda: serving.store)
    stack.push_async_callback(app.state.task_waiting.close)
    stack.callback(at_end(app.state.task_waiting.close))


@asynccontextmanager
async def _live_hub(serving: Serving) -> AsyncIterator[LiveHub]:
    """Its clients are sent away when the server begins to end: they would keep it from ending."""
    hub = LiveHub(serving.database)
    forget = at_end(hub.close)
    try:
        yield hub
    finally:
        forget()
        await hub.close()


def _routes() -> list[Route | WebSocketRoute | Mount]:
    return [
        WebSocketRoute(WEBSOCKET, follow_by_websocket),
        *(
            Route(
                endpoint.path,
                _guarded(
                    endpoint.path,
                    endpoint.handler,
                    _admission(endpoint),
                    endpoint.problem_page,
                ),
                methods=[endpoint.method],
            )
            for endpoint in ENDPOINTS
            if endpoint.handler is not None
        ),
        Mount("/static_content", StaticFiles(directory=STATIC)),
        Route("/{path:path}", _guarded("", _nothing), methods=METHODS),
    ]


def _guarded(
    path: str,
    handler: Handler,
    admit: Callable[[Request], Awaitable[Mapping[str, str]]] | None = None,
    page: Callable[[Request, Problem], Response] | None = None,
) -> Handler:
    """Turn every error into a problem; only the log learns the details of an unexpected one.

    admit: refuses a request, or gives headers for its answer. page: shows a problem in a browser.
    """

    async def counted(request: Request) -> Response:
        began, request_id = perf_counter(), request_id_of(request)
        with log_fields(request_id=request_id), _request_span(request, path):
            response = await answer(request)
            note_span(**{"http.response.status_code": response.status_code})
            took_s = perf_counter() - began
            metrics().requested(path, request.method, response.status_code, took_s)
            response.headers[HEADER] = request_id
            if request.app.state.logs_requests:
                _log_request(request, path, response.status_code, took_s)
        return response

    async def answer(request: Request) -> Response:
        try:
            async with asyncio.timeout(REQUEST_S) as request.state.limit:
                headers = await admit(request) if admit else {}
                check_query(request)
                response = await handler(request)
        except Exception as error:  # noqa: BLE001  (the edge of the process)
            return refuse(request, _problem_of(request, error))
        if headers:
            response.headers.update(headers)
        return response

    def refuse(request: Request, refusal: Problem) -> Response:
        return page(request, refusal) if page else refusal.response()

    return counted


def _admission(endpoint: Endpoint) -> Callable[[Request], Awaitable[Mapping[str, str]]] | None:
    """Pages of the console are opened by a session as well as by a key."""
    scope, takes_session = endpoint.scope, endpoint.problem_page is not None
    if scope is None:
        return None

    async def admit(request: Request) -> Mapping[str, str]:
        access: chain.AccessChain = request.app.state.access
        if endpoint.is_stream:
            return await access.admit_stream(request, scope)
        return await access.admit(request, scope, takes_session=takes_session)

    return admit


def _problem_of(request: Request, error: Exception) -> Problem:
    if isinstance(error, RunloreError | ValidationError):
        return problem(error)
    if isinstance(error, TimeoutError):
        return problem(TooSlow(f"no answer within {REQUEST_S:g} s; try again"))
    if full := problem_of_disk(error):
        log.error("%s %s: %s", request.method, request.url.path, error)
        return full
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return Problem(500, TITLES[500])


def check_ready(serving: Serving) -> bool:
    """For BentoML's `/readyz`. Raises HTTPException, whose detail BentoML sends."""
    reason = serving.why_not_ready()
    if reason:
        raise HTTPException(503, reason)
    return True


def _request_span(request: Request, path: str) -> AbstractContextManager[Span | None]:
    """Goes on with the trace that the headers name, and holds nothing else of the request."""
    if not is_tracing():
        return NOTHING
    attributes = {"http.request.method": request.method, "http.route": path}
    name = f"{request.method} {path or '(no route)'}"
    return span(name, attributes, {key: request.headers.get(key, "") for key in TRACE_HEADERS})


def _log_request(request: Request, path: str, status: int, took_s: float) -> None:
    """The route and not the address, which holds what the client wrote."""
    log.info("%s %s: %d in %.1f ms", request.method, path or "(no route)", status, 1e3 * took_s)


async def _nothing(request: Request) -> Response:
    """No such path, or a path that knows other methods."""
    path = request.url.path
    partial = (r for r in request.app.routes[:-1] if r.matches(request.scope)[0] is Match.PARTIAL)
    methods = {method for route in partial for method in route.methods}
    allowed = BENTOML_METHODS if path in BENTOML_PATHS else methods
    if allowed:
        listed = ", ".join(sorted(allowed))
        return Problem(405, f"{path} takes {listed}", headers={"Allow": listed}).response()
    missing = Problem(404, f"there is nothing at {path}; the routes are in /docs.json")
    return missing.response() if request.method != "GET" else problem_page(request, missing)


async def _unmatched(request: Request, error: Exception) -> Response:
    """A path that no pattern matches, such as one with a line break, or no static file."""
    assert isinstance(error, HTTPException)  # noqa: S101  (what it is for)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return Problem(error.status_code, detail, headers=error.headers or {}).response()
