"""What the MLflow server answers, and where it lets files be: a table of routes, and one root.

Runlore and MLflow's pages of experiments, runs and models use few of MLflow's routes. The others
make the server fetch addresses, store credentials, run jobs or write traces; all that is not in
the table is refused, so a route that a later MLflow adds is closed until somebody puts it here.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PROXIED = "mlflow-artifacts"  # scheme of locations whose files go through the server
API = r"/(?:ajax-)?api/[23]\.0/mlflow"
MAX_DECODINGS = 10  # of one path; percent signs that are encoded more often are an attack


@dataclass(frozen=True)
class Route:
    """methods: separated by spaces. pattern: of the whole path."""

    methods: str
    pattern: str

    def matches(self, method: str, path: str) -> bool:
        return method in self.methods.split() and re.fullmatch(self.pattern, path) is not None


ROUTES = (
    # Pages and their parts.
    Route("GET HEAD", r"/|/health|/version|/favicon.ico|/static-files/.+"),
    Route("GET HEAD", r"/get-artifact|/model-versions/get-artifact"),
    Route("GET POST", r"/graphql"),
    # The page of runs asks `gateway-proxy` for language models; without a target there are none.
    Route("GET", rf"{API}/(server-info|ui-telemetry|gateway-proxy)"),
    # Experiments, runs and their figures. Prompt engineering (`create-promptlab-run`) is none.
    Route("GET POST", rf"{API}/experiments/[a-z-]+"),
    Route("GET POST", rf"{API}/runs/(?!create-promptlab-run)[a-z-]+"),
    Route("GET POST", rf"{API}/metrics/[a-z-]+"),
    Route("GET", rf"{API}/artifacts/list"),
    # Models and their versions.
    Route("GET POST PATCH DELETE", rf"{API}/logged-models(/.+)?"),
    Route("GET POST PATCH DELETE", rf"{API}/(registered-models|model-versions)/[a-z-]+"),
    # Files that go through the server. Nothing in Runlore deletes one.
    Route("GET PUT", rf"{API}-artifacts/artifacts(/.+)?"),
    # Reading what the pages list beside runs. Nothing can be written there.
    Route("GET", rf"{API}/(traces|datasets|scorers|label-schemas|review-queues)/[a-z-]+"),
    Route("POST", rf"{API}/(traces|datasets|issues)/(search|metrics|batchGetInfos)"),
)


def refusal(method: str, path: str, query: str = "") -> str | None:
    """Why a request is not answered; None: it is.

    >>> refusal("POST", "/api/2.0/mlflow/experiments/create")
    >>> refusal("POST", "/api/2.0/mlflow/webhooks")
    'POST /api/2.0/mlflow/webhooks is switched off: Runlore has no use for it'
    >>> refusal("GET", "/api/2.0/mlflow-artifacts/artifacts/x/%2e%2e/y")
    'a path must not lead upwards: /api/2.0/mlflow-artifacts/artifacts/x/%2e%2e/y'
    """
    named = [value for key, value in parse_qsl(query) if key == "path"]
    if any(map(leads_upwards, (path, *named))):
        return f"a path must not lead upwards: {path[:200]}"
    if not any(route.matches(method, path) for route in ROUTES):
        return f"{method} {path[:200]} is switched off: Runlore has no use for it"
    return None


def leads_upwards(text: str) -> bool:
    """Whether a path has a step `..`, a backslash or a NUL, however often it is encoded.

    >>> [leads_upwards(text) for text in ("a/b", "a..b", "a/../b", "%252e%252e/b", "a%5cb")]
    [False, False, True, True, True]
    """
    for _ in range(MAX_DECODINGS):
        if (decoded := unquote(text)) == text:
            steps = text.split("/")
            return ".." in steps or "\\" in text or "\x00" in text
        text = decoded
    return True


@dataclass(frozen=True)
class ArtifactRoots:
    """Where files may be. default: of experiments that name no place. destination: of what goes
    through the server. Folders or URIs such as `s3://bucket/models`."""

    default: str
    destination: str

    def hold(self, location: str) -> bool:
        """Whether a location is below a root, or goes through the server.

        >>> roots = ArtifactRoots("/srv/models", "/srv/models")
        >>> places = ("/srv/models/7", "file:///srv/models/7", "mlflow-artifacts:/7")
        >>> [roots.hold(place) for place in places]
        [True, True, True]
        >>> places = ("/srv", "/srv/models/../x", "/srv/models2", "s3://b", "mlflow-artifacts://h/7")
        >>> [roots.hold(place) for place in places]
        [False, False, False, False, False]
        """
        if leads_upwards(location) or not set(location).isdisjoint("?#"):
            return False
        return any(_is_below(location, root) for root in self._roots())

    def _roots(self) -> Iterator[str]:
        yield from {self.default, self.destination}
        yield f"{PROXIED}:/"


def _is_below(location: str, root: str) -> bool:
    place, of_root = urlsplit(location), urlsplit(root)
    if _is_folder(place.scheme, place.netloc) and _is_folder(of_root.scheme, of_root.netloc):
        # As the file system has it: a link inside the root may lead out of it.
        return Path(os.path.realpath(unquote(place.path))).is_relative_to(
            os.path.realpath(unquote(of_root.path))
        )
    same = (place.scheme, place.netloc) == (of_root.scheme, of_root.netloc)
    folder = of_root.path.rstrip("/") + "/"
    return same and bool(place.scheme) and f"{place.path}/".startswith(folder)


def _is_folder(scheme: str, host: str) -> bool:
    return scheme in ("", "file") and host in ("", "localhost")


class ServerRules:
    """An ASGI middleware: refuses what is not in the table, in the words of MLflow's API."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "websocket":  # MLflow has none
            await receive()
            await send({"type": "websocket.close", "code": 4403})
            return
        reason = None
        if scope["type"] == "http":
            query = scope["query_string"].decode("latin-1")
            reason = refusal(scope["method"], scope["path"], query)
        if reason is None:
            await self._app(scope, receive, send)
            return
        body = json.dumps({"error_code": "PERMISSION_DENIED", "message": reason}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": body})
