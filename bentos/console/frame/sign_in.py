"""Log in with a key: the browser gets a session, and never sends the key again."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bentos.access.sessions import COOKIE, LASTS_S
from bentos.console.frame.forms import read_form
from bentos.console.frame.page import Shown
from bentos.console.frame.rendering import is_secure, render
from bentos.http.errors import Forbidden
from runlore.kernel import instants
from runlore.web.guard import is_own_origin

TEMPLATE = "frame/templates/sign_in.html"
HOURS = LASTS_S // 3600
REFUSED = "The key is unknown, was revoked or has expired."


async def show_sign_in(request: Request) -> Response:
    target = _target(request.query_params.get("next", "/"))
    if not request.app.state.access.needs_key(request):
        return RedirectResponse(target, 303)
    return _form(request, target)


async def sign_in(request: Request) -> Response:
    _check_origin(request)
    form = await read_form(request)
    target, access = _target(form.get("next", "/")), request.app.state.access
    keys, at = access.sessions.keys, instants.now()
    key = keys.find(form.get("key", "").strip(), at) if keys is not None else None
    if key is None:
        return _form(request, target, REFUSED, 401)
    response = RedirectResponse(target, 303)
    response.set_cookie(
        COOKIE,
        access.sessions.issue(key, at),
        max_age=int(LASTS_S),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )
    return response


async def sign_out(request: Request) -> Response:
    _check_origin(request)
    await read_form(request)
    response = RedirectResponse("/", 303)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


def _form(request: Request, target: str, error: str = "", status: int = 200) -> Response:
    values = {"target": target, "error": error, "hours": int(HOURS)}
    return render(request, Shown(TEMPLATE, values), status)


def _target(path: str) -> str:
    """A page of ours, and never an address elsewhere.

    >>> _target("/console/log"), _target("//evil.example"), _target("https://evil.example")
    ('/console/log', '/', '/')
    """
    is_ours = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if is_ours and "\\" not in path else "/"


def _check_origin(request: Request) -> None:
    """Before the login there is no session: only the browser says whose form it is."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is not None and not is_own_origin(origin, host):
        raise Forbidden(f"origin: {origin[:80]!r} is another site than {host[:80]!r}", {})
