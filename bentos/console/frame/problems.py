"""A problem as a page, for those who came with a browser; JSON for everybody else."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bentos.console.frame.page import Shown
from bentos.console.frame.rendering import render
from bentos.http.errors import TITLES, Problem
from bentos.http.request_id import current_request_id

LOGIN, DOCS = "/console/login", "/docs"
UNKNOWN_PATH = 404


def problem_page(request: Request, problem: Problem) -> Response:
    """Where nobody is signed in, the way to the login; a Bento without a database has no pages."""
    if not takes_pages(request):
        return problem.response()
    if request.app.state.serving.is_standalone:
        return RedirectResponse(DOCS, 303) if problem.status == 401 else problem.response()
    if problem.status == 401:
        return RedirectResponse(f"{LOGIN}?next={quote(_wanted(request))}", 303)
    values = {
        "status": problem.status,
        "title": TITLES[problem.status],
        "detail": problem.detail,
        "request_id": current_request_id() or "",
    }
    response = render(request, Shown("frame/templates/problem.html", values), problem.status)
    response.headers.update(problem.headers)
    return response


def takes_pages(request: Request) -> bool:
    """Whether the client says that it shows pages, as browsers do."""
    return "text/html" in request.headers.get("accept", "")


def _wanted(request: Request) -> str:
    """The page to go to after the login; a form is to be filled in again."""
    if request.method != "GET":
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
