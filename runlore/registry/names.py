"""Names that MLflow takes: letters, digits, blanks and `_ - . : /`, where `/` makes sections."""

import hashlib
import re

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


def _part(text: str) -> str:
    plain = text.replace("=", ":")
    cleaned = OTHER.sub("_", plain).strip(" .")
    return cleaned if cleaned == plain and cleaned else f"{cleaned}-{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
