"""The check itself: each input by name, by presence, by value and by time.

Honest inputs may predict well: a requested time, the last outcome, a machine that breaks all that
runs on it. What they do not do is to tell nearly all executions apart, to be there for failures
only, or to follow the clock at which work ended.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from runlore.records import measured_afterwards
from runlore.training.rules.leaks import chronology, presence, values
from runlore.training.rules.leaks.cells import InputCells
from runlore.training.rules.leaks.leak import Leak, LeakKind, LeakSample

Floats = NDArray[np.float64]

LEAST_ROWS = 50
LEAST_CHANGED = 10
CHANGED_SHARE = 0.05
LESS_ERROR = 0.25  # of the error that the past makes: a leak tells more than the past does
NEAR_FINISH = 0.9


def find_leaks(sample: LeakSample) -> tuple[Leak, ...]:
    """Name the inputs that give the outcome away, each with its strongest evidence."""
    if len(sample.inputs) < LEAST_ROWS:
        return ()
    every = [InputCells(str(name), sample.inputs[name]) for name in sorted(sample.inputs.columns)]
    leaks = {
        cells.name: leak
        for cells in every
        if cells.count and (leak := _apart_from_presence(sample, cells))
    }
    leaks |= _by_presence(sample, [cells for cells in every if cells.name not in leaks])
    return tuple(leaks[cells.name] for cells in every if cells.name in leaks)


def _apart_from_presence(sample: LeakSample, cells: InputCells) -> Leak | None:
    for check in (_by_name, _by_change, _by_value, _by_duration, _by_finish):
        leak = next(check(sample, cells), None)
        if leak is not None:
            return leak
    return None


def _by_name(sample: LeakSample, cells: InputCells) -> Iterator[Leak]:
    if cells.name in sample.measured_afterwards:
        evidence = "is measured after the work has ended, as the spec says"
        yield Leak(cells.name, LeakKind.AFTERWARDS, evidence)
    log = measured_afterwards.origin(cells.name)
    if log is not None:
        what = "is measured after the work has ended, by its name"
        evidence = what if log == "any log" else f"{what} in a log of {log}"
        yield Leak(cells.name, LeakKind.AFTERWARDS, evidence)


def _by_change(sample: LeakSample, cells: InputCells) -> Iterator[Leak]:
    changed, reported = sample.changes.get(cells.name, (0, 0))
    if changed >= max(LEAST_CHANGED, CHANGED_SHARE * reported):
        where = f"in {changed:,} of {reported:,} executions that were reported again after it"
        yield Leak(cells.name, LeakKind.CHANGED, f"changed after the start {where}")


def _by_value(sample: LeakSample, cells: InputCells) -> Iterator[Leak]:
    for name, label in sample.labels.items():
        area = values.auc(cells, label)
        if area < values.LEAST_AUC:
            continue
        if 1 - area <= LESS_ERROR * (1 - values.past_auc(sample.parts, label)):
            evidence = f"alone tells `{name}` apart with an AUC of {area:.4f}"
            yield Leak(cells.name, LeakKind.VALUE, evidence)


def _by_duration(sample: LeakSample, cells: InputCells) -> Iterator[Leak]:
    values_of_texts = chronology.as_numbers(cells)  # of "0:12:07" the digits
    for name, measure in sample.measures.items():
        share = chronology.agreement(values_of_texts, measure)
        if share >= chronology.LEAST_AGREEMENT:
            evidence = f"orders {share:.1%} of pairs of executions as `{name}` does"
            yield Leak(cells.name, LeakKind.DURATION, evidence)


def _by_finish(sample: LeakSample, cells: InputCells) -> Iterator[Leak]:
    submitted, finished = sample.submitted_us, sample.finished_us
    instants = chronology.as_instants(cells)
    share = chronology.nearness(instants, submitted, finished)
    if share >= NEAR_FINISH:
        evidence = f"is the instant of the finish, or at one distance from it, in {share:.1%}"
        yield Leak(cells.name, LeakKind.FINISH, f"{evidence} of executions")
        return
    for name, measure in sample.measures.items():
        share = chronology.agreement(instants - submitted, measure)
        if share >= chronology.LEAST_AGREEMENT:
            evidence = f"counted from the submission orders {share:.1%} of pairs as `{name}` does"
            yield Leak(cells.name, LeakKind.FINISH, evidence)
            return
    share, pairs = chronology.following(chronology.as_numbers(cells), submitted, finished)
    if share >= chronology.LEAST_FOLLOWING:
        evidence = f"follows the order of finishing in {share:.1%} of {pairs:,} pairs of executions"
        yield Leak(cells.name, LeakKind.FINISH, f"{evidence} that overtook each other")


def _by_presence(sample: LeakSample, every: list[InputCells]) -> dict[str, Leak]:
    sides_of = {cells.name: list(_sides(sample, cells)) for cells in every}
    suspects = {name: sides for name, sides in sides_of.items() if sides}
    honest = [cells.column for cells in every if cells.name not in suspects and cells.is_text]
    categories = [*(sample.parts[name] for name in sample.parts.columns), *honest]
    leaks = {}
    for name, sides in suspects.items():
        for side, evidence in sides:
            if name not in leaks and not presence.is_structural(side, categories):
                leaks[name] = Leak(name, LeakKind.PRESENCE, evidence)
    return leaks


def _sides(sample: LeakSample, cells: InputCells) -> Iterator[tuple[NDArray[np.bool_], str]]:
    for name, label in sample.labels.items():
        yield from presence.only_one_outcome(cells, label, f"`{name}` is 1")
