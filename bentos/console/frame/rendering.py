"""Render a page: one Jinja2 environment, which escapes everything and knows no missing names."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bentos.access.sessions import COOKIE
from bentos.console.frame import assets
from bentos.console.frame.discovery import FOLDER, find_pages
from bentos.console.frame.navigation import navigate
from bentos.console.frame.page import Shown
from bentos.console.frame.words import FILTERS
from bentos.http import page_headers
from bentos.http.identity import key_of
from runlore import __version__
from runlore.serving.actions.api_keys import allows

if TYPE_CHECKING:
    from jinja2 import Environment

NOTICE, THEME = "runlore_notice", "runlore_theme"
THEMES = ("light", "dark")
LONGEST_NOTICE = 600


@cache
def environment() -> "Environment":
    """Templates below `bentos/console`, compiled once."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    made.globals["asset"] = assets.address
    made.globals["url"] = lambda text: quote(text, safe="")
    return made


def render(request: Request, shown: Shown, status: int = 200) -> Response:
    """The whole page, with the frame around it."""
    text = environment().get_template(shown.template).render({**_frame(request), **shown.values})
    response = HTMLResponse(text, status, headers=page_headers.of_console())
    if NOTICE in request.cookies:
        response.delete_cookie(NOTICE, path="/", httponly=True, samesite="strict")
    return response


def _frame(request: Request) -> dict[str, Any]:
    access = request.app.state.access
    key, theme = key_of(request), request.cookies.get(THEME, "")
    return {
        "navigation": navigate([page for page in find_pages() if page.is_listed], request.url.path),
        "theme": theme if theme in THEMES else "",
        "notice": _notice(request),
        "form_token": access.sessions.form_token(request),
        "key": key,
        "has_session": key is not None and COOKIE in request.cookies,
        "may": lambda scope: access.is_off or (key is not None and allows(key, scope)),
        "version": __version__,
    }


def _notice(request: Request) -> str:
    return unquote(request.cookies.get(NOTICE, ""))[:LONGEST_NOTICE]


def is_secure(request: Request) -> bool:
    """Whether the browser came by HTTPS; a client that says so wrongly only harms itself."""
    schemes = (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
    return "https" in schemes


def template_names() -> list[str]:
    """All templates, for the tests."""
    return sorted(path.relative_to(FOLDER).as_posix() for path in Path(FOLDER).rglob("*.html"))
