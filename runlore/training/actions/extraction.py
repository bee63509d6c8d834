"""Extract a model's training data from the store, or from a log in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import free_text, hashed_text, mapped_arrays, matrix
from runlore.features.declaration import FeaturePlan
from runlore.kernel.errors import NotInLog, Refused
from runlore.log import time_slices
from runlore.log.executions import read_facts
from runlore.log.reader import read_log
from runlore.quality.actions import contract
from runlore.quality.rules.contract import Contract
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store
from runlore.training.actions import leak_check
from runlore.training.actions.targets import target_facts, target_of
from runlore.training.rules import split, text_choice
from runlore.training.rules.leaks.leak import NOTHING_LEFT_OUT, InputReport, LeakAcceptance
from runlore.training.rules.training_set import TrainingSet

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LABELS = ("actor", "kind", "scope", "source")  # scores are measured by these, too


@dataclass(frozen=True)
class TrainingExtract:
    """A spec's training data as of one moment of the log.

    spec: as it is to be trained. until_seq: the last fact it has seen; the same facts and spec
    give the same extract.
    sources: of the log's facts. row_sources: of the executions that teach and test.
    categorical: the features whose numbers are codes of words. contract: what later data must
    be like.
    """

    spec: ModelSpec
    plan: FeaturePlan
    data: TrainingSet
    until_seq: int
    executions: int
    sources: tuple[str, ...]
    row_sources: tuple[str, ...]
    contract: Contract | None = None
    inputs: InputReport = NOTHING_LEFT_OUT

    @property
    def categorical(self) -> tuple[str, ...]:
        return tuple(vocabulary.name for vocabulary in self.plan.categories)


def extract(
    store: Store,
    spec: ModelSpec,
    sources: Sequence[str] | None = None,
    until_seq: int | None = None,
) -> TrainingExtract:
    """The rows of all finished executions of a spec's population, each as of its submission.

    until_seq: the last fact to use; None: all facts.
    """
    if sources is None:
        log = read_log(store, until_seq)
    else:
        log = matrix.prepare(read_facts(store, sources=sources, until_seq=until_seq))
    return extract_log(log, spec, leak_check.acceptances(store, spec.name))


def extract_log(
    log: matrix.Log, spec: ModelSpec, accepted: Sequence[LeakAcceptance] = ()
) -> TrainingExtract:
    """The training data of a log that was read before; it needs no store.

    accepted: inputs that somebody accepted although they look like leaks.
    """
    _refuse_empty(log, spec)
    chosen = members(log, spec)
    _refuse_absent(log, spec, chosen)
    _refuse_unordered(log, spec, chosen)
    teaches = _teaches(log, spec, chosen)
    inputs = leak_check.check_log(log, spec, teaches, accepted)
    hashed = _hashable(log, spec, teaches, inputs)
    plan = matrix.resolve(spec.features, log, teaches, inputs.left_out, hashed, spec.baselines)
    _refuse_featureless(spec, plan)
    agreed = contract.of_log(log, spec)
    mapped_arrays.trim()
    rows, _ = matrix.extract(log, plan, chosen)
    mapped_arrays.trim()
    plan, data = _settle_texts(spec, plan, _training_set(log, spec, plan, rows, chosen))
    return TrainingExtract(
        spec,
        plan,
        data,
        int(log.facts["seq"].max()),
        len(log.executions),
        tuple(sorted(log.facts["source"].unique())),
        tuple(sorted(log.executions["source"].iloc[chosen].unique())),
        agreed,
        replace(inputs, hashed=tuple(text.name for text in plan.texts)),
    )


def _hashable(
    log: matrix.Log, spec: ModelSpec, teaches: NDArray[np.bool_], inputs: InputReport
) -> tuple[str, ...]:
    """The free texts whose words may help: sentences that the spec allows, and are no leak."""
    allowed = spec.features.categories
    leaks = {decision.leak.input for decision in inputs.leaks if decision.accepted is None}
    rows = np.flatnonzero(teaches)[-free_text.MOST_ROWS :]
    names = [
        name
        for name in inputs.texts
        if name not in leaks
        and (allowed is None or {name, f"inputs.{name}"} & {*allowed})
        and free_text.are_sentences(log.inputs[name].iloc[rows])
    ]
    return tuple(names[: hashed_text.MOST_TEXTS])


def _settle_texts(
    spec: ModelSpec, plan: FeaturePlan, data: TrainingSet
) -> tuple[FeaturePlan, TrainingSet]:
    """Keep the hashed columns only where they make validation scores better.

    With cross-validation they stay: all rows are tested, so none may choose. They also stay where
    there is nothing else to learn from.
    """
    columns = [column for text in plan.texts for column in text.columns]
    is_all = len(columns) == len(data.names)
    if not columns or is_all or not spec.split.is_by_time or text_choice.helps(spec, data, columns):
        return plan, data
    return replace(plan, texts=()), text_choice.without(data, columns)


def refuse_short(log: matrix.Log, spec: ModelSpec) -> None:
    """Raise Refused when the log has too few executions for a spec, before anything is built."""
    _refuse_empty(log, spec)
    chosen = members(log, spec)
    _refuse_absent(log, spec, chosen)
    split.refuse_short(spec, chosen.size)


def _refuse_empty(log: matrix.Log, spec: ModelSpec) -> None:
    if log.facts.empty:
        raise Refused(f"{spec.name}: there are no executions yet; bring a log in: `runlore ingest`")


def _refuse_absent(log: matrix.Log, spec: ModelSpec, chosen: Ints) -> None:
    has_ended = (log.events.final >= 0) & time_slices.population(log, spec)
    if not chosen.size and has_ended.any():
        raise NotInLog(spec.name, spec.question.of)


def _refuse_featureless(spec: ModelSpec, plan: FeaturePlan) -> None:
    if not plan.names:
        raise Refused(
            f"{spec.name}: there is nothing to learn from: no history, no calendar, and no usable"
            " input; map inputs with `--inputs`"
        )


def _refuse_unordered(log: matrix.Log, spec: ModelSpec, chosen: Ints) -> None:
    """Raise Refused for features of the past where nothing is known to have come before."""
    if chosen.size < 2 or np.ptp(log.as_of_us[chosen]) > 0:
        return
    if spec.split.is_by_time:
        raise split.no_order(spec, chosen.size)
    if spec.features.histories:
        raise Refused(
            f"{spec.name}: all {chosen.size} executions were submitted at one instant, so none came"
            " before another; declare no histories, and baseline "
            f"{'majority' if spec.is_probability else 'median'!r} or an input"
        )


def members(log: matrix.Log, spec: ModelSpec) -> Ints:
    """Positions of the executions that teach and test, by submission."""
    belongs = np.isfinite(target_of(log, spec)) & time_slices.population(log, spec)
    if spec.split.lookback_s and belongs.any():
        since_us = log.as_of_us[belongs].max() - round(spec.split.lookback_s * 1e6)
        belongs &= log.as_of_us >= since_us
    chosen = np.flatnonzero(belongs)
    return chosen[np.argsort(log.as_of_us[chosen], kind="stable")]


def _teaches(log: matrix.Log, spec: ModelSpec, chosen: Ints) -> NDArray[np.bool_]:
    """Executions before the test part: only these may shape the plan.

    With cross-validation all do: a plan holds names and words, and nothing of outcomes.
    """
    mask, rule = np.zeros(len(log.executions), dtype=bool), spec.split
    if not rule.is_by_time:
        mask[chosen] = True
    elif chosen.size:
        as_of_us = log.as_of_us[chosen]
        first, _ = split.tested(rule, as_of_us, _known_us(log, spec, chosen))
        mask[chosen] = as_of_us < as_of_us[first]
    return mask


def _training_set(
    log: matrix.Log, spec: ModelSpec, plan: FeaturePlan, rows: matrix.Rows, chosen: Ints
) -> TrainingSet:
    labels = {name: log.executions[name].to_numpy()[chosen] for name in LABELS}
    if pd.Series(labels["source"]).nunique() < 2:
        del labels["source"]
    return TrainingSet(
        rows=rows,
        target=target_of(log, spec)[chosen],
        as_of_us=log.as_of_us[chosen],
        known_us=_known_us(log, spec, chosen),
        names=plan.names,
        actors=labels.pop("actor"),
        slices=labels,
    )


def _known_us(log: matrix.Log, spec: ModelSpec, chosen: Ints) -> Ints:
    return log.facts["known_at"].to_numpy(dtype=np.int64)[target_facts(log, spec)[chosen]]
