"""Service objectives over counters as rules of Prometheus."""

import re
from collections.abc import Sequence
from typing import Any

from runlore.kernel.errors import Refused
from runlore.signals.rules.objectives.burn_alerts import LEAST_BAD
from runlore.signals.rules.prometheus_rules import LABEL, METRIC, literal, quoted
from runlore.specs.objective_spec import BurnRule, BurnSeverity, CounterEvents, ObjectiveSpec

BAD_SHARE, EVENTS = "runlore:objective_bad_share", "runlore:objective_events"
ALERT = "RunloreErrorBudget"
INTERVAL = "1m"
SEVERITIES: dict[BurnSeverity, str] = {"page": "critical", "ticket": "warning"}
UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))

LABELLED = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*)("|$)')
FREE = frozenset("*,")

Rule = dict[str, Any]


def objective_rule_groups(specs: Sequence[ObjectiveSpec], scope_label: str) -> dict[str, Any]:
    """A file of rules: shares of bad events by window, and an alert per rule of the policy.

    Source: Beyer et al., "The Site Reliability Workbook", 2018, chapter 5, "Multiwindow,
    multi-burn-rate alerts". Raises Refused for events that Prometheus does not count.
    """
    groups = [
        {
            "name": f"runlore-objective-{spec.name}",
            "interval": INTERVAL,
            "rules": objective_rules(spec, scope_label),
        }
        for spec in specs
    ]
    return {"groups": groups}


def objective_rules(spec: ObjectiveSpec, scope_label: str) -> list[Rule]:
    events = spec.events
    if not isinstance(events, CounterEvents):
        raise Refused("its events are not counted by Prometheus; `runlore alerts deliver` watches")
    total = pattern_selector(events.total, events.scope, scope_label)
    part = pattern_selector(events.good or events.bad, events.scope, scope_label)
    recorded = [
        rule
        for window_s in spec.windows_s
        for rule in _records(spec.name, total, (part, bool(events.good)), promql_span(window_s))
    ]
    return recorded + [_alert(spec, rule) for rule in spec.policy]


def pattern_selector(pattern: str, scope: str, scope_label: str) -> str:
    """The PromQL selector of the series that a pattern names.

    Raises Refused for a pattern that Prometheus has no selector of.

    >>> pattern_selector('requests_total{*code="5*', "prod*", "instance")
    'requests_total{code=~"5.*",instance=~"prod.*"}'
    """
    metric, opened, rest = pattern.partition("{")
    labels = LABELLED.findall(rest)
    between = LABELLED.sub("", rest).removesuffix("}")
    is_open = any(not end and not value.endswith("*") for _, value, end in labels)
    name = metric.replace("*", "").replace("?", "")
    if not METRIC.fullmatch(name) or not set(between) <= FREE or is_open:
        raise Refused(f"{pattern!r} is no pattern of one metric and its labels")
    if opened and not rest:
        raise Refused(f"{pattern!r} is no pattern of one metric and its labels")
    is_exact = metric == name
    matchers = [] if is_exact else [_matcher("__name__", metric)]
    matchers += [_matcher(label, value) for label, value, _ in labels if value != "*"]
    matchers += [_matcher(scope_label, scope)] if scope != "*" else []
    found = ",".join(matchers)
    return f"{metric if is_exact else ''}{{{found}}}" if found else metric


def promql_span(length_s: int) -> str:
    """
    >>> promql_span(300), promql_span(86_400), promql_span(90)
    ('5m', '1d', '90s')
    """
    for unit, unit_s in UNITS:
        if length_s % unit_s == 0:
            return f"{length_s // unit_s}{unit}"
    return f"{length_s}s"


def _matcher(label: str, pattern: str) -> str:
    if not LABEL.fullmatch(label):
        raise Refused(f"{label!r} is no label of Prometheus")
    if not {"*", "?"} & set(pattern):
        return f"{label}={quoted(pattern)}"
    signs = {"*": ".*", "?": "."}
    regex = "".join(signs.get(sign) or re.escape(sign) for sign in pattern)
    return f"{label}=~{quoted(regex)}"


def _records(name: str, total: str, part: tuple[str, bool], span: str) -> list[Rule]:
    """The share of bad events of a window, and how many events it has; neither without events."""
    selected, is_good = part
    events = f"sum(increase({total}[{span}]))"
    counted = f"(sum(increase({selected}[{span}])) or 0 * {events})"
    share = f"{counted} / ({events} > 0)"
    labels = {"objective": name, "window": span}
    return [
        {"record": BAD_SHARE, "expr": f"1 - {share}" if is_good else share, "labels": labels},
        {"record": EVENTS, "expr": events, "labels": labels},
    ]


def _alert(spec: ObjectiveSpec, rule: BurnRule) -> Rule:
    long, short = promql_span(rule.long_s), promql_span(rule.short_s)
    bound = f"{rule.factor * spec.allowed:.10g}"
    share, brief, events = (
        f'{record}{{objective="{spec.name}",window="{span}"}}'
        for record, span in ((BAD_SHARE, long), (BAD_SHARE, short), (EVENTS, long))
    )
    return {
        "alert": ALERT,
        "expr": (
            f"{share} >= {bound}\nand on () {brief} >= {bound}"
            f"\nand on () {share} * on () {events} >= {LEAST_BAD}"
        ),
        "labels": {"severity": SEVERITIES[rule.severity], "objective": spec.name}
        | ({"scope": spec.scope} if spec.scope else {}),
        "annotations": {
            "summary": (
                f"{spec.name}: {{{{ $value | humanizePercentage }}}} of the events of {long} are"
                f" bad, {100 * spec.allowed:.10g}% may be"
            ),
            "description": literal(
                f"The error budget burns at least {rule.factor:g} times too fast over {long} and"
                f" {short}. {spec.description}".strip()
            ),
        },
    }
