"""Estimates of one kind of task, from its own past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import Refused
from runlore.kernel.readable import readable_share
from runlore.planning.rules.champion import ChampionAnswers, Combination, combine_models
from runlore.planning.rules.estimate_scores import EstimateScores, score_estimates
from runlore.planning.rules.holding_out import HeldOut, OutcomeTimes, hold_out
from runlore.planning.rules.missing_inputs import complete
from runlore.planning.rules.promise import HIGH, LOW, Promise, learn_promise
from runlore.planning.rules.residual_spread import ResidualSpread, local_scales, scales_of_held
from runlore.planning.rules.shared_errors import HeldSums, SharedErrors, learn_shared_errors
from runlore.planning.rules.small_models import Answers, distances, usable_models
from runlore.planning.rules.task_table import Description, TaskEncoder, learn_encoder

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

LEAST_LEARNED = 10  # tasks, for the folds of cross-validation
SCOPE = "scope"  # of a description: tasks of one are done together
COVERAGES = (0.5, 0.8, 0.9)
MOST_WIDENED = 3.0  # times the usual width, for a task unlike any before
LEAST_CHANGE, MOST_REASONS = 0.01, 5
TASKS_AT_A_TIME = 100  # of those that leave inputs open: bounds memory
LEAST_SPREAD = 1e-6
ALIKE = 3  # past tasks that are shown


@dataclass(frozen=True)
class AmountEstimate:
    """value: the median, in the quantity's unit. quantiles: by level.

    within_15: the probability that the truth lies within 15 %. similarity: the share of past tasks
    whose own nearest one is no nearer; 0: unlike any before. alike: positions of the most similar.
    unknown: inputs that the past says nothing about. reason: why it is promised, or not.
    """

    value: float
    quantiles: Mapping[float, float]
    within_15: float
    is_promised: bool
    similarity: float
    alike: tuple[int, ...]
    unknown: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class InputEffect:
    """change: of the estimate, against the same task with the usual value; 0.5: half as much more.

    usual: the median of a number, the most frequent word.
    """

    name: str
    value: object
    usual: float | str
    change: float


@dataclass(frozen=True, eq=False)
class LocatedTasks:
    """answers, scales: (m,) on the log scale. far: (m, n) distances to past tasks."""

    answers: Floats
    scales: Floats
    far: Floats


@dataclass(frozen=True, eq=False)
class Estimator:
    """rows: (n, p) past tasks, values: (n,) logs of what they took. weights: by model.

    shared: what the errors of tasks that are done together have in common. champion: a registered
    model among `weights`. champion_note: what became of it; empty: there is none.
    """

    encoder: TaskEncoder
    rows: Floats
    values: Floats
    models: Mapping[str, Answers]
    weights: Mapping[str, float]
    held: HeldOut
    residuals: Floats
    spread: ResidualSpread
    shared: SharedErrors
    promise: Promise
    scores: EstimateScores
    champion: ChampionAnswers | None = None
    champion_note: str = ""

    def estimate(
        self, task: Description, levels: Sequence[float] = (0.1, 0.5, 0.9)
    ) -> AmountEstimate:
        return self.estimate_all([task], levels)[0]

    def estimate_all(
        self, tasks: Sequence[Description], levels: Sequence[float] = (0.1, 0.5, 0.9)
    ) -> list[AmountEstimate]:
        located = self.locate(tasks)
        spreads = np.array([self.spread.quantile(level) for level in levels])
        amounts = np.exp(located.answers[:, None] + located.scales[:, None] * spreads)
        within = self.spread.share_between(LOW / located.scales, HIGH / located.scales)
        alike = np.argsort(located.far, axis=1, kind="stable")[:, :ALIKE]
        made = []
        for at, task in enumerate(tasks):
            similarity = float((self._nearest >= located.far[at].min()).mean())
            promised, reason = self._promises(float(within[at]), similarity)
            made.append(
                AmountEstimate(
                    value=float(np.exp(located.answers[at])),
                    quantiles=dict(zip(levels, amounts[at].tolist(), strict=True)),
                    within_15=float(within[at]),
                    is_promised=promised,
                    similarity=similarity,
                    alike=tuple(alike[at].tolist()),
                    unknown=self.encoder.unknown(task),
                    reason=reason,
                )
            )
        return made

    def explain(self, task: Description) -> tuple[InputEffect, ...]:
        """The inputs that move the estimate most, each replaced by its usual value alone."""
        replaced = self.encoder.with_usual(task)
        encoded = self.encoder.encode([task, *(other for _, _, other in replaced)])
        changed = [(name, task[name], usual) for name, usual, _ in replaced]
        texts = self.encoder.texts
        if texts is not None and any(task.get(name) for name in texts.names):
            other = encoded[0].copy()
            other[self.encoder.width :] = texts.usual
            encoded = np.vstack([encoded, other])
            changed.append((" and ".join(texts.names), "its text", "the average text"))
        described = [task, *(other for _, _, other in replaced), task][: len(encoded)]
        said = self._champion_says(described)
        answer, *others = self._answers(encoded, said).tolist()
        effects = [
            InputEffect(name, value, usual, float(np.expm1(answer - other)))
            for (name, value, usual), other in zip(changed, others, strict=True)
        ]
        felt = [one for one in effects if abs(one.change) >= LEAST_CHANGE]
        return tuple(sorted(felt, key=lambda one: -abs(np.log1p(one.change)))[:MOST_REASONS])

    def locate(self, tasks: Sequence[Description]) -> LocatedTasks:
        encoded, gaps = self.encoder.encode(tasks), self.encoder.gaps(tasks)
        said = self._champion_says(tasks)
        located = self._locate(encoded, said)
        incomplete = np.flatnonzero(gaps.any(axis=1))
        for begin in range(0, len(incomplete), TASKS_AT_A_TIME):
            at = incomplete[begin : begin + TASKS_AT_A_TIME]
            completed = complete(encoded[at], gaps[at], self.rows)
            self._locate_completed(located, at, completed, said[at])
        return located

    def _locate(self, encoded: Floats, said: Floats) -> LocatedTasks:
        far = distances(_near_part(self.encoder, encoded), self.rows)
        scales = local_scales(far[:, self.held.at], np.abs(self.residuals))
        answers = self._answers(encoded, said)
        return LocatedTasks(answers, scales * self._widening(far.min(axis=1)), far)

    def _locate_completed(
        self, located: LocatedTasks, at: Indices, completed: Floats, said: Floats
    ) -> None:
        """The median over (m, k, p) completed tasks, as wide as the wider side of their 80 %."""
        count, donors, width = completed.shape
        parts = self._locate(completed.reshape(count * donors, width), np.repeat(said, donors))
        logs = parts.answers[:, None] + parts.scales[:, None] * self.spread.scaled
        low, middle, high = np.quantile(logs.reshape(count, -1), (0.1, 0.5, 0.9), axis=1)
        below, above = -self.spread.quantile(0.1), self.spread.quantile(0.9)
        sides = (
            (middle - low) / max(below, LEAST_SPREAD),
            (high - middle) / max(above, LEAST_SPREAD),
        )
        located.answers[at], located.scales[at] = middle, np.maximum(*sides)
        located.far[at] = parts.far.reshape(count, donors, -1).min(axis=1)

    def _champion_says(self, tasks: Sequence[Description]) -> Floats:
        """(m,): what the champion adds to the answers; nothing if there is none."""
        if self.champion is None:
            return np.zeros(len(tasks))
        return self.weights[self.champion.name] * self.champion.answer(tasks)

    def _answers(self, rows: Floats, said: Floats) -> Floats:
        """said: (m,) by the champion."""
        parts = [self.weights[name] * model(rows) for name, model in self.models.items()]
        parts.append(said)
        answers: Floats = np.sum(parts, axis=0)
        return answers

    def _promises(self, within: float, similarity: float) -> tuple[bool, str]:
        threshold = self.promise.threshold
        if threshold is None:
            return False, (
                f"no promise: of {self.promise.tasks} past tasks, no group came surely within 15 %"
                " in 80 % of cases"
            )
        if similarity == 0 and self.rows.shape[1]:
            return False, "no promise: no past task is like this one"
        if within < threshold:
            return False, (
                f"no promise: the truth lies within 15 % with {readable_share(within)}, and"
                f" promises were kept from {readable_share(threshold)} on"
            )
        return True, (
            f"promised: {readable_share(self.promise.kept or 0)} of such past estimates came"
            " within 15 %"
        )

    def _widening(self, nearest: Floats) -> Floats:
        usual = float(np.quantile(self._nearest, 0.9))
        if usual > 0:
            widening: Floats = np.clip(nearest / usual, 1.0, MOST_WIDENED)
            return widening
        return np.where(nearest == 0, 1.0, MOST_WIDENED)

    @cached_property
    def _nearest(self) -> Floats:
        """(n,): how far the nearest other task of each past task is."""
        far = distances(self.rows, self.rows)
        np.fill_diagonal(far, np.inf)
        nearest: Floats = far.min(axis=1)
        return nearest


def fit_estimator(
    tasks: Sequence[Description],
    amounts: Floats,
    times: OutcomeTimes | None = None,
    champion: ChampionAnswers | None = None,
) -> Estimator:
    """Learn from (n,) amounts above 0, of tasks in order where they have times.

    champion: a registered model that may count, too.

    Raises Refused below 10 tasks, and where all took the same.
    """
    _check(amounts)
    encoder = learn_encoder(tasks)
    encoded, values = encoder.encode(tasks), np.log(amounts)
    models = usable_models(encoder.width, encoded.shape[1] - encoder.width)
    every = hold_out(encoded, values, times, models)
    chosen = combine_models(list(models), every, values, champion)
    held, names, weights = chosen.held, chosen.names, chosen.weights
    rows = _near_part(encoder, encoded)
    has_order = held.validation == "by time"
    truth = values[held.at]
    combined = held.answers @ weights
    residuals = truth - combined
    scales = scales_of_held(rows[held.at], np.abs(residuals), has_order=has_order)
    spread = ResidualSpread(np.sort(residuals / scales))
    is_within = (residuals >= LOW) & (residuals <= HIGH)
    used = {name: float(at) for name, at in zip(names, weights, strict=True) if at > 0}
    return Estimator(
        encoder=encoder,
        rows=rows,
        values=values,
        models={name: models[name](encoded, values) for name in used if name in models},
        weights=used,
        held=held,
        residuals=residuals,
        spread=spread,
        shared=learn_shared_errors(
            HeldSums(combined, scales, truth, [tasks[at].get(SCOPE) for at in held.at]), spread
        ),
        promise=learn_promise(spread.share_between(LOW / scales, HIGH / scales), is_within),
        scores=_score(chosen, values, spread, residuals / scales),
        champion=chosen.champion,
        champion_note=chosen.note,
    )


def _score(
    chosen: Combination, values: Floats, spread: ResidualSpread, scaled: Floats
) -> EstimateScores:
    """On the held-out tasks that the weights were chosen on. scaled: (h,) their residuals."""
    held = chosen.held
    return score_estimates(
        np.exp(values[held.at]),
        np.exp(held.answers @ chosen.weights),
        np.exp(held.answers[:, chosen.names.index("median")]),
        {f"{level:.0%}": _coverage(spread, scaled, level) for level in COVERAGES},
    )


def _near_part(encoder: TaskEncoder, encoded: Floats) -> Floats:
    """By what tasks are alike: numbers and words; without them, texts."""
    return encoded[:, : encoder.width] if encoder.width else encoded


def _coverage(spread: ResidualSpread, scaled: Floats, level: float) -> float:
    """The share of held-out tasks inside an interval of that level."""
    low, high = spread.quantile((1 - level) / 2), spread.quantile((1 + level) / 2)
    return float(((scaled >= low) & (scaled <= high)).mean())


def _check(amounts: Floats) -> None:
    if len(amounts) < LEAST_LEARNED:
        raise Refused(f"{len(amounts)} tasks are too few to learn from; give {LEAST_LEARNED}")
    if not (np.isfinite(amounts) & (amounts > 0)).all():
        raise Refused("an estimate needs amounts above 0; some past ones are not")
    if amounts.min() == amounts.max():
        raise Refused(f"all {len(amounts)} past tasks took the same; there is nothing to estimate")
