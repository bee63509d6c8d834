"""A training as people see it: figures, tables, scores by name, and what its card tells."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from runlore.models import card, plots, scores
from runlore.models.card import display
from runlore.models.spec import HIGHER_IS_BETTER, Quantity, Score
from runlore.models.trained import Trained
from runlore.records import instant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | float | int | bool | None
Row = dict[str, Cell]


def figures(trained: Trained) -> Iterator[tuple[str, "Figure"]]:
    """Each figure by a name that tells what it shows."""
    yield "candidates", _candidates(trained)
    yield "importance", _importance(trained)
    yield "over_time", _over_time(trained)
    yield from _of_quantity(trained) if trained.test.low is not None else ()
    yield from _of_probability(trained) if trained.spec.is_probability else ()


def _shown_score(trained: Trained) -> Score:
    """The score that the first gate asks of; what a spec's author looks at first."""
    known = trained.evidence.candidate
    return next((g.score for g in trained.spec.gates if g.score in known), trained.spec.select_by)
