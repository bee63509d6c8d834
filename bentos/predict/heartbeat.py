"""Tell all others, by a row in the database, which versions answer in this worker."""

import os
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from runlore.serving.queries import workers
from runlore.store.engine import Store

INTERVAL_S = 2.0

Versions = Mapping[str, Mapping[str, str]]  # spec -> arm -> version


@dataclass
class Heartbeat:
    worker_id: uuid.UUID = field(default_factory=uuid.uuid4)
    _versions: Versions = field(default_factory=dict)
    _sent_at: float = 0.0

    def send(self, store: Store, versions: Versions) -> None:
        """At once when the versions change, else every INTERVAL_S."""
        if versions != self._versions or time.monotonic() > self._sent_at + INTERVAL_S:
            workers.tell(store, self.worker_id, socket.gethostname(), os.getpid(), versions)
            self._versions, self._sent_at = versions, time.monotonic()

    def stop(self, store: Store) -> None:
        workers.forget(store, self.worker_id)
