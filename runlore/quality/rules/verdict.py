"""What is wrong with a batch of data: findings and the verdict."""

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
    """One failed check. subject: a column, or `*` for the batch as a whole.

    value: the measured value; bound: the highest, or the lowest, value that would have passed.
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
    """The findings about a batch of `rows` rows. note: what limits the comparison, if anything."""

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
        findings = tuple(QualityFinding(**finding) for finding in data["findings"])
        return cls(data["rows"], findings, data["note"])
