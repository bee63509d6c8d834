"""Rows of the pages of executions."""

from dataclasses import dataclass

from bentos.console.ledger.answers import AnswerText
from runlore.serving.queries.execution_search import ExecutionSummary


@dataclass(frozen=True)
class ListedExecution:
    """An execution in a list. took_s: None: not known, or not over."""

    execution: ExecutionSummary
    took_s: float | None


@dataclass(frozen=True)
class JudgedAnswer:
    """An answer beside what came of it. actual: None: it is not known."""

    answer: AnswerText
    actual: float | None

    @property
    def verdict(self) -> str:
        """In words; empty where there is nothing to say yet."""
        row = self.answer.row
        if self.actual is None or row["prediction"] is None:
            return ""
        if self.answer.is_probability:
            return "it happened" if self.actual else "it did not happen"
        if row["low"] is None:
            return ""
        if row["low"] <= self.actual <= row["high"]:
            return "within the interval"
        return "below the interval" if self.actual < row["low"] else "above the interval"
