"""Read and write the store for a request, away from the event loop, and answer with a model."""

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from bentos.http.bodies import json_response
from bentos.http.schemas import Closed
from bentos.http.threads import in_thread
from bentos.predict.live_versions import Serving
from runlore.store.engine import Store

T = TypeVar("T")


async def read_store(request: Request, work: Callable[[Store], T]) -> T:
    serving: Serving = request.app.state.serving
    store = serving.database()
    return await in_thread(request, lambda: work(store))


async def write_store(request: Request, work: Callable[[Store], T]) -> T:
    serving: Serving = request.app.state.serving
    store = serving.database()
    return await in_thread(request, lambda: work(store), is_recording=True)


def model_response(body: Closed, status: int = 200) -> Response:
    return json_response(body.model_dump_json(), status)
