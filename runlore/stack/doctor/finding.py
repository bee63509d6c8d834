"""The finding of a check."""

from dataclasses import dataclass
from enum import StrEnum


class DoctorVerdict(StrEnum):
    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class DoctorFinding:
    """A `NOTE` is worth knowing and stops nothing; something `WRONG` comes with its remedy."""

    check: str
    verdict: DoctorVerdict
    what: str
    remedy: str = ""
