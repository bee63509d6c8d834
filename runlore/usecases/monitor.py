"""Has what the champion answers for moved away from what it was trained on?"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.drift.histogram import CHUNK_ROWS, Profile, count_chunks
from runlore.drift.sample import Sample, places
from runlore.drift.verdict import PREDICTION, WindowVerdict, Words, judge, not_enough
from runlore.features import matrix
from runlore.features.declaration import FeaturePlan
from runlore.models.spec import ModelSpec
from runlore.records.errors import NoChampion, NotFound
from runlore.store import drift_results
from runlore.store.drift_results import Window
from runlore.store.engine import Store
from runlore.usecases import drift_record, reference, window
from runlore.usecases.drift_record import AnomalyChange
from runlore.usecases.reference import Reference
from runlore.usecases.window import Frame

if TYPE_CHECKING:
    from runlore.registry import Registry

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

ARTIFACTS = "drift"
"""The folder of the champion's MLflow run that reports go to."""


@dataclass(frozen=True, eq=False)
class Champion:
    """A version as far as monitoring is concerned.

    predict: (n, F) rows to (n,) answers. reference: None when it was registered without one.
    trained_us: the submissions that bound its training rows, when the bundle tells.
    """

    version: str
    plan: FeaturePlan
    predict: Callable[[Rows], Floats]
    reference: Reference | None
    trained_us: tuple[int, int] | None = None

    @property
    def words(self) -> Words:
        return {vocabulary.name: vocabulary.words for vocabulary in self.plan.categories}


@dataclass(frozen=True)
class MonitorOutcome:
    """What one window was found to be.

    note: what a reader must know about the window. report: the HTML, None without enough data.
    is_new: False when the window had been judged before. anomaly: what became of the spec's.
    """

    window: Window
    verdict: WindowVerdict
    note: str = ""
    report: Path | None = None
    is_new: bool = False
    anomaly: AnomalyChange | None = None


def monitor(
    store: Store,
    registry: "Registry",
    spec: ModelSpec,
    at: datetime,
    reports: Path,
    window_s: float | None = None,
) -> MonitorOutcome:
    """Compare the executions of the window before `at` with the champion's training reference.

    Writes every column's statistics to the store, opens or resolves the spec's anomaly and leaves
    an HTML report in `reports` and in the champion's MLflow run. A window that was judged before
    is told again and changes nothing. Raises NoChampion when nothing serves the spec.
    """
    ref = registry.champion(spec.name)
    if ref is None:
        raise NoChampion(spec.name)
    with tempfile.TemporaryDirectory(prefix="runlore-monitor-") as folder:
        champion = load_champion(registry.download(ref, Path(folder)), ref.version)
        frame = window.read(store, spec, at, window_s or spec.drift.window_s)
        outcome = judge_window(champion, spec, frame, store)
        ...
