"""Judge a version's windows as monitoring would have: drift, and floors of its scores."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runlore.backtest.rules.version import Version
from runlore.kernel.instants import from_us
from runlore.kernel.json_values import as_json
from runlore.models import scores
from runlore.models.explain import permutation_importance
from runlore.monitoring.rules.histogram import Profile, count, reference_profile
from runlore.monitoring.rules.measures import LABEL, PREDICTION
from runlore.monitoring.rules.trigger import JudgedWindow
from runlore.monitoring.rules.usual import usual
from runlore.monitoring.rules.verdict import VerdictContext, judge
from runlore.performance.rules import floor
from runlore.performance.rules.floor import FloorVerdict
from runlore.specs.model_spec import ModelSpec, Score
from runlore.training.rules.bootstrap import draw_blocks
from runlore.training.rules.evidence import draw
from runlore.training.rules.gates import ScoreInterval
from runlore.training.rules.training_set import TrainingSet

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_WINDOWS = 30
RIPE = 0.5  # share of a window's outcomes that must be known before its scores count


@dataclass(frozen=True, eq=False)
class WindowRows:
    """What came in during a window: rows, (n, F), answers to them, (n,), labels, (m,)."""

    rows: Rows
    answers: Floats
    labels: Floats


@dataclass(frozen=True, eq=False)
class VersionWatch:
    """Watches one version. left_out: features that a window of this length cannot compare."""

    spec: ModelSpec
    version: Version
    categorical: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @cached_property
    def reference(self) -> Profile:
        known, division = self.version.seen, self.version.division
        taught = WindowRows(
            known.rows[division.train], self._held_out, known.target[division.train]
        )
        features = reference_profile(taught.rows, known.names, self.categorical)
        rest = [
            reference_profile(_column(values), [name]).columns[0]
            for name, values in ((PREDICTION, taught.answers), (LABEL, taught.labels))
        ]
        return self._kept(Profile((*features.columns, *rest)))

    @cached_property
    def _held_out(self) -> Floats:
        """Answers to rows that the folds had not learned from: others come out bolder."""
        return self.version.model.answer(self.version.model.valid_raw)

    @cached_property
    def background(self) -> VerdictContext:
        known, valid = self.version.seen, self.version.division.valid
        importances = permutation_importance(
            self.version.model.predict,
            known.rows[valid],
            known.target[valid],
            known.names,
            self.spec.select_by,
        )
        importance = {feature.feature: max(feature.mean, 0.0) for feature in importances}
        return VerdictContext(importance=importance, usual=usual(self._taught, self.spec.drift))

    @cached_property
    def _taught(self) -> list[Profile]:
        """Windows of the training, the earliest first."""
        length, known = round(self.spec.drift.window_s * 1e6), self.version.seen
        valid = self.version.division.valid
        first, end = int(known.as_of_us[0]), self.version.trained_us
        windows = []
        for back in range(min((end - first) // length, MOST_WINDOWS), 0, -1):
            begin = end - back * length
            window = WindowRows(
                known.rows[_within(known.as_of_us, begin, begin + length)],
                self._held_out[_within(known.as_of_us[valid], begin, begin + length)],
                known.target[_within(known.known_us, begin, begin + length)],
            )
            windows.append(self._profile(window))
        return windows

    def _profile(self, window: WindowRows) -> Profile:
        bins = {column.name: column for column in self.reference.bins}
        names = [name for name in self.version.seen.names if name in bins]
        columns = [self.version.seen.names.index(name) for name in names]
        features = count([bins[name] for name in names], window.rows[:, columns])
        answers = count([bins[PREDICTION]], _column(window.answers))
        labels = count([bins[LABEL]], _column(window.labels))
        return Profile((*features.columns, *answers.columns, *labels.columns))

    def _kept(self, profile: Profile) -> Profile:
        return profile.only([name for name in profile.names if name not in self.left_out])

    def judge(self, data: TrainingSet, answers: Floats, begin_us: int, end_us: int) -> JudgedWindow:
        """A window of the log; `answers`, (n,), are this version's to the work submitted in it."""
        work = _within(data.as_of_us, begin_us, end_us)
        labels = data.target[_within(data.known_us, begin_us, end_us)]
        current = self._profile(WindowRows(self.version.own(data.rows[work]), answers, labels))
        verdict = judge(self.reference, current, self.spec.drift, self.background)
        span = from_us(begin_us), from_us(end_us)
        return JudgedWindow(str(self.version.trained_us), *span, verdict.answer, verdict.reasons)

    def floors(self, data: TrainingSet, begin_us: int, end_us: int) -> tuple[FloorVerdict, ...]:
        """What the outcomes known by the window's end say, together with those of windows before
        where they are too few; fewer than half of the window's own say nothing."""
        judged = [bound for bound in self._floors if bound.score != "coverage"]  # none is replayed
        least = self.spec.performance.least_labels
        work = _within(data.as_of_us, begin_us, end_us)
        if not len(work) or (data.known_us[work] < end_us).mean() < RIPE:
            return tuple(floor.judge(bound, None, 0, least) for bound in judged)
        return tuple(self._judged(bound, data, end_us - begin_us, end_us) for bound in judged)

    def _judged(
        self, bound: floor.Floor, data: TrainingSet, length_us: int, end_us: int
    ) -> FloorVerdict:
        policy = self.spec.performance
        needed = floor.least_for(bound.score, policy.least_labels)
        served = max((end_us - self.version.trained_us) // length_us, 1)
        for windows in range(1, min(served, policy.windows) + 1):
            work = _within(data.as_of_us, end_us - windows * length_us, end_us)
            at = work[data.known_us[work] < end_us]
            if len(at) >= needed:
                break
        measured = self._measured(data, at, bound.score)
        return floor.judge(bound, measured, len(at), policy.least_labels, windows)

    def _measured(self, data: TrainingSet, at: Ints, score: Score) -> ScoreInterval | None:
        if len(at) < 2:
            return None
        answers, actual = self.version.predict(data.rows[at]), data.target[at]
        return draw(score, draw_blocks(data.as_of_us[at]), actual, answers).measured

    @cached_property
    def _floors(self) -> tuple[floor.Floor, ...]:
        return floor.floors(self.spec, {"baseline": self._baseline})

    @property
    def _baseline(self) -> dict[Score, dict[str, float | None]]:
        """What the baseline scored on the rows that the folds had not learned from."""
        known, valid = self.version.seen, self.version.division.valid
        answers = self.version.baseline.answer(self.version.baseline.valid_raw)
        actual, blocks = known.target[valid], draw_blocks(known.as_of_us[valid])
        intervals = {}
        for score in scores.scores_of(is_probability=self.spec.is_probability):
            intervals[score] = as_json(draw(score, blocks, actual, answers).measured)
        return intervals


def _within(at_us: Ints, begin_us: int, end_us: int) -> Ints:
    return np.flatnonzero((at_us >= begin_us) & (at_us < end_us))


def _column(values: Floats) -> Rows:
    return values.astype(np.float32)[:, np.newaxis]
