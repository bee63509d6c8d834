"""Log in with a key or the home's password: the browser gets a session and sends neither again."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bentos.access.chain import AccessChain
from bentos.access.sessions import COOKIE, LASTS_S, Sessions
from bentos.console.frame.forms import read_form
from bentos.console.frame.page import Shown
from bentos.console.frame.rendering import is_secure, render
from bentos.http.client_address import bucket_of
from bentos.http.connection import StoreConnection
from bentos.http.threads import in_thread
from runlore.kernel import instants
from runlore.serving.queries.api_keys import ApiKey
from runlore.serving.queries.console_links import use_link
from runlore.store.engine import Store
from runlore.web.console_link import TOKEN, find_link

LINK_REFUSED = "This link was used before, or is no longer good: run `runlore console` for another."
TEMPLATE = "frame/templates/sign_in.html"
HOURS = LASTS_S // 3600
REFUSED = "This is no key that works, nor the password that `runlore login` prints."


async def show_sign_in(request: Request) -> Response:
    target = _target(request.query_params.get("next", "/"))
    if request.app.state.access.is_off or request.app.state.serving.is_standalone:
        return RedirectResponse(target, 303)  # a Bento without a database leads on to its routes
    return _form(request, target)


async def sign_in(request: Request) -> Response:
    access: AccessChain = request.app.state.access
    access.check_browser(request)
    form = await read_form(request)
    target, at = _target(form.get("next", "/")), instants.now()
    address = bucket_of(access.key_check.proxies.client(request))
    access.key_check.failures.check(address)
    key = _identity(access.sessions, form.get("key", "").strip(), at)
    if key is None:
        access.key_check.failures.add(address)
        return _form(request, target, REFUSED, 401)
    return begin_session(request, key, target, at)


async def follow_link(request: Request) -> Response:
    """Sign in by a link of `runlore console`, once, and go where the address holds it no more."""
    access: AccessChain = request.app.state.access
    access.check_browser(request)
    if access.is_off or request.app.state.serving.is_standalone:
        return RedirectResponse("/", 303)
    if request.method == "HEAD":  # who only looks does not use it up
        return Response()
    token, at = request.query_params.get(TOKEN, ""), instants.now()
    store = request.app.state.serving.database
    key = await in_thread(request, lambda: _use_link(access.sessions, token, store, at))
    if key is None:
        return _form(request, "/", LINK_REFUSED, 401)
    return begin_session(request, key, "/", at)


def _use_link(
    sessions: Sessions, token: str, store: Callable[[], Store], at: datetime
) -> ApiKey | None:
    """The login, if this is its link, and nobody has used it."""
    login = None if sessions.login is None else sessions.login.key()
    link = None if login is None else find_link(sessions.home, token, at)
    if link is None:
        return None
    connection = StoreConnection(store)
    with closing(connection):
        is_first = connection.use(lambda c: use_link(c, link.id, link.expires_at, at))
    return login if is_first else None


def begin_session(request: Request, key: ApiKey, target: str, at: datetime) -> Response:
    """Go to a page, with the cookie of a new session."""
    sessions: Sessions = request.app.state.access.sessions
    response = RedirectResponse(target, 303, {"Cache-Control": "no-store"})
    response.set_cookie(
        COOKIE,
        sessions.issue(key, at),
        max_age=int(LASTS_S),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    return response


def _identity(sessions: Sessions, text: str, at: datetime) -> ApiKey | None:
    """Whose key or password it is; the password needs no database."""
    login = None if sessions.login is None else sessions.login.of_password(text)
    if login is not None or sessions.keys is None:
        return login
    return sessions.keys.find(text, at)


async def sign_out(request: Request) -> Response:
    request.app.state.access.check_browser(request)
    await read_form(request)
    response = RedirectResponse("/", 303)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
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
