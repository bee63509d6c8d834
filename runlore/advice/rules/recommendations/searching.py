"""Search what to do otherwise in one half of the runs; confirm it on the other half."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from runlore.advice.rules.recommendations.adjusting import Covariates, read_covariates
from runlore.advice.rules.recommendations.confirming import (
    adjusted_effect,
    finest_strata,
    like_strata,
)
from runlore.advice.rules.recommendations.levers import (
    host_lever,
    hour_lever,
    input_levers,
    order_lever,
    retry_lever,
    says_size,
    size_edges,
    size_inputs,
    size_lever,
    weekday_lever,
)
from runlore.advice.rules.recommendations.like_with_like import (
    ArmEffect,
    compare_values,
    time_blocks,
)
from runlore.advice.rules.recommendations.run_log import (
    OTHER,
    CodedColumn,
    Floats,
    Integers,
    RunLog,
    log_durations,
)

Measure = Literal["failures", "duration"]
Subject = Literal["actor", "kind", "scope"]
MEASURES: tuple[Measure, ...] = ("failures", "duration")
LEAST_EFFECT: Mapping[Measure, float] = {"failures": 0.01, "duration": 0.05}
ALPHA = 0.05  # of the first look at a subject
MOST_BY_HOST = math.log(2)  # of a duration: more is other work, not another host
LEAST_RUNS = 120  # of a subject
LEAST_ARM = 20  # runs with a value and without, in each half, that are alike
LEAST_FREEDOM = 7.0  # so many stretches of time, less one, must carry a comparison
LEAST_OVERLAP = 0.25  # of the runs have a like one
MOST_BLOCKS = 40
MOST_CONFIRMED = 4  # of each half that are tested in the other
MOST_KINDS = 5  # that are searched by themselves
MOST_RUNS = 20_000  # the newest
LIKELY = 2.0  # standard errors, to be chosen
DONE = 0.9  # of the runs: it is done already
SIZES = 4  # parts of a size, as a lever


@dataclass(frozen=True)
class Choice:
    """kind: whose runs; empty: of all kinds. others: the lever's other values."""

    kind: str
    lever: str
    value: str
    others: tuple[str, ...]
    measure: Measure
    is_better: bool


@dataclass(frozen=True)
class HeldChoice:
    """effect: of the half not searched, with the value minus without; of logs of durations.

    low, high: at the level at which it was tested. plain: the difference of means. rival: the
    same comparison for the other measure. share: of the runs that have the value. looked_at: how
    many comparisons were searched; confirmed: how many were then tested.
    """

    choice: Choice
    effect: ArmEffect
    low: float
    high: float
    plain: float
    rival: ArmEffect
    share: float
    looked_at: int
    confirmed: int
    edges: tuple[float, float] | None


@dataclass(frozen=True)
class ChoiceSearch:
    """reason: why nothing holds; else empty."""

    held: tuple[HeldChoice, ...]
    looked_at: int
    confirmed: int
    reason: str


@dataclass(frozen=True, eq=False)
class ComparedPart:
    """Runs of one kind or all, with what they are compared in."""

    kind: str
    log: RunLog
    searched: Integers
    held_out: Integers
    levers: tuple[CodedColumn, ...]
    strata: Mapping[str, Integers]
    outcomes: Mapping[Measure, Floats]
    blocks: Integers


Candidate = tuple[ComparedPart, CodedColumn, Choice]


def search_choices(log: RunLog, subject: Subject, alpha: float = ALPHA) -> ChoiceSearch:
    """What would have failed less or run shorter, of all levers and values.

    alpha: the chance that anything shown is wrong, for the subject as a whole. Any number of
    comparisons may be searched in one half; the best few are tested in the other. Each half has its
    turn, at half of `alpha` over all that is tested (Holm, A simple sequentially rejective multiple
    test procedure, 1979).
    """
    if len(log) < LEAST_RUNS:
        return ChoiceSearch((), 0, 0, f"{len(log)} finished runs; a search needs {LEAST_RUNS}")
    log = log.take(np.arange(max(0, len(log) - MOST_RUNS), len(log)))
    looked_at, tested = 0, []
    for is_later_first in (False, True):
        ranked, count = _ranked(log, subject, is_later_first=is_later_first)
        looked_at += count
        tested.append([_test(*one) for one in most_likely(ranked)])
    counts = looked_at, sum(map(len, tested))
    held: dict[tuple[str, Measure], HeldChoice] = {}
    for one, level in (sure for turn in tested for sure in step_down(turn, alpha / 2)):
        if kept := one.hold(level, counts):
            held.setdefault((kept.choice.lever, kept.choice.measure), kept)
    return ChoiceSearch(tuple(held.values()), *counts, _reason(held, *counts))


