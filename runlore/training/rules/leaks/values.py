"""Inputs whose values tell the outcome apart."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.training.rules.leaks import ranking
from runlore.training.rules.leaks.cells import InputCells

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEAST_AUC = 0.99
MOST_LEVELS = 4  # a text input whose levels have fewer rows on average is read word by word
MOST_TEXTS = 20_000
MOST_TOKENS = 2_000
# A machine among many may break all that runs on it: levels of sound work, and of broken work.
SOUND_LEVELS = 8
BROKEN_LEVELS = 2


def auc(cells: InputCells, label: Floats) -> float:
    """How well an input alone tells the label apart in parts of the training that it was not
    learned from; 0.5 where it is not known.
    """
    filled = cells.filled
    areas = [_auc(cells, filled, label)]
    if not filled.all():
        areas.append(_encoded(cells.bins + 1, label))
    return max(areas)


def _auc(cells: InputCells, filled: Mask, label: Floats) -> float:
    """AUC among the executions that have a value."""
    known = label[filled]
    parts = ranking.halves(known)
    if parts is None or cells.count < 2:
        return 0.5
    areas = [0.5]
    if not cells.is_text:
        areas.append(ranking.ordered_auc(cells.levels[filled], known, parts))
    if cells.is_text and cells.count * MOST_LEVELS > len(known):
        areas.append(_worded(cells, filled, label))
    elif not _is_entity(cells, filled, known):
        areas.append(ranking.encoded_auc(cells.bins[filled], known, parts))
    return max(areas)


def _encoded(levels: Ints, label: Floats) -> float:
    parts = ranking.halves(label)
    return 0.5 if parts is None else ranking.encoded_auc(levels, label, parts)


def _is_entity(cells: InputCells, filled: Mask, label: Floats) -> bool:
    """Whether the levels look like machines or people: many sound ones, few broken ones."""
    if not cells.is_text:
        return False
    levels = cells.levels[filled]
    sizes = np.bincount(levels, minlength=cells.count)
    rates = np.bincount(levels, weights=label, minlength=cells.count) / np.maximum(sizes, 1)
    is_common = sizes >= max(5.0, 0.002 * levels.size)
    sound, broken = is_common & (rates <= 0.05), is_common & (rates >= 0.5)
    return bool(sound.sum() >= SOUND_LEVELS and 1 <= broken.sum() <= BROKEN_LEVELS)


def _worded(cells: InputCells, filled: Mask, label: Floats) -> float:
    """AUC of a naive Bayes classifier over the words of the texts."""
    rows = np.flatnonzero(filled)
    rows = rows[:: max(1, len(rows) // MOST_TEXTS)]
    known = label[rows]
    parts = ranking.halves(known)
    if parts is None:
        return 0.5
    row, token, count = _tokens(cells.column.to_numpy()[rows])
    areas = []
    for learn, score in (parts, parts[::-1]):
        weights = _log_odds(row, token, count, known, learn)
        scores = np.bincount(row, weights=weights[token], minlength=len(rows))
        areas.append(ranking.score_auc(np.round(scores[score], 9), known[score]))
    return sum(areas) / len(areas)


def _tokens(texts: NDArray[np.object_]) -> tuple[Ints, Ints, int]:
    """The words of texts: pairs of a row and the number of a word in it, and how many there are."""
    lower = pc.utf8_lower(pa.array([str(text) for text in texts], pa.string()))
    words = pc.split_pattern_regex(lower, r"[^a-z\pL]+")
    row = pc.list_parent_indices(words).to_numpy()
    codes, distinct = pd.factorize(pc.list_flatten(words).to_pandas())
    common = np.argsort(-np.bincount(codes, minlength=len(distinct)), kind="stable")[:MOST_TOKENS]
    number = np.full(len(distinct), -1)
    number[common] = np.arange(len(common))
    pairs = np.unique(np.stack([row, number[codes]])[:, number[codes] >= 0], axis=1)
    return pairs[0], pairs[1], len(common)


def _log_odds(row: Ints, token: Ints, count: int, label: Floats, learn: Mask) -> Floats:
    taught = learn[row]
    ones = np.bincount(token[taught], weights=label[row[taught]], minlength=count)
    every = np.bincount(token[taught], minlength=count)
    of_ones = (ones + 0.5) / (label[learn].sum() + 1.0)
    of_zeros = (every - ones + 0.5) / ((1 - label[learn]).sum() + 1.0)
    odds: Floats = np.log(of_ones / of_zeros)
    return odds


def past_auc(parts: pd.DataFrame, label: Floats) -> float:
    """How well the outcome before, of all work or of the same sort, tells the next one apart."""
    columns: list[list[str]] = [[], ["actor"], ["kind"], ["scope"], ["actor", "kind", "scope"]]
    return max(_encoded(_previous(parts, names, label), label) for names in columns)


def _previous(parts: pd.DataFrame, names: list[str], label: Floats) -> Ints:
    """(n,): 1 or 2 for the outcome of the execution before of the same group, 0 for the first."""
    values = pd.Series(label + 1)
    keys = [parts[name].to_numpy() for name in names]
    before = values.groupby(keys, sort=False).shift() if keys else values.shift()
    return np.asarray(before.fillna(0), dtype=np.int64)
