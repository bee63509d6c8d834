"""Who fails more or less often than chance explains, of the newest part of the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from runlore.look.rules.findings import Part, StandOut
from runlore.look.rules.standouts import GroupedRuns, stand_outs
from runlore.reports.actions import recent_work
from runlore.reports.queries.recent_sums import WorkSpan
from runlore.store.engine import Store

PARTS: tuple[Part, ...] = ("actor", "kind", "scope")
MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class FailingGroups:
    """groups: beyond chance, the most failures too many or too few first. compared: how many."""

    span: WorkSpan
    runs: int
    failed: int
    groups: Sequence[StandOut]
    compared: int


def failing_groups(store: Store, at: datetime, days: int) -> FailingGroups:
    """Compare the groups of the last days that the log has with the rest."""
    recent = recent_work.recent_failures(store, at, days)
    runs, failed = (recent.frame[name].to_numpy(dtype=np.int64) for name in ("runs", "failed"))
    row = np.repeat(np.arange(len(runs)), runs)
    if not row.size:
        return FailingGroups(recent.span, 0, 0, (), 0)
    place = np.arange(row.size) - np.repeat(np.cumsum(runs) - runs, runs)
    grouped = GroupedRuns(
        recent.frame["at_s"].to_numpy(dtype=np.int64)[row] * MICROSECONDS,
        (place < failed[row]).astype(np.float64),
        {part: recent.frame[part].to_numpy(dtype=object)[row] for part in PARTS},
    )
    groups, compared = stand_outs(grouped)
    return FailingGroups(recent.span, int(row.size), int(failed.sum()), groups, compared)
