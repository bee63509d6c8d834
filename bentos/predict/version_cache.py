"""The versions that this process has loaded: those that answer, and those that may soon."""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from bentos.http.prometheus_metrics import metrics
from bentos.predict.live_versions import Live, load
from bentos.predict.request_schema import Clock
from runlore.kernel import instants
from runlore.kernel.errors import NotFound, Tampered, Unavailable
from runlore.registry import DigestedVersion, Registry, VersionRef
from runlore.serving.actions import integrity, states
from runlore.store.engine import Store

RETRY_FAILED_S = 30.0  # until a version that could not be loaded is tried again

log = logging.getLogger("runlore.serving")


@dataclass(frozen=True)
class FailedLoad:
    """An attempt to load a version. retry_at: on the monotonic clock."""

    error: Exception
    retry_at: float


@dataclass
class VersionCache:
    """folder: where versions are downloaded to."""

    folder: Path
    clock: Clock
    _loaded: dict[tuple[str, DigestedVersion], Live] = field(default_factory=dict)
    _failed: dict[tuple[str, DigestedVersion], FailedLoad] = field(default_factory=dict)
    _gone: set[tuple[str, str]] = field(default_factory=set)

    def get(
        self, name: str, digested: DigestedVersion, store: Store, registry: Registry
    ) -> Live | None:
        """A version loaded and tried out, beside the one that answers; None when that fails."""
        cached = self._loaded.get((name, digested))
        failed = self._failed.get((name, digested))
        is_known = cached is not None or bool(failed and time.monotonic() < failed.retry_at)
        metrics().looked_up(metrics().version_lookups, int(is_known), int(not is_known))
        if is_known:
            return cached
        try:
            live = self._prepare(name, digested, store, registry)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  (whatever is wrong with it, the old one stays)
            retry_at = time.monotonic() + RETRY_FAILED_S
            self._failed[name, digested] = FailedLoad(error, retry_at)
            metrics().loads.labels(name, "failed").inc()
            log.error("%s version %s does not go live: %s", name, digested.version, error)
            if isinstance(error, Tampered):
                integrity.note(store, error, instants.now())
            return None
        self._loaded[name, digested] = live
        self._failed.pop((name, digested), None)
        metrics().loads.labels(name, "ready").inc()
        return live

    def failure(self, name: str, digested: DigestedVersion) -> FailedLoad | None:
        """The last attempt to load a version, if that failed."""
        return self._failed.get((name, digested))

    def of_spec(self, name: str) -> list[Live]:
        mine = (live for (spec, _), live in self._loaded.items() if spec == name)
        return sorted(mine, key=lambda live: live.bundle.digest)

    def add_previous(self, name: str, version: str, store: Store, registry: Registry) -> None:
        """Load the version that a rollback would bring back; try once only."""
        tried = {digested.version for spec, digested in self._loaded if spec == name}
        if version in tried or (name, version) in self._gone:
            return
        if self.numbered(name, version, store, registry) is None:
            self._gone.add((name, version))

    def numbered(self, name: str, version: str, store: Store, registry: Registry) -> Live | None:
        """As `get`, for a version of which only the number is known."""
        try:
            ref = registry.version(name, version)
        except NotFound as error:
            log.warning("%s version %s cannot come back: %s", name, version, error)
            return None
        return self.get(name, DigestedVersion(ref.version, ref.digest), store, registry)

    def drop_others(
        self, name: str, current: Collection[DigestedVersion], further: Collection[str | None]
    ) -> None:
        """Let go of all but the current ones, and of the further ones by their numbers."""
        for spec, digested in list(self._loaded):
            if spec == name and digested not in current and digested.version not in further:
                del self._loaded[spec, digested]

    def _prepare(
        self, name: str, digested: DigestedVersion, store: Store, registry: Registry
    ) -> Live:
        ref = registry.version(name, digested.version)
        is_tag_right = self._check_tag(ref, store, registry)
        known = DigestedVersion(ref.version, registry.expected_digest(ref))
        live = self._loaded.get((name, known)) or self._load(ref, registry)
        states.activate(store, live.bundle.plan)
        if is_tag_right:
            integrity.clear(store, name, ref.version, instants.now())
        return live

    def _load(self, ref: VersionRef, registry: Registry) -> Live:
        folder = registry.download(ref, self.folder)
        digest = registry.expected_digest(ref)
        return load(folder, ref.version, ref.spec, self.clock, digest)

    def _check_tag(self, ref: VersionRef, store: Store, registry: Registry) -> bool:
        """Whether the registry's tag is the digest in the history; if not, an alert is raised.

        The history decides what the bundle must be, so a version with a false tag goes on.
        """
        try:
            registry.check_tag(ref)
        except Tampered as error:
            log.error("%s", error)
            integrity.note(store, error, instants.now())
            return False
        return True
