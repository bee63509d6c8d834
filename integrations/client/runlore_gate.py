"""Whether work of a known risk may run: one rule for the tools that can keep work back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runlore_http import (
    PlannedWork,
    PredictionService,
    RequestFailed,
    is_unknown,
    percent,
    probability,
    reason_sentences,
)

OnRisk = Literal["log", "skip", "fail"]
CONSEQUENCES: Mapping[OnRisk, str] = {
    "log": "it runs all the same",
    "skip": "skipped",
    "fail": "not run",
}


@dataclass(frozen=True)
class GateDecision:
    """action: None where the risk is no reason for one. sentence: for the log of the work."""

    action: OnRisk | None
    sentence: str


def decide(
    answer: Mapping[str, Any], risk: float, max_risk: float, on_risk: OnRisk
) -> GateDecision:
    """What to do with work of this risk. Nothing is kept back of which nothing is known.

    >>> decide({}, 0.8, 0.5, "skip").sentence
    '80 % risk of failure, more than 50 %: skipped'
    """
    reasons = "; ".join(reason_sentences(answer))
    sentence = f"{percent(risk)} risk of failure" + (f" ({reasons})" if reasons else "")
    if risk <= max_risk:
        return GateDecision(None, sentence)
    above = f"{sentence}, more than {percent(max_risk)}"
    if is_unknown(answer):
        return GateDecision("log", f"{above}, but nothing is known of such work: it runs")
    return GateDecision(on_risk, f"{above}: {CONSEQUENCES[on_risk]}")


def ask(
    service: PredictionService, work: PlannedWork, max_risk: float, on_risk: OnRisk
) -> GateDecision:
    """Ask for the risk, and decide. A service that knows no risks keeps nothing back.

    Raises RequestFailed where there is no service.
    """
    try:
        answer = service.predict("failure-risk", work)
        return decide(answer, probability(answer), max_risk, on_risk)
    except RequestFailed as error:
        if error.status is None:
            raise
        return GateDecision(None, f"no risk of failure: {error}")
