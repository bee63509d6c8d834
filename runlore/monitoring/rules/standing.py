"""Is a spec in alarm? From all its judged windows, in whatever order they were judged.

Pure: the same windows give the same answer, whoever judged which of them first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from runlore.monitoring.rules.trigger import JudgedWindow, TriggerDecision, counted, decide
from runlore.specs.model_spec import DriftPolicy


@dataclass(frozen=True)
class StandingAlarm:
    """An alarm that no quiet window has ended. newest: the newest window; decision: on it."""

    newest: JudgedWindow
    decision: TriggerDecision


def standing(
    history: Sequence[JudgedWindow], policy: DriftPolicy, champion: str
) -> StandingAlarm | None:
    """The alarm that is open now; None when there is none.

    A window that makes an alarm opens it; the next window without drift ends it, of any version
    and length. A drifted window that makes no alarm leaves open what is open. champion: of windows
    that end at the same time those of the version that serves are the newest.
    """
    ordered = _ordered(history, champion)
    streak = _streak(ordered)
    if not streak:
        return None
    newest = streak[-1]
    if any(_decision(ordered, window, policy).is_alarm for window in reversed(streak)):
        return StandingAlarm(newest, _decision(ordered, newest, policy))
    return None


def rests_on(
    history: Sequence[JudgedWindow], policy: DriftPolicy, champion: str
) -> list[JudgedWindow]:
    """The windows that the alarm follows from: another verdict on one of them may change it."""
    ordered = _ordered(history, champion)
    if not ordered:
        return []
    streak = _streak(ordered)
    first = len(ordered) - len(streak) - 1
    roots = {*streak, *ordered[max(first, 0) : first + 1], ordered[-1]}
    for window in streak or ordered[-1:]:
        roots.update(counted(_group(ordered, window), _of_length(policy, window)))
    return [window for window in ordered if window in roots]


def _ordered(history: Sequence[JudgedWindow], champion: str) -> list[JudgedWindow]:
    def place(window: JudgedWindow) -> tuple[datetime, bool, datetime, str]:
        return window.window_to, window.version == champion, window.window_from, window.version

    return sorted(history, key=place)


def _streak(ordered: Sequence[JudgedWindow]) -> list[JudgedWindow]:
    """The newest windows, as far back as all of them have drifted."""
    drifted: list[JudgedWindow] = []
    for window in reversed(ordered):
        if window.answer != "drift":
            break
        drifted.append(window)
    return drifted[::-1]


def _decision(
    ordered: Sequence[JudgedWindow], window: JudgedWindow, policy: DriftPolicy
) -> TriggerDecision:
    """The decision as of a window, on those of its version and length until then."""
    return decide(_group(ordered, window), _of_length(policy, window), window.window_to)


def _group(ordered: Sequence[JudgedWindow], window: JudgedWindow) -> list[JudgedWindow]:
    return [
        other
        for other in ordered
        if other.version == window.version
        and other.length_s == window.length_s
        and other.window_to <= window.window_to
    ]


def _of_length(policy: DriftPolicy, window: JudgedWindow) -> DriftPolicy:
    return replace(policy, window_s=window.length_s)
