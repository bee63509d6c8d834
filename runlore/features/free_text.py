"""Text that is no category: sentences, commands, ids that never come again.

Such text is neither a feature nor part of a key, and what is stored with a model holds none of it.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features.log import Log

Mask = NDArray[np.bool_]

SENTENCE_WORDS = 4
LONGEST_WORD = 120  # characters of a single word, such as a path
SENTENCE_SHARE = 0.1  # of the texts of a column
UNIQUE_SHARE = 0.5  # of the texts of a column are different
LEAST_TEXTS = 50  # below so many, nothing is known of how often a text comes again
MOST_ROWS = 200_000  # the newest executions of the training part that are looked at
LEAST_REPEATS = 5  # executions that share a name, such as a kind of work that is a sentence


def is_sentence(words: "pd.Series[Any]") -> Mask:
    """(n,): True for texts of several words, or of more than a name has.

    >>> is_sentence(pd.Series(["main", "feature/log in", "the disk of node 7 is full"])).tolist()
    [False, False, True]
    """
    texts = words.astype("string").fillna("")
    several = (texts.str.count(r"\S+") >= SENTENCE_WORDS).to_numpy(dtype=bool)
    mask: Mask = several | (texts.str.len() > LONGEST_WORD).to_numpy(dtype=bool)
    return mask


def is_free(column: "pd.Series[Any]") -> bool:
    """Whether the texts of a column are sentences, or nearly all different."""
    counts = _counts(column)
    texts = int(counts.sum())
    is_unique = texts >= LEAST_TEXTS and len(counts) > UNIQUE_SHARE * texts
    return is_unique or _are_sentences(counts)


def are_sentences(column: "pd.Series[Any]") -> bool:
    """Whether the texts of a column are sentences: their words may say something."""
    return _are_sentences(_counts(column))


def _counts(column: "pd.Series[Any]") -> "pd.Series[int]":
    """How often each text comes."""
    counts = column.value_counts()
    is_text = [isinstance(value, str) and value != "" for value in counts.index]
    return counts[is_text]


def _are_sentences(counts: "pd.Series[int]") -> bool:
    times = counts.to_numpy()
    sentences = times[is_sentence(counts.index.to_series())].sum()
    return bool(len(times)) and bool(sentences >= SENTENCE_SHARE * times.sum())


def names(log: Log, training: Mask) -> tuple[str, ...]:
    """The inputs that are free text in the training executions."""
    rows = np.flatnonzero(training)[-MOST_ROWS:]
    texts = [str(name) for name in log.inputs.columns if log.inputs[name].dtype == object]
    return tuple(sorted(name for name in texts if is_free(log.inputs[name].iloc[rows])))


def nameable(words: "pd.Series[Any]", counts: "pd.Series[Any]", *, is_part: bool) -> Mask:
    """(n,): the words that may be stored with a model: no sentences.

    is_part: of an actor, kind or scope, where a sentence that comes again is a name.
    """
    sentences = is_sentence(words)
    return ~sentences | ((counts >= LEAST_REPEATS).to_numpy(dtype=bool) & is_part)
