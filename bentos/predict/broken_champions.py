"""Champions that cannot be loaded: who answers in their place, and the alert that says so."""

import logging
from dataclasses import dataclass, field

from bentos.predict.live_versions import Live, Serving, put_in
from bentos.predict.version_cache import FailedLoad, VersionCache
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.registry import DigestedVersion, Registry
from runlore.serving.actions import broken_versions
from runlore.serving.actions.broken_versions import BrokenVersion
from runlore.store.engine import Store

log = logging.getLogger("runlore.serving")

# A champion, the failed attempt to load it (None: it is loaded), and the version that answers.
Seen = tuple[DigestedVersion | None, FailedLoad | None, str | None]


@dataclass
class BrokenChampions:
    """is_silent: raise no alerts, as in the shadow's process, which answers nobody."""

    versions: VersionCache
    serving: Serving
    is_silent: bool = False
    _seen: dict[str, Seen] = field(default_factory=dict)

    def former(
        self, name: str, champion: DigestedVersion, store: Store, registry: Registry
    ) -> Live | None:
        """The latest version that was champion before and can be loaded.

        They are tried once after each attempt to load the champion itself.
        """
        failure = self.versions.failure(name, champion)
        seen = self._seen.get(name)
        if seen is not None and seen[:2] == (champion, failure):
            return None
        for version in broken_versions.former_champions(store, name, champion.version):
            if live := self.versions.numbered(name, version, store, registry):
                return live
        return None

    def note(
        self, name: str, champion: DigestedVersion | None, answering: Live | None, store: Store
    ) -> None:
        """Remember whether the champion is broken; raise or resolve its alert when that, or who
        answers, has changed, and count the alert at each further attempt that fails."""
        failure = None if champion is None else self.versions.failure(name, champion)
        number = None if answering is None else answering.bundle.version
        seen = (champion, failure, number)
        if self._seen.get(name) == seen:
            return
        broken = None
        if champion is not None and failure is not None:
            reason = broken_versions.reason_of(failure.error)
            broken = BrokenVersion(name, champion.version, reason, str(failure.error), number)
        self.serving.broken = put_in(self.serving.broken, name, broken)
        if self.is_silent or self._is_reported(name, broken, store):
            self._seen[name] = seen

    def _is_reported(self, name: str, broken: BrokenVersion | None, store: Store) -> bool:
        """A database that cannot be written keeps nobody from answering; it is tried again."""
        try:
            if broken is None:
                broken_versions.clear(store, name, instants.now())
            else:
                log.error("%s", broken.what)
                broken_versions.report(store, broken, instants.now())
        except Unavailable as error:
            log.warning("%s: the alert of a broken champion waits: %s", name, error)
            return False
        return True
