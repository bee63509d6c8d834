"""The plots of a training run."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from runlore.models import scores
from runlore.specs.model_spec import HIGHER_IS_BETTER, Quantity
from runlore.training import plots
from runlore.training.plots import CandidateScore
from runlore.training.rules.trained import Trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures(trained: Trained) -> Iterator[tuple[str, "Figure"]]:
    """Each plot with its name, drawn only when the iterator reaches it."""
    yield "candidates", _candidates(trained)
    yield "importance", _importance(trained)
    yield "score-over-time", _over_time(trained)
    draw = _of_quantity if isinstance(trained.spec.question, Quantity) else _of_probability
    yield from draw(trained)


def _candidates(trained: Trained) -> "Figure":
    score = trained.spec.select_by
    measured = {
        trained.kind: trained.evidence.candidate[score],
        "baseline": trained.evidence.baseline[score],
    }
    shown = []
    for kind, by_score in trained.test_scores.items():
        about = measured.get(kind)
        low, high = (about.low, about.high) if about else (None, None)
        shown.append(CandidateScore(kind, by_score[score], low, high))
    return plots.candidates(
        shown, score, chosen=trained.kind, higher_is_better=score in HIGHER_IS_BETTER
    )


def _importance(trained: Trained) -> "Figure":
    names, means, sds = zip(*((i.feature, i.mean, i.sd) for i in trained.importance), strict=True)
    return plots.importance(names, means, sds, trained.spec.select_by, trained.joint)


def _over_time(trained: Trained) -> "Figure":
    score, test = trained.spec.select_by, trained.test
    measure: Callable[..., float] = partial(scores.measure, score)
    return plots.over_time(
        plots.weekly(test.as_of_us, test.target, test.prediction, measure),
        score,
        higher_is_better=score in HIGHER_IS_BETTER,
        baseline=plots.weekly(test.as_of_us, test.target, test.baseline, measure),
    )


def _of_probability(trained: Trained) -> Iterator[tuple[str, "Figure"]]:
    test = trained.test
    yield "calibration", plots.calibration(test.target, test.prediction)
    yield "gain", plots.gain(test.target, test.prediction, test.baseline)


def _of_quantity(trained: Trained) -> Iterator[tuple[str, "Figure"]]:
    test, question = trained.test, trained.spec.question
    assert isinstance(question, Quantity)  # noqa: S101  (chosen by it)
    name = trained.spec.name
    yield "residuals", plots.residuals(test.target, test.prediction, name, question.unit)
    if test.low is not None and test.high is not None:
        bounds = (test.low, test.high)
        yield (
            "coverage",
            plots.coverage(test.target, bounds, test.prediction, question.coverage, question.unit),
        )
