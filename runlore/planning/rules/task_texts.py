"""Free text of tasks, such as titles and descriptions, as few numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_TEXTS = 50  # tasks with text
LEAST_DIFFERENT = 0.5  # of the known values of a column of texts
LEAST_WORDS = 3.0  # on average
MOST_CHARACTERS = 2_000  # of a task's text that are read
MOST_TERMS, DIMENSIONS = 4_000, 30


@dataclass(frozen=True, eq=False)
class TaskTexts:
    """Terms weighted by TF-IDF, in the directions in which texts differ most (latent semantic
    analysis, Deerwester et al. 1990). What tasks took plays no part. usual: (k,) of all texts."""

    names: tuple[str, ...]
    vectorizer: Any
    directions: Any
    usual: Floats

    def encode(self, tasks: Sequence[Mapping[str, object]]) -> Floats:
        """(n, k)."""
        texts = [text_of(task, self.names) for task in tasks]
        encoded: Floats = self.directions.transform(self.vectorizer.transform(texts))
        return encoded


def is_text(values: Sequence[str]) -> bool:
    """Whether the values of a column are texts and not names."""
    if len(values) < LEAST_TEXTS or len(set(values)) < LEAST_DIFFERENT * len(values):
        return False
    return float(np.mean([len(value[:MOST_CHARACTERS].split()) for value in values])) >= LEAST_WORDS


def learn_texts(tasks: Sequence[Mapping[str, object]], names: Sequence[str]) -> TaskTexts | None:
    """None: there are too few terms that occur twice."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [text_of(task, names) for task in tasks]
    vectorizer = TfidfVectorizer(min_df=2, max_features=MOST_TERMS, sublinear_tf=True)
    try:
        terms = vectorizer.fit_transform(texts)
    except ValueError:
        return None
    dimensions = min(DIMENSIONS, terms.shape[1] - 1, terms.shape[0] - 1)
    if dimensions < 2:
        return None
    directions = TruncatedSVD(dimensions, random_state=0)
    encoded = directions.fit_transform(terms)
    return TaskTexts(tuple(names), vectorizer, directions, encoded.mean(axis=0))


def text_of(task: Mapping[str, object], names: Sequence[str]) -> str:
    return " ".join(str(task.get(name) or "")[:MOST_CHARACTERS] for name in names)
