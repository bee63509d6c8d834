"""Bands by hour of the week as rules of Prometheus."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import Refused
from runlore.signals.rules.forecasts.weekly_band import WeeklyBand
from runlore.signals.rules.series.grid import Floats

HOUR_OF_WEEK = "runlore:hour_of_week"
LOW, HIGH = "runlore:band_low", "runlore:band_high"
ALERT = "RunloreOutsideBand"
DIGITS = 6
RATE_STEPS = 4
INTERVAL = "2m"  # a sample is stale after 5

METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NAMED = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')

Rule = dict[str, Any]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class BandOfSeries:
    """expr: the PromQL of what the band is about. series, scope: as Runlore names it."""

    series: str
    scope: str
    expr: str
    band: WeeklyBand


def selector(name: str, scope: str, scope_label: str) -> str:
    """The PromQL selector of a series.

    Raises Refused for a name that Prometheus has no metric of.

    >>> selector('http_requests_total{code="500"}', "web-1", "instance")
    'http_requests_total{code="500",instance="web-1"}'
    """
    metric, opened, rest = name.partition("{")
    inner = rest.removesuffix("}")
    labels = NAMED.findall(inner)
    is_read = "".join(f'{label}="{value}",' for label, value in labels) in (inner, f"{inner},")
    if not METRIC.fullmatch(metric) or (opened and not (rest.endswith("}") and is_read)):
        raise Refused(f"{name!r} is no metric of Prometheus")
    matchers = [f'{label}="{value}"' for label, value in labels]
    if scope:
        matchers.append(f"{scope_label}={quoted(scope)}")
    return f"{metric}{{{','.join(matchers)}}}" if matchers else metric


def rate_of(counter: str, at_us: Ints) -> str:
    """The PromQL of a counter's rate per second, over four of its usual steps.

    Four steps hold a rate also when a scrape is missed. at_us: of its points, ascending.

    >>> rate_of("requests_total", np.array([0, 15_000_000, 30_000_000, 60_000_000]))
    'rate(requests_total[60s])'
    """
    step_s = max(round(float(np.median(np.diff(at_us))) / 1_000_000), 1)
    return f"rate({counter}[{RATE_STEPS * step_s}s])"


def rule_groups(bands: Sequence[BandOfSeries], for_s: int) -> dict[str, Any]:
    """A file of rules. for_s: how long a series is outside its band before that is an alert."""
    hours = {"record": HOUR_OF_WEEK, "expr": "day_of_week() * 24 + hour()"}
    groups = [{"name": "runlore-hour-of-week", "interval": INTERVAL, "rules": [hours]}]
    for number, one in enumerate(bands, 1):
        rules = _rules(one, for_s)
        groups.append({"name": f"runlore-band-{number}", "interval": INTERVAL, "rules": rules})
    return {"groups": groups}


def by_hour(values: Floats) -> str:
    """The value of the current hour of the week, in PromQL."""
    terms = [
        f"({HOUR_OF_WEEK} == bool {hour}) * {_number(value)}" for hour, value in enumerate(values)
    ]
    return "\n+ ".join(terms)


def _rules(one: BandOfSeries, for_s: int) -> list[Rule]:
    labels = {"series": one.series} | ({"scope": one.scope} if one.scope else {})
    own = ",".join(f"{name}={quoted(value)}" for name, value in labels.items())
    low, high = (f"{record}{{{own}}}" for record in (LOW, HIGH))
    expr = f"{one.expr} > on () group_left () {high}\nor\n{one.expr} < on () group_left () {low}"
    where = f"{one.series} of {one.scope}" if one.scope else one.series
    return [
        {"record": LOW, "expr": by_hour(one.band.low), "labels": labels},
        {"record": HIGH, "expr": by_hour(one.band.high), "labels": labels},
        {
            "alert": ALERT,
            "expr": expr,
            "for": f"{for_s}s",
            "labels": {"severity": "warning", **labels},
            "annotations": {
                "summary": f"{literal(where)} is outside its band: {{{{ $value }}}}",
                "description": (
                    f"The band of this hour of the week should hold {one.band.level:.1%} of the"
                    f" values. Over {one.band.weeks} weeks, bands made without their own week held"
                    f" {one.band.coverage:.1%}."
                ),
            },
        },
    ]


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def literal(text: str) -> str:
    """Safe inside a template of Prometheus."""
    return text.replace("{{", "{ {").replace("}}", "} }")


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}"
