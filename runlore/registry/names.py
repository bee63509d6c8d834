"""Names that MLflow takes: letters, digits, blanks and `_ - . : /`, where `/` makes sections."""

import hashlib
import re
from datetime import datetime

LONGEST = 250
OTHER = re.compile(r"[^\w .:-]+", re.ASCII)


def score_name(*parts: str) -> str:
    """One name out of parts such as a part of the data, a candidate, a score.

    >>> score_name("validation", "xgboost", "log_loss")
    'validation/xgboost/log_loss'
    >>> score_name("slice", "kind=etl", "auc")
    'slice/kind:etl/auc'

    Parts that had to be changed stay apart by a digest:

    >>> score_name("slice", "scope=a/b", "auc"), score_name("slice", "scope=a%b", "auc")
    ('slice/scope:a_b-e70344/auc', 'slice/scope:a_b-3b1366/auc')
    """
    name = "/".join(map(_part, parts))
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 7]}-{_digest(name)}"


def run_name(outcome: str, spec: str, started_at: datetime, candidate: str = "") -> str:
    """What a run of training is called. MLflow's list cuts names off, so what differs is first.

    started_at: in UTC.

    >>> started_at = datetime(2026, 11, 30, 1, 40)
    >>> run_name("promoted", "failure-risk", started_at, "gradient-boosting")
    'promoted: gradient-boosting, failure-risk 2026-11-30 01:40 UTC'
    >>> run_name("training", "failure-risk", started_at)
    'training: failure-risk 2026-11-30 01:40 UTC'
    """
    of = f"{candidate}, " if candidate else ""
    return f"{outcome}: {of}{spec} {started_at:%Y-%m-%d %H:%M} UTC"


def _part(text: str) -> str:
    plain = text.replace("=", ":")
    cleaned = OTHER.sub("_", plain).strip(" .")
    return cleaned if cleaned == plain and cleaned else f"{cleaned}-{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
