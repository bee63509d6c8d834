"""Replay a log under retraining policies, and compare their scores and costs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.backtest import plots
from runlore.backtest.rules.comparison import PolicyPredictions, PolicyScores, stand
from runlore.backtest.rules.policy import POLICIES, PolicyName
from runlore.backtest.rules.replay import Breaches, PolicyReplay, ReplayContext, replay
from runlore.backtest.rules.version import Trainer
from runlore.features import known, matrix
from runlore.features.declaration import FeaturePlan, Vocabulary
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import Refused
from runlore.kernel.instants import from_us, to_us
from runlore.log import time_slices
from runlore.log.executions import read_facts
from runlore.quality.rules import checks
from runlore.quality.rules.batch import gather
from runlore.quality.rules.contract import derive
from runlore.specs.model_spec import CandidateKind, ModelSpec
from runlore.store.engine import Store
from runlore.training.actions import leak_check
from runlore.training.actions.targets import target_of
from runlore.training.rules.training_set import TrainingSet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[str], None]

BASELINE = "baseline"
AGAINST = ("static", "weekly", BASELINE)
LEAST_WINDOWS = 4
DPI = 130


@dataclass(frozen=True)
class BacktestOptions:
    """What to replay, and how.

    begin: work submitted before it is not replayed, and teaches nobody, though it is remembered
    in the histories of what comes after. rows: only the newest so many.
    taught_share: of the rows, before the first version is trained. candidates: none: those of the
    spec; what the first training chooses is kept, unless `chooses_anew`.
    """

    policies: Sequence[PolicyName] = POLICIES
    begin: datetime | None = None
    rows: int | None = None
    taught_share: float = 0.3
    window_s: float | None = None
    candidates: Sequence[CandidateKind] = ()
    chooses_anew: bool = False


@dataclass(frozen=True, eq=False)
class BacktestOutcome:
    """standings: of each policy, and of the baseline as the first version had it."""

    spec: ModelSpec
    begin: datetime
    replay_from: datetime
    end: datetime
    rows: int
    windows: int
    candidate: CandidateKind
    answers: PolicyPredictions
    replayed: tuple[PolicyReplay, ...]
    standings: Mapping[str, PolicyScores]


def backtest(
    store: Store,
    spec: ModelSpec,
    choice: BacktestOptions,
    sources: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> BacktestOutcome:
    """Replay the log as it happened: outcomes are known when the log came to know them.

    Features are made once, each row's as of its submission. A training takes no time, and work
    that never ended is left out. Raises Refused when there is too little to replay.
    """
    say = progress or (lambda _: None)
    facts = read_facts(store, sources=sources)
    if facts.empty:
        raise Refused(f"{spec.name}: there are no executions yet; bring a log in: `runlore ingest`")
    say(f"{len(facts):,} facts read")
    if choice.window_s is not None:
        spec = replace(spec, drift=replace(spec.drift, window_s=choice.window_s))
    scene = _scene(store, matrix.prepare(facts), spec, choice)
    say(f"{len(scene.trainer.data):,} rows, {len(scene.edges_us) - 1} windows to replay")
    replayed = []
    for policy in choice.policies:
        replayed.append(replay(scene, policy))
        say(f"{policy}: trained {replayed[-1].trained} times more")
    return _outcome(scene, tuple(replayed))


def draw(outcome: BacktestOutcome, folder: Path) -> tuple[Path, Path]:
    """Draw the score over time, with each retraining, and the score by its cost."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "over-time": plots.over_time(outcome.spec, outcome.answers, outcome.replayed),
        "by-cost": plots.by_cost(outcome.spec, outcome.standings, outcome.replayed),
    }
    paths = []
    for name, figure in made.items():
        paths.append(folder / f"{outcome.spec.name}-{name}.png")
        figure.savefig(paths[-1], dpi=DPI)
    return paths[0], paths[1]


def _scene(
    store: Store, log: matrix.Log, spec: ModelSpec, choice: BacktestOptions
) -> ReplayContext:
    target = target_of(log, spec)
    chosen = _chosen(log, spec, target, choice)
    start_us = int(log.as_of_us[chosen[int(choice.taught_share * len(chosen))]])
    taught = log.as_of_us < start_us
    inputs = leak_check.check(store, log, spec, taught & np.isfinite(target))
    plan = _plan(log, spec, taught, inputs.left_out)
    rows, _ = matrix.extract(log, plan, chosen)
    data = TrainingSet(
        rows=rows,
        target=target[chosen],
        as_of_us=log.as_of_us[chosen],
        known_us=log.facts["known_at"].to_numpy(dtype=np.int64)[log.events.final[chosen]],
        names=plan.names,
        actors=log.executions["actor"].to_numpy()[chosen],
    )
    words = {data.names.index(category.name): len(category.words) for category in plan.categories}
    kinds = choice.candidates or spec.candidates
    return ReplayContext(
        Trainer(spec, data, words, kinds, choice.chooses_anew),
        _edges(spec, data, start_us),
        tuple(category.name for category in plan.categories),
        time_slices.incomparable(plan, spec.drift.window_s),
        _breaches(log, spec, int(data.as_of_us[0])),
    )


