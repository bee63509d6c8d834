"""What a person could change about a run, as columns with few values."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from runlore.advice.rules.recommendations.run_log import (
    OTHER,
    CodedColumn,
    Floats,
    Integers,
    RunLog,
    code_column,
    group_codes,
    label_of,
    previous_ended,
)
from runlore.records.measured_afterwards import origin

MOST_VALUES = 12  # of an input, else it is no choice
LEAST_FILLED = 0.5  # of the runs have the input
BLOCK_H = 4
RETRY_S = 86_400.0  # later than that, it is no retry
ORDER_S = 4 * 3_600.0  # of the run before
LONGEST_LABEL = 80
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NAMING = re.compile(
    r"(^|[^a-z])(ids?|job|pid|uid|gid|user|group|executable|number|no|code|port|seed|version|build)$",
    re.IGNORECASE,
)
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")
TUNING = re.compile(
    r"thread|worker|parallel|concurren|batch|chunk|level|retr(y|ies)|attempt|cache|buffer",
    re.IGNORECASE,
)
GAPS_S, GAPS = (300.0, 3_600.0), ("within 5 min", "after 5 min to 1 h", "after more than 1 h")


def hour_lever(log: RunLog, hours: int = BLOCK_H) -> CodedColumn:
    labels = tuple(f"{at:02}:00 to {at + hours:02}:00 UTC" for at in range(0, 24, hours))
    return CodedColumn("hour", (log.hour // hours).astype(np.int64), labels)


def weekday_lever(log: RunLog) -> CodedColumn:
    return CodedColumn("weekday", log.weekday, DAYS)


def host_lever(log: RunLog) -> CodedColumn:
    scope = np.array([one or None for one in log.scope], dtype=object)
    return code_column("host", scope, MOST_VALUES)


def retry_lever(log: RunLog) -> CodedColumn:
    """How long after a failure the same thing was run again; -1 where it is no such retry."""
    inputs = (
        pd.util.hash_pandas_object(log.inputs.astype(str), index=False).to_numpy()
        if log.inputs.shape[1]
        else np.zeros(len(log))
    )
    parts = [pd.factorize(one)[0] for one in (log.actor, log.kind, log.scope, inputs)]
    before = previous_ended(log, group_codes(*parts))
    gap = log.submitted_s - log.finished_s[np.maximum(before, 0)]
    is_retry = (before >= 0) & (log.failed[np.maximum(before, 0)] == 1) & (gap <= RETRY_S)
    codes = np.where(is_retry, np.searchsorted(GAPS_S, gap, side="right"), -1)
    return CodedColumn("retry", codes.astype(np.int64), GAPS)


def order_lever(log: RunLog) -> CodedColumn:
    """Of which kind the run of the same actor was that ended last, in the 4 hours before."""
    before = previous_ended(log, pd.factorize(log.actor)[0].astype(np.int64))
    gap = log.submitted_s - log.finished_s[np.maximum(before, 0)]
    kinds = np.where((before >= 0) & (gap <= ORDER_S), log.kind[np.maximum(before, 0)], "nothing")
    return code_column("order", kinds, MOST_VALUES)


def input_levers(log: RunLog) -> list[CodedColumn]:
    """Inputs with 2 to 12 values. What is measured afterwards is none, nor is free text."""
    made = []
    for name in log.inputs.columns:
        values = log.inputs[name]
        if origin(str(name)) is not None or values.notna().mean() < LEAST_FILLED:
            continue
        if 2 <= values.nunique() <= MOST_VALUES:
            column = code_column(f"input:{name}", values.to_numpy(dtype=object), MOST_VALUES)
            if all(len(one) <= LONGEST_LABEL and len(one.split()) <= 3 for one in column.labels):
                made.append(column)
    return made


def size_inputs(log: RunLog) -> dict[str, "pd.Series[float]"]:
    """Numbers with more values than a choice has. Numbers that only name something are none."""
    made = {}
    for name in log.inputs.columns:
        values = log.inputs[name]
        is_other = origin(str(name)) is not None or NAMING.search(str(name))
        if is_other or values.nunique() <= MOST_VALUES:
            continue
        numbers = pd.to_numeric(values, errors="coerce").replace([np.inf, -np.inf], np.nan)
        if numbers.notna().mean() >= LEAST_FILLED and numbers.nunique() > MOST_VALUES:
            made[str(name)] = numbers.astype(np.float64)
    return made


def size_lever(name: str, numbers: "pd.Series[float]", early: Integers, parts: int) -> CodedColumn:
    """Parts of equal count; the edges are those of the `early` runs."""
    known = numbers.iloc[early].dropna()
    edges: Floats = (
        np.unique(np.quantile(known, np.arange(1, parts) / parts)) if len(known) else np.empty(0)
    )
    values = numbers.to_numpy()
    codes = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="left"))
    texts = [f"{one:.6g}" for one in edges]
    labels = (
        *(f"at most {one}" for one in texts[:1]),
        *(f"over {low} to {high}" for low, high in pairwise(texts)),
        *(f"over {one}" for one in texts[-1:]),
    )
    return CodedColumn(f"size:{name}", codes.astype(np.int64), labels)


def says_size(lever: CodedColumn) -> bool:
    """Whether it says how much work a run is: a number that does not tune how the work is done."""
    family, _, name = lever.name.partition(":")
    is_number = all(NUMBER.fullmatch(one) for one in lever.labels if one != OTHER)
    return family == "size" or (family == "input" and is_number and not TUNING.search(name))


def uses_value(log: RunLog, lever: str, value: str, edges: Sequence[float] = ()) -> Floats:
    """(n,) 1 where a run has the value, 0 where another one, NaN where the lever has none.

    edges: of a size: over the first and at most the second, infinite where there is no edge.
    """
    family, _, name = lever.partition(":")
    if family in {"input", "size"} and name not in log.inputs.columns:
        return np.full(len(log), np.nan)
    if family == "size":
        numbers = pd.to_numeric(log.inputs[name], errors="coerce").to_numpy(dtype=np.float64)
        inside = (numbers > edges[0]) & (numbers <= edges[1])
        return np.where(np.isnan(numbers), np.nan, inside)
    if family in {"input", "host"}:
        values = log.scope if family == "host" else log.inputs[name].to_numpy(dtype=object)
        codes, found = pd.factorize(np.asarray(values, dtype=object), use_na_sentinel=True)
        same = np.array([label_of(one) == value for one in found] + [False])
        return np.where(codes < 0, np.nan, same[codes])
    makers = {"hour": hour_lever, "weekday": weekday_lever, "retry": retry_lever}
    column = makers.get(family, order_lever)(log)
    place = column.labels.index(value) if value in column.labels else len(column.labels)
    return np.where(column.codes < 0, np.nan, column.codes == place)


def size_edges(lever: CodedColumn, value: str) -> tuple[float, float]:
    """Of a size's value; see `uses_value`."""
    words = lever.labels[lever.labels.index(value)].split()
    if words[0] == "at":
        return -np.inf, float(words[-1])
    return float(words[1]), float(words[3]) if len(words) > 2 else np.inf
