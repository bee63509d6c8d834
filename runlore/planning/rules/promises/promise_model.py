"""A promise that was learned from a whole log, and how it answers for a task."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from runlore.kernel.errors import Refused
from runlore.planning.rules.promises import boosting
from runlore.planning.rules.promises.calibration import KeptShare, PromiseRule
from runlore.planning.rules.promises.candidates import CandidateMaker, make_maker
from runlore.planning.rules.promises.likeness import LearnedGrains
from runlore.planning.rules.promises.scores import PromiseScores, score_track
from runlore.planning.rules.promises.task_log import CodedTasks, FieldCodes
from runlore.planning.rules.promises.track import follow, groups_of
from runlore.planning.rules.promises.walk_forward import (
    Progress,
    PromiseTrees,
    answer,
    answer_windows,
    fit_models,
    newest_known,
)

LEAST_TASKS = 2_000
WINDOWS = 6
LEAST_KIND = 30  # tested tasks of a kind that has scores of its own
MOST_KINDS = 200
Document = dict[str, Any]


@dataclass(frozen=True)
class LogAnswer:
    """value: the answer that is promised, else the median. quantiles: by level.

    probability: that the truth lies within 15 % of the most probable answer.
    """

    value: float
    quantiles: Mapping[float, float]
    probability: float
    is_promised: bool


@dataclass(frozen=True, eq=False)
class PromiseModel:
    """fields, numbers: names of what makes tasks alike, and of numeric inputs."""

    fields: tuple[str, ...]
    numbers: tuple[str, ...]
    likeness: LearnedGrains
    rule: PromiseRule
    models: PromiseTrees

    def maker(self, past: CodedTasks) -> CandidateMaker:
        """Of the tasks known by now; the fields are those of this model, in order."""
        return make_maker(past, self.likeness)

    def answer(self, maker: CandidateMaker, task: CodedTasks) -> LogAnswer:
        """For a log of one task."""
        raw = answer(self.models, maker, task)
        levels = np.exp(self.rule.quantiles(raw.quantiles)[0])
        is_promised = bool(self.rule.promises(raw)[0])
        value = np.exp(raw.answers[0]) if is_promised else levels[len(levels) // 2]
        return LogAnswer(
            value=float(value),
            quantiles=dict(zip(boosting.LEVELS, levels.tolist(), strict=True)),
            probability=float(self.rule.probabilities(raw.chances)[0]),
            is_promised=is_promised,
        )


@dataclass(frozen=True, eq=False)
class LearnedPromise:
    """scores: of all tasks that were answered as of then; by_kind: of the most frequent kinds."""

    model: PromiseModel
    tasks: int
    scores: PromiseScores
    by_kind: Mapping[str, PromiseScores]


def learn_promise_model(
    codes: FieldCodes,
    log: CodedTasks,
    kinds: Sequence[str],
    progress: Progress | None = None,
) -> LearnedPromise:
    """Learn from tasks in order of submission, of n kinds. Raises Refused below 2,000 outcomes."""
    known = int(np.isfinite(log.values).sum())
    if known < LEAST_TASKS:
        raise Refused(
            f"{known} tasks with an outcome are too few to learn promises from; it needs"
            f" {LEAST_TASKS}"
        )
    begin = len(log) // 2
    answers, likeness = answer_windows(log, begin, WINDOWS, progress)
    groups = groups_of(log, likeness.grains[-1])
    track, rule = follow(log, answers, groups, begin, WINDOWS)
    models = fit_models(make_maker(log, likeness), log.part(newest_known(log)))
    names = np.array(kinds, dtype=object)[track.at]
    tested = names[np.isfinite(track.truth)]
    counts = {
        str(name): int(count)
        for name, count in zip(*np.unique(tested, return_counts=True), strict=True)
    }
    frequent = sorted(counts, key=lambda name: -counts[name])[:MOST_KINDS]
    return LearnedPromise(
        PromiseModel(codes.names, codes.numbers, likeness, rule, models),
        known,
        score_track(track),
        {
            name: score_track(track.part(names == name))
            for name in frequent
            if counts[name] >= LEAST_KIND
        },
    )


def write_document(model: PromiseModel) -> Document:
    """All but the trees, as JSON."""
    rule = model.rule
    return {
        "fields": list(model.fields),
        "numbers": list(model.numbers),
        "grains": [list(grain) for grain in model.likeness.grains],
        "inputs": list(model.likeness.inputs),
        "threshold": rule.threshold,
        "answers": rule.answers,
        "past": asdict(rule.past),
        "raw": rule.raw.tolist(),
        "chance": rule.chance.tolist(),
        "offsets": rule.offsets.tolist(),
    }


def read_document(document: Document, models: PromiseTrees) -> PromiseModel:
    return PromiseModel(
        tuple(document["fields"]),
        tuple(document["numbers"]),
        LearnedGrains(
            tuple(tuple(grain) for grain in document["grains"]), tuple(document["inputs"])
        ),
        PromiseRule(
            document["threshold"],
            document["answers"],
            KeptShare(**document["past"]),
            np.array(document["raw"]),
            np.array(document["chance"]),
            np.array(document["offsets"]),
        ),
        models,
    )
