"""Decide whether to retrain, from a history of judged windows, with reasons.

Pure: the retraining flow and a backtest ask the same function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from runlore.monitoring.rules.verdict import Answer
from runlore.retraining.rules import limit_reached
from runlore.specs.model_spec import DriftPolicy, RetrainingPolicy

# A row of windows may have a gap of this part of a window's length and still be one row.
SLACK = 0.5


@dataclass(frozen=True)
class JudgedWindow:
    """The verdict on the executions after `window_from`, until `window_to`."""

    version: str
    window_from: datetime
    window_to: datetime
    answer: Answer
    reasons: tuple[str, ...] = ()

    @property
    def length_s(self) -> float:
        return (self.window_to - self.window_from).total_seconds()


@dataclass(frozen=True)
class TriggerDecision:
    """windows: the drifted ones that spoke for it. is_alarm: they were enough, whether or not
    cooldown and budget allow to act."""

    action: Literal["retrain", "wait"]
    reasons: tuple[str, ...]
    windows: tuple[JudgedWindow, ...] = ()
    is_alarm: bool = False


def decide(
    history: Sequence[JudgedWindow],
    policy: DriftPolicy,
    at: datetime,
    retrainings: Sequence[datetime] = (),
    limits: RetrainingPolicy | None = None,
) -> TriggerDecision:
    """Retrain when enough of the last windows have drifted, and the newest among them.

    history: of one spec, in any order. Of it counts what had ended by `at` and is about the
    version of the newest, and of windows that overlap only the earliest: looking more often than
    once in a window's length neither hastens an alarm nor makes a false one more likely.
    retrainings: when they began. One answers all windows that had ended by then.
    """
    alarm = _alarm([window for window in history if window.window_to <= at], policy)
    if not alarm.is_alarm:
        return alarm
    known = limits or RetrainingPolicy()
    past = sorted(begun for begun in retrainings if begun <= at)
    refusal = _answered(alarm, past) or limit_reached(past, at, known)
    if refusal:
        return TriggerDecision("wait", (refusal, *alarm.reasons), alarm.windows, is_alarm=True)
    return alarm


def _alarm(history: Sequence[JudgedWindow], policy: DriftPolicy) -> TriggerDecision:
    if not history:
        return TriggerDecision("wait", ("no window has been judged yet",))
    newest = max(history, key=lambda window: window.window_to)
    row = apart([window for window in history if window.version == newest.version])
    if newest not in row:
        return TriggerDecision("wait", ("the newest window overlaps one that has counted",))
    if newest.answer != "drift":
        return TriggerDecision("wait", (f"the newest window reads: {newest.answer}",))
    last = _last(row, policy)
    drifted = tuple(window for window in last if window.answer == "drift")
    summary = f"{len(drifted)} of the last {policy.of_windows} windows drifted"
    if len(drifted) < policy.least_windows:
        return TriggerDecision(
            "wait", (f"{summary}; an alarm needs {policy.least_windows}",), drifted
        )
    reasons = (f"{summary}, the newest among them", *newest.reasons)
    return TriggerDecision("retrain", reasons, drifted, is_alarm=True)


def apart(history: Sequence[JudgedWindow]) -> list[JudgedWindow]:
    """Select windows that do not overlap, the earliest first, in order of time."""
    separate: list[JudgedWindow] = []
    for judged in sorted(history, key=lambda window: (window.window_to, window.window_from)):
        if not separate or judged.window_from >= separate[-1].window_to:
            separate.append(judged)
    return separate


def counted(history: Sequence[JudgedWindow], policy: DriftPolicy) -> list[JudgedWindow]:
    """The last windows of one version that a decision counts, in order of time."""
    row = apart(history)
    return _last(row, policy) if row else []


def _last(row: Sequence[JudgedWindow], policy: DriftPolicy) -> list[JudgedWindow]:
    """The last windows in time: one that nobody judged has not drifted."""
    span = timedelta(seconds=(policy.of_windows - SLACK) * policy.window_s)
    return [
        window
        for window in row[-policy.of_windows :]
        if window.window_to > row[-1].window_to - span
    ]


def _answered(alarm: TriggerDecision, past: Sequence[datetime]) -> str:
    newest = alarm.windows[-1].window_to
    if past and newest <= past[-1]:
        return f"the retraining of {past[-1]:%Y-%m-%d %H:%M} has answered these windows"
    return ""
