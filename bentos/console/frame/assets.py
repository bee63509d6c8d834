"""Static files: ours and the charts' library, each under an address with its digest.

A browser keeps what has a digest for a year; another content has another address. The library
comes out of the installed plotly package, and nothing from elsewhere.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from bentos.http.threads import in_thread
from runlore.kernel.errors import NotFound

FOLDER = Path(__file__).with_name("static")
PREFIX = "/console/static"
LIBRARY = "plotly.min.js"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"
DIGITS = 16


@dataclass(frozen=True)
class Asset:
    digest: str
    media_type: str
    content: bytes
    packed: bytes  # the same by gzip


@cache
def read_asset(name: str) -> Asset:
    """Read a static file once. Raises NotFound for a name that none has."""
    path = _paths().get(name)
    if path is None:
        raise NotFound(f"there is no static file {name[:80]!r}")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:DIGITS]
    return Asset(digest, TYPES[path.suffix], content, gzip.compress(content, 6, mtime=0))


def address(name: str) -> str:
    """Where a page finds a static file."""
    digest = _library_digest() if name == LIBRARY else read_asset(name).digest
    return f"{PREFIX}/{digest}/{name}"


async def serve_asset(request: Request) -> Response:
    """Reading and packing the library takes a while; it is done once, in a thread."""
    name = request.path_params["name"]
    asset = await in_thread(request, lambda: read_asset(name))
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if takes_gzip else {})
    headers["Cache-Control"] = FOREVER if address(name) == request.url.path else "no-cache"
    body = asset.packed if takes_gzip else asset.content
    return Response(body, headers=headers, media_type=asset.media_type)


@cache
def _library_digest() -> str:
    """Of its size and version, since no page should wait until 5 MB are read."""
    path = _library()
    text = f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" if path else ""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


@cache
def _paths() -> dict[str, Path]:
    library = _library()
    ours = {path.name: path for path in FOLDER.iterdir() if path.suffix in TYPES}
    return ours if library is None else ours | {LIBRARY: library}


def _library() -> Path | None:
    """The file in the package plotly, which is not imported; None where it is not installed."""
    spec = find_spec("plotly")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    paths = (Path(folder, "package_data", LIBRARY) for folder in folders)
    return next((path for path in paths if path.is_file()), None)
