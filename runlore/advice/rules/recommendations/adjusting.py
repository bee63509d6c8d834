"""What is known of a run before it starts, as numbers that models adjust for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.advice.rules.recommendations.levers import (
    host_lever,
    hour_lever,
    input_levers,
    size_inputs,
    size_lever,
    weekday_lever,
)
from runlore.advice.rules.recommendations.run_log import (
    CodedColumn,
    Floats,
    Integers,
    RunLog,
    code_column,
    group_codes,
    log_durations,
    previous_ended,
)

RIDGE = 5.0
FOLDS = 3
RECENT = 20  # runs of the same actor and kind that had ended
MOST_NAMES = 30  # of kinds, hosts and actors that have a term of their own


@dataclass(frozen=True, eq=False)
class Covariates:
    """values: (n, d). owner: (d,) the lever that a column says the same as; empty: none."""

    values: Floats
    owner: tuple[str, ...]

    def without(self, lever: str) -> Floats:
        return self.values[:, [one != lever for one in self.owner]]


def read_covariates(log: RunLog, early: Integers) -> Covariates:
    """early: the rows that edges of sizes come from."""
    columns: list[Floats] = []
    owner: list[str] = []
    for name, column in [
        ("", code_column("kind", log.kind, MOST_NAMES)),
        ("", code_column("actor", log.actor, MOST_NAMES)),
        ("host", host_lever(log)),
        ("hour", hour_lever(log, 2)),
        ("weekday", weekday_lever(log)),
        *((one.name, one) for one in input_levers(log)),
    ]:
        _add_codes(columns, owner, name, column)
    for name, numbers in size_inputs(log).items():
        lever = size_lever(name, numbers, early, 5)
        _add_codes(columns, owner, lever.name, lever)
        columns.append(_scaled(numbers.to_numpy(dtype=np.float64)))
        owner.append(lever.name)
    for values in recent_outcomes(log):
        columns.append(values)
        owner.append("")
    return Covariates(np.column_stack(columns), tuple(owner))


def recent_outcomes(log: RunLog) -> list[Floats]:
    """Failure rate and mean log duration of the last runs of the actor and kind that had ended."""
    group = group_codes(pd.factorize(log.actor)[0], pd.factorize(log.kind)[0])
    order = np.lexsort((log.finished_s, group))
    place = np.empty(len(log), dtype=np.int64)
    place[order] = np.arange(len(log))
    start = np.searchsorted(group[order], np.arange(group.max(initial=0) + 1))
    before = previous_ended(log, group)
    last = np.where(before >= 0, place[np.maximum(before, 0)], -1)
    first = np.maximum(last - RECENT + 1, start[group])
    made = []
    for values in (log.failed, log_durations(log)):
        known = np.isfinite(values[order])
        sums = np.concatenate([[0.0], np.cumsum(np.where(known, values[order], 0.0))])
        counts = np.concatenate([[0], np.cumsum(known)])
        count = np.where(last >= 0, counts[last + 1] - counts[first], 0)
        mean = values[np.isfinite(values)].mean() if np.isfinite(values).any() else 0.0
        total = np.where(last >= 0, sums[last + 1] - sums[first], 0.0)
        made.append(np.asarray((total + 2 * mean) / (count + 2) - mean, dtype=np.float64))
    return made


def predict_apart(covariates: Floats, targets: Floats, fold: Integers) -> Floats:
    """(n, k) ridge predictions of each fold's runs by models of all other runs.

    covariates: (n, d); targets: (n, k); fold: (n,), -1: runs that are only learned from.
    """
    made = np.zeros_like(targets)
    for at in range(fold.max(initial=-1) + 1):
        inside = fold == at
        x, y = covariates[~inside], targets[~inside]
        middle, level = x.mean(axis=0), y.mean(axis=0)
        centred = x - middle
        gram = centred.T @ centred + RIDGE * np.eye(x.shape[1])
        slopes = np.linalg.solve(gram, centred.T @ (y - level))
        made[inside] = level + (covariates[inside] - middle) @ slopes
    return made


def _add_codes(columns: list[Floats], owner: list[str], name: str, column: CodedColumn) -> None:
    for at in range(len(column.labels)):
        used = (column.codes == at).astype(np.float64)
        if 0 < used.sum() < len(used):
            columns.append(used)
            owner.append(name)


def _scaled(values: NDArray[Any]) -> Floats:
    logs = np.sign(values) * np.log1p(np.abs(values))
    spread = np.nanstd(logs) or 1.0
    return np.asarray(np.nan_to_num((logs - np.nanmean(logs)) / spread), dtype=np.float64)
