"""Replay a log: what each policy would have predicted, retrained, and spent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.backtest.rules.policy import KnownPast, PolicyName, ask
from runlore.backtest.rules.version import Trainer, Version
from runlore.backtest.rules.watch import VersionWatch
from runlore.kernel.errors import Refused
from runlore.kernel.instants import from_us
from runlore.monitoring.rules.trigger import JudgedWindow
from runlore.performance.rules.floor import FloorVerdict
from runlore.specs.model_spec import LEAST_COMPARED
from runlore.training.rules.gain import consecutive_blocks, gain, is_long_enough
from runlore.training.rules.split import tested

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Outcome = Literal["serves", "promoted", "not better", "data refused", "too little"]
# What in the data between two instants breaks the contract of the data before.
Breaches = Callable[[int, int], tuple[str, ...]]


@dataclass(frozen=True)
class ReplayedRetraining:
    """A retraining that a policy requested. at_us: when; it takes no time."""

    at_us: int
    reasons: tuple[str, ...]
    outcome: Outcome
    cpu_s: float = 0.0

    @property
    def has_learned(self) -> bool:
        return self.outcome not in ("data refused", "too little")


@dataclass(frozen=True, eq=False)
class PolicyReplay:
    """prediction, trained_us: (n,) of each row replayed: what was answered, by a version that has
    learned what was known when.

    retrainings: after the first training, which all policies share and whose cost is `first_s`.
    """

    policy: PolicyName
    prediction: Floats
    trained_us: Ints
    retrainings: tuple[ReplayedRetraining, ...]
    windows: tuple[JudgedWindow, ...]
    first_s: float

    @property
    def trained(self) -> int:
        return sum(retraining.cpu_s > 0 for retraining in self.retrainings)

    @property
    def cpu_s(self) -> float:
        return self.first_s + sum(retraining.cpu_s for retraining in self.retrainings)


@dataclass(frozen=True, eq=False)
class ReplayContext:
    """What all policies share. edges_us: the windows' ends, the first of them is the start."""

    trainer: Trainer
    edges_us: tuple[int, ...]
    categorical: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    breaches: Breaches = lambda since_us, until_us: ()
    watches: dict[int, VersionWatch] = field(default_factory=dict)

    def watch(self, version: Version) -> VersionWatch:
        if version.trained_us not in self.watches:
            made = VersionWatch(self.trainer.spec, version, self.categorical, self.left_out)
            self.watches[version.trained_us] = made
        return self.watches[version.trained_us]

    def rows(self, begin_us: int, end_us: int) -> Ints:
        at_us = self.trainer.data.as_of_us
        return np.arange(*np.searchsorted(at_us, [begin_us, end_us]))

    @property
    def replayed(self) -> Ints:
        return self.rows(self.edges_us[0], self.edges_us[-1])


def replay(scene: ReplayContext, policy: PolicyName) -> PolicyReplay:
    """Answer each window with what served when it began; decide at its end."""
    run = _PolicyRun(scene, policy, scene.trainer.version(scene.edges_us[0]))
    for begin_us, end_us in zip(scene.edges_us, scene.edges_us[1:], strict=False):
        run.answer(begin_us, end_us)
        run.decide(begin_us, end_us)
    return run.over()


