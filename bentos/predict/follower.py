"""Follow the registry: the versions behind `@champion` and `@challenger` are those that answer.

The `Poller` looks, the `VersionCache` loads, the `Heartbeat` tells others what answers here, the
`ShadowLeader` keeps the shadow process. What is left is here: which version answers for a spec.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from bentos.http.gc_tuning import tune_gc
from bentos.http.logs import configure_logging
from bentos.predict import agent_watch, heartbeat, waiting_runs
from bentos.predict.agent_watch import AgentWatch
from bentos.predict.broken_champions import BrokenChampions
from bentos.predict.change_listener import ChangeListener
from bentos.predict.heartbeat import Heartbeat
from bentos.predict.left_behind import LOOK_S, LeftBehind
from bentos.predict.live_versions import Challenge, Live, Serving
from bentos.predict.poller import Poller, repeat, repeat_when
from bentos.predict.shadow_leader import ShadowLeader
from bentos.predict.version_cache import VersionCache
from bentos.predict.waiting_runs import WaitingRuns
from runlore.app import App
from runlore.kernel.errors import Unavailable, describe
from runlore.registry import DigestedVersion, Registry, alias_history
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION, Arms
from runlore.serving.actions.recording_bounds import RecordingBounds
from runlore.store.engine import Store

POLL_S = 0.5
HEARING_POLL_S = 5.0  # while changes are heard; for those made past Runlore, in MLflow's pages
UNREAD = "the service has just started"

log = logging.getLogger("runlore.serving")

# Alias -> spec -> its newest change.
Past = Mapping[str, Mapping[str, alias_history.AliasHistoryEntry]]


@asynccontextmanager
async def following(app: App) -> AsyncIterator[Serving]:
    """Serve what the registry says, from before the first request until the process ends."""
    configure_logging()
    settings = app.settings
    names = tuple(spec.name for spec in app.specs)
    serving = Serving(names, settings.clock, has_ledger=settings.ledger == "on")
    follower = Follower(app, serving)
    await asyncio.to_thread(follower.step)
    tune_gc()
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
    """Looks again and again, each time in one step; what fails is tried again.

    The version that was champion before stays loaded, so that a rollback waits for nothing.
    is_shadow: of the shadow's own process, which answers nobody.
    """

    app: App
    serving: Serving
    is_shadow: bool = False
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    poller: Poller = field(init=False)
    versions: VersionCache = field(init=False)
    broken: BrokenChampions = field(init=False)
    shadow: ShadowLeader = field(init=False)
    changes: ChangeListener = field(init=False)
    left_behind: LeftBehind = field(default_factory=LeftBehind)
    agent_watch: AgentWatch = field(default_factory=AgentWatch)
    waiting_runs: WaitingRuns = field(init=False)
    _putting: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.serving.unread = UNREAD
        self.poller = Poller(self._look)
        self.versions = VersionCache(self.app.settings.home / "serving", self.serving.clock)
        self.broken = BrokenChampions(self.versions, self.serving, is_silent=self.is_shadow)
        self.shadow = ShadowLeader(self.heartbeat.worker_id)
        bounds = RecordingBounds.of(self.app.settings)
        self.waiting_runs = WaitingRuns(bounds, is_replay=self.serving.clock == "record")
        self.changes = ChangeListener(lambda: self.serving.store)

    async def run(self) -> None:
        """A look lasts as long as a version loads; what must not wait for that is done beside it:
        traffic is taken away at once, and the heartbeat goes on."""
        looks, reductions = self.changes.subscribe(), self.changes.subscribe()
        self.changes.start()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(repeat_when(looks, self._pause_s, self.step))
            tasks.create_task(
                repeat_when(reductions, self._pause_s, lambda: self._beside(self._reduce_traffic))
            )
            tasks.create_task(
                repeat(heartbeat.INTERVAL_S, lambda: self._beside(self._send_heartbeat))
            )
            if not self.is_shadow:
                tasks.create_task(repeat(LOOK_S, lambda: self._beside(self.left_behind.renew)))
                tasks.create_task(
                    repeat(agent_watch.LOOK_S, lambda: self._beside(self.agent_watch.look))
                )
                tasks.create_task(
                    repeat(waiting_runs.LOOK_S, lambda: self._beside(self.waiting_runs.record))
                )

    def _pause_s(self) -> float:
        """Short while something is wrong, or nothing can be heard of changes."""
        is_busy = bool(self.serving.broken or self.poller.trouble)
        return HEARING_POLL_S if self.changes.is_hearing and not is_busy else POLL_S

    def step(self) -> None:
        """Look once. What cannot be reached leaves everything as it is."""
        self.poller.step()
        if self.serving.unread:
            self.serving.unread = self.poller.trouble or UNREAD

    def close(self) -> None:
        """End the shadow and let go of the database, after a look that is under way."""
        self.poller.close(self._close)

    def _close(self) -> None:
        self.changes.stop()
        self.shadow.stop()
        store, self.serving.store = self.serving.store, None
        if store is not None:
            with contextlib.suppress(Unavailable):
                self.heartbeat.stop(store)
        self.app.close()

    def _beside(self, do: Callable[[Store], None]) -> None:
        store = self.serving.store
        if store is not None:
            with contextlib.suppress(Exception):  # the next look reports what is wrong
                do(store)

    def _look(self) -> list[str]:
        """Traffic is taken away before the registry is read, which may be away. Arms are read
        again after the aliases, so that a new challenger never gets the share of the one before.
        """
        store = self._answering_store()
        self._reduce_traffic(store)
        troubles = self._look_at_specs(store, self.app.registry)
        if not self.is_shadow:
            self._send_heartbeat(store)
            challenges = self.serving.challenges.values()
            self.shadow.keep(
                store, is_shadowing=any(challenge.arms.shadow for challenge in challenges)
            )
        return troubles

    def _look_at_specs(self, store: Store, registry: Registry) -> list[str]:
        """What is wrong with one spec keeps no other from being followed."""
        aliases = registry.aliases(self.serving.names)
        self.serving.unread = ""
        standing = promotion.standing(store)
        arms = standing.arms
        troubles = []
        for name in self.serving.names:
            try:
                self._follow(name, aliases[name], arms.get(name, Arms()), store, registry)
                if not self.is_shadow and _is_moved(name, aliases[name], standing.newest):
                    promotion.reconcile(store, registry, name)
                    standing = promotion.standing(store)
                last = standing.newest[CHAMPION].get(name)
                self._keep_previous(name, aliases[name], last, store, registry)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001  (the poller reports it)
                troubles.append(f"{name}: {describe(error)}")
        return troubles

    def _answering_store(self) -> Store:
        """The store; an embedded server that has died is started again, but not by a shadow, whose
        low priority it would have."""
        store = self.serving.store
        if store is not None:
            if self.app.settings.database_url is not None or _answers(store):
                return store
            if self.is_shadow:
                raise Unavailable("the database is away; a worker of the service starts it")
            self.app.reopen()
        self.serving.store = self.app.store
        return self.serving.store

    def _send_heartbeat(self, store: Store) -> None:
        self.heartbeat.send(store, self.serving.versions())

    def _reduce_traffic(self, store: Store) -> None:
        """Let loaded challengers answer less at once; more traffic waits for the registry."""
        if not self.serving.challenges:
            return
        with self._putting:
            arms = promotion.arms(store)
            for name, challenge in self.serving.challenges.items():
                less = replace(challenge, arms=_lesser(challenge.arms, arms.get(name, Arms())))
                if less != challenge:
                    self.serving.put(name, self.serving.live.get(name), less)

    def _follow(
        self,
        name: str,
        aliases: Mapping[str, DigestedVersion],
        arms: Arms,
        store: Store,
        registry: Registry,
    ) -> None:
        """Let the versions behind the aliases answer, each as soon as it is ready.

        Where one cannot be loaded, the one that answers goes on; after a start, a former champion.
        """
        champion, challenge = self.serving.live.get(name), self.serving.challenges.get(name)
        designated = aliases.get(CHAMPION)
        new = None
        if designated is not None:
            new = self.versions.get(name, designated, store, registry)
            new = new or champion or self.broken.former(name, designated, store, registry)
        self.broken.note(name, designated, new, store)
        rival = aliases.get(CHALLENGER)
        live = None if rival is None else self.versions.get(name, rival, store, registry)
        next_challenge = None if live is None else Challenge(live, arms)
        if new is champion and next_challenge == challenge:
            return
        self._extend_schema(name, new)
        with self._putting:
            if next_challenge is not None:  # loading took its time
                last = promotion.arms(store).get(name, Arms())
                next_challenge = replace(next_challenge, arms=_lesser(arms, last))
            self.serving.put(name, new, next_challenge)
        if new is not champion:
            log.info("%s: %s", name, _says(new))

    def _keep_previous(
        self,
        name: str,
        aliases: Mapping[str, DigestedVersion],
        last: alias_history.AliasHistoryEntry | None,
        store: Store,
        registry: Registry,
    ) -> None:
        """Have the version at hand that a rollback would bring back; drop all others."""
        previous = None if last is None else last.previous
        if previous is not None:
            self.versions.add_previous(name, previous, store, registry)
        live, current = self.serving.live.get(name), set(aliases.values())
        further = {previous}
        if live is not None and all(live.bundle.version != named.version for named in current):
            further.add(live.bundle.version)  # a former champion, for one that is broken
        self.versions.drop_others(name, current, further)
        self._extend_schema(name, live)

    def _extend_schema(self, name: str, champion: Live | None) -> None:
        self.serving.extend_schema(name, champion, self.versions.of_spec(name))


def _lesser(arms: Arms, other: Arms) -> Arms:
    """No more traffic than either says."""
    share, shadow = min(arms.share, other.share), arms.shadow and other.shadow
    return replace(arms, share=share, shadow=shadow)


def _is_moved(name: str, aliases: Mapping[str, DigestedVersion], past: Past) -> bool:
    """Whether an alias points elsewhere than its history says."""
    actual = {alias: ref.version for alias, ref in aliases.items()}
    known = {alias: entries[name].version for alias, entries in past.items() if name in entries}
    return any(actual.get(alias) != known.get(alias) for alias in past)


def _says(live: Live | None) -> str:
    if live is None:
        return "no version is @champion any more; nothing answers"
    return f"version {live.bundle.version} answers"


def _answers(store: Store) -> bool:
    try:
        with store.begin():
            return True
    except Unavailable:
        return False
