"""Look for inputs that give the outcome away, and keep what people say about them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import free_text
from runlore.features.columns import expand, measure
from runlore.features.log import Log
from runlore.kernel.errors import BadInput, LeakRefused, Refused
from runlore.records.execution import OPEN_STATUSES
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store
from runlore.training import queries
from runlore.training.actions.targets import target_facts
from runlore.training.queries import LeakOpinion
from runlore.training.rules.leaks.check import find_leaks
from runlore.training.rules.leaks.leak import InputReport, Leak, LeakAcceptance, LeakSample, decide

Ints = NDArray[np.int64]

MOST_ROWS = 100_000  # the newest executions of the training part that are looked at
MOST_COMPARED = 20_000  # executions of which reports are compared with each other
PARTS = ("actor", "kind", "scope")
MEASURED = ("status", "submitted", "started", "finished", "outcome", "known_at")


def check(store: Store, log: Log, spec: ModelSpec, teaches: NDArray[np.bool_]) -> InputReport:
    """The same as `check_log`, with what people said about the leaks of this spec."""
    return check_log(log, spec, teaches, acceptances(store, spec.name))


def check_log(
    log: Log, spec: ModelSpec, teaches: NDArray[np.bool_], accepted: Sequence[LeakAcceptance] = ()
) -> InputReport:
    """Name the leaks and the free text of the training part.

    About each leak the policy and what people said decide.

    teaches: (N,), True for the executions of the training part. accepted: what people accepted.
    Raises LeakRefused where the policy, or a history that the baseline reads, allows no training
    without somebody's word.
    """
    positions = np.flatnonzero(teaches)[-MOST_ROWS:]
    leaks = find_leaks(_sample(log, spec, positions)) if positions.size else ()
    decisions = decide(leaks, accepted if leaks else ())
    _refuse(spec, [decision.leak for decision in decisions if decision.accepted is None])
    return InputReport(decisions, free_text.names(log, teaches))


def accept(
    store: Store, spec: ModelSpec, reasons: Mapping[str, str], actor: str, at: datetime
) -> None:
    """Keep that a person accepts inputs of a spec, each for a reason; it holds until withdrawn.

    Raises BadInput for an input that the log does not have, and for an empty reason.
    """
    with store.begin() as connection:
        for name, reason in reasons.items():
            if not reason.strip():
                raise BadInput(f"because: say why {name} does not give the outcome away", "because")
            if not queries.is_input(connection, name):
                raise BadInput(f"accept-leak: no execution has an input {name!r}", "accept-leak")
            opinion = LeakOpinion(at, spec.name, name, "accept", actor, reason)
            queries.add_opinion(connection, opinion)


def withdraw(store: Store, spec: str, names: Sequence[str], actor: str, at: datetime) -> None:
    """Let the check decide again about inputs that were accepted before.

    Raises Refused for an input that nobody has accepted.
    """
    accepted = {acceptance.input for acceptance in acceptances(store, spec)}
    for name in names:
        if name not in accepted:
            raise Refused(f"{spec}: nobody has accepted {name}; there is nothing to withdraw")
    with store.begin() as connection:
        for name in names:
            queries.add_opinion(connection, LeakOpinion(at, spec, name, "withdraw", actor, ""))


def acceptances(store: Store, spec: str) -> tuple[LeakAcceptance, ...]:
    """The inputs of a spec that somebody accepted in spite of the check, and has not withdrawn."""
    with store.begin() as connection:
        opinions = queries.standing_opinions(connection, spec)
    return tuple(
        LeakAcceptance(opinion.input, opinion.actor, opinion.reason)
        for opinion in opinions
        if opinion.action == "accept"
    )


def _refuse(spec: ModelSpec, leaks: Sequence[Leak]) -> None:
    named = {f"inputs.{leak.input}" for leak in leaks}
    lost = [h.name for h in spec.features.histories if not named.isdisjoint(h.keys)]
    has_no_baseline = all(
        name in named or any(name.startswith(f"{key}.") for key in lost) for name in spec.baselines
    )
    if leaks and (spec.leaks.action == "stop" or has_no_baseline):
        reasons = [f"{leak.input} {leak.evidence}" for leak in leaks]
        raise LeakRefused(spec.name, reasons, [leak.input for leak in leaks])


def _sample(log: Log, spec: ModelSpec, positions: Ints) -> LeakSample:
    facts = log.facts[[*MEASURED]].iloc[target_facts(log, spec)[positions]]
    names = list(dict.fromkeys(("failed", "duration_s", spec.question.of)))
    values = dict(zip(names, measure(facts, names).table.T, strict=True))
    labels = {"failed": values["failed"]}
    if spec.is_probability:
        labels[spec.question.of] = values[spec.question.of]
    inputs = log.inputs.iloc[positions].reset_index(drop=True)
    parts = {name: log.executions[name].to_numpy(dtype=object)[positions] for name in PARTS}
    return LeakSample(
        inputs=inputs,
        parts=pd.DataFrame(parts),
        labels=labels,
        measures={name: column for name, column in values.items() if name not in labels},
        submitted_us=facts["submitted"].to_numpy(dtype=np.int64),
        finished_us=facts["finished"].to_numpy(dtype=np.int64),
        changes=_changes(log, positions),
        measured_afterwards=frozenset(spec.leaks.measured_afterwards),
    )


def _changes(log: Log, positions: Ints) -> dict[str, tuple[int, int]]:
    """By input: in how many executions it was another at the end, of how many reported twice.

    Only executions that were first reported while they were open count: later corrections of
    finished work may come from a better mapping.
    """
    first, final = log.events.first[positions], log.events.final[positions]
    is_open = (
        log.facts["status"].isin([str(status) for status in OPEN_STATUSES]).to_numpy(dtype=bool)
    )
    again = np.flatnonzero(is_open[first] & (final != first))[-MOST_COMPARED:]
    if not again.size:
        return {}
    before = log.inputs.iloc[positions[again]].reset_index(drop=True)
    after = expand(log.facts["inputs"], final[again])
    return {
        str(name): (_differing(before.get(name), after[name]), len(again)) for name in after.columns
    }


def _differing(before: "pd.Series[Any] | None", after: "pd.Series[Any]") -> int:
    """How many cells have a value that they did not have before."""
    if before is None:
        return int(after.notna().sum())
    is_same = (after == before) | (after.astype(str) == before.astype(str))
    return int((after.notna() & ~is_same).sum())
