"""The retraining policies: what was known at an instant gives a decision with reasons."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, get_args

from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput
from runlore.monitoring.rules.trigger import JudgedWindow, TriggerDecision, decide
from runlore.performance.rules.floor import FloorVerdict
from runlore.retraining.rules import RetrainingEvidence, Trigger, permit
from runlore.specs.model_spec import DriftPolicy, RetrainingPolicy

PolicyName = Literal["static", "weekly", "drift", "loop"]
POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)
ON_TIME_S = 1.0  # A window may be this much shorter than a week and still end it


@dataclass(frozen=True)
class KnownPast:
    """The evidence at the end of a window.

    trained_at: when what serves was trained. policy, rules: the spec's. windows: judged so far.
    floors: what the newest window says of them. retrainings: when those began that learned.
    new_labels: outcomes that have become known since the last of them.
    """

    at: datetime
    trained_at: datetime
    policy: DriftPolicy
    rules: RetrainingPolicy
    windows: Sequence[JudgedWindow] = ()
    floors: Sequence[FloorVerdict] = ()
    retrainings: Sequence[datetime] = field(default_factory=tuple)
    new_labels: int = 0


def named(text: str) -> tuple[PolicyName, ...]:
    """Parse the names of policies, separated by commas, into the order of comparison.

    >>> named("loop,static")
    ('static', 'loop')
    """
    names = {word.strip() for word in text.split(",")}
    unknown = sorted(names - set(POLICIES))
    if unknown:
        raise BadInput(f"policy {unknown[0]!r}: give some of {', '.join(POLICIES)}", "policy")
    return tuple(policy for policy in POLICIES if policy in names)


def ask(policy: PolicyName, past: KnownPast) -> TriggerDecision:
    """Decide whether a policy retrains now or waits."""
    return _ASKED[policy](past)


def _static(past: KnownPast) -> TriggerDecision:
    return TriggerDecision("wait", ("the first version stays",))


def _weekly(past: KnownPast) -> TriggerDecision:
    last = max(past.retrainings, default=past.trained_at)
    if (past.at - last).total_seconds() < 7 * DAY_S - ON_TIME_S:
        return TriggerDecision("wait", (f"trained on {last:%Y-%m-%d}",))
    return TriggerDecision("retrain", (f"a week since {last:%Y-%m-%d}",))


def _drift(past: KnownPast) -> TriggerDecision:
    return _permitted("drift", past, past.windows, past.policy)


def _permitted(
    trigger: Trigger, past: KnownPast, windows: Sequence[JudgedWindow], policy: DriftPolicy
) -> TriggerDecision:
    """As a request is decided on: by its windows, and by what the spec says of retrainings."""
    decision = decide(windows, policy, past.at, past.retrainings, past.rules)
    if decision.action == "wait":
        return decision
    known = RetrainingEvidence(past.at, past.retrainings, past.new_labels, False, past.trained_at)
    permission = permit(trigger, known, past.rules)
    if permission.is_given:
        return decision
    return replace(decision, action="wait", reasons=(*permission.reasons, *decision.reasons))


def _loop(past: KnownPast) -> TriggerDecision:
    """Drift, or a score that lies wholly below its floor; the spec's limits bind both."""
    by_drift = _drift(past)
    below = tuple(verdict.reason for verdict in past.floors if verdict.answer == "below")
    if by_drift.action == "retrain" or not below or not past.windows:
        return by_drift
    newest = max(past.windows, key=lambda window: window.window_to)
    at_once = replace(past.policy, least_windows=1, of_windows=1)
    broken = replace(newest, answer="drift", reasons=below)
    return _permitted("performance", past, [broken], at_once)


_ASKED: Mapping[PolicyName, Callable[[KnownPast], TriggerDecision]] = {
    "static": _static,
    "weekly": _weekly,
    "drift": _drift,
    "loop": _loop,
}
