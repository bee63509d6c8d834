"""What is wrong with a batch of data, as frozen words and numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

Check = Literal[
    "schema",
    "types",
    "nulls",
    "range",
    "level",
    "constant",
    "words",
    "swapped",
    "order",
    "future",
    "clock",
    "volume",
    "duplicates",
    "repeats",
    "outcome",
    "signal",
    "freshness",
]


@dataclass(frozen=True)
class QualityFinding:
    """One thing that is wrong. subject: a column, or what the check is about.

    value: what was found; bound: the most, or the least, that would have passed.
    """

    check: Check
    subject: str
    value: float
    bound: float
    reason: str

    def __str__(self) -> str:
        return f"{self.check}: {self.reason}"


@dataclass(frozen=True)
class QualityVerdict:
    """What a batch of `rows` came to. note: what a reader must know about the comparison."""

    rows: int
    findings: tuple[QualityFinding, ...] = ()
    note: str = ""

    @property
    def passed(self) -> bool:
        return not self.findings

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(str(finding) for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        return {"passed": self.passed, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        findings = tuple(QualityFinding(**each) for each in data["findings"])
        return cls(data["rows"], findings, data["note"])
