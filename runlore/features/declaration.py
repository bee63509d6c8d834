"""The declaration of a model's features, as data."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.errors import BadInput

FIRST_COLUMNS = ("in_flight", "since_submission_s", "since_outcome_s")


LARGEST = 1e38  # values and features, and the difference of two, stay within a float32

# Key parts besides `inputs.NAME`. `inputs` stands for all inputs together: the same request.
EVENT_KEYS = ("actor", "kind", "scope", "inputs")

# Values that an outcome gives, besides `outcome.NAME`.
EVENT_VALUES = ("failed", "duration_s", "log_duration", "wait_s")


@dataclass(frozen=True)
class HistoryFeatures:
    """Features from the outcomes of earlier executions that share a key with this one.

    keys: parts of the key; ``("actor", "kind")`` means the same actor doing the same kind.
    values: the values of known outcomes to average.
    half_lives_s: half-lives of the decayed averages, in seconds, ascending.
    last: averages over the last n outcomes, ascending; older ones fade out by count, not by time.
    without: inputs that do not count in the key `inputs`, such as leaks and free text.
    """

    keys: tuple[str, ...]
    values: tuple[str, ...] = ("failed", "log_duration")
    half_lives_s: tuple[float, ...] = (HOUR_S, DAY_S, 30 * DAY_S)
    # Not in the repr, which names batches of facts in the store: no spec declares it.
    without: tuple[str, ...] = field(default=(), repr=False)
    last: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(self.keys))
        object.__setattr__(self, "values", tuple(self.values))
        object.__setattr__(self, "half_lives_s", tuple(map(float, self.half_lives_s)))
        object.__setattr__(self, "without", tuple(sorted(self.without)))
        object.__setattr__(self, "last", tuple(self.last))
        for part in self.keys:
            if part not in EVENT_KEYS and not _names(part, "inputs."):
                raise BadInput(f"history key {part!r} is none of {EVENT_KEYS} or inputs.NAME")
        for value in self.values:
            if value not in EVENT_VALUES and not _names(value, "outcome."):
                raise BadInput(f"history value {value!r} is none of {EVENT_VALUES} or outcome.NAME")
        if not self.half_lives_s or not all(0 < h < math.inf for h in self.half_lives_s):
            raise BadInput(
                "a history needs half-lives in seconds, above 0 and finite, at least one"
            )
        if any(later <= earlier for earlier, later in pairwise(self.half_lives_s)):
            raise BadInput(f"half-lives must ascend: {self.half_lives_s}")
        if any(n != int(n) or n < 2 for n in self.last) or list(self.last) != sorted({*self.last}):
            raise BadInput(f"last: whole numbers from 2 on that ascend, not {self.last}", "last")
        refuse_repeats("history key", self.keys)
        refuse_repeats("history value", self.values)

    def __repr__(self) -> str:
        """Without what is empty in most specs: what was learned is named by reprs."""
        of_last = f", last={self.last}" if self.last else ""
        return (
            f"HistoryFeatures(keys={self.keys}, values={self.values},"
            f" half_lives_s={self.half_lives_s}{of_last})"
        )

    @property
    def name(self) -> str:
        return "+".join(self.keys) or "all"

    @property
    def windows(self) -> int:
        """The number of averages of one value: by time and by count."""
        return len(self.half_lives_s) + len(self.last)

    @cached_property
    def digest(self) -> str:
        """The key of this history's states in the store; it changes with any parameter."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return f"{self.name}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def to_json(self) -> dict[str, Any]:
        """The fields; without later ones where they are empty, so that digests stay the same."""
        later = ("without", "last")
        return {k: v for k, v in asdict(self).items() if v or k not in later}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            tuple(data["keys"]),
            tuple(data["values"]),
            tuple(data["half_lives_s"]),
            tuple(data.get("without", ())),
            tuple(data.get("last", ())),
        )

    def leaving_out(self, inputs: Collection[str]) -> Self:
        """The same history, where these inputs make no difference."""
        return replace(self, without=tuple(inputs)) if "inputs" in self.keys else self

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that `fold.read` writes, in its order."""
        ages = [*map(_age, self.half_lives_s), *(f"last{n}" for n in self.last)]
        value_columns = (
            f"{value}_{column}" for value in self.values for column in _value_columns(ages)
        )
        return (*FIRST_COLUMNS, *(f"submissions_{age}" for age in ages), *value_columns)

    @cached_property
    def chosen(self) -> tuple[int, ...]:
        """The positions in `columns` of those that become features: without redundant ones.

        The counts of one value stand for all, and a 0/1 value's spread follows from its mean. Of
        the last n outcomes only the mean is a feature.
        """
        moments = ("last", "last2_mean", *("count", "mean", "sd") * len(self.half_lives_s))
        moments = (*moments, *("", "mean", "") * len(self.last))
        first = len(FIRST_COLUMNS) + self.windows
        value_moments = [(value, moment) for value in self.values for moment in moments]
        return (
            *range(len(FIRST_COLUMNS) + len(self.half_lives_s)),
            *(
                at
                for at, (value, moment) in enumerate(value_moments, first)
                if moment
                and (moment != "count" or value == self.values[0])
                and (moment != "sd" or value != "failed")
            ),
        )

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}.{self.columns[at]}" for at in self.chosen)


def _value_columns(ages: Iterable[str]) -> tuple[str, ...]:
    moments = (f"{moment}_{age}" for age in ages for moment in ("count", "mean", "sd"))
    return ("last", "last2_mean", *moments)


def _names(part: str, prefix: str) -> bool:
    return part.startswith(prefix) and part != prefix


def refuse_repeats(what: str, names: Iterable[str]) -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise BadInput(f"{what} {repeated[0]!r} is there twice")


def _age(seconds: float) -> str:
    for unit, size in (("d", DAY_S), ("h", HOUR_S), ("min", 60.0)):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{repr(seconds).removesuffix('.0')}s"


History = HistoryFeatures  # the name that specs written for earlier versions import


@dataclass(frozen=True)
class FeatureSet:
    """The features of a model spec.

    inputs, categories: names of numeric and of text inputs; None: whichever the training window
    holds and the other does not name. `actor`, `kind` and `scope` may stand among the categories.
    utc_offset_h: shifts the calendar features to the local day. zone_input: a text input that names
    the IANA zone whose local day it is; UTC where that is no zone.
    """

    histories: tuple[HistoryFeatures, ...]
    inputs: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    has_calendar: bool = True
    utc_offset_h: float = 0.0
    # Not in the repr, which names what was learned, and few specs have one.
    zone_input: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        refuse_repeats("history", (history.name for history in self.histories))


@dataclass(frozen=True)
class Vocabulary:
    """A category's words in training, most frequent first; a word's code is its place."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class TextWeights:
    """The hashed columns of a text input. weights: of each bucket; see `hashed_text`."""

    name: str
    weights: tuple[float, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f"inputs.{self.name}#{bucket:02}" for bucket in range(len(self.weights)))


