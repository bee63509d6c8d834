"""Search what to do otherwise in the earlier half of the runs; confirm it on the later half."""

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
ALPHA = 0.03  # of the first look at a subject
LEAST_RUNS = 120  # of a subject
LEAST_ARM = 20  # runs with a value and without, in each half, that are alike
LEAST_FREEDOM = 7.0  # so many stretches of time, less one, must carry a comparison
LEAST_OVERLAP = 0.25  # of the runs have a like one
MOST_BLOCKS = 40
MOST_CONFIRMED = 3  # what is looked at in the later half
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
    """effect: from the later half only, with the value minus without. Durations are logs.

    low, high: cover all that was confirmed together. plain: the difference of means. rival: the
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
    early: Integers
    late: Integers
    levers: tuple[CodedColumn, ...]
    strata: Mapping[str, Integers]
    outcomes: Mapping[Measure, Floats]
    blocks: Integers


def search_choices(log: RunLog, subject: Subject, alpha: float = ALPHA) -> ChoiceSearch:
    """What would have failed less or run shorter, of all levers and values.

    alpha: the chance that anything shown is wrong, for the subject as a whole. Any number of
    comparisons may be searched in the earlier half. The best few are tested in the later half, at
    `alpha` divided by their number (Bonferroni), so the intervals are honest about the search.
    """
    if len(log) < LEAST_RUNS:
        return ChoiceSearch((), 0, 0, f"{len(log)} finished runs; a search needs {LEAST_RUNS}")
    log = log.take(np.arange(max(0, len(log) - MOST_RUNS), len(log)))
    ranked, looked_at = [], 0
    for part in _parts(log, subject):
        for score, lever, choice in _search(part):
            looked_at += 1
            if abs(score) >= LIKELY:
                ranked.append((abs(score), part, lever, choice))
    ranked.sort(key=lambda one: -one[0])
    chosen: dict[tuple[str, Measure], tuple[ComparedPart, CodedColumn, Choice]] = {}
    for _, part, lever, choice in ranked:
        if len(chosen) < MOST_CONFIRMED:
            chosen.setdefault((choice.lever, choice.measure), (part, lever, choice))
    held = [
        one
        for part, lever, choice in chosen.values()
        if (one := _confirm(part, lever, choice, alpha / len(chosen), (looked_at, len(chosen))))
    ]
    return ChoiceSearch(tuple(held), looked_at, len(chosen), _reason(held, looked_at, len(chosen)))


def _reason(held: list[HeldChoice], looked_at: int, confirmed: int) -> str:
    if held:
        return ""
    if not looked_at:
        return "no choice has enough runs that are alike, with it and without it"
    if not confirmed:
        return f"none of {looked_at} comparisons stands out in the earlier half of the runs"
    return f"of {looked_at} comparisons {confirmed} stood out; none held in the later half"


def _parts(log: RunLog, subject: Subject) -> Iterator[ComparedPart]:
    yield _part("", log, subject)
    kinds, counts = np.unique(log.kind.astype(str), return_counts=True)
    if len(kinds) < 2:
        return
    for at in np.argsort(-counts, kind="stable")[:MOST_KINDS]:
        if counts[at] >= LEAST_RUNS:
            yield _part(str(kinds[at]), log.take(np.flatnonzero(log.kind == kinds[at])), subject)


def _part(kind: str, log: RunLog, subject: Subject) -> ComparedPart:
    half = len(log) // 2
    early, late = np.arange(half), np.arange(half, len(log))
    sizes = size_inputs(log)
    levers = [hour_lever(log), weekday_lever(log), retry_lever(log), *input_levers(log)]
    levers += [size_lever(name, one, early, SIZES) for name, one in sizes.items()]
    if subject != "scope":
        levers.append(host_lever(log))
    if len(np.unique(log.kind.astype(str))) > 1 or kind:
        levers.append(order_lever(log))
    strata = like_strata(log, early)
    logs = log_durations(log)
    blocks = np.concatenate(
        [time_blocks(log.submitted_s[rows], MOST_BLOCKS) for rows in (early, late)]
    )
    outcomes: dict[Measure, Floats] = {"failures": log.failed, "duration": logs}
    return ComparedPart(kind, log, early, late, tuple(levers), strata, outcomes, blocks)


def _search(part: ComparedPart) -> Iterator[tuple[float, CodedColumn, Choice]]:
    """Each comparison of the earlier half, with how many standard errors it is from none."""
    for lever in part.levers:
        strata = finest_strata(part.strata, lever.name, lever.codes, part.early)
        for measure in MEASURES:
            if measure == "duration" and says_size(lever):
                continue  # smaller work is shorter: no advice
            outcome = part.outcomes[measure]
            rows = part.early[np.isfinite(outcome[part.early]) & (lever.codes[part.early] >= 0)]
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


def _confirm(
    part: ComparedPart, lever: CodedColumn, choice: Choice, alpha: float, counts: tuple[int, int]
) -> HeldChoice | None:
    covariates = read_covariates(part.log, part.early)
    effect, plain = _adjusted(part, lever, choice, covariates, choice.measure)
    low, high = effect.interval(alpha)
    rival_measure = MEASURES[choice.measure == "failures"]
    rival, _ = _adjusted(part, lever, choice, covariates, rival_measure)
    codes = lever.codes[part.late]
    share = float((codes == lever.labels.index(choice.value)).sum() / max((codes >= 0).sum(), 1))
    is_sure = (high < 0) if choice.is_better else (low > 0)
    is_large = abs(effect.effect) >= LEAST_EFFECT[choice.measure]
    is_new = share < DONE if choice.is_better else share > 0
    if not (is_sure and is_large and is_new and _is_carried(effect)):
        return None
    sign = 1 if choice.is_better else -1
    if np.isfinite(rival.effect) and sign * rival.interval(0.05)[0 if sign > 0 else 1] > 0:
        return None  # it would be paid for by the other measure
    edges = size_edges(lever, choice.value) if lever.name.startswith("size:") else None
    return HeldChoice(choice, effect, low, high, plain, rival, share, *counts, edges)


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
    strata = finest_strata(part.strata, lever.name, lever.codes, part.early)
    known = covariates.without(lever.name)
    return adjusted_effect(part.outcomes[measure], used, part.late, (strata, part.blocks), known)
