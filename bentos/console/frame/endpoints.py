"""The endpoints of the console: those of each page, the login, and the static files."""

import asyncio
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bentos.api.estimates import estimators_of
from bentos.console.frame.assets import PREFIX, serve_asset
from bentos.console.frame.discovery import find_pages
from bentos.console.frame.forms import read_form
from bentos.console.frame.page import ConsolePage, Moved, PageFile, PageRequest, PageRoute
from bentos.console.frame.problems import DOCS, LOGIN, problem_page
from bentos.console.frame.rendering import LONGEST_NOTICE, NOTICE, is_secure, render
from bentos.console.frame.sign_in import follow_link, show_sign_in, sign_in, sign_out
from bentos.http.identity import key_of
from bentos.http.page_headers import of_document
from bentos.http.routing import Endpoint, Handler, Scope, Tag
from bentos.http.threads import in_thread
from runlore.kernel import instants
from runlore.kernel.deadlines import REQUEST_S
from runlore.web.console_link import PATH

NOTICE_LASTS_S = 60
FORM_S = REQUEST_S - 2  # what a form asked for goes on after that
UNDER_WAY = "It takes longer and goes on. Load this page again to see when it is done."


async def _answer(back: str, route: PageRoute, request: Request) -> Response:
    """Read the form, work in a thread, and render there or move on.

    back: where to go while what a form asked for takes longer than a request may.
    """
    state = request.app.state
    if state.serving.is_standalone:
        return RedirectResponse(DOCS, 303)
    form = await read_form(request) if route.method == "POST" else {}
    page_request = PageRequest(
        product=state.product,
        serving=state.serving,
        at=instants.now(),
        path=request.path_params,
        query=request.query_params,
        form=form,
        key=key_of(request),
        host=request.url.hostname or "",
        estimators=estimators_of(state),
    )

    def work() -> Response:
        shown = route.view(page_request)
        if isinstance(shown, Moved):
            return _moved(request, shown)
        if isinstance(shown, PageFile):
            return _file(shown)
        return render(request, shown, shown.status)

    if route.method == "GET":
        return await in_thread(request, work)
    try:
        return await asyncio.wait_for(in_thread(request, work, is_recording=True), FORM_S)
    except TimeoutError:
        return _moved(request, Moved(back, UNDER_WAY))


def _file(file: PageFile) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{file.name}"', **of_document()}
    return Response(file.body, 200, headers, media_type=file.media_type)


def _moved(request: Request, moved: Moved) -> Response:
    response = RedirectResponse(moved.path, 303)
    if moved.notice:
        response.set_cookie(
            NOTICE,
            quote(moved.notice[:LONGEST_NOTICE]),
            max_age=NOTICE_LASTS_S,
            path="/",
            secure=is_secure(request),
            httponly=True,
            samesite="strict",
        )
    return response


def _endpoint(page: ConsolePage, route: PageRoute) -> Endpoint:
    handler = partial(_answer, page.path, route)
    return _page(route.method, route.path, handler, route.scope)


def _page(method: str, path: str, handler: Handler, scope: Scope | None) -> Endpoint:
    summary = f"Console: {path}"
    return Endpoint(
        "POST" if method == "POST" else "GET",
        path,
        handler,
        scope,
        summary,
        {200: (summary, str)},
        tag=Tag.HEALTH,
        is_documented=False,
        problem_page=problem_page,
    )


ENDPOINTS = (
    *(_endpoint(page, route) for page in find_pages() for route in page.routes),
    _page("GET", LOGIN, show_sign_in, None),
    _page("POST", LOGIN, sign_in, None),
    _page("GET", PATH, follow_link, None),
    _page("POST", "/console/logout", sign_out, None),
    _page("GET", f"{PREFIX}/{{digest}}/{{name}}", serve_asset, None),
)
