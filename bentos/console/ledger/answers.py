"""An answer of the ledger in words: what was asked, the unit, the reasons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bentos.console.frame.page import PageRequest
from runlore.models.bundle import Bundle
from runlore.reports.rules.version_scores import question_text
from runlore.specs.model_spec import Probability, Quantity

REASONS = 5
PROBABILITY = "probability"


@dataclass(frozen=True)
class AnswerText:
    """row: of the ledger. question: of its spec, None where this service does not know it.

    reasons: sentences, empty where nobody can tell them any more.
    """

    row: Mapping[str, Any]
    question: Probability | Quantity | None
    reasons: tuple[str, ...] = ()

    @property
    def is_probability(self) -> bool:
        return isinstance(self.question, Probability)

    @property
    def unit(self) -> str:
        if isinstance(self.question, Quantity):
            return self.question.unit
        return PROBABILITY if self.is_probability else ""

    @property
    def what(self) -> str:
        """What was predicted."""
        return question_text(self.question) if self.question else str(self.row["spec"])


def question_of(request: PageRequest, spec: str) -> Probability | Quantity | None:
    return next((one.question for one in request.product.specs if one.name == spec), None)


def answer_text(
    request: PageRequest, row: Mapping[str, Any], *, has_reasons: bool = True
) -> AnswerText:
    """A row with its reasons: those on the ledger, else computed while its version answers."""
    question = question_of(request, row["spec"])
    reasons = _reasons(request, row) if has_reasons else ()
    return AnswerText(row, question, reasons)


def bundle_of(request: PageRequest, row: Mapping[str, Any]) -> Bundle | None:
    """The version that gave an answer, while it still answers here."""
    champion = request.serving.live.get(row["spec"])
    challenge = request.serving.challenges.get(row["spec"])
    lives = (champion, None if challenge is None else challenge.live)
    bundles = [live.bundle for live in lives if live is not None]
    return next((bundle for bundle in bundles if bundle.version == row["version"]), None)


def _reasons(request: PageRequest, row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["reasons"]:
        return tuple(reason.get("text") or reason["feature"] for reason in row["reasons"])
    bundle = bundle_of(request, row)
    if bundle is None or row["features"] is None or row["status"] != 200:
        return ()
    return tuple(reason.text for reason in bundle.reasons(row["features"], REASONS))
