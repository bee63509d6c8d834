"""May a spec be trained again now? From what is known of its trainings to a decision.

Pure: whoever asks, for whatever cause, is answered by the same function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from runlore.kernel.durations import DAY_S
from runlore.specs.model_spec import RetrainingPolicy

# After data was refused nothing is due for this long: the data has to be corrected first.
DATA_REFUSED_S = DAY_S

Trigger = Literal["drift", "performance", "schedule", "labels", "person"]


@dataclass(frozen=True)
class RetrainingEvidence:
    """What is known of a spec at `at`.

    begun: when its retrainings began, without those whose data was refused; data_refused_at: when
    the newest of these did. new_labels: outcomes that no training has seen. has_learned: these very
    facts have taught this spec before. trained_at: when what serves was trained, None when nothing
    serves.
    """

    at: datetime
    begun: Sequence[datetime]
    new_labels: int
    has_learned: bool
    trained_at: datetime | None
    data_refused_at: datetime | None = None


@dataclass(frozen=True)
class Permission:
    is_given: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class DueTraining:
    """A training that nobody has asked for is due."""

    trigger: Literal["schedule", "labels"]
    reason: str


def limit_reached(retrainings: Sequence[datetime], at: datetime, limits: RetrainingPolicy) -> str:
    """Why it may not be retrained again at `at`, whatever asks for it; empty when it may."""
    past = sorted(begun for begun in retrainings if begun <= at)
    return _cooling(past, at, limits) or _spent(past, at, limits)


def _cooling(past: Sequence[datetime], at: datetime, limits: RetrainingPolicy) -> str:
    if past and (at - past[-1]).total_seconds() < limits.cooldown_s:
        until = past[-1] + timedelta(seconds=limits.cooldown_s)
        return f"retrained on {past[-1]:%Y-%m-%d %H:%M}; not again before {until:%Y-%m-%d %H:%M}"
    return ""


def _spent(past: Sequence[datetime], at: datetime, limits: RetrainingPolicy) -> str:
    recent = [begun for begun in past if (at - begun).total_seconds() < limits.budget_window_s]
    if len(recent) >= limits.budget:
        days = limits.budget_window_s / DAY_S
        return f"retrained {len(recent)} times in {days:.0f} days; {limits.budget} are allowed"
    return ""


def permit(trigger: Trigger, known: RetrainingEvidence, rules: RetrainingPolicy) -> Permission:
    """Decide whether a training may begin; the reasons name every rule that forbids it.

    The same facts never train twice. Cooldown, budget and least labels do not bind a person, whose
    trainings count in the budget all the same; labels do not matter while nothing serves.
    """
    against = []
    if known.has_learned:
        against.append("these facts have taught this spec already; wait for new outcomes")
    if trigger != "person":
        reached = limit_reached(known.begun, known.at, rules)
        against += [reached] if reached else []
        if known.trained_at is not None and known.new_labels < rules.least_new_labels:
            against.append(
                f"{known.new_labels:,} outcomes are new since the last training;"
                f" {rules.least_new_labels:,} are the least"
            )
    return Permission(not against, tuple(against) or (f"allowed (trigger: {trigger})",))


def due(known: RetrainingEvidence, rules: RetrainingPolicy) -> DueTraining | None:
    """What asks for a training by itself: nothing serves, enough is new, or it is time."""
    refused_at = known.data_refused_at
    if refused_at is not None and (known.at - refused_at).total_seconds() < DATA_REFUSED_S:
        return None
    if known.trained_at is None:
        return DueTraining("schedule", "nothing serves yet")
    enough = rules.enough_new_labels
    if enough is not None and known.new_labels >= enough:
        reason = (
            f"{known.new_labels:,} outcomes are new since the last training, {enough:,} suffice"
        )
        return DueTraining("labels", reason)
    last = max((known.trained_at, *known.begun))
    if rules.every_s is not None and (known.at - last).total_seconds() >= rules.every_s:
        days = rules.every_s / DAY_S
        return DueTraining(
            "schedule", f"trained last on {last:%Y-%m-%d %H:%M}; due every {days:g} days"
        )
    return None
