"""Follow the registry: the versions behind `@champion` and `@challenger` are those that answer."""

import asyncio
import contextlib
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from bentos.http.gc_tuning import settle
from bentos.http.logs import speak
from bentos.http.metrics import metrics
from bentos.predict.live_versions import Challenge, Live, Serving, load, put_in
from bentos.predict.shadow_process import Starter
from runlore.app import App
from runlore.kernel import instants
from runlore.kernel.errors import NotFound, Tampered, Unavailable
from runlore.registry import Digested, Registry, VersionRef, alias_history
from runlore.serving.actions import integrity, promotion, states
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION, Arms
from runlore.serving.queries import workers
from runlore.store.engine import Store

POLL_S = 0.5
TELL_S = 2.0
RETRY_FAILED_S = 30.0
"""How long a version that could not be loaded is left alone."""

log = logging.getLogger("runlore.serving")

Loaded = dict[tuple[str, Digested], Live]
Past = Mapping[str, Mapping[str, alias_history.AliasHistoryEntry]]
"""Alias -> spec -> its newest change."""


@asynccontextmanager
async def following(app: App) -> AsyncIterator[Serving]:
    """Serve what the registry says, from before the first request until the process ends."""
    speak()
    settings = app.settings
    names = tuple(spec.name for spec in app.specs)
    serving = Serving(names, settings.clock, has_ledger=settings.ledger == "on")
    follower = Follower(app, serving)
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
    """Looks again and again, each time in one step; what fails is tried again.

    The version that was champion before stays loaded, so that a rollback waits for nothing.
    is_shadow: of the shadow's own process, which answers nobody.
    """

    app: App
    serving: Serving
    is_shadow: bool = False
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    _loaded: Loaded = field(default_factory=dict)
    _failed: dict[tuple[str, Digested], float] = field(default_factory=dict)
    _gone: set[tuple[str, str]] = field(default_factory=set)
    _starter: Starter = field(default_factory=Starter)
    _leads: tuple[bool, float] = (False, -TELL_S)
    _looking: threading.Lock = field(default_factory=threading.Lock)
    _putting: threading.Lock = field(default_factory=threading.Lock)
    _is_closed: bool = False
    _told: tuple[Mapping[str, Mapping[str, str]], float] = ({}, 0.0)
    _trouble: str = ""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            tasks.create_task(self._every(POLL_S, self._lessen))
            tasks.create_task(self._every(TELL_S, self._tell_where))

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            await asyncio.to_thread(self.step)

    async def _every(self, seconds: float, do: Callable[[Store], None]) -> None:
        """Do this beside the looks, one of which lasts as long as a version loads: take traffic
        away at once, and be heard of."""
        while True:
            await asyncio.sleep(seconds)
            store = self.serving.store
            if store is not None:
                with contextlib.suppress(Exception):  # the next look tells what is wrong
                    await asyncio.to_thread(do, store)

    def step(self) -> None:
        """Look once. What cannot be reached leaves everything as it is; once closed, nothing is
        looked at.

        Traffic is taken away before the registry is asked, which may be gone. Arms are read again
        after its aliases, so that a new challenger never gets the share of the one before.
        """
        with self._looking:
            if not self._is_closed:
                self._step()

    def _step(self) -> None:
        try:
            store = self._answering_store()
            self._lessen(store)
            troubles = self._look_at_specs(store, self.app.registry)
            if not self.is_shadow:
                self._tell_where(store)
                self._shadow(store)
        except Unavailable as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001  (the loop must outlive whatever it meets)
            self._tell(f"{type(error).__name__}: {error}")
        else:
            self._tell("; ".join(troubles))

    def _look_at_specs(self, store: Store, registry: Registry) -> list[str]:
        """What is wrong with one spec, which is told, keeps no other from being followed."""
        aliases = registry.aliases(self.serving.names)
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
                self._keep_ready(name, aliases[name], last, store, registry)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001  (told below)
                troubles.append(f"{name}: {type(error).__name__}: {error}")
        return troubles

    def close(self) -> None:
        """End the shadow and let go of the database, after a look that is under way."""
        with self._looking:
            self._is_closed = True
            self._close()

    def _close(self) -> None:
        self._starter.stop()
        store, self.serving.store = self.serving.store, None
        if store is not None:
            with contextlib.suppress(Unavailable):
                workers.forget(store, self.id)
        self.app.close()

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

    def _lessen(self, store: Store) -> None:
        """Let the challengers that are loaded answer less at once; more waits for the registry."""
        with self._putting:
            arms = promotion.arms(store)
            for name, challenge in self.serving.challenges.items():
                less = replace(challenge, arms=_lesser(challenge.arms, arms.get(name, Arms())))
                if less != challenge:
                    self.serving.put(name, self.serving.live.get(name), less)

    def _follow(
        self,
        name: str,
        aliases: Mapping[str, Digested],
        arms: Arms,
        store: Store,
        registry: Registry,
    ) -> None:
        """Let the versions behind the aliases answer, each as soon as it is ready.

        Where one cannot be loaded, the one that answers goes on.
        """
        champion, challenge = self.serving.live.get(name), self.serving.challenges.get(name)
        wanted = aliases.get(CHAMPION)
        new = None if wanted is None else self._ready(name, wanted, store, registry) or champion
        rival = aliases.get(CHALLENGER)
        live = None if rival is None else self._ready(name, rival, store, registry)
        next_challenge = None if live is None else Challenge(live, arms)
        failed = wanted.version if wanted is not None and new is None else None
        self.serving.unloadable = put_in(self.serving.unloadable, name, failed)
        if new is champion and next_challenge == challenge:
            return
        self._understand(name, new)
        with self._putting:
            if next_challenge is not None:  # loading took its time
                last = promotion.arms(store).get(name, Arms())
                next_challenge = replace(next_challenge, arms=_lesser(arms, last))
            self.serving.put(name, new, next_challenge)
        if new is not champion:
            log.info("%s: %s", name, _says(new))

    def _keep_ready(
        self,
        name: str,
        aliases: Mapping[str, Digested],
        last: alias_history.AliasHistoryEntry | None,
        store: Store,
        registry: Registry,
    ) -> None:
        """Have the version at hand that a rollback would bring back; forget all others."""
        kept = set(aliases.values())
        tried = {digested.version for each, digested in self._loaded if each == name}
        tried |= {version for each, version in self._gone if each == name}
        before = None if last is None else last.previous
        if before is not None and before not in tried:
            self._fetch_before(name, before, store, registry)
        for each, digested in list(self._loaded):
            if each == name and digested not in kept and digested.version != before:
                del self._loaded[each, digested]
        self._understand(name, self.serving.live.get(name))

    def _understand(self, name: str, champion: Live | None) -> None:
        mine = [live for (each, _), live in self._loaded.items() if each == name]
        self.serving.understand(name, champion, sorted(mine, key=lambda live: live.bundle.digest))

    def _fetch_before(self, name: str, version: str, store: Store, registry: Registry) -> None:
        try:
            ref = registry.version(name, version)
        except NotFound as error:
            log.warning("%s version %s cannot come back: %s", name, version, error)
        else:
            if self._ready(name, Digested(ref.version, ref.digest), store, registry):
                return
        self._gone.add((name, version))

    def _ready(self, name: str, wanted: Digested, store: Store, registry: Registry) -> Live | None:
        """A version loaded and tried out, beside the one that answers; None when it fails."""
        found = self._loaded.get((name, wanted))
        if found is not None or time.monotonic() < self._failed.get((name, wanted), 0.0):
            return found
        try:
            ref = registry.version(name, wanted.version)
            is_tag_right = self._check_tag(ref, store, registry)
            known = Digested(ref.version, registry.expected_digest(ref))
            live = self._loaded.get((name, known)) or self._load(ref, registry)
            states.activate(store, live.bundle.plan)
            if is_tag_right:
                integrity.clear(store, name, ref.version, instants.now())
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  (whatever is wrong with it, the old one stays)
            self._failed[name, wanted] = time.monotonic() + RETRY_FAILED_S
            metrics().loads.labels(name, "failed").inc()
            log.error("%s version %s does not go live: %s", name, wanted.version, error)
            if isinstance(error, Tampered):
                integrity.note(store, error, instants.now())
            return None
        self._loaded[name, wanted] = live
        metrics().loads.labels(name, "ready").inc()
        return live

    def _load(self, ref: VersionRef, registry: Registry) -> Live:
        folder = registry.download(ref, self.app.settings.home / "serving")
        digest = registry.expected_digest(ref)
        return load(folder, ref.version, ref.spec, self.serving.clock, digest)

    def _check_tag(self, ref: VersionRef, store: Store, registry: Registry) -> bool:
        """Whether the registry names the bundle that the history knows; if not, it is told.

        The history says what the bundle must be, so a version with a false tag goes on.
        """
        try:
            registry.check_tag(ref)
        except Tampered as error:
            log.error("%s", error)
            integrity.note(store, error, instants.now())
            return False
        return True

    def _tell_where(self, store: Store) -> None:
        """Say which versions answer here: at once when they change, else now and then."""
        versions, at = self._told
        now = self.serving.versions()
        if now != versions or time.monotonic() > at + TELL_S:
            workers.tell(store, self.id, socket.gethostname(), os.getpid(), now)
            self._told = (now, time.monotonic())

    def _shadow(self, store: Store) -> None:
        """Have one shadow process where a challenger shadows: the first worker's."""
        is_wanted = any(each.arms.shadow for each in self.serving.challenges.values())
        is_first, at = self._leads
        if is_wanted and time.monotonic() > at + TELL_S:
            is_first = min((e.id for e in workers.alive(store)), default=self.id) == self.id
            self._leads = (is_first, time.monotonic())
        self._starter.keep(is_wanted=is_wanted and is_first)

    def _tell(self, trouble: str) -> None:
        """Say what is wrong once, not with every look."""
        if trouble != self._trouble and (trouble or self._trouble):
            log.warning("%s", trouble or "reachable again")
        self._trouble = trouble


def _lesser(arms: Arms, other: Arms) -> Arms:
    """No more traffic than either says."""
    share, shadow = min(arms.share, other.share), arms.shadow and other.shadow
    return replace(arms, share=share, shadow=shadow)


def _is_moved(name: str, aliases: Mapping[str, Digested], past: Past) -> bool:
    """Whether an alias points elsewhere than its history says."""
    actual = {alias: found.version for alias, found in aliases.items()}
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
