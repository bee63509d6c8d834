"""When a burning error budget is an alert: two windows, enough failures, and not by chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import betainc

from runlore.signals.rules.objectives.error_budget import EventCounts, WindowBurn, window_burn
from runlore.specs.objective_spec import BurnRule, BurnSeverity

LEAST_BAD = 2  # events: one failure alone never alerts
CHANCE = 0.001  # of so many failures, were the objective exactly met

BurnState = Literal["firing", "quiet", "unknown"]


@dataclass(frozen=True)
class BurnVerdict:
    """What a rule says of its two windows."""

    rule: BurnRule
    state: BurnState
    long: WindowBurn
    short: WindowBurn
    chance: float


def judge_burn(counts: EventCounts, rule: BurnRule, allowed_share: float) -> BurnVerdict:
    """Fires when both windows burn at least `factor` times too fast, with at least LEAST_BAD bad
    events in the long one, which chance explains with at most CHANCE.

    Unknown when the windows that decide have no event: that neither raises nor resolves anything.
    Source of the windows: "The Site Reliability Workbook", 2018, chapter 5. The bound by chance is
    ours, for little traffic: 1 failure of 2 is a burn rate of 100 at a target of 99.5 %.
    """
    long = window_burn(counts, rule.long_s, allowed_share)
    short = window_burn(counts, rule.short_s, allowed_share)
    chance = chance_of(long.bad, long.total, allowed_share)
    is_long = long.burn >= rule.factor and long.bad >= LEAST_BAD and chance <= CHANCE
    state: BurnState = "quiet"
    if not long.total or (is_long and not short.total):
        state = "unknown"
    elif is_long and short.burn >= rule.factor:
        state = "firing"
    return BurnVerdict(rule, state, long, short, chance)


def chance_of(bad: float, total: float, share: float) -> float:
    """How likely `bad` or more of `total` independent events are bad when `share` are on average.

    The binomial tail; counts may be fractions.

    >>> round(chance_of(1, 2, 0.005), 5), round(chance_of(0, 2, 0.005), 5)
    (0.00998, 1.0)
    """
    if bad <= 0:
        return 1.0
    return float(betainc(bad, max(total - bad, 0.0) + 1.0, share))


def severity_state(verdicts: Sequence[BurnVerdict], severity: BurnSeverity) -> BurnState:
    """Firing when a rule of the severity fires, quiet when all are quiet."""
    states = {verdict.state for verdict in verdicts if verdict.rule.severity == severity}
    if "firing" in states:
        return "firing"
    return "unknown" if "unknown" in states else "quiet"
