"""Have one shadow process, however many workers there are: the first worker keeps it."""

import time
import uuid
from dataclasses import dataclass, field

from bentos.predict.heartbeat import INTERVAL_S
from bentos.predict.shadow_process import Starter
from runlore.serving.queries import workers
from runlore.store.engine import Store


@dataclass
class ShadowLeader:
    """worker_id: of this worker's heartbeat."""

    worker_id: uuid.UUID
    _starter: Starter = field(default_factory=Starter)
    _is_first: bool = False
    _checked_at: float = -INTERVAL_S

    def keep(self, store: Store, *, is_shadowing: bool) -> None:
        """is_shadowing: a challenger shadows."""
        if is_shadowing and time.monotonic() > self._checked_at + INTERVAL_S:
            ids = (worker.id for worker in workers.alive(store))
            self._is_first = min(ids, default=self.worker_id) == self.worker_id
            self._checked_at = time.monotonic()
        self._starter.keep(is_shadowing=is_shadowing and self._is_first)

    def stop(self) -> None:
        self._starter.stop()
