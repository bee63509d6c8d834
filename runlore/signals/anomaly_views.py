"""Anomalies as the terminal and HTTP show them."""

from collections.abc import Mapping
from dataclasses import asdict

from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.readable import readable_number
from runlore.signals.actions.anomalies import SeriesAnomaly
from runlore.signals.views import name_series


def anomaly_row(anomaly: SeriesAnomaly) -> Mapping[str, object]:
    """The columns of a table; the id, which is long, is said apart."""
    rarity = "-" if anomaly.probability is None else readable_rarity(anomaly.probability)
    return {
        "since (UTC)": f"{anomaly.since:%Y-%m-%d %H:%M}",
        "series": name_series(anomaly.series or f"{len(anomaly.others)} series", anomaly.scope),
        "kind": anomaly.kind,
        "seen": readable_seen(anomaly),
        "1 in": rarity,
        "also moved": ", ".join(anomaly.others[:3]) or "-",
    }


def readable_seen(anomaly: SeriesAnomaly) -> str:
    """The value, count or cycle, and what was expected of it."""
    if anomaly.rhythm is not None:
        cycle, period = anomaly.rhythm, "day" if anomaly.rhythm.period_s == DAY_S else "week"
        if cycle.what == "shifted":
            way = "later" if cycle.shift_s > 0 else "earlier"
            return f"the {period} comes {readable_number(abs(cycle.shift_s) / HOUR_S)} h {way}"
        ranges = f"{readable_number(cycle.seen_range)}, not {readable_number(cycle.usual_range)}"
        return f"the {period} is gone: range {ranges}"
    expected = "" if anomaly.expected is None else f", not {readable_number(anomaly.expected)}"
    return f"{readable_number(anomaly.seen)}{expected}"


def readable_rarity(probability: float) -> str:
    """Of how many points one is as rare, to two digits.

    >>> readable_rarity(4.48e-08), readable_rarity(0.0123), readable_rarity(0.0)
    ('22,000,000', '81', 'more than 1,000,000,000')
    """
    if probability < 1e-9:
        return "more than 1,000,000,000"
    return f"{float(f'{1 / probability:.2g}'):,.0f}"


def anomaly_fields(anomaly: SeriesAnomaly) -> dict[str, object]:
    """What JSON shows."""
    return asdict(anomaly) | {"others": list(anomaly.others)}
