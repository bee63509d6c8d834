"""One version in a Bento: it answers with no registry and no network.

With RUNLORE_DATABASE_URL set it reads histories and writes the ledger like the service that
follows the registry; without, every actor looks new to it, and its answers say so.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import bentoml

from bentos.app.application import application, check_ready
from bentos.http.gc_tuning import tune_gc
from bentos.http.logs import configure_logging
from bentos.predict.live_versions import Serving, load, packaged_digest
from bentos.predict.shortcut import NO_PROXY_HEADERS, Shortcut, tracing
from runlore.app import App
from runlore.kernel.deadlines import BENTOML_S
from runlore.serving.actions import states

BUNDLE = Path(__file__).parents[1] / "bundle"
PACKAGE = BUNDLE / "package.json"
LABELS = BUNDLE.parents[1] / "bento.yaml"  # where a Bento has its labels; not in a bare folder


@asynccontextmanager
async def packaged(app: App) -> AsyncIterator[Serving]:
    configure_logging()
    serving = await asyncio.to_thread(_open, app)
    tune_gc()
    yield serving


def _open(app: App) -> Serving:
    settings = app.settings
    description = json.loads(PACKAGE.read_text(encoding="utf-8"))
    name, version = description["spec"], description["version"]
    live = load(BUNDLE, version, name, settings.clock, packaged_digest(description, LABELS))
    serving = Serving(
        (name,),
        settings.clock,
        is_standalone=settings.database_url is None,
        has_ledger=settings.ledger == "on",
    )
    if not serving.is_standalone:
        serving.store = app.store
        states.activate(serving.store, live.bundle.plan)
    serving.put(name, live)
    return serving


app = application(packaged)


@bentoml.service(
    name="runlore",
    traffic={"timeout": BENTOML_S},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing=tracing(),
    envs=NO_PROXY_HEADERS,
)
@bentoml.asgi_app(app)
class PackagedPredictions:
    """Predictions by one version of one spec."""

    def __is_ready__(self) -> bool:
        """Whether it can answer; if not, `/readyz` answers 503 with the reason."""
        return check_ready(app.state.serving)


PackagedPredictions.add_asgi_middleware(Shortcut)  # type: ignore[attr-defined]
