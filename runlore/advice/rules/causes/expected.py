"""How many failures were to be expected, by the time before."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.causes.exact import stratified_p

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
KIND_WEIGHT, STRATUM_WEIGHT = 10.0, 20.0  # rows a rate is drawn to the wider one by
INCIDENT_P = 0.05
RARE = 0.1  # of earlier windows that rose as much: more, and this one is ordinary
MIN_FAILURES = 5
BLOCK_HOURS = (1, 3, 6, 12, 24)
MIN_STRATUM_ROWS = 20  # of the window, on average; else hours are taken together


@dataclass(frozen=True, eq=False)
class FailureTable:
    """(n,) ended executions, those of the window and of the time before.

    kind: codes. hour: of the day, 0 to 23. at_s: seconds from the start of the window; < 0 before.
    """

    failed: Flags
    kind: Integers
    hour: Integers
    at_s: Floats

    @property
    def in_window(self) -> Flags:
        return self.at_s >= 0

    @property
    def stratum(self) -> Integers:
        return self.kind * 24 + self.hour


@dataclass(frozen=True)
class IncidentTest:
    """expected: failures by the time before. p: of so many by chance. past: such windows before.

    past_as_bad: how many of those rose at least as much. high: of the failures for each expected
    one, the upper end of an interval of 95 % (one-sided).
    """

    rows: int
    failed: int
    expected: float
    p: float
    past: int
    past_as_bad: int
    high: float

    @property
    def is_incident(self) -> bool:
        is_rare = self.past == 0 or self.past_as_bad <= RARE * self.past
        return self.failed >= MIN_FAILURES and self.p <= INCIDENT_P and is_rare


def expected_rates(table: FailureTable) -> Floats:
    """(n,) failure rates of like executions (kind and hour) before the window, drawn together."""
    before = ~table.in_window
    overall = (table.failed[before].sum() + 0.5) / (before.sum() + 1)
    rows, failed = _counts(table.kind, before, table.failed)
    kind = (failed + KIND_WEIGHT * overall) / (rows + KIND_WEIGHT)
    rows, failed = _counts(table.stratum, before, table.failed)
    whole = np.repeat(kind, 24)[: len(rows)]
    stratum = (failed + STRATUM_WEIGHT * whole) / (rows + STRATUM_WEIGHT)
    rates: Floats = stratum[table.stratum]
    return rates


def judge_incident(table: FailureTable, rates: Floats, stretches: int = 1) -> IncidentTest:
    """Compare the window with like executions before, and with windows of its length before.

    stretches: among how many the window was chosen; p is corrected for them (Bonferroni).
    """
    now = table.in_window
    stratum = like_strata(table, by_kind=True)
    size = int(stratum.max()) + 1

    def count(chosen: Flags) -> Integers:
        return np.bincount(stratum[chosen], minlength=size)

    here, here_failed = count(now), count(now & table.failed)
    rows, failed = count(np.ones(len(now), bool)), count(table.failed)
    past, as_bad = _past_windows(table, rates)
    return IncidentTest(
        rows=int(now.sum()),
        failed=int(here_failed.sum()),
        expected=float(rates[now].sum()),
        p=min(1.0, stretches * stratified_p(here_failed, here, failed, rows)),
        past=past,
        past_as_bad=as_bad,
        high=_most(int(here_failed.sum()), int(table.failed[~now].sum()), float(rates[now].sum())),
    )


def _most(now: int, before: int, expected: float) -> float:
    """The upper end, one-sided 95 %, of the failures per expected one (ratio of Poisson rates;
    Przyborowski & Wilenski, Biometrika 31, 1940)."""
    from scipy.stats import f

    ends = f.ppf(0.95, 2 * (now + 1), 2 * max(before, 1))
    return float((now + 1) / max(expected, 1e-9) * ends)


def like_strata(table: FailureTable, *, by_kind: bool) -> Integers:
    """(n,) codes of kind and block of hours: the shortest block whose strata can be compared."""
    now = table.in_window
    stratum = table.stratum
    for hours in BLOCK_HOURS:
        stratum = table.hour // hours + (table.kind * 24 if by_kind else 0)
        if now.sum() >= MIN_STRATUM_ROWS * len(np.unique(stratum[now])):
            break
    return stratum


def rise(failed: Floats, expected: Floats) -> Floats:
    """Log-likelihood ratio of more failures than expected (Neill, Int. J. Forecasting 25, 2009)."""
    more = failed > expected
    safe = np.where(more, failed, 1.0) / np.where(more, expected, 1.0)
    return np.where(more, failed * np.log(safe) - (failed - expected), 0.0)


def _past_windows(table: FailureTable, rates: Floats) -> tuple[int, int]:
    now = table.in_window
    length = float(table.at_s.max()) + 1.0
    number = np.floor(-table.at_s[~now] / length).astype(np.int64)
    if not len(number):
        return 0, 0
    failed: Floats = np.bincount(number, table.failed[~now].astype(float)).astype(float)
    expected: Floats = np.bincount(number, rates[~now]).astype(float)
    used = expected > 0
    mine = rise(np.array([table.failed[now].sum()], float), np.array([rates[now].sum()]))
    return int(used.sum()), int((rise(failed[used], expected[used]) >= mine).sum())


def _counts(codes: Integers, rows: Flags, failed: Flags) -> tuple[Floats, Floats]:
    size = int(codes.max()) + 1
    return (
        np.bincount(codes[rows], minlength=size).astype(float),
        np.bincount(codes[rows & failed], minlength=size).astype(float),
    )
