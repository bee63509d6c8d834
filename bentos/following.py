"""Follow the registry: the version behind `@champion` of each spec is the one that answers."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bentos.logs import speak
from bentos.memory import settle
from bentos.metrics import metrics
from bentos.serving import Serving, load
from runlore import settings as environment
from runlore.records.errors import Unavailable
from runlore.registry import Registry, VersionRef, connect
from runlore.settings import Settings
from runlore.store.engine import Store, open_store
from runlore.store.tracking import tracking_url
from runlore.usecases import features, specs

POLL_S = 0.5
RETRY_FAILED_S = 30.0
"""How long a version that could not be loaded is left alone."""

log = logging.getLogger("runlore.serving")

Digested = tuple[str, str]
"""A version and the digest of its bundle."""


@asynccontextmanager
async def following() -> AsyncIterator[Serving]:
    """Serve what the registry says, from before the first request until the process ends."""
    speak()
    settings = environment.read()
    names = tuple(spec.name for spec in specs.every(settings))
    follower = Follower(settings, Serving(names, settings.clock))
    await asyncio.to_thread(follower.step)
    settle()
    task = asyncio.create_task(follower.run(), name="follow the registry")
    try:
        yield follower.serving
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(follower.close)


@dataclass
class Follower:
    """Looks again and again, each time in one step; what fails is tried again."""

    settings: Settings
    serving: Serving
    _leases: ExitStack = field(default_factory=ExitStack)
    _registry: Registry | None = None
    _taken: dict[str, Digested] = field(default_factory=dict)
    _failed: dict[str, tuple[Digested, float]] = field(default_factory=dict)
    _trouble: str = ""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            await asyncio.to_thread(self.step)

    def step(self) -> None:
        """Look once. What cannot be reached leaves everything as it is."""
        try:
            store = self._answering_store()
            registry = self._connected(store)
            for name in self.serving.names:
                self._follow(name, store, registry)
        except Unavailable as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001  (the loop must outlive whatever it meets)
            self._tell(f"{type(error).__name__}: {error}")
        else:
            self._tell("")

    def close(self) -> None:
        self.serving.store = None
        self._leases.close()

    def _answering_store(self) -> Store:
        """The store; an embedded server that has died is started again."""
        store = self.serving.store
        if store is not None and (self.settings.database_url is not None or _answers(store)):
            return store
        self.serving.store = self._leases.enter_context(open_store(self.settings))
        return self.serving.store

    def _connected(self, store: Store) -> Registry:
        if self._registry is None:
            given = self.settings.mlflow_tracking_uri
            self._registry = connect(self.settings, None if given else tracking_url(store))
        return self._registry

    def _follow(self, name: str, store: Store, registry: Registry) -> None:
        ref = registry.champion(name)
        wanted = None if ref is None else (ref.version, ref.digest)
        if wanted == self._taken.get(name):
            return
        if ref is not None:
            self._take(name, ref, store, registry)
            return
        del self._taken[name]
        self.serving.put(name, None)
        log.warning("%s: no version is @champion any more; nothing answers", name)

    def _take(self, name: str, ref: VersionRef, store: Store, registry: Registry) -> None:
        """Load a version beside the one that answers; only one that works goes live."""
        wanted = (ref.version, ref.digest)
        failed, until = self._failed.get(name, (None, 0.0))
        if failed == wanted and time.monotonic() < until:
            return
        try:
            folder = registry.download(ref, self.settings.home / "serving")
            live = load(folder, ref.version, name, self.serving.clock)
            features.activate(store, live.bundle.plan)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  (whatever is wrong with it, the old one stays)
            self._failed[name] = (wanted, time.monotonic() + RETRY_FAILED_S)
            metrics().loads.labels(name, "failed").inc()
            log.error("%s version %s does not go live: %s", name, ref.version, error)
            return
        self.serving.put(name, live)
        self._taken[name] = wanted
        metrics().loads.labels(name, "live").inc()
        log.info("%s: version %s answers", name, ref.version)

    def _tell(self, trouble: str) -> None:
        """Say what is wrong once, not with every look."""
        if trouble != self._trouble and (trouble or self._trouble):
            log.warning("%s", trouble or "reachable again")
        self._trouble = trouble


def _answers(store: Store) -> bool:
    try:
        with store.begin():
            return True
    except Unavailable:
        return False
