"""What series did in a period, as a report says it. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.kernel.readable import readable_number, readable_share

# Kinds of alerts about series: what one is called, and several.
SIGNAL_KINDS = {
    "incident": ("incident", "incidents"),
    "regression": ("regression", "regressions"),
    "anomaly": ("anomaly", "anomalies"),
    "limit": ("limit that comes near", "limits that come near"),
    "error-budget": ("error budget that burns", "error budgets that burn"),
    "forecast drift": ("forecast that became worse", "forecasts that became worse"),
}


@dataclass(frozen=True)
class SignalRow:
    """A cause that stood in the period. until: None: it stood when the report was made."""

    kind: str
    subject: str
    what: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class SkillRow:
    """Forecasts that were scored in the period. series, better: how many, and those that beat the
    last season again. gain: the median share of its error that is gone. coverage: of the bands."""

    spec: str
    horizon_s: float
    series: int
    better: int
    points: int
    gain: float
    level: float
    coverage: float


def signal_sentences(signals: Sequence[SignalRow], skill: Sequence[SkillRow]) -> list[str]:
    """For the beginning of the report; nothing where no series is watched."""
    return [*_causes(signals), *_skill(skill)]


def _causes(signals: Sequence[SignalRow]) -> Iterator[str]:
    if not signals:
        return
    kinds = [kind for kind in SIGNAL_KINDS if any(row.kind == kind for row in signals)]
    counts = {kind: sum(row.kind == kind for row in signals) for kind in kinds}
    parts = [f"{readable_number(n)} {SIGNAL_KINDS[kind][n > 1]}" for kind, n in counts.items()]
    standing = sum(row.until is None for row in signals)
    rest = "all are over" if not standing else f"{readable_number(standing)} of them still stand"
    yield f"Series of metrics had {', '.join(parts)}; {rest}."


def _skill(skill: Sequence[SkillRow]) -> Iterator[str]:
    series, better = sum(row.series for row in skill), sum(row.better for row in skill)
    if not series:
        return
    inside = sum(row.coverage * row.points for row in skill) / sum(row.points for row in skill)
    text = (
        f"{readable_number(better)} of {readable_number(series)} forecasts of series and horizons"
        f" beat the last season again; bands held {readable_share(inside)} of the values"
    )
    levels = {row.level for row in skill}
    yield f"{text}, {readable_share(levels.pop())} were meant." if len(levels) == 1 else f"{text}."


def gain_text(gain: float | None) -> str:
    """Beside the last season again.

    >>> gain_text(0.25), gain_text(-0.1), gain_text(None)
    ('25 % less', '10 % more', 'unknown')
    """
    if gain is None or not math.isfinite(gain):
        return "unknown"
    return f"{readable_share(abs(gain))} {'more' if gain < 0 else 'less'}"
