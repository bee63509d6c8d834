"""A security rule, as it is evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from runlore.advice.rules.security.conditions import Condition, field_tests, needed_values
from runlore.advice.rules.security.events import CATEGORIES, CATEGORY, HABIT_FIELDS

CorrelationKind = Literal["event_count", "value_count", "value_sum", "temporal", "temporal_ordered"]
RuleLevel = Literal["informational", "low", "medium", "high", "critical"]
LEVELS: tuple[RuleLevel, ...] = ("informational", "low", "medium", "high", "critical")
CAUSES = ("source.ip", "user.name", "host.name")  # the first one that a rule groups by


@dataclass(frozen=True)
class Correlation:
    """rules: names of rules. least: the condition of a count or sum; temporal rules need all."""

    kind: CorrelationKind
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    width_us: int
    least: float = 1.0
    field: str = ""


@dataclass(frozen=True)
class SecurityRule:
    """One of condition and correlation is given. cause: the field that names who or what it is
    about: alerts of one cause are one. alerts: False: it is only a part of other rules."""

    name: str
    title: str
    level: RuleLevel
    file: str
    description: str = ""
    advice: str = ""
    tags: tuple[str, ...] = ()
    cause: str = "user.name"
    alerts: bool = True
    condition: Condition | None = None
    correlation: Correlation | None = None

    @property
    def fields(self) -> frozenset[str]:
        """ECS names of the fields that it reads."""
        own = {self.cause, "source.ip"}
        if self.condition is not None:
            own |= {test.field for test in field_tests(self.condition)}
            own |= {
                str(test.value) for test in field_tests(self.condition) if test.operator == "same"
            }
        if self.correlation is not None:
            own |= {*self.correlation.group_by, self.correlation.field} - {""}
        return frozenset(own)

    @property
    def needs_habits(self) -> bool:
        return bool(self.fields & {*HABIT_FIELDS})


@dataclass(frozen=True)
class RefusedRule:
    """A rule that cannot be used. fix: what to change in the file."""

    file: str
    reason: str
    fix: str


@dataclass(frozen=True)
class RuleSet:
    """rules: a rule comes after those that it refers to."""

    rules: tuple[SecurityRule, ...]
    refused: tuple[RefusedRule, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        return frozenset().union(*(rule.fields for rule in self.rules))

    @property
    def reach_us(self) -> int:
        """How long before an event others may matter to it."""
        reach: dict[str, int] = {}
        for rule in self.rules:
            if rule.correlation is not None:
                inner = max(reach.get(name, 0) for name in rule.correlation.rules)
                reach[rule.name] = inner + rule.correlation.width_us
        return max(reach.values(), default=0)

    @property
    def kinds(self) -> frozenset[str] | None:
        """The kinds of executions that can match at all; None: any may."""
        sets = [_kinds(rule.condition) for rule in self.rules if rule.condition is not None]
        if any(kinds is None for kinds in sets):
            return None
        return frozenset().union(*(kinds for kinds in sets if kinds is not None))

    def by_name(self) -> Mapping[str, SecurityRule]:
        return {rule.name: rule for rule in self.rules}


def _kinds(condition: Condition) -> frozenset[str] | None:
    actions = needed_values(condition, "event.action")
    if actions is not None:
        return actions
    categories = needed_values(condition, CATEGORY)
    if categories is None:
        return None
    return frozenset(kind for kind, category in CATEGORIES.items() if category in categories)