def _chosen(log: matrix.Log, spec: ModelSpec, target: Floats, choice: BacktestOptions) -> Ints:
    """Positions of the executions to replay, by submission."""
    belongs = time_slices.population(log, spec) & np.isfinite(target)
    if choice.begin is not None:
        belongs &= log.as_of_us >= to_us(choice.begin)
    chosen = np.flatnonzero(belongs)
    chosen = chosen[np.argsort(log.as_of_us[chosen], kind="stable")]
    if choice.rows is not None:
        chosen = chosen[-choice.rows :]
    if len(chosen) < spec.split.least_rows:
        raise Refused(
            f"{spec.name}: needs at least {spec.split.least_rows} finished executions to replay,"
            f" found {len(chosen)}; ingest more history, or ask for an earlier begin"
        )
    return chosen


def _plan(
    log: matrix.Log, spec: ModelSpec, taught: NDArray[np.bool_], left_out: Collection[str]
) -> FeaturePlan:
    """Features as the first version would have them; of each category all words that ever come.

    A version tells apart only the words of its own training, see `backtest.version.Words`.
    """
    plan = matrix.resolve(spec.features, log, taught, left_out, baselines=spec.baselines)
    return replace(
        plan, categories=tuple(_all_words(log, category.name) for category in plan.categories)
    )


def _all_words(log: matrix.Log, name: str) -> Vocabulary:
    return Vocabulary(name, tuple(map(str, pd.unique(known.text(name, log)))))


def _edges(spec: ModelSpec, data: TrainingSet, start_us: int) -> tuple[int, ...]:
    """Whole windows from the start on; what is left over at the end is not replayed."""
    length = round(spec.drift.window_s * 1e6)
    count = (int(data.as_of_us[-1]) - start_us) // length
    if count < LEAST_WINDOWS:
        raise Refused(
            f"{spec.name}: {count} windows of {spec.drift.window_s / DAY_S:g} days are left to"
            f" replay, needs {LEAST_WINDOWS}; give a shorter --window-days or more history"
        )
    return tuple(start_us + at * length for at in range(count + 1))


def _breaches(log: matrix.Log, spec: ModelSpec, first_us: int) -> Breaches:
    """The data contract of what was submitted before one instant, asked of what came since."""
    members = time_slices.population(log, spec) & (log.as_of_us >= first_us)

    def breaches(since_us: int, until_us: int) -> tuple[str, ...]:
        is_old = log.as_of_us < since_us
        old = np.flatnonzero(members & is_old)
        new = np.flatnonzero(members & ~is_old & (log.as_of_us < until_us))
        contract = derive(gather(log, old, since_us), 0)
        if contract is None or not new.size:
            return ()
        batch, earlier = gather(log, new, until_us), gather(log, old, until_us)
        check_input = checks.CheckInput(batch, earlier, contract.last_us, until_us, until_us)
        verdict = checks.judge(contract, check_input)
        return () if verdict.passed else tuple(verdict.reasons)

    return breaches


def _outcome(scene: ReplayContext, replayed: tuple[PolicyReplay, ...]) -> BacktestOutcome:
    data, spec, rows = scene.trainer.data, scene.trainer.spec, scene.replayed
    first = scene.trainer.version(scene.edges_us[0])
    predictions: dict[str, Floats] = {str(replay.policy): replay.prediction for replay in replayed}
    naive = {BASELINE: first.baseline.predict(first.own(data.rows[rows]))}
    answers = PolicyPredictions(data.as_of_us[rows], data.target[rows], {**predictions, **naive})
    return BacktestOutcome(
        spec=spec,
        begin=from_us(int(data.as_of_us[0])),
        replay_from=from_us(scene.edges_us[0]),
        end=from_us(scene.edges_us[-1]),
        rows=len(rows),
        windows=len(scene.edges_us) - 1,
        candidate=first.model.kind,
        answers=answers,
        replayed=replayed,
        standings=stand(answers, AGAINST, is_probability=spec.is_probability),
    )
