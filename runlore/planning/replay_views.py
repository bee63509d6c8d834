"""Replays of scheduling as people and programs read them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite

from runlore.kernel.readable import readable_duration, readable_share
from runlore.planning.actions.scheduling_replay import SchedulingReplay
from runlore.planning.rules.backfilling.comparison import BASELINE, PolicyResult
from runlore.planning.rules.backfilling.waiting import WaitGain, WaitingTimes


@dataclass(frozen=True)
class WaitView:
    jobs: int
    slowdown: float
    wait_mean_s: float
    wait_median_s: float
    wait_p99_s: float
    wait_longest_s: float


@dataclass(frozen=True)
class GainView:
    """share: by which the mean falls against EASY; None: it was 0. low, high: its 95 % interval."""

    share: float | None
    low: float | None
    high: float | None
    is_shown: bool


@dataclass(frozen=True)
class PolicyView:
    """waits, slowdown_gain, wait_gain: of the later part."""

    name: str
    is_possible: bool
    quantile: float | None
    earlier_slowdown: float
    waits: WaitView
    slowdown_gain: GainView
    wait_gain: GainView


@dataclass(frozen=True)
class WhatIfView:
    slots: float
    easy: WaitView
    best: WaitView


@dataclass(frozen=True)
class ReplayView:
    finding: str
    slots: float
    jobs: int
    left_out: Mapping[str, int]
    without_request: int
    first_at: datetime
    later_from: datetime
    last_at: datetime
    patience_s: float
    best: str
    recorded: WaitView
    policies: tuple[PolicyView, ...]
    what_if: tuple[WhatIfView, ...]


def show_replay(made: SchedulingReplay) -> ReplayView:
    results = made.comparison.results
    return ReplayView(
        conclude_replay(made),
        made.request.slots,
        len(made.comparison.jobs),
        made.left_out,
        made.without_request,
        made.first_at,
        made.later_from,
        made.last_at,
        made.comparison.chosen.patience_s,
        made.comparison.best,
        _show_waits(made.recorded),
        tuple(_show_policy(one) for one in results.values()),
        tuple(
            WhatIfView(one.slots, _show_waits(one.easy), _show_waits(one.best))
            for one in made.what_if
        ),
    )


def conclude_replay(made: SchedulingReplay) -> str:
    """One sentence: whether the policy that was best before is better than EASY afterwards."""
    best = made.comparison.results[made.comparison.best]
    if made.comparison.best == BASELINE:
        return "no policy was better than EASY with requests on the earlier jobs"
    easy = made.comparison.results[BASELINE].later
    waits = (
        f"mean wait {readable_duration(best.later.wait_mean_s)}, under EASY"
        f" {readable_duration(easy.wait_mean_s)}"
    )
    name = made.comparison.best
    if not best.gain.interval.is_known:
        return (
            f"{name} was best on the earlier jobs; {waits}; fewer than six weeks cannot show a gain"
        )
    if not best.gain.is_shown:
        return f"{name} is not shown to be better than EASY with requests; {waits}"
    low, high = (readable_share(round(at, 2)) for at in _ends(best.gain))
    return (
        f"{name} cuts the mean bounded slowdown by {readable_share(round(best.gain.share, 2))}"
        f" ({low} to {high}); {waits}"
    )


def tabulate_policy(view: PolicyView) -> dict[str, object]:
    """A row for a terminal."""
    gain = view.slowdown_gain
    known = gain.low is not None and gain.high is not None and view.name != BASELINE
    return {
        "policy": view.name if view.is_possible else f"{view.name} *",
        "slowdown": f"{view.waits.slowdown:.1f}",
        "gain": "" if gain.share is None or view.name == BASELINE else f"{gain.share:.0%}",
        "95 %": f"{gain.low:.0%} to {gain.high:.0%}" if known else "",
        "mean wait": readable_duration(view.waits.wait_mean_s),
        "longest": readable_duration(view.waits.wait_longest_s),
    }


def tabulate_what_if(view: WhatIfView, best: str) -> dict[str, object]:
    return {
        "slots": f"{view.slots:g}",
        "EASY: slowdown": f"{view.easy.slowdown:.1f}",
        "EASY: mean wait": readable_duration(view.easy.wait_mean_s),
        f"{best}: slowdown": f"{view.best.slowdown:.1f}",
        f"{best}: mean wait": readable_duration(view.best.wait_mean_s),
    }


def _show_policy(one: PolicyResult) -> PolicyView:
    return PolicyView(
        one.named.name,
        one.named.is_possible,
        one.named.level,
        one.earlier.slowdown,
        _show_waits(one.later),
        _show_gain(one.gain),
        _show_gain(one.wait_gain),
    )


def _show_waits(one: WaitingTimes) -> WaitView:
    return WaitView(**asdict(one))


def _show_gain(gain: WaitGain) -> GainView:
    low, high = _ends(gain) if gain.interval.is_known else (None, None)
    return GainView(gain.share if isfinite(gain.share) else None, low, high, gain.is_shown)


def _ends(gain: WaitGain) -> tuple[float, float]:
    return gain.interval.low, gain.interval.high
