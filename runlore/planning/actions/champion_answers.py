"""What the champion of a model spec says of tasks of a kind, past ones as of their submission."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import RunloreError, one_line
from runlore.kernel.instants import to_us
from runlore.planning.queries.finished_tasks import FinishedTask
from runlore.planning.rules.champion import AFTER, LEAST_TESTED, ChampionAnswers
from runlore.planning.rules.task_table import Description

if TYPE_CHECKING:
    from runlore.features.log import Log
    from runlore.features.matrix import RowReader
    from runlore.models.bundle import Bundle
    from runlore.store.engine import Store

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Champions = Callable[[str], "Bundle | None"]  # of a measure: the version that answers
LEAST_SHARE = 1e-3  # of the smallest past amount: an answer is never below


@dataclass(frozen=True)
class AskedKind:
    """A kind with its finished tasks, as known at an instant. strip: of names of inputs."""

    kind: str
    tasks: Sequence[FinishedTask]
    amounts: Floats
    at: datetime
    strip: str


def answers_for(bundle: "Bundle", measure: str) -> bool:
    """Whether its answers are of this measure; those of a probability are not."""
    from runlore.specs.model_spec import Quantity

    return isinstance(bundle.question, Quantity) and bundle.question.of == measure


def ask_champion(
    store: "Store", champions: Champions, measure: str, asked: AskedKind
) -> tuple[ChampionAnswers | None, str]:
    """Its answers; or why it is left out, empty where there is none.

    Past tasks count that were submitted, and ended, after its training data did.
    """
    name = f"the champion of {measure}"
    try:
        bundle = champions(measure)
        if bundle is None:
            return None, ""
        name = f"{bundle.spec} version {bundle.version}"
        why = _why_not_yet(store, bundle, asked.at)
        if "training" not in bundle.description:
            why = "it does not say until when it learned"
        if why:
            return None, f"{name} is left out: {why}"
        past = np.full(len(asked.tasks), np.nan)
        chosen = _untaught(bundle, asked.tasks)
        if len(chosen) < LEAST_TESTED:
            return None, f"{name} is left out: {len(chosen)} {AFTER}; {LEAST_TESTED} are needed"
        reading = ChampionReading(bundle, _read_log(store, asked.at), asked)
        past[chosen] = reading.of_past(chosen)
    except RunloreError as error:
        return None, f"{name} is left out: {one_line(error)}"
    return ChampionAnswers(name, past, reading.of_new), ""


def _why_not_yet(store: "Store", bundle: "Bundle", at: datetime) -> str:
    """A version counts only at instants at which it was the champion; empty: it was."""
    from runlore.registry import alias_history
    from runlore.registry.registry import CHAMPION

    entry = alias_history.as_of(store, bundle.spec, at).get(CHAMPION)
    if entry is None:
        return f"it was not yet the champion at {at:%Y-%m-%d %H:%M} UTC"
    if entry.version != bundle.version:
        return f"version {entry.version or 'none'} was the champion at {at:%Y-%m-%d %H:%M} UTC"
    return ""


def _untaught(bundle: "Bundle", tasks: Sequence[FinishedTask]) -> Ints:
    """Positions of tasks whose outcome it cannot have learned from."""
    training: Mapping[str, Any] = bundle.description["training"]
    ended_us = max(int(training["test_us"]), int(training["last_us"]) + 1)
    submitted = np.array([to_us(task.submitted) for task in tasks])
    known = np.array([to_us(task.known_at) for task in tasks])
    return np.flatnonzero((submitted >= ended_us) & (known > ended_us))


def _read_log(store: "Store", at: datetime) -> "Log":
    """All facts that were known at an instant."""
    from runlore.features.log import prepare
    from runlore.log.executions import read_facts

    facts = read_facts(store)
    return prepare(facts[facts["known_at"] <= to_us(at)].reset_index(drop=True))


@dataclass(frozen=True, eq=False)
class ChampionReading:
    """The log as known at an instant, folded for one version."""

    bundle: "Bundle"
    log: "Log"
    asked: AskedKind

    def of_past(self, chosen: Ints) -> Floats:
        """(c,) log answers to past tasks; NaN: the log has no such submission."""
        from runlore.features import matrix

        answers = np.full(len(chosen), np.nan)
        places = self._places()
        found = [places.get(_name(self.asked.tasks[at]), -1) for at in chosen.tolist()]
        rows = np.array(found, dtype=np.int64)
        is_there = rows >= 0
        if is_there.any():
            features, _ = matrix.extract(self.log, self.bundle.plan, rows[is_there])
            answers[is_there] = self._logs(features)
        return answers

    def of_new(self, tasks: Sequence[Description]) -> Floats:
        """(m,) log answers, as of the instant at which the log was read."""
        from runlore.features.keys import KeyParts

        subjects = [
            KeyParts(
                str(task.get("actor") or ""),
                self.asked.kind,
                str(task.get("scope") or ""),
                {
                    name.removeprefix(self.asked.strip): value  # type: ignore[misc]
                    for name, value in task.items()
                    if name.startswith(self.asked.strip)
                },
            )
            for task in tasks
        ]
        reader, states = self._states
        stacked = reader.stack([reader.keys(subject) for subject in subjects], states)
        instants = np.full(len(subjects), to_us(self.asked.at))
        return self._logs(reader.rows(subjects, instants, stacked))

    def _logs(self, features: Any) -> Floats:  # noqa: ANN401
        amounts = np.asarray(self.bundle.predict(features).prediction, dtype=np.float64)
        floor = LEAST_SHARE * float(self.asked.amounts.min())
        logs: Floats = np.log(np.maximum(amounts, floor))
        return logs

    def _places(self) -> dict[tuple[str, int], int]:
        rows = self.log.executions.take(np.arange(len(self.log.executions)))
        names = zip(rows["source_id"], self.log.as_of_us.tolist(), strict=True)
        is_kind = (rows["kind"] == self.asked.kind).tolist()
        return {name: at for at, name in enumerate(names) if is_kind[at]}

    @cached_property
    def _states(self) -> "tuple[RowReader, dict[tuple[str, str], Floats]]":
        from runlore.features import matrix

        none = np.zeros(0, dtype=np.int64)
        _, folded = matrix.extract(self.log, self.bundle.plan, none)
        states = {
            (one.history.digest, key): state
            for one in folded
            for key, state in zip(one.keys(self.log), one.states, strict=True)
        }
        return matrix.RowReader(self.bundle.plan), states


def _name(task: FinishedTask) -> tuple[str, int]:
    return task.source_id, to_us(task.submitted)
