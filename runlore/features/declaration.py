"""What a model may look at, as data."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from runlore.records.errors import BadInput

FIRST_COLUMNS = ("in_flight", "since_submission_s", "since_outcome_s")

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

EVENT_KEYS = ("actor", "kind", "scope", "inputs")
"""Key parts besides `inputs.NAME`; `inputs` stands for all inputs together: the same request."""

EVENT_VALUES = ("failed", "duration_s", "log_duration", "wait_s")
"""Values known from an outcome, besides `outcome.NAME`."""


@dataclass(frozen=True)
class History:
    """What became of earlier work that shares a key with this one.

    keys: parts of the key; ``("actor", "kind")`` means the same actor doing the same kind.
    values: what to average of each known outcome.
    half_lives_s: how fast the past fades, seconds, ascending.
    """

    keys: tuple[str, ...]
    values: tuple[str, ...] = ("failed", "log_duration")
    half_lives_s: tuple[float, ...] = (HOUR_S, DAY_S, 30 * DAY_S)

    def __post_init__(self) -> None:
        for part in self.keys:
            if part not in EVENT_KEYS and not part.startswith("inputs."):
                raise BadInput(f"history key {part!r} is none of {EVENT_KEYS} or inputs.NAME")
        for value in self.values:
            if value not in EVENT_VALUES and not value.startswith("outcome."):
                raise BadInput(f"history value {value!r} is none of {EVENT_VALUES} or outcome.NAME")
        if not self.half_lives_s or self.half_lives_s[0] <= 0:
            raise BadInput("a history needs at least one half-life, in seconds, above 0")
        if any(later <= earlier for earlier, later in pairwise(self.half_lives_s)):
            raise BadInput(f"half-lives must ascend: {self.half_lives_s}")

    @property
    def name(self) -> str:
        return "+".join(self.keys) or "all"

    @cached_property
    def digest(self) -> str:
        """Names the state of this history in the store: other numbers, another state."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.name}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """What `fold.read` writes, in its order."""
        ages = [_age(half_life) for half_life in self.half_lives_s]
        values = [
            f"{value}_{name}"
            for value in self.values
            for name in (
                "last",
                "last2_mean",
                *(f"{moment}_{age}" for age in ages for moment in ("count", "mean", "sd")),
            )
        ]
        return (*FIRST_COLUMNS, *(f"submissions_{age}" for age in ages), *values)

    @cached_property
    def chosen(self) -> tuple[int, ...]:
        """Which of `columns` are features: those that say something the others do not.

        The counts of one value stand for all, and a 0/1 value's spread follows from its mean.
        """
        counted = self.values[0] if self.values else ""
        return tuple(
            at
            for at, column in enumerate(self.columns)
            if not column.startswith("failed_sd_")
            and ("_count_" not in column or column.startswith(f"{counted}_count_"))
        )

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}.{self.columns[at]}" for at in self.chosen)


def _age(seconds: float) -> str:
    for unit, size in (("d", DAY_S), ("h", HOUR_S), ("min", 60.0)):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"


@dataclass(frozen=True)
class FeatureSet:
    """The features of a model spec.

    inputs, categories: names of numeric and of text inputs; None: whichever the training window
    holds. `actor`, `kind` and `scope` may stand among the categories.
    utc_offset_h: shifts the calendar features to the local day.
    """

    histories: tuple[History, ...]
    inputs: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    has_calendar: bool = True
    utc_offset_h: float = 0.0


@dataclass(frozen=True)
class Vocabulary:
    """A category's words in training, most frequent first; a word's code is its place."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class FeaturePlan:
    """A FeatureSet with nothing left open: what a trained model reads, in order."""

    inputs: tuple[str, ...]
    categories: tuple[Vocabulary, ...]
    histories: tuple[History, ...]
    has_calendar: bool = True
    utc_offset_h: float = 0.0

    @cached_property
    def names(self) -> tuple[str, ...]:
        calendar = ("hour", "weekday", "hour_of_week") if self.has_calendar else ()
        return (
            *(f"inputs.{name}" for name in self.inputs),
            *(vocabulary.name for vocabulary in self.categories),
            *calendar,
            *(name for history in self.histories for name in history.feature_names),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FeaturePlan":
        return cls(
            inputs=tuple(data["inputs"]),
            categories=tuple(
                Vocabulary(each["name"], tuple(each["words"])) for each in data["categories"]
            ),
            histories=tuple(
                History(tuple(h["keys"]), tuple(h["values"]), tuple(h["half_lives_s"]))
                for h in data["histories"]
            ),
            has_calendar=data["has_calendar"],
            utc_offset_h=data["utc_offset_h"],
        )
