"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """A `NOTE` is worth knowing and stops nothing; something `WRONG` comes with its remedy."""

    check: str
    verdict: Verdict
    what: str
    remedy: str = ""
