"""Estimate work of a project with few rows from other projects, where that has helped before."""

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.planning.actions.projects import ProjectMap, map_projects
from runlore.planning.queries.finished_tasks import read_kinds
from runlore.planning.queries.project_amounts import read_amounts
from runlore.planning.rules.similarity.likeness import compare
from runlore.planning.rules.transfer.borrowing import BorrowedMean, borrow_mean
from runlore.planning.rules.transfer.replay import LEAST_PROJECTS, BorrowingRules, learn_borrowing
from runlore.store.engine import Store

Floats = NDArray[np.float64]

FAILED = "failed"
LEAST_ROWS = 15  # of a project, for others to borrow from
MOST_ROWS, MOST_PROJECTS = 500, 100  # that are replayed: the newest, and the largest


@dataclass(frozen=True, eq=False)
class BorrowedEstimate:
    """rules: None where fewer than 3 other projects have 15 rows; then only its own rows count.

    value: in the measure's unit, the median; for `failed` the failure rate.
    """

    project: str
    kind: str
    measure: str
    rows: int
    value: float
    borrowed: BorrowedMean | None
    rules: BorrowingRules | None


def borrow(
    store: Store,
    project: str,
    kind: str,
    measure: str,
    at: datetime,
    projects: ProjectMap | None = None,
) -> BorrowedEstimate:
    """What a next task of a kind takes in a project, however few of its own are known.

    measure: `duration_s`, the name of a number in outcomes, or `failed`. projects: as they were
    read before; None: they are read now.

    Raises:
        NotFound: no task of the kind is in the log.
        BadInput: the measure is known of none of them.
        Refused: nothing is known of this project, and too little of others.
    """
    amounts = read_amounts(store, kind, measure, at, MOST_ROWS)
    if not amounts:
        _refuse(store, kind, measure, at)
    is_rate = measure == FAILED
    values = {name: _values(found, is_rate=is_rate) for name, found in amounts.items()}
    own = values.pop(project, np.array([]))
    past = {name: found for name, found in values.items() if len(found) >= LEAST_ROWS}
    names = sorted(past, key=lambda name: (-len(past[name]), name))[:MOST_PROJECTS]
    if len(names) < LEAST_PROJECTS:
        return _alone(project, kind, measure, own, len(names))
    everyone = projects or map_projects(store, at)
    likeness = _likeness(everyone, [*names, project])
    rows = [past[name] for name in names]
    rules = learn_borrowing(rows, likeness[:-1, :-1], is_rate=is_rate)
    if rules is None:
        return _alone(project, kind, measure, own, len(names))
    made = borrow_mean(own, rows, likeness[-1, :-1], rules, is_rate=is_rate)
    value = made.mean if is_rate else float(np.exp(made.mean))
    return BorrowedEstimate(project, kind, measure, len(own), value, made, rules)


def _alone(project: str, kind: str, measure: str, own: Floats, others: int) -> BorrowedEstimate:
    if not len(own):
        raise Refused(
            f"project {project!r} has no finished task of kind {kind!r}, and only {others} other"
            f" projects have {LEAST_ROWS}; a guess needs {LEAST_PROJECTS}"
        )
    mean = float(own.mean())
    value = mean if measure == FAILED else float(np.exp(mean))
    return BorrowedEstimate(project, kind, measure, len(own), value, None, None)


def _values(amounts: list[float], *, is_rate: bool) -> Floats:
    values = np.array(amounts, dtype=np.float64)
    return values if is_rate else np.log(values)


def _likeness(projects: ProjectMap, names: list[str]) -> Floats:
    """(n, n): overall; unknown for projects that are not on the map."""
    places = [projects.profiles.index(name) for name in names]
    found = np.full((len(names), len(names)), np.nan)
    known = [at for at, place in enumerate(places) if place is not None]
    columns = [place for place in places if place is not None]
    for at in known:
        place = places[at]
        if place is not None:
            found[at, known] = compare(projects.profiles, place).overall[columns]
    return found


def _refuse(store: Store, kind: str, measure: str, at: datetime) -> NoReturn:
    kinds = read_kinds(store, at)
    if not read_amounts(store, kind, FAILED, at, 1):
        known = ", ".join(kinds) or "none: the log is empty"
        raise NotFound(f"kind {kind!r} has no finished task; kinds of the log: {known}")
    raise BadInput(
        f"measure: no finished task of kind {kind!r} has {measure!r} above 0; use duration_s,"
        " failed, or a number of their outcomes",
        "measure",
    )
