"""Headers that tell a browser what it may make of an answer: on every page and all JSON."""

import base64
import hashlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINES = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]  # as ASGI has headers
# The style sheet for maps that plotly.js 2.35 adds when it loads. That of another version a browser
# refuses; it says so in its console, and charts stay as they are.
MAP_STYLE = "sha256-gG0b4ixT/IQUp7JJLbyKcpYcYDjq2Wp8NGv3f+aasqo="
EMPTY_STYLE = f"sha256-{base64.b64encode(hashlib.sha256(b'').digest()).decode()}"


class PageHeaders:
    """A middleware that adds the headers that an answer does not bring itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                present = {name.lower() for name, _ in headers}
                message["headers"] = headers + [
                    header for header in LINES if header[0] not in present
                ]
            await send(message)

        await self.app(scope, receive, sent)


def of_page(script: str) -> dict[str, str]:
    """Headers of a page with one script in it, which loads scripts and styles of its own site.

    Styles may be in its elements, as Swagger's page has them.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{digest}'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {"Content-Security-Policy": "; ".join(f"{name} {of}" for name, of in policy.items())}


def of_document() -> dict[str, str]:
    """Headers of a document that runs nothing and loads nothing; its style stands in it."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "Cache-Control": "no-store",
    }


def of_console() -> dict[str, str]:
    """Headers of the console's pages: scripts come from files of ours alone.

    Styles may be set on elements, as the charts' library does, and an empty style sheet may be
    added, which it fills. Browsers name our own site to it, which `no-referrer` would prevent:
    without a name the forms of our pages would look like those of another site.
    """
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' '{EMPTY_STYLE}' '{MAP_STYLE}'",
        "style-src-attr": "'unsafe-inline'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {of}" for name, of in policy.items()),
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