def _ranked(
    log: RunLog, subject: Subject, *, is_later_first: bool
) -> tuple[list[tuple[float, Candidate]], int]:
    """What stands out in the half that is searched, and among how many comparisons."""
    ranked: list[tuple[float, Candidate]] = []
    looked_at = 0
    for part in _parts(log, subject, is_later_first=is_later_first):
        for score, lever, choice in _search(part):
            looked_at += 1
            if abs(score) >= LIKELY:
                ranked.append((abs(score), (part, lever, choice)))
    return ranked, looked_at


def most_likely(found: list[tuple[float, Candidate]]) -> list[Candidate]:
    """The best of each lever and measure, what to do before what to avoid; few of these."""
    found = sorted(found, key=lambda one: -one[0])
    best: dict[tuple[str, Measure], tuple[float, Candidate]] = {}
    for is_better in (True, False):
        for score, one in found:
            choice = one[2]
            if choice.is_better is is_better:
                best.setdefault((choice.lever, choice.measure), (score, one))
    ranked = sorted(best.values(), key=lambda one: -one[0])
    return [one for _, one in ranked[:MOST_CONFIRMED]]


def _reason(held: Mapping[tuple[str, Measure], HeldChoice], looked_at: int, confirmed: int) -> str:
    if held:
        return ""
    if not looked_at:
        return "no choice has enough runs that are alike, with it and without it"
    if not confirmed:
        return f"none of {looked_at} comparisons stands out in either half of the runs"
    return f"of {looked_at} comparisons {confirmed} stood out in one half; none held in the other"


def _parts(log: RunLog, subject: Subject, *, is_later_first: bool) -> Iterator[ComparedPart]:
    yield _part("", log, subject, is_later_first=is_later_first)
    kinds, counts = np.unique(log.kind.astype(str), return_counts=True)
    if len(kinds) < 2:
        return
    for at in np.argsort(-counts, kind="stable")[:MOST_KINDS]:
        if counts[at] >= LEAST_RUNS:
            rows = log.take(np.flatnonzero(log.kind == kinds[at]))
            yield _part(str(kinds[at]), rows, subject, is_later_first=is_later_first)


