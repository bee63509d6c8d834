"""What the tools work on: a home in this process, or a running service."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from runlore.serving.actions.prediction import Predictor
from runlore.serving.actions.recording_bounds import UNBOUNDED, RecordingBounds
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store


class Champions(Protocol):
    def predictor(self, spec: str) -> Predictor:
        """The version that answers. Raises NotFound for an unknown spec, NoChampion."""


@dataclass(frozen=True)
class ToolContext:
    """has_ledger: answers are written down before they are given. key_id: of who asks."""

    store: Store
    champions: Champions
    now: datetime
    series_specs: Sequence[SeriesSpec] = ()
    bounds: RecordingBounds = field(default=UNBOUNDED)
    has_ledger: bool = True
    key_id: str | None = None