@dataclass(frozen=True)
class FeaturePlan:
    """The features that a trained model reads, in order: a FeatureSet with nothing left open.

    others: inputs known from training that are not features, such as one that was always the same;
    they may still be part of a key. texts: inputs that are free text, as hashed columns.
    """

    inputs: tuple[str, ...]
    categories: tuple[Vocabulary, ...]
    histories: tuple[HistoryFeatures, ...]
    has_calendar: bool = True
    utc_offset_h: float = 0.0
    others: tuple[str, ...] = ()
    texts: tuple[TextWeights, ...] = ()
    zone_input: str = ""

    def __post_init__(self) -> None:
        refuse_repeats("feature", self.names)

    @cached_property
    def names(self) -> tuple[str, ...]:
        calendar = ("hour", "weekday", "hour_of_week") if self.has_calendar else ()
        return (
            *(f"inputs.{name}" for name in self.inputs),
            *(vocabulary.name for vocabulary in self.categories),
            *calendar,
            *(column for text in self.texts for column in text.columns),
            *(name for history in self.histories for name in history.feature_names),
        )

    def to_json(self) -> dict[str, Any]:
        histories = {"histories": [history.to_json() for history in self.histories]}
        later = ("texts", "zone_input")
        return {k: v for k, v in {**asdict(self), **histories}.items() if v or k not in later}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FeaturePlan":
        return cls(
            inputs=tuple(data["inputs"]),
            categories=tuple(
                Vocabulary(category["name"], tuple(category["words"]))
                for category in data["categories"]
            ),
            histories=tuple(HistoryFeatures.from_json(history) for history in data["histories"]),
            has_calendar=data["has_calendar"],
            utc_offset_h=data["utc_offset_h"],
            others=tuple(data.get("others", ())),
            texts=tuple(
                TextWeights(text["name"], tuple(text["weights"])) for text in data.get("texts", ())
            ),
            zone_input=data.get("zone_input", ""),
        )
