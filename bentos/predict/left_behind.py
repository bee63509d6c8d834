"""Renew the states of features that an ingest has left behind, as when the disk was full."""

import logging
import time
from dataclasses import dataclass

from runlore.kernel.errors import Unavailable
from runlore.serving.actions import states
from runlore.store.engine import Store

LOOK_S = 15.0
RETRY_S = 60.0  # after a renewal that failed

log = logging.getLogger("runlore.serving")


@dataclass
class LeftBehind:
    """Of several workers only one renews."""

    _not_before: float = 0.0

    def renew(self, store: Store) -> None:
        if time.monotonic() < self._not_before:
            return
        try:
            if built := states.renew_left_behind(store):
                log.info("the states of %d histories know every fact again", len(built))
        except Unavailable as error:
            self._not_before = time.monotonic() + RETRY_S
            log.warning("the states of features are behind: %s", error)
