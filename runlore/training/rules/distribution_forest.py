"""A forest whose leaves hold the distribution of a quantity, as shares of its classes.

Trees split by whether the quantity exceeds each of `SPLIT_LEVELS` quantiles, which lessens the
continuous ranked probability score: Gneiting & Raftery, Strictly proper scoring rules, JASA 102,
2007. Each leaf then counts the classes of all training rows in it, and a row's distribution is the
mean over trees: Meinshausen, Quantile regression forests, JMLR 7, 2006. As a candidate it answers
with the value that has the best expected score.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.warning_filters import lasting_filters
from runlore.models.scores import LOSSES
from runlore.specs.model_spec import HIGHER_IS_BETTER, Score
from runlore.training.rules.fixed_choices import MISSING, SEED, SMALLEST, THREADS
from runlore.training.rules.training_set import TrainingSet, in_pieces

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TREES = 40
TREE_ROWS = 20_000  # that each tree is grown on
LEAST_ROWS = 1000  # with fewer, leaves say too little: see `rules/quantiles.py`
MOST_ROWS = 150_000  # the newest ones; leaves count them all
SPLIT_LEVELS = 15
CLASSES = 32
TAILS = (0.002, 0.005, 0.01, 0.02)  # shares of rows in further classes at both ends
MASS_SHARE = 0.5  # of a class's rows: a value that is so frequent is a class of its own
ANSWERS = 256  # values to choose an answer from
CLASS_VALUES = 500  # values that stand for those of a class when expected scores are computed
ROWS_AT_ONCE = 8192  # whose expected scores take some 20 MB
PRIOR_SHARE = 0.002  # of the classes of all rows, so that no class is impossible


@dataclass(frozen=True, eq=False)
class DistributionForest:
    """forest: grown on (n, F) rows without NaN. rows_of: (nodes,) row of `table` by node, all trees
    one after the other. starts: (T,) first node of each tree. table: (L, K) shares of each leaf,
    divided by the number of trees. prior: (K,) added to them. edges: (K + 1,) of the classes.
    answers: (J,) log1p. gains: (K, J) the mean score of each answer for each class, higher is
    better.
    """

    forest: "RandomForestRegressor"
    rows_of: NDArray[np.int32]
    starts: Ints
    table: Rows
    prior: Floats
    edges: Floats
    answers: Rows
    gains: Rows

    def shares(self, rows: Rows) -> Floats:
        """(n, K): the distribution of (n, F) rows."""
        return in_pieces(lambda piece: self._shares(rows[piece]), len(rows))

    def shares_at(self, rows: Rows, positions: Ints) -> Floats:
        """(n, K): the distribution of the rows at n positions."""
        return in_pieces(lambda piece: self._shares(rows[positions[piece]]), positions.size)

    def predict(self, rows: Rows) -> Floats:
        """(n,): the answers with the best expected score, log1p scale."""
        best = np.empty(len(rows), dtype=np.intp)
        for at in range(0, len(rows), ROWS_AT_ONCE):
            piece = slice(at, at + ROWS_AT_ONCE)
            best[piece] = self.expected(rows[piece]).argmax(axis=1)
        answers: Floats = self.answers[best].astype(np.float64)
        return answers

    def expected(self, rows: Rows) -> Floats:
        """(n, J): the expected score of each answer, higher is better."""
        expected: Floats = self.shares(rows) @ self.gains.astype(np.float64)
        return expected

    def _shares(self, rows: Rows) -> Floats:
        leaves = self.rows_of[self.forest.apply(filled(rows)) + self.starts]
        shares = np.tile(self.prior, (len(rows), 1))
        for tree in leaves.T:
            shares += self.table[tree]
        return shares


def filled(rows: Rows) -> Rows:
    return np.where(np.isnan(rows), np.float32(MISSING), rows)


def fit_forest(rows: Rows, target: Floats, score: Score) -> DistributionForest:
    """Fit on (n, F) rows and (n,) targets, log1p scale. score: what answers are to be best by."""
    from sklearn.ensemble import RandomForestRegressor

    rows, target = filled(rows[-MOST_ROWS:]), target[-MOST_ROWS:]
    rows[(rows > -SMALLEST) & (rows < SMALLEST)] = 0.0
    forest = RandomForestRegressor(
        n_estimators=TREES,
        min_samples_leaf=10,
        max_features=min(1.0, max(0.2, 12 / rows.shape[1])),
        max_samples=min(TREE_ROWS, len(rows)),
        n_jobs=THREADS,
        random_state=SEED,
    )
    with lasting_filters():
        forest.fit(rows, _exceeded(target))
    forest.n_jobs = 1
    edges = class_edges(target)
    classes = classes_of(target, edges)
    counts = np.bincount(classes, minlength=len(edges) - 1)
    answers = answers_of(target, edges)
    rows_of, starts, table = _leaves(forest, rows, classes, len(counts))
    return DistributionForest(
        forest=forest,
        rows_of=rows_of,
        starts=starts,
        table=(table * (1 - PRIOR_SHARE) / TREES).astype(np.float32),
        prior=PRIOR_SHARE * counts / counts.sum(),
        edges=edges,
        answers=answers,
        gains=expected_scores(target, classes, len(counts), answers, score),
    )


def fit_forest_at(data: TrainingSet, train: Ints, score: Score) -> DistributionForest:
    """`fit_forest` on the newest of the rows at positions `train`."""
    newest = train[-MOST_ROWS:]
    return fit_forest(data.rows[newest], np.log1p(data.target[newest]), score)


def _exceeded(target: Floats) -> Floats:
    """(n, Q): 1 where a value exceeds each of `SPLIT_LEVELS` quantiles, else 0."""
    levels = np.arange(1, SPLIT_LEVELS + 1) / (SPLIT_LEVELS + 1)
    bounds = np.unique(np.quantile(target, levels, method="inverted_cdf"))
    return (target[:, None] > bounds).astype(np.float64)


def class_edges(target: Floats) -> Floats:
    """(K + 1,): ascending bounds by quantiles. Class k holds values above edge k up to edge k + 1.

    A frequent value gets a class of its own, so that it is a quantile exactly.
    """
    inner = np.arange(1, CLASSES) / CLASSES
    levels = np.sort(np.concatenate([inner, TAILS, 1 - np.array(TAILS), [1.0]]))
    edges = np.quantile(target, levels, method="inverted_cdf")
    values, counts = np.unique(target, return_counts=True)
    frequent = values[counts > MASS_SHARE * len(target) / CLASSES]
    below = np.nextafter(np.concatenate([frequent, target.min(keepdims=True)]), -np.inf)
    return np.unique(np.concatenate([edges, frequent, below]))


def classes_of(target: Floats, edges: Floats) -> Ints:
    """(n,): the class of each value; values beyond the edges belong to the first and last."""
    return np.clip(np.searchsorted(edges, target, side="left") - 1, 0, len(edges) - 2)


def answers_of(target: Floats, edges: Floats) -> Rows:
    """(J,): the values to choose from: by quantiles, and the frequent ones."""
    levels = (np.arange(ANSWERS) + 0.5) / ANSWERS
    return np.unique(np.concatenate([np.quantile(target, levels), edges[1:]]).astype(np.float32))


def expected_scores(target: Floats, classes: Ints, count: int, answers: Rows, score: Score) -> Rows:
    """(K, J): the mean score of each answer over the values of each class; a loss is negative."""
    measure = LOSSES.get(score, LOSSES["mae"])
    sign = 1.0 if score in HIGHER_IS_BETTER else -1.0
    tried = np.expm1(answers.astype(np.float64))
    order = np.argsort(classes, kind="stable")
    gains = np.zeros((count, len(answers)))
    ends = np.cumsum(np.bincount(classes, minlength=count))
    for at, members in enumerate(np.split(order, ends[:-1])):
        if not len(members):  # between two frequent values; no row has a share of it
            continue
        values = np.expm1(np.sort(target[members])[_spread(len(members))])
        whole = np.repeat(values, len(tried)), np.tile(tried, len(values))
        gains[at] = sign * measure(*whole).reshape(len(values), -1).mean(axis=0)
    return gains.astype(np.float32)


def _spread(count: int) -> Ints:
    """Positions of at most `CLASS_VALUES` of so many ordered values, evenly apart."""
    taken = min(count, CLASS_VALUES)
    return ((np.arange(taken) + 0.5) * count / taken).astype(np.int64)


def _leaves(
    forest: "RandomForestRegressor", rows: Rows, classes: Ints, count: int
) -> tuple[NDArray[np.int32], Ints, Floats]:
    """`rows_of`, `starts` and the (L, K) shares of the classes in each leaf."""
    trees = [tree.tree_ for tree in forest.estimators_]
    starts = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    is_leaf = np.concatenate([tree.children_left < 0 for tree in trees])
    rows_of = np.where(is_leaf, np.cumsum(is_leaf) - 1, -1).astype(np.int32)
    size = int(is_leaf.sum())
    counts = np.zeros(size * count)
    for piece in np.array_split(np.arange(len(rows)), max(1, len(rows) // 65_536)):
        leaves = rows_of[forest.apply(rows[piece]) + starts].astype(np.int64)
        counts += np.bincount(
            (leaves * count + classes[piece][:, None]).ravel(), minlength=size * count
        )
    table = counts.reshape(size, count)
    return rows_of, starts, table / table.sum(axis=1, keepdims=True)
