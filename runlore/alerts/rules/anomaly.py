"""Turn an anomaly's kind, subject and evidence into an alert's finding."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runlore.alerts.rules.finding import AlertFinding, severity, spec_of

# What to do, by kind, where the evidence does not say, and what ends the alert.
ADVICE = {
    "drift": "open the report, see which columns moved and why; if the world has changed, train "
    "anew: `runlore train {spec}`; the next window without drift, of the version that serves then, "
    "ends this alert",
    "skew": "stop trusting the answers of this version: `runlore skew {spec}` shows the features "
    "that differ; roll back with `runlore rollback {spec}`, or rebuild with `runlore features "
    "rebuild`; a comparison without a difference ends this alert: `runlore skew {spec} --days 0.1`",
    "performance": "look at the windows: `runlore performance {spec}`; train anew: `runlore train "
    "{spec}`; scores that keep their floors end this alert",
    "data quality": "see what breaks the contract: `runlore quality {spec}`; a window that keeps "
    "it ends this alert",
}

ANY_ADVICE = (  # of a kind that other programs raise
    "look at the evidence: `runlore alerts show`; mend the cause, then close it: `runlore alerts "
    "resolve`"
)
MOST_REASONS = 3


def finding(kind: str, subject: str, grave: str, evidence: Mapping[str, Any]) -> AlertFinding:
    """Make a finding of an anomaly's evidence: its `what`, `certainty`, `advice` and `since`.

    What is missing is derived from what watchers usually record: reasons, windows, counts.
    """
    return AlertFinding(
        kind,
        subject,
        severity(grave),
        str(evidence.get("what") or _what(kind, evidence)),
        str(evidence.get("certainty") or _certainty(evidence)),
        str(evidence.get("advice") or ADVICE.get(kind, ANY_ADVICE).format(spec=spec_of(subject))),
        _since(evidence),
        evidence,
    )


def _what(kind: str, evidence: Mapping[str, Any]) -> str:
    """
    >>> _what("skew", {"compared": 1200, "different": 3})
    '3 of 1,200 served answers had other features than the log gives'
    """
    reasons = evidence.get("reasons")
    if isinstance(reasons, Sequence) and not isinstance(reasons, str) and reasons:
        more = len(reasons) - MOST_REASONS
        text = "; ".join(map(str, reasons[:MOST_REASONS]))
        return f"{text}; and {more} more" if more > 0 else text
    if {"compared", "different"} <= evidence.keys():
        compared, different = evidence["compared"], evidence["different"]
        return f"{different:,} of {compared:,} served answers had other features than the log gives"
    return f"{kind}: see the evidence"


def _certainty(evidence: Mapping[str, Any]) -> str:
    """
    >>> _certainty({"rows_current": 9000, "rows_reference": 120000, "threshold": 0.1})
    'measured on 9,000 rows against 120,000'
    """
    if {"rows_current", "rows_reference"} <= evidence.keys():
        current, reference = evidence["rows_current"], evidence["rows_reference"]
        text = f"measured on {current:,} rows against {reference:,}"
        share, bound = evidence.get("drifted_share"), evidence.get("threshold")
        if isinstance(share, float) and isinstance(bound, float):
            text += f"; {share:.0%} of the columns moved further than chance, {bound:.0%} may"
        return text
    if {"compared", "different"} <= evidence.keys():
        return "certain: the values were compared bit by bit"
    return ""


def _since(evidence: Mapping[str, Any]) -> datetime | None:
    stated = evidence.get("since") or evidence.get("window_from")
    try:
        instant = datetime.fromisoformat(str(stated))
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None
