"""A persona's own model: it starts at the shared one and moves to its rows as they grow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.privacy.rules.federated.local_updates import (
    ClientRows,
    Places,
    Values,
    local_updates,
    logistic,
)
from runlore.privacy.rules.federated.policy import Family, FederatedPolicy

EARLIER_SHARE = 0.7  # of a persona's rows teach in the evaluation, the later ones test
LEAST_EVALUATED_ROWS = 4
FEW_ROWS = 10  # of a persona that is still new


def personalise(rows: ClientRows, model: Values, policy: FederatedPolicy) -> Values:
    """(k, d) models of personas: the shared one, plus what their own rows say against it.

    The distance is shrunk as by `shrinkage` further rows that agree with the shared model: the
    posterior mean under a normal prior around it. The values never leave the persona.
    """
    return model + local_updates(rows, model, policy)


def predict_rows(features: Values, models: Values, family: Family) -> Values:
    """(n,) predictions; models: (d,) or one for each row, (n, d)."""
    scores = np.einsum("nd,nd->n", features, np.broadcast_to(models, features.shape))
    return scores if family == "linear" else logistic(scores)


def gains(split: "SplitRows", mean: Values, model: Values, policy: FederatedPolicy) -> Values:
    """(k, 2) gains of each persona on its later rows; 0 of one with too few.

    First: absolute error of the mean minus that of the shared model. Second: error of a model of
    the persona's first `FEW_ROWS` rows alone minus that of the model personalised with them.
    """
    result = np.zeros((len(split.teaching.personas), 2))
    later = split.later
    if not len(later.personas):
        return result
    owners = np.repeat(split.places, later.counts)
    first = first_rows(split.teaching, FEW_ROWS)
    with np.errstate(all="ignore"):
        own = personalise(first, np.zeros_like(model), policy)
        personal = personalise(first, model, policy)
        errors = [
            _mean_errors(later, models, policy.family)
            for models in (mean, model, own[owners], personal[owners])
        ]
    result[split.places] = np.column_stack([errors[0] - errors[1], errors[2] - errors[3]])
    return result


def _mean_errors(rows: ClientRows, models: Values, family: Family) -> Values:
    errors = np.abs(predict_rows(rows.features, models, family) - rows.targets)
    return np.asarray(np.add.reduceat(errors, rows.starts) / rows.counts)


@dataclass(frozen=True)
class SplitRows:
    """teaching: rows of all personas. later: rows that test, of the personas at `places`."""

    teaching: ClientRows
    later: ClientRows
    places: Places

    def batch(self, first: int, after: int) -> "SplitRows":
        """The personas of these places."""
        begin, end = np.searchsorted(self.places, (first, after))
        later = self.later.batch(int(begin), int(end))
        return SplitRows(self.teaching.batch(first, after), later, self.places[begin:end] - first)

    def without(self, personas: set[str]) -> "SplitRows":
        """All but some personas."""
        is_kept = np.array([name not in personas for name in self.teaching.personas], dtype=bool)
        places = (np.cumsum(is_kept) - 1)[self.places]
        is_tested = is_kept[self.places]
        return SplitRows(
            _chosen(self.teaching, is_kept), _chosen(self.later, is_tested), places[is_tested]
        )


def _chosen(rows: ClientRows, is_kept: NDArray[np.bool_]) -> ClientRows:
    names = tuple(name for name, kept in zip(rows.personas, is_kept, strict=True) if kept)
    return _part(names, rows, np.repeat(is_kept, rows.counts), rows.counts[is_kept])


def split_in_time(rows: ClientRows) -> SplitRows:
    """The later rows of a persona test and teach nothing; one with few rows only teaches."""
    counts = rows.counts
    is_tested = counts >= LEAST_EVALUATED_ROWS
    taught = np.where(is_tested, np.ceil(counts * EARLIER_SHARE).astype(np.int64), counts)
    rank = np.arange(len(rows.targets)) - np.repeat(rows.starts, counts)
    is_earlier = rank < np.repeat(taught, counts)
    places = np.flatnonzero(is_tested)
    names = tuple(rows.personas[place] for place in places)
    teaching = _part(rows.personas, rows, is_earlier, taught)
    later = _part(names, rows, ~is_earlier, (counts - taught)[places])
    return SplitRows(teaching, later, places)


def first_rows(rows: ClientRows, most: int) -> ClientRows:
    """The oldest rows of each persona."""
    rank = np.arange(len(rows.targets)) - np.repeat(rows.starts, rows.counts)
    return _part(rows.personas, rows, rank < most, np.minimum(rows.counts, most))


def _part(
    names: tuple[str, ...], rows: ClientRows, chosen: NDArray[np.bool_], counts: Places
) -> ClientRows:
    starts = np.cumsum(counts) - counts
    return ClientRows(names, rows.features[chosen], rows.targets[chosen], starts)
