"""The figures of a registered version, as its training drew them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runlore.app import App
from runlore.features import matrix
from runlore.kernel.errors import Refused
from runlore.log.executions import read_facts
from runlore.models.bundle import Bundle, ModelOutput
from runlore.models.explain import GroupImportance
from runlore.specs.model_spec import HIGHER_IS_BETTER, ModelSpec, Quantity
from runlore.training import plots
from runlore.training.actions.extraction import members
from runlore.training.actions.targets import target_of
from runlore.training.plots import CandidateScore

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class TestedAnswers:
    """The finished executions of a version's test part, with its answers."""

    __test__ = False

    target: NDArray[np.float64]
    output: ModelOutput


def importance(bundle: Bundle, spec: ModelSpec) -> "Figure":
    rows = bundle.description["importance"]
    names, means, sds = zip(*((r["feature"], r["mean"], r["sd"]) for r in rows), strict=True)
    groups = [
        GroupImportance(tuple(row["features"]), row["mean"], row["sd"], row["alone"])
        for row in bundle.description.get("joint_importance", [])
        if None not in (row["mean"], row["sd"])
    ]
    return plots.importance(names, means, sds, spec.select_by, groups)


def candidates(bundle: Bundle, spec: ModelSpec) -> "Figure":
    description, score = bundle.description, spec.select_by
    measured: dict[str, Any] = {
        description["candidate"]: description["scores"]["candidate"][score],
        "baseline": description["scores"]["baseline"][score],
    }
    shown = [
        CandidateScore(kind, scores[score], *_bounds(measured.get(kind)))
        for kind, scores in description["test_scores"].items()
    ]
    return plots.candidates(
        shown,
        score,
        chosen=description["candidate"],
        higher_is_better=score in HIGHER_IS_BETTER,
    )


def calibration(app: App, bundle: Bundle, spec: ModelSpec) -> "Figure":
    if isinstance(bundle.question, Quantity):
        raise Refused(
            f"{spec.name}: a quantity has no calibration; plot_residuals shows its errors"
        )
    tested = tested_answers(app, bundle, spec)
    return plots.calibration(tested.target, tested.output.prediction)


def residuals(app: App, bundle: Bundle, spec: ModelSpec) -> "Figure":
    question = _quantity(bundle, spec)
    tested = tested_answers(app, bundle, spec)
    return plots.residuals(tested.target, tested.output.prediction, spec.name, question.unit)


def coverage(app: App, bundle: Bundle, spec: ModelSpec) -> "Figure":
    question = _quantity(bundle, spec)
    tested = tested_answers(app, bundle, spec)
    low, high = tested.output.low, tested.output.high
    if low is None or high is None:
        raise Refused(f"{spec.name}: version {bundle.version} has no interval; train it again")
    prediction = tested.output.prediction
    return plots.coverage(tested.target, (low, high), prediction, question.coverage, question.unit)


def tested_answers(app: App, bundle: Bundle, spec: ModelSpec) -> TestedAnswers:
    """The log as the training of this version saw it, from where its test part begins."""
    trainings = app.registry.trainings(spec.name)
    until_seq = next((t.until_seq for t in trainings if t.version == bundle.version), None)
    log = matrix.prepare(read_facts(app.store, until_seq=until_seq))
    finished = members(log, spec)
    training = bundle.description["training"]
    first = int(np.searchsorted(log.as_of_us[finished], training["test_us"]))
    tested = finished[first : first + training["test_rows"]]
    if not tested.size:
        raise Refused(f"{spec.name}: the executions of its test part are no longer in the log")
    rows, _ = matrix.extract(log, bundle.plan, tested)
    return TestedAnswers(target_of(log, spec)[tested], bundle.predict(rows))


def _quantity(bundle: Bundle, spec: ModelSpec) -> Quantity:
    if isinstance(bundle.question, Quantity):
        return bundle.question
    raise Refused(f"{spec.name}: a probability has no such plot; plot_calibration shows it")


def _bounds(measured: Any) -> tuple[float | None, float | None]:  # noqa: ANN401  (JSON)
    return (None, None) if measured is None else (measured["low"], measured["high"])
