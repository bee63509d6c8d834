"""Borrowed estimates as people and programs read them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runlore.kernel.readable import readable_quantity, readable_share
from runlore.planning.actions.transfer import FAILED, BorrowedEstimate
from runlore.planning.views import unit_of


@dataclass(frozen=True)
class BorrowingReplay:
    """Errors of past projects with so many known rows. Absolute, or squared for failures."""

    rows: int
    own: float | None
    pooled: float
    ours: float
    hurt: float
    is_refused: bool


@dataclass(frozen=True)
class BorrowedView:
    """rows: of the project itself. own, others: what its rows say, and what other projects do.

    own_weight: how much of the value is its own. is_guess: it has no row. projects: that were
    replayed.
    """

    project: str
    kind: str
    measure: str
    unit: str
    value: float
    quantiles: Mapping[str, float]
    rows: int
    own: float | None
    others: float | None
    own_weight: float
    is_guess: bool
    is_refused: bool
    reason: str
    projects: int
    replay: tuple[BorrowingReplay, ...]


def show_borrowed(made: BorrowedEstimate) -> BorrowedView:
    borrowed, rules = made.borrowed, made.rules

    def back(value: float | None) -> float | None:
        if value is None or made.measure == FAILED:
            return value
        return float(np.exp(value))

    levels = () if rules is None else tuple(rules.levels.values())
    return BorrowedView(
        project=made.project,
        kind=made.kind,
        measure=made.measure,
        unit="" if made.measure == FAILED else unit_of(made.measure),
        value=made.value,
        quantiles={
            f"{level:g}": float(np.exp(value)) for level, value in borrowed.quantiles.items()
        }
        if borrowed
        else {},
        rows=made.rows,
        own=back(borrowed.own) if borrowed else made.value,
        others=back(borrowed.others) if borrowed else None,
        own_weight=borrowed.own_weight if borrowed else 1.0,
        is_guess=borrowed.is_guess if borrowed else False,
        is_refused=borrowed.is_refused if borrowed else True,
        reason=borrowed.level.reason if borrowed else "refused: fewer than 3 other projects",
        projects=rules.projects if rules else 0,
        replay=tuple(
            BorrowingReplay(
                one.rows, one.own, one.pooled, one.ours, one.hurt, one.pooling.strength == 0
            )
            for one in levels
        ),
    )


def explain_borrowed(view: BorrowedView) -> list[str]:
    """Sentences for a terminal, the estimate first."""

    def text(value: float) -> str:
        if view.measure == FAILED:
            return readable_share(round(value, 3))
        return readable_quantity(value, view.unit).strip()

    what = "failure rate" if view.measure == FAILED else view.measure
    interval = ""
    if view.quantiles:
        interval = f" (80 %: {text(view.quantiles['0.1'])} to {text(view.quantiles['0.9'])})"
    guess = ", a guess" if view.is_guess else ""
    lines = [f"{what} of {view.kind} in {view.project}: {text(view.value)}{interval}{guess}"]
    lines.append(f"  {view.reason}")
    own = "nothing" if view.own is None else text(view.own)
    others = ""
    if view.others is not None:
        others = f"; {view.projects} other projects say {text(view.others)}"
    lines.append(f"  its own {view.rows} finished tasks say {own}{others}")
    return lines
