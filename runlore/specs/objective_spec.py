"""An objective spec: how often a service must be good, over which period, and when to alert.

A user's own objective is a module-level `ObjectiveSpec`, named in `RUNLORE_OBJECTIVES`.
"""

import re
from dataclasses import dataclass
from math import gcd, inf
from typing import Literal

from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.errors import Misconfigured

KIND = "error-budget"  # of the alerts of objectives
MINUTE_S = 60
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MOST_STEPS = 50_000
WILDCARDS = frozenset("*?")

BurnSeverity = Literal["page", "ticket"]


@dataclass(frozen=True)
class ExecutionEvents:
    """Executions that ended; cancelled ones do not count.

    kind, scope, actor, source: patterns such as `build*`. good: what must hold of a good one:
    success, or a duration or a wait (from submission to start) of at most `at_most_s`.
    """

    kind: str = "*"
    scope: str = "*"
    actor: str = "*"
    source: str = "*"
    good: Literal["success", "duration", "wait"] = "success"
    at_most_s: float = inf

    def __post_init__(self) -> None:
        if (self.good == "success") != (self.at_most_s == inf):
            raise Misconfigured("ExecutionEvents: at_most_s belongs to good='duration' or 'wait'")
        if self.at_most_s < 0:
            raise Misconfigured("ExecutionEvents: at_most_s must be at least 0")


@dataclass(frozen=True)
class CounterEvents:
    """Events that two counters count, each the sum of the series that fit its pattern.

    total, good, bad: patterns of names, such as `requests_total{*}`; exactly one of good and bad.
    """

    total: str
    good: str = ""
    bad: str = ""
    scope: str = "*"
    source: str = "*"

    def __post_init__(self) -> None:
        if bool(self.good) == bool(self.bad):
            raise Misconfigured("CounterEvents: state exactly one of good and bad")


@dataclass(frozen=True)
class GaugeEvents:
    """Points of gauges; good are those from `lower` to `upper`, in the unit of the series."""

    series: str
    lower: float = -inf
    upper: float = inf
    scope: str = "*"
    source: str = "*"

    def __post_init__(self) -> None:
        if not self.lower < self.upper or (self.lower, self.upper) == (-inf, inf):
            raise Misconfigured("GaugeEvents: state lower, upper or both, lower below upper")


ObjectiveEvents = ExecutionEvents | CounterEvents | GaugeEvents


@dataclass(frozen=True)
class BurnRule:
    """Alert while the budget burns `factor` times too fast over both windows.

    A factor of 1 spends exactly the whole budget in a period.
    """

    severity: BurnSeverity
    factor: float
    long_s: int
    short_s: int

    def __post_init__(self) -> None:
        if not 0 < self.factor < inf:
            raise Misconfigured("BurnRule: factor must be above 0")
        if not 0 < self.short_s < self.long_s:
            raise Misconfigured("BurnRule: short_s must be above 0 and below long_s")


# Source: Beyer et al., "The Site Reliability Workbook", 2018, chapter 5, "Multiwindow,
# multi-burn-rate alerts".
WORKBOOK = (
    BurnRule("page", 14.4, int(HOUR_S), 5 * MINUTE_S),
    BurnRule("page", 6.0, 6 * int(HOUR_S), 30 * MINUTE_S),
    BurnRule("ticket", 3.0, int(DAY_S), 2 * int(HOUR_S)),
    BurnRule("ticket", 1.0, 3 * int(DAY_S), 6 * int(HOUR_S)),
)


@dataclass(frozen=True)
class ObjectiveSpec:
    """A service objective.

    target: the share of events that must be good, such as 0.995. period_s: the rolling period of
    the error budget. policy: when to alert. Raises Misconfigured for values that make no sense.
    """

    name: str
    events: ObjectiveEvents
    target: float
    period_s: int = 28 * int(DAY_S)
    policy: tuple[BurnRule, ...] = WORKBOOK
    description: str = ""

    def __post_init__(self) -> None:
        where = f"objective {self.name!r}"
        if not NAME.fullmatch(self.name):
            raise Misconfigured(f"{where}: name must be 1 to 100 of letters, digits, '.', '_', '-'")
        if not 0 < self.target < 1:
            raise Misconfigured(f"{where}: target must be above 0 and below 1, such as 0.995")
        if any(rule.long_s > self.period_s for rule in self.policy):
            raise Misconfigured(f"{where}: a window of its policy is longer than period_s")
        if any(length <= 0 or length % MINUTE_S for length in (self.period_s, *self.windows_s)):
            raise Misconfigured(f"{where}: period_s and windows must be whole minutes")
        if self.period_s // self.step_s > MOST_STEPS:
            raise Misconfigured(f"{where}: period_s is too long for windows so short")

    @property
    def windows_s(self) -> tuple[int, ...]:
        """The windows of the policy, the shortest first."""
        lengths = {length for rule in self.policy for length in (rule.short_s, rule.long_s)}
        return tuple(sorted(lengths))

    @property
    def step_s(self) -> int:
        """The longest step of which each window and the period are multiples.

        >>> ObjectiveSpec("builds", ExecutionEvents(), 0.99).step_s
        300
        """
        return gcd(self.period_s, *self.windows_s)

    @property
    def scope(self) -> str:
        """The one scope of its events; empty for a pattern of several.

        >>> ObjectiveSpec("builds", ExecutionEvents(scope="prod"), 0.99).scope
        'prod'
        """
        pattern = self.events.scope
        return "" if WILDCARDS & set(pattern) else pattern

    @property
    def allowed(self) -> float:
        """The share of events that may be bad."""
        return 1.0 - self.target
