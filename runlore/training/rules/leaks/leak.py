"""A leak, the decision about it, and the executions that the check looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PURE = 0.995  # share of one outcome that counts as "only": logs have some wrong statuses
CHANCE = -18.0  # natural logarithm of the largest probability that a coincidence may have


class LeakKind(StrEnum):
    VALUE = "value"
    PRESENCE = "presence"
    DURATION = "duration"
    FINISH = "finish"
    CHANGED = "changed after the start"
    AFTERWARDS = "measured afterwards"


@dataclass(frozen=True)
class Leak:
    """An input that gives the outcome away. evidence: a sentence, without values of the input."""

    input: str
    kind: LeakKind
    evidence: str


@dataclass(frozen=True)
class LeakAcceptance:
    """A person says that an input is no leak."""

    input: str
    actor: str
    reason: str


@dataclass(frozen=True)
class LeakDecision:
    """A leak with what is done about it. accepted: None where the input is left out."""

    leak: Leak
    accepted: LeakAcceptance | None = None

    @property
    def done(self) -> str:
        """What is done about the leak, for people."""
        if self.accepted is None:
            return "left out"
        return f"accepted by {self.accepted.actor}: {self.accepted.reason}"

    def as_json(self) -> dict[str, Any]:
        accepted = asdict(self.accepted) if self.accepted else None
        return {**asdict(self.leak), "accepted": accepted}


@dataclass(frozen=True)
class InputReport:
    """What a training does not read, and why. texts: the inputs that are free text.

    hashed: of these, the ones that are read as hashed columns.
    """

    leaks: tuple[LeakDecision, ...] = ()
    texts: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()

    @property
    def left_out(self) -> frozenset[str]:
        """The names of the inputs that no key and no feature reads, apart from hashed columns."""
        return frozenset(d.leak.input for d in self.leaks if d.accepted is None) | {*self.texts}

    def as_json(self) -> dict[str, Any]:
        leaks = [decision.as_json() for decision in self.leaks]
        return {"leaks": leaks, "texts": list(self.texts), "hashed": list(self.hashed)}

    def rows(self) -> list[dict[str, Any]]:
        """The leaks as a table for people."""
        return [
            {
                "input": decision.leak.input,
                "kind": str(decision.leak.kind),
                "evidence": decision.leak.evidence,
                "decision": decision.done,
            }
            for decision in self.leaks
        ]


NOTHING_LEFT_OUT = InputReport()


def decide(
    leaks: Sequence[Leak], acceptances: Sequence[LeakAcceptance]
) -> tuple[LeakDecision, ...]:
    """Leave every leak out but those that somebody has accepted."""
    by_input = {acceptance.input: acceptance for acceptance in acceptances}
    return tuple(LeakDecision(leak, by_input.get(leak.input)) for leak in leaks)


@dataclass(frozen=True, eq=False)
class LeakSample:
    """n finished executions of the training part, by submission, as known at submission.

    inputs: a column for each, float64 or objects. parts: `actor`, `kind` and `scope`.
    labels: 0 or 1, such as `failed`. measures: quantities such as `duration_s`; NaN: not known.
    submitted_us, finished_us: (n,); NO_INSTANT where there is none. changes: by input, in how many
    executions it changed after the start, of how many that were reported again after it.
    measured_afterwards: inputs that are known to be, besides those of well-known names.
    """

    inputs: pd.DataFrame
    parts: pd.DataFrame
    labels: Mapping[str, Floats]
    measures: Mapping[str, Floats]
    submitted_us: Ints
    finished_us: Ints
    changes: Mapping[str, tuple[int, int]]
    measured_afterwards: frozenset[str] = frozenset()
