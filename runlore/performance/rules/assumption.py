"""The assumptions of an estimate without outcomes, and whether they hold."""

from dataclasses import dataclass
from typing import Literal

Name = Literal["enough answers", "calibration", "errors", "support"]
ASSUMPTIONS: dict[Name, str] = {
    "enough answers": "There are enough answers; of probabilities, failures and successes are"
    " expected of them.",
    "calibration": "Of answers that say p, a share p comes true: now as on the newest known"
    " outcomes. A change in how outcomes depend on features breaks this.",
    "errors": "Answers that look alike, with their intervals, are wrong by as much: now as on the"
    " newest known outcomes.",
    "support": "The features are of the kind that training held: a model knows nothing of others.",
}


@dataclass(frozen=True)
class Assumption:
    """holds: None where it could not be tested."""

    name: Name
    text: str
    holds: bool | None
    reason: str


def assumption(name: Name, holds: bool | None, reason: str) -> Assumption:
    return Assumption(name, ASSUMPTIONS[name], holds, reason)
