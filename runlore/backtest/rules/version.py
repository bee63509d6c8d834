"""Train a version as of an instant, from what was known by then alone."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from runlore.specs.model_spec import CandidateKind, ModelSpec
from runlore.training.rules.fitting import choose, fit_candidate, rank
from runlore.training.rules.split import Division, known_by
from runlore.training.rules.trained import Candidate
from runlore.training.rules.training_set import TrainingSet

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNKNOWN = -1.0
MOST_WORDS = 1000


@dataclass(frozen=True)
class WordCodes:
    """What a version calls each word: codes of the log to its own, by frequency in its training.

    column: of the rows. codes: (w,), the version's code by the log's; UNKNOWN where the training
    had no such word, or a thousand more frequent ones.
    """

    column: int
    codes: Rows

    @classmethod
    def learn(cls, rows: Rows, column: int, words: int) -> "WordCodes":
        log_codes = rows[:, column]
        counts = np.bincount(log_codes[log_codes >= 0].astype(np.int64), minlength=words)
        order = np.argsort(-counts, kind="stable")[:MOST_WORDS]
        order = order[counts[order] > 0]
        codes = np.full(words, UNKNOWN, dtype=np.float32)
        codes[order] = np.arange(len(order))
        return cls(column, codes)

    def write(self, rows: Rows) -> None:
        log_codes = rows[:, self.column].astype(np.int64)
        known = np.append(self.codes, np.float32(UNKNOWN))
        rows[:, self.column] = known[log_codes]


@dataclass(frozen=True, eq=False)
class Version:
    """trained_us: when. seen: the data that it was made from, in its own words. cpu_s: the cost."""

    trained_us: int
    model: Candidate
    baseline: Candidate
    words: tuple[WordCodes, ...]
    seen: TrainingSet
    division: Division
    cpu_s: float

    def own(self, rows: Rows) -> Rows:
        """Rows of the log in this version's words."""
        mine = rows.copy()
        for word_codes in self.words:
            word_codes.write(mine)
        return mine

    def predict(self, rows: Rows) -> Floats:
        return self.model.predict(self.own(rows))


@dataclass(eq=False)
class Trainer:
    """Trains versions of one log; the same instant gives the same version, made once.

    words: how many words each categorical column has, by position. kinds: candidates to choose
    from at the first training; later ones keep what was chosen, unless `chooses_anew`.
    """

    spec: ModelSpec
    data: TrainingSet
    words: dict[int, int]
    kinds: Sequence[CandidateKind]
    chooses_anew: bool = False
    made: dict[int, Version] = field(default_factory=dict)

    def version(self, at_us: int) -> Version:
        if at_us not in self.made:
            self.made[at_us] = self._train(at_us)
        return self.made[at_us]

    def _train(self, at_us: int) -> Version:
        began = time.process_time()
        seen = taken(self.data, np.flatnonzero(self._is_known(at_us))[-self.spec.split.max_rows :])
        words = tuple(WordCodes.learn(seen.rows, at, many) for at, many in self.words.items())
        for word_codes in words:
            word_codes.write(seen.rows)
        division = known_by(self.spec, seen, at_us)
        done: dict[CandidateKind, Candidate] = {}
        for kind in self._kinds():
            done[kind] = fit_candidate(self.spec, seen, division, kind, done)
        chosen = choose(self.spec, done)
        spent = time.process_time() - began
        return Version(at_us, done[chosen], done["baseline"], words, seen, division, spent)

    def _is_known(self, at_us: int) -> NDArray[np.bool_]:
        """Without this nothing else may be looked at: what came of the rest is not known yet."""
        return np.asarray((self.data.as_of_us < at_us) & (self.data.known_us < at_us))

    def _kinds(self) -> list[CandidateKind]:
        kinds = set(self.kinds)
        if self.made and not self.chooses_anew:
            kinds = {next(iter(self.made.values())).model.kind}
        return sorted({*kinds, "baseline"}, key=lambda kind: (rank(kind), kind))


def taken(data: TrainingSet, at: Ints) -> TrainingSet:
    """The rows at these positions, copied."""
    return replace(
        data,
        rows=data.rows[at],
        target=data.target[at],
        as_of_us=data.as_of_us[at],
        known_us=data.known_us[at],
        actors=data.actors[at],
        slices={name: labels[at] for name, labels in data.slices.items()},
    )