class _PolicyRun:
    """The state of one policy while the log is replayed."""

    def __init__(self, scene: ReplayContext, policy: PolicyName, first: Version) -> None:
        self.scene, self.policy, self.serving, self.first = scene, policy, first, first
        self.made_us = scene.edges_us[0]
        self.prediction: list[Floats] = []
        self.trained_us: list[Ints] = []
        self.windows: list[JudgedWindow] = []
        self.retrainings: list[ReplayedRetraining] = []

    def answer(self, begin_us: int, end_us: int) -> None:
        rows = self.scene.rows(begin_us, end_us)
        self.prediction.append(_answers(self.serving, self.scene, rows))
        self.trained_us.append(np.full(len(rows), self.serving.trained_us))

    def decide(self, begin_us: int, end_us: int) -> None:
        if end_us == self.scene.edges_us[-1]:
            return
        floors = self._watch(begin_us, end_us) if self.policy in ("drift", "loop") else ()
        decision = ask(self.policy, self._past(end_us, floors))
        if decision.action == "retrain":
            self._retrain(end_us, decision.reasons)

    def _watch(self, begin_us: int, end_us: int) -> tuple[FloorVerdict, ...]:
        watch, data = self.scene.watch(self.serving), self.scene.trainer.data
        answers = _answers(self.serving, self.scene, self.scene.rows(begin_us, end_us))
        self.windows.append(watch.judge(data, answers, begin_us, end_us))
        return watch.floors(data, begin_us, end_us) if self.policy == "loop" else ()

    def _past(self, at_us: int, floors: tuple[FloorVerdict, ...]) -> KnownPast:
        spec = self.scene.trainer.spec
        learned_us = [retraining.at_us for retraining in self.retrainings if retraining.has_learned]
        return KnownPast(
            from_us(at_us),
            from_us(self.serving.trained_us),
            spec.drift,
            spec.retraining,
            self.windows,
            floors,
            [from_us(at_us) for at_us in learned_us],
            self._known_between(max(learned_us, default=self.scene.edges_us[0]), at_us),
        )

    def _known_between(self, since_us: int, until_us: int) -> int:
        """Outcomes that became known then."""
        known_us = self.scene.trainer.data.known_us
        return int(((known_us >= since_us) & (known_us < until_us)).sum())

    def _retrain(self, at_us: int, reasons: tuple[str, ...]) -> None:
        broken = self._breaches(at_us)
        if broken:
            self.retrainings.append(ReplayedRetraining(at_us, broken, "data refused"))
            return
        begin_us, end_us = self._held_back(at_us)
        try:
            made = self.scene.trainer.version(begin_us)
        except Refused as error:
            self.retrainings.append(ReplayedRetraining(at_us, (str(error),), "too little"))
            return
        outcome: Outcome = "serves"
        if self.policy == "loop":
            outcome = "promoted" if self._has_won(made, end_us, at_us) else "not better"
        self.retrainings.append(ReplayedRetraining(at_us, reasons, outcome, made.cpu_s))
        if outcome != "not better":
            self.serving, self.made_us = made, at_us

    def _breaches(self, at_us: int) -> tuple[str, ...]:
        return self.scene.breaches(self.made_us, at_us) if self.policy == "loop" else ()

    def _held_back(self, at_us: int) -> tuple[int, int]:
        """What was known by then teaches; the loop holds the newest mature rows back to compare
        on."""
        if self.policy != "loop":
            return at_us, at_us
        data, rule = self.scene.trainer.data, self.scene.trainer.spec.succeeding().split
        known = np.flatnonzero((data.as_of_us < at_us) & (data.known_us < at_us))
        first, end = tested(rule, data.as_of_us[known], data.known_us[known])
        return int(data.as_of_us[known[first]]), int(data.as_of_us[known[end - 1]]) + 1

    def _has_won(self, made: Version, end_us: int, at_us: int) -> bool:
        """Whether it is better than what serves, on rows that neither has learned from."""
        data, spec = self.scene.trainer.data, self.scene.trainer.spec
        rows = self.scene.rows(max(made.trained_us, self.serving.trained_us), end_us)
        rows = rows[data.known_us[rows] < at_us]
        if len(rows) < LEAST_COMPARED or not is_long_enough(data.as_of_us[rows]):
            return False
        ours, theirs = (_answers(version, self.scene, rows) for version in (made, self.serving))
        edges = consecutive_blocks(data.as_of_us[rows])
        difference = gain(spec.select_by, edges, data.target[rows], ours, theirs)
        return difference.low > spec.retraining.least_gain

    def over(self) -> PolicyReplay:
        return PolicyReplay(
            self.policy,
            np.concatenate(self.prediction),
            np.concatenate(self.trained_us),
            tuple(self.retrainings),
            tuple(self.windows),
            self.first.cpu_s,
        )


def _answers(version: Version, scene: ReplayContext, rows: Ints) -> Floats:
    if not rows.size:
        return np.empty(0)
    return version.predict(scene.trainer.data.rows[rows])