def _part(kind: str, log: RunLog, subject: Subject, *, is_later_first: bool) -> ComparedPart:
    halves = np.arange(len(log) // 2), np.arange(len(log) // 2, len(log))
    searched, held_out = halves[::-1] if is_later_first else halves
    sizes = size_inputs(log)
    levers = [hour_lever(log), weekday_lever(log), retry_lever(log), *input_levers(log)]
    levers += [size_lever(name, one, searched, SIZES) for name, one in sizes.items()]
    if subject != "scope":
        levers.append(host_lever(log))
    if len(np.unique(log.kind.astype(str))) > 1 or kind:
        levers.append(order_lever(log))
    strata = like_strata(log, searched)
    logs = log_durations(log)
    blocks = np.concatenate([time_blocks(log.submitted_s[rows], MOST_BLOCKS) for rows in halves])
    outcomes: dict[Measure, Floats] = {"failures": log.failed, "duration": logs}
    return ComparedPart(kind, log, searched, held_out, tuple(levers), strata, outcomes, blocks)


def _search(part: ComparedPart) -> Iterator[tuple[float, CodedColumn, Choice]]:
    """Each comparison of that half, with how many standard errors it is from none."""
    for lever in part.levers:
        strata = finest_strata(part.strata, lever.name, lever.codes, part.searched)
        for measure in MEASURES:
            if measure == "duration" and says_size(lever):
                continue  # smaller work is shorter: no advice
            outcome = part.outcomes[measure]
            rows = part.searched[
                np.isfinite(outcome[part.searched]) & (lever.codes[part.searched] >= 0)
            ]
            if len(rows) < 2 * LEAST_ARM:
                continue
            found = compare_values(
                outcome[rows], lever.codes[rows], strata[rows], part.blocks[rows]
            )
            enough = (found.used >= LEAST_ARM) & (found.other >= LEAST_ARM) & (found.freedom >= 2)
            present = [at for at in range(len(found.effect)) if (lever.codes[rows] == at).any()]
            for at in np.flatnonzero(enough)[: 1 if len(present) == 2 else None]:
                if lever.labels[at] == OTHER:
                    continue
                choice = _choice(part, lever, present, int(at), measure, found.effect[at] < 0)
                yield float(found.z()[at]), lever, choice


def _choice(
    part: ComparedPart,
    lever: CodedColumn,
    present: list[int],
    at: int,
    measure: Measure,
    is_better: bool,
) -> Choice:
    """Of two values, the better one."""
    if len(present) == 2 and not is_better:
        at = next(one for one in present if one != at)
        is_better = True
    others = tuple(lever.labels[one] for one in present if one != at)
    return Choice(part.kind, lever.name, lever.labels[at], others, measure, bool(is_better))


@dataclass(frozen=True, eq=False)
class CheckedChoice:
    """A choice in the half that was not searched. edges: of a size."""

    choice: Choice
    effect: ArmEffect
    plain: float
    rival: ArmEffect
    share: float
    edges: tuple[float, float] | None

    def isstep_down(self, level: float) -> bool:
        low, high = self.effect.interval(level)
        return high < 0 if self.choice.is_better else low > 0

    def hold(self, level: float, counts: tuple[int, int]) -> HeldChoice | None:
        """None: too small, carried by too little, done already, other work, or at a price."""
        is_large = abs(self.effect.effect) >= LEAST_EFFECT[self.choice.measure]
        is_new = self.share < DONE if self.choice.is_better else self.share > 0
        if not (is_large and is_new and _is_carried(self.effect)):
            return None
        if self._is_other_work() or self._is_paid_for():
            return None
        low, high = self.effect.interval(level)
        rest = self.plain, self.rival, self.share, *counts, self.edges
        return HeldChoice(self.choice, self.effect, low, high, *rest)

    def _is_other_work(self) -> bool:
        is_of_host = (self.choice.lever, self.choice.measure) == ("host", "duration")
        return is_of_host and abs(self.effect.effect) > MOST_BY_HOST

    def _is_paid_for(self) -> bool:
        """The other measure gets worse for sure."""
        low, high = self.rival.interval(0.05)
        worse = low > 0 if self.choice.is_better else high < 0
        return bool(np.isfinite(self.rival.effect) and worse)


def _test(part: ComparedPart, lever: CodedColumn, choice: Choice) -> CheckedChoice:
    covariates = read_covariates(part.log, part.searched)
    effect, plain = _adjusted(part, lever, choice, covariates, choice.measure)
    rival_measure = MEASURES[choice.measure == "failures"]
    rival, _ = _adjusted(part, lever, choice, covariates, rival_measure)
    codes = lever.codes[part.held_out]
    share = float((codes == lever.labels.index(choice.value)).sum() / max((codes >= 0).sum(), 1))
    edges = size_edges(lever, choice.value) if lever.name.startswith("size:") else None
    return CheckedChoice(choice, effect, plain, rival, share, edges)


def step_down(tested: list[CheckedChoice], alpha: float) -> Iterator[tuple[CheckedChoice, float]]:
    """Those that leave out no effect, each with its level: step by step, as Holm does.

    alpha: the chance of any among all that are tested where there is no effect.
    """
    left = list(tested)
    while left:
        level = alpha / len(left)
        sure = [one for one in left if one.isstep_down(level)]
        yield from ((one, level) for one in sure)
        if not sure:
            return
        left = [one for one in left if one not in sure]


def _is_carried(effect: ArmEffect) -> bool:
    return (
        min(effect.used, effect.other) >= LEAST_ARM
        and effect.freedom >= LEAST_FREEDOM
        and effect.overlap >= LEAST_OVERLAP
    )


def _adjusted(
    part: ComparedPart, lever: CodedColumn, choice: Choice, covariates: Covariates, measure: Measure
) -> tuple[ArmEffect, float]:
    place = lever.labels.index(choice.value)
    used = np.where(lever.codes < 0, np.nan, lever.codes == place)
    strata = finest_strata(part.strata, lever.name, lever.codes, part.searched)
    known = covariates.without(lever.name)
    return adjusted_effect(
        part.outcomes[measure], used, part.held_out, (strata, part.blocks), known
    )
