"""When each policy retrains: from what was known at an instant to a decision with its reasons."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, get_args

from runlore.drift.trigger import Decision, JudgedWindow, decide
from runlore.models.spec import DriftPolicy
from runlore.performance.floor import FloorVerdict
from runlore.records.errors import BadInput

PolicyName = Literal["static", "weekly", "drift", "loop"]
POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)
WEEK_S = 7 * 86_400.0
ON_TIME_S = 1.0
"""By so much a window may be short of a week and still end it."""


@dataclass(frozen=True)
class Past:
    """What was known at the end of a window.

    trained_at: when what serves was trained. windows: judged so far. floors: what the newest
    window says of them. retrainings: when they began, whatever came of them.
    """

    at: datetime
    trained_at: datetime
    policy: DriftPolicy
    windows: Sequence[JudgedWindow] = ()
    floors: Sequence[FloorVerdict] = ()
    retrainings: Sequence[datetime] = field(default_factory=tuple)


def named(text: str) -> tuple[PolicyName, ...]:
    """Policies by name, with commas between; in the order in which they are compared.

    >>> named("loop,static")
    ('static', 'loop')
    """
    asked = {word.strip() for word in text.split(",")}
    unknown = sorted(asked - set(POLICIES))
    if unknown:
        raise BadInput(f"policy {unknown[0]!r}: give some of {', '.join(POLICIES)}", "policy")
    return tuple(policy for policy in POLICIES if policy in asked)


def ask(policy: PolicyName, past: Past) -> Decision:
    """Retrain now, or wait?"""
    return _ASKED[policy](past)


def _static(past: Past) -> Decision:
    return Decision("wait", ("the first version stays",))


def _weekly(past: Past) -> Decision:
    last = max(past.retrainings, default=past.trained_at)
    if (past.at - last).total_seconds() < WEEK_S - ON_TIME_S:
        return Decision("wait", (f"trained on {last:%Y-%m-%d}",))
    return Decision("retrain", (f"a week since {last:%Y-%m-%d}",))


def _drift(past: Past) -> Decision:
    return decide(past.windows, past.policy, past.at, past.retrainings)


def _loop(past: Past) -> Decision:
    """Drift, or a score that lies wholly below its floor; cooldown and budget bind both."""
    by_drift = _drift(past)
    below = tuple(each.reason for each in past.floors if each.answer == "below")
    if by_drift.action == "retrain" or not below or not past.windows:
        return by_drift
    newest = max(past.windows, key=lambda window: window.window_to)
    at_once = replace(past.policy, least_windows=1, of_windows=1)
    broken = replace(newest, answer="drift", reasons=below)
    return decide([broken], at_once, past.at, past.retrainings)


_ASKED: Mapping[PolicyName, Callable[[Past], Decision]] = {
    "static": _static,
    "weekly": _weekly,
    "drift": _drift,
    "loop": _loop,
}
