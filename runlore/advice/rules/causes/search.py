"""Find what explains a rise of failures, or say that it is not known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.causes.columns import CauseColumn, What
from runlore.advice.rules.causes.exact import PRIOR, RiseCounts, greater_rise_p, stratified_p
from runlore.advice.rules.causes.expected import (
    FailureTable,
    IncidentTest,
    expected_rates,
    judge_incident,
    like_strata,
    rise,
)
from runlore.advice.rules.causes.local_rise import is_rare_rise

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
ALPHA = 0.05  # that any cause is named where there is none
LEAST_SHARE = 0.5  # of the failures above the expected ones
LEAST_MARGIN = 3.0  # of log-likelihood over the next candidate: 20 times as likely
TOGETHER = 0.95  # of executions with either value have both: they cannot be told apart
EXCLUDED = 1.5  # times the expected failures: "no incident" is said if so many are excluded
EXCLUDED_SHARE = 0.01  # or so many more failures, as a share of all executions
MIN_ROWS, MIN_FAILURES = 5, 3  # in the window, of a value
MAX_SUSPECTS = 8
MAX_TESTED = 60  # the strongest are tested; all looked at are corrected for
Answer = Literal["no incident", "cause", "not known"]


@dataclass(frozen=True, eq=False)
class Suspect:
    """A value, and how executions with it fared in the window.

    expected: failures by its own time before, of like executions. share: of all failures above the
    expected ones. p: corrected (Holm) of the weaker of its tests. gain: log-likelihood.
    """

    what: What
    name: str
    value: str
    rows: int
    failed: int
    expected: float
    share: float
    gain: float
    p: float
    without_rows: int
    without_failed: int


@dataclass(frozen=True, eq=False)
class CauseSearch:
    """causes: one, or several that always go together. looked_at: values that were compared.

    is_risen: failures rose beyond chance, of all executions or with one value.
    """

    answer: Answer
    incident: IncidentTest
    causes: tuple[Suspect, ...]
    suspects: tuple[Suspect, ...]
    looked_at: int
    reason: str
    is_risen: bool = True


@dataclass(frozen=True, eq=False)
class _Candidate:
    column: CauseColumn
    code: int
    suspect: Suspect

    def mask(self) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_] = self.column.codes == self.code
        return mask


def find_cause(
    table: FailureTable,
    columns: Sequence[CauseColumn],
    stretches: int = 1,
    member: int | None = None,
) -> CauseSearch:
    """Name the value whose executions explain the rise, or abstain.

    stretches: among how many the window was chosen. member: an execution that must have the value.

    Named is only what passes all: more failures than like executions in the window without it, a
    greater rise than theirs (both exact, the weaker corrected by Holm over all values looked at),
    at least half of the rise explained, and a margin of 3 over every other value. A rise with one
    value only counts, too, though all executions together show none.
    """
    rates = expected_rates(table)
    incident = judge_incident(table, rates, stretches)
    candidates = [one for column in columns for one in _candidates(table, rates, column, incident)]
    looked_at = len(candidates)
    risen = [one for one in candidates if one.suspect.gain > 0]
    risen.sort(key=lambda one: -one.suspect.gain)
    tested = _holm(table, rates, risen[:MAX_TESTED], looked_at)
    suspects = tuple(one.suspect for one in tested[:MAX_SUSPECTS])
    if not incident.is_incident and not _is_local(table, rates, columns, tested):
        return _without_rise(incident, suspects, looked_at)
    causes, reason = _decide(table, tested)
    if causes and member is not None and not tested[0].mask()[member]:
        reason = f"the rise is explained by {phrase(tested[0].suspect)}, which this one has not"
        causes = ()
    answer: Answer = "cause" if causes else "not known"
    return CauseSearch(answer, incident, causes, suspects, looked_at, reason)


def phrase(one: Suspect) -> str:
    """`kind build`, `input size ≥ 3`, `input version = 2.1`, `metric load outside …`."""
    if one.what in ("kind", "actor", "scope"):
        return f"{one.what} {one.value}"
    is_named = one.what == "input" and one.value[:1] not in "≥≤"
    return f"{one.what} {one.name} {'= ' if is_named else ''}{one.value}"


def _candidates(
    table: FailureTable, rates: Floats, column: CauseColumn, incident: IncidentTest
) -> list[_Candidate]:
    """The values of a column that occur in the window often enough to be compared."""
    known, now = column.codes >= 0, table.in_window
    size = len(column.labels)

    def sums(rows: NDArray[np.bool_], weights: Floats) -> Floats:
        return np.bincount(column.codes[rows], weights[rows], size).astype(np.float64)

    failed, ones = table.failed.astype(float), np.ones(len(table.failed))
    here, before = known & now, known & ~now
    rows, own = sums(here, ones), sums(here, failed)
    own_rate = (sums(before, failed) + PRIOR) / (sums(before, rates) + PRIOR)
    expected = sums(here, rates) * own_rate
    gain, above = rise(own, expected), max(incident.failed - incident.expected, 0.0)
    used = np.flatnonzero((rows >= MIN_ROWS) & (rows < incident.rows))
    return [
        _Candidate(
            column,
            int(code),
            Suspect(
                what=column.what,
                name=column.name,
                value=column.labels[code],
                rows=int(rows[code]),
                failed=int(own[code]),
                expected=float(expected[code]),
                share=_share(float(own[code] - expected[code]), above),
                gain=float(gain[code]) if own[code] >= MIN_FAILURES else 0.0,
                p=1.0,
                without_rows=incident.rows - int(rows[code]),
                without_failed=incident.failed - int(own[code]),
            ),
        )
        for code in used
    ]


def _holm(
    table: FailureTable, rates: Floats, candidates: Sequence[_Candidate], looked_at: int
) -> list[_Candidate]:
    """With corrected p, in the order of gain. Those not tested count as more likely by chance."""
    raw = np.array([_p(table, rates, one) for one in candidates])
    order = np.argsort(raw, kind="stable")
    corrected = np.ones(len(raw))
    steps = (looked_at - np.arange(len(raw))) * raw[order]
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(raw) else steps
    return [
        replace(one, suspect=replace(one.suspect, p=float(p)))
        for one, p in zip(candidates, corrected, strict=True)
    ]


def _p(table: FailureTable, rates: Floats, candidate: _Candidate) -> float:
    now, mask = table.in_window, candidate.mask()
    stratum = like_strata(table, by_kind=candidate.column.what != "kind")
    size = int(stratum.max()) + 1

    def count(rows: NDArray[np.bool_]) -> Integers:
        return np.bincount(stratum[rows], minlength=size)

    beside = stratified_p(
        count(now & mask & table.failed), count(now & mask), count(now & table.failed), count(now)
    )
    before = _counts(table, rates, mask, ~now)
    if before.expected == 0:  # new: it has no earlier habit that could explain it
        return beside
    return max(beside, greater_rise_p(_counts(table, rates, mask, now), before))


def _counts(
    table: FailureTable, rates: Floats, mask: NDArray[np.bool_], rows: NDArray[np.bool_]
) -> RiseCounts:
    ours, others = mask & rows, ~mask & rows
    return RiseCounts(
        int(table.failed[ours].sum()),
        float(rates[ours].sum()),
        int(table.failed[others].sum()),
        float(rates[others].sum()),
    )


def _decide(table: FailureTable, tested: Sequence[_Candidate]) -> tuple[tuple[Suspect, ...], str]:
    if not tested:
        return (), "no value of anything recorded had more failures than expected"
    best = tested[0]
    name = phrase(best.suspect)
    if best.suspect.p > ALPHA:
        return (), f"the strongest, {name}, is within chance, corrected for all looked at"
    if best.suspect.share < LEAST_SHARE:
        return (), f"the strongest, {name}, explains {best.suspect.share:.0%} of the rise"
    together, rival = _beside(table, best, tested[1:])
    if rival is not None:
        return (), f"{name} and {phrase(rival.suspect)} explain it about as well"
    return (best.suspect, *(one.suspect for one in together)), ""


def _beside(
    table: FailureTable, best: _Candidate, others: Sequence[_Candidate]
) -> tuple[list[_Candidate], _Candidate | None]:
    """Those that cannot be told apart from the best, and the next that is too near to it."""
    now = table.in_window
    mask = best.mask()[now]
    together = []
    for one in others:
        if one.column.name == best.column.name and one.column.is_size and best.column.is_size:
            continue
        mine = one.mask()[now]
        if (mask & mine).sum() >= TOGETHER * (mask | mine).sum():
            together.append(one)
        elif best.suspect.gain - one.suspect.gain < LEAST_MARGIN:
            return together, one
    return together, None


def _share(own: float, above: float) -> float:
    """Of all failures above the expected ones; 1 where others had fewer than expected."""
    return own / max(own, above, 1e-9)


def _is_local(
    table: FailureTable,
    rates: Floats,
    columns: Sequence[CauseColumn],
    tested: Sequence[_Candidate],
) -> bool:
    """Whether failures rose with one value only, too few to be seen among all executions."""
    if not tested or tested[0].suspect.p > ALPHA:
        return False
    return is_rare_rise(table, rates, columns, tested[0].suspect.gain, MIN_FAILURES)


def _without_rise(
    incident: IncidentTest, suspects: tuple[Suspect, ...], looked_at: int
) -> CauseSearch:
    """No incident only where a rise of note is excluded; too few failures say nothing."""
    more = (incident.high - 1) * incident.expected
    is_small = incident.high <= EXCLUDED or more <= EXCLUDED_SHARE * incident.rows
    is_excluded = is_small and all(one.p > ALPHA for one in suspects)
    answer: Answer = "no incident" if is_excluded else "not known"
    reason = _ordinary(incident)
    if not is_excluded:
        reason += f"; up to {incident.high:.1f} times as many as expected cannot be excluded"
    return CauseSearch(answer, incident, (), suspects, looked_at, reason, False)


def _ordinary(incident: IncidentTest) -> str:
    return (
        f"{incident.failed} of {incident.rows} failed, {incident.expected:.1f} were expected by"
        " like executions before: within chance"
    )
