"""Record runs that OpenLineage events told of, once their START has not come for a while."""

import logging
from dataclasses import dataclass

from runlore.ingest.actions.lineage_events import record_waiting
from runlore.kernel.errors import Unavailable
from runlore.serving.actions.recording_bounds import RecordingBounds
from runlore.store.engine import Store

LOOK_S = 10.0  # most services never have such runs: an idle one should cost little

log = logging.getLogger("runlore.serving")


@dataclass(frozen=True)
class WaitingRuns:
    """Of several workers each records other runs."""

    bounds: RecordingBounds
    is_replay: bool

    def record(self, store: Store) -> None:
        try:
            record_waiting(store, self.bounds, is_replay=self.is_replay)
        except Unavailable as error:
            log.warning("runs wait for being recorded: %s", error)
