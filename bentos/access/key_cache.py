"""The keys that a process knows: read again and again, so that no request waits for that."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from time import monotonic
from typing import Protocol

from anyio import CapacityLimiter, to_thread
from pydantic import SecretStr

from bentos.http.connection import StoreConnection
from bentos.http.prometheus_metrics import metrics
from runlore.kernel import instants
from runlore.kernel.errors import RunloreError, Unavailable
from runlore.serving.actions.api_keys import check, digest
from runlore.serving.queries import api_keys
from runlore.serving.queries.api_keys import ApiKey, KeyUses
from runlore.store.engine import Store

REFRESH_S = 0.9
STALE_S = 2.0  # when the last reading is older, an unknown key may be a new one

FLUSH_S = 3.0
log = logging.getLogger("runlore.serving")


class Keys(Protocol):
    def find(self, text: str, at: datetime) -> ApiKey | None:
        """The key that a text is; Unavailable when nobody can tell."""

    def of_id(self, key_id: str, at: datetime) -> ApiKey | None:
        """The live key with an id; Unavailable when nobody can tell."""

    def used(self, key: ApiKey, at: datetime) -> None: ...


@dataclass
class KeyCache:
    """The live keys, at most a second old, and how often each was used since that was written.

    While PostgreSQL is away, those that are known go on working. store: the one of the moment.
    """

    store: Callable[[], Store]
    _known: Mapping[str, ApiKey] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _flushed_at: float = field(default_factory=monotonic)
    _uses: dict[str, KeyUses] = field(default_factory=dict)
    _hits: int = 0
    _misses: int = 0
    _trouble: str = ""
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._connection = StoreConnection(self.store)
        self._one = CapacityLimiter(1)

    def find(self, text: str, at: datetime) -> ApiKey | None:
        return self._known_or_unavailable(check(self._known, text, at))

    def of_id(self, key_id: str, at: datetime) -> ApiKey | None:
        key = self._known.get(key_id)
        return self._known_or_unavailable(key if key is not None and key.is_live(at) else None)

    def _known_or_unavailable(self, key: ApiKey | None) -> ApiKey | None:
        self._hits += key is not None
        self._misses += key is None
        if key is None and monotonic() > self._read_at + STALE_S:
            raise Unavailable("keys cannot be looked up while the database is away; try again")
        return key

    def used(self, key: ApiKey, at: datetime) -> None:
        before = self._uses.get(key.id)
        self._uses[key.id] = KeyUses(before.count + 1 if before else 1, at)

    async def run(self) -> None:
        """Go on until it is closed."""
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), REFRESH_S)
            is_due = monotonic() > self._flushed_at + FLUSH_S
            await self.step(flush=is_due or self._closing.is_set())
        await to_thread.run_sync(self._connection.close, limiter=self._one)

    def close(self) -> None:
        """Let `run` write the last uses down and end."""
        self._closing.set()

    async def step(self, *, flush: bool = False) -> None:
        """Read the keys once. What cannot be reached leaves them as they are."""
        metrics().looked_up(metrics().key_lookups, self._hits, self._misses)
        self._hits = self._misses = 0
        uses: dict[str, KeyUses] = {}
        if flush:
            uses, self._uses, self._flushed_at = self._uses, {}, monotonic()
        began = monotonic()
        try:
            self._known = await to_thread.run_sync(self._exchange, uses, limiter=self._one)
            self._read_at = began
            self._log_change("")
        except Exception as error:  # noqa: BLE001  (the loop must outlive whatever it meets)
            self._read_at = float("-inf")
            self._put_back(uses)
            self._log_change(str(error) if isinstance(error, RunloreError) else repr(error))

    def _exchange(self, uses: Mapping[str, KeyUses]) -> Mapping[str, ApiKey]:
        if uses:
            self._connection.once(lambda connection: api_keys.add_uses(connection, uses))
        return self._connection.use(api_keys.live)

    def _put_back(self, uses: Mapping[str, KeyUses]) -> None:
        for key_id, added in uses.items():
            now = self._uses.get(key_id)
            total = KeyUses(now.count + added.count, now.last_at) if now else added
            self._uses[key_id] = total

    def _log_change(self, trouble: str) -> None:
        """Say what is wrong once, not with every look."""
        if trouble != self._trouble:
            log.warning("keys: %s", trouble or "read again")
        self._trouble = trouble


class OneKey:
    """The key of a service without a database, which allows everything."""

    def __init__(self, text: SecretStr | None) -> None:
        self._key: ApiKey | None = None
        if text is not None and text.get_secret_value():
            hashed = digest(text.get_secret_value())
            self._key = ApiKey("standalone", "standalone", hashed, ("admin",), instants.EPOCH)

    def find(self, text: str, at: datetime) -> ApiKey | None:
        if self._key is None:
            raise Unavailable("this service has no key yet; whoever runs it sets RUNLORE_API_KEY")
        return self._key if compare_digest(digest(text), self._key.hash) else None

    def of_id(self, key_id: str, at: datetime) -> ApiKey | None:
        return self._key if self._key is not None and self._key.id == key_id else None

    def used(self, key: ApiKey, at: datetime) -> None:
        """Nobody counts."""
