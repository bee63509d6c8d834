"""What has been said of a spec's windows, one after the other, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.monitoring.actions.record import judged, verdict_of
from runlore.monitoring.queries import results
from runlore.monitoring.queries.results import ComparedWindow
from runlore.monitoring.rules.measures import LABEL, PREDICTION, Policy
from runlore.monitoring.rules.trigger import TriggerDecision, decide
from runlore.monitoring.rules.verdict import ColumnVerdict, WindowVerdict
from runlore.retraining.rules import RetrainingLimits
from runlore.store.engine import Store

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PINNED = (PREDICTION, LABEL)


@dataclass(frozen=True)
class Judged:
    """A window, what was said of it, when, and where its report is."""

    window: ComparedWindow
    verdict: WindowVerdict
    at: datetime
    report: str | None


def history(store: Store, spec: str, most: int) -> list[Judged]:
    """The last windows of a spec, of any version, the newest first."""
    with store.begin() as connection:
        found = results.judged(connection, spec, most)
    return [Judged(each.window, verdict_of(each), each.at, each.report) for each in found]


def decision(
    store: Store,
    subject: tuple[str, str],
    policy: Policy,
    at: datetime,
    retrainings: Sequence[datetime] = (),
    limits: RetrainingLimits | None = None,
) -> TriggerDecision:
    """Whether the windows of a version ask for a retraining: those of the policy's length.

    subject: a spec and its version.
    """
    with store.begin() as connection:
        known = judged(connection, *subject, policy.window_s)
    return decide(known, policy, at, retrainings, limits)


def draw(found: Sequence[Judged]) -> "Figure":
    """The windows of a history; predictions and labels above, then the most drifted features."""
    from runlore.monitoring import plots

    ordered = sorted(found, key=lambda each: each.window.window_to)
    seen = [{column.name: column for column in each.verdict.columns} for each in ordered]
    names = dict.fromkeys(name for columns in seen for name in columns)
    columns = [
        plots.ColumnOverTime(
            name,
            np.array([_excess(of_window.get(name)) for of_window in seen]),
            np.array([_is_drifted(of_window.get(name)) for of_window in seen], dtype=bool),
        )
        for name in names
    ]
    ends = [each.window.window_to.replace(tzinfo=None) for each in ordered]
    return plots.drift_over_time(
        np.array(ends, "datetime64[us]"),
        np.array([each.verdict.drifted_share for each in ordered]),
        ordered[-1].verdict.threshold if ordered else 0.0,
        sorted(columns, key=lambda each: (each.name not in PINNED, -_worst(each.excess))),
        np.array([each.verdict.answer == "drift" for each in ordered], dtype=bool),
    )


def _worst(excess: NDArray[np.float64]) -> float:
    return float(np.nanmax(excess, initial=0.0))


def _is_drifted(column: ColumnVerdict | None) -> bool:
    return column is not None and column.is_drifted


def _excess(column: ColumnVerdict | None) -> float:
    if column is None or not column.psi.threshold:
        return np.nan
    return column.psi.value / column.psi.threshold
