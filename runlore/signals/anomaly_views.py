"""Anomalies as the terminal and HTTP show them."""

from collections.abc import Mapping
from dataclasses import asdict

from runlore.kernel.readable import readable_number
from runlore.signals.actions.anomalies import SeriesAnomaly


def anomaly_row(anomaly: SeriesAnomaly) -> Mapping[str, object]:
    """The columns of a table."""
    return {
        "id": anomaly.id,
        "since (UTC)": anomaly.since,
        "series": f"{anomaly.series} of {anomaly.scope}" if anomaly.scope else anomaly.series,
        "kind": anomaly.kind,
        "seen": readable_number(anomaly.seen),
        "expected": "-" if anomaly.expected is None else readable_number(anomaly.expected),
        "how unlikely": "-" if anomaly.probability is None else f"{anomaly.probability:.1g}",
        "also moved": ", ".join(anomaly.others[:3]) or "-",
    }


def readable_rarity(probability: float) -> str:
    """Of how many points one is as rare, to two digits.

    >>> readable_rarity(4.48e-08), readable_rarity(0.0123), readable_rarity(0.0)
    ('22,000,000', '81', 'very many')
    """
    if probability <= 0:
        return "very many"
    return f"{float(f'{1 / probability:.2g}'):,.0f}"


def anomaly_fields(anomaly: SeriesAnomaly) -> dict[str, object]:
    """What JSON shows."""
    return asdict(anomaly) | {"others": list(anomaly.others)}
