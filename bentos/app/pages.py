"""What the service says about itself: health, metrics, the OpenAPI document and its page."""

import asyncio
from functools import partial

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bentos.http import page_headers
from bentos.http.bodies import json_response
from bentos.http.prometheus_metrics import exposition
from bentos.http.routing import Endpoint, Tag
from bentos.http.threads import in_thread

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


async def document(request: Request) -> Response:
    state = request.app.state
    scopes = state.access.scopes_with_key(request)
    return json_response(await asyncio.to_thread(state.documents.read, scopes))


async def metrics(request: Request) -> Response:
    accept = request.headers.get("accept", "")
    work = partial(exposition, request.app.state.gauges, accept)
    text, content_type = await in_thread(request, work)
    return Response(text, headers={"Content-Type": content_type, "Vary": "Accept"})


async def page(_request: Request) -> Response:
    return HTMLResponse(PAGE, headers=page_headers.of_page(SCRIPT))


def _health(path: str, summary: str, *, is_documented: bool = True) -> Endpoint:
    """One of BentoML's own, which answer GET and HEAD."""
    return Endpoint(
        "GET",
        path,
        None,
        None,
        summary,
        {200: (summary, str)},
        tag=Tag.HEALTH,
        name=path.strip("/"),
        needs_database=False,
        is_documented=is_documented,
    )


METRICS = Endpoint(
    "GET",
    "/metrics",
    metrics,
    "read",
    "Prometheus metrics",
    {200: ("Prometheus metrics", str)},
    tag=Tag.HEALTH,
    name="metrics",
    needs_database=False,
)
PAGES = tuple(
    Endpoint(
        "GET",
        path,
        handler,
        None,
        summary,
        {200: (summary, str)},
        tag=Tag.HEALTH,
        needs_database=False,
        is_documented=False,
    )
    for path, handler, summary in (
        ("/docs.json", document, "This document"),
        ("/openapi.json", document, "This document"),
        ("/docs", page, "The page of this document"),
    )
)
ENDPOINTS = (
    _health("/livez", "The process answers"),
    _health("/readyz", "The database answers, and no champion is broken"),
    _health("/healthz", "The process answers", is_documented=False),
    METRICS,
    *PAGES,
)
