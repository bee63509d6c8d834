"""Reasons as sentences: what is known about a feature, and how far it moves the answer.

A sentence holds numbers, the names of inputs, and words that the plan learned as categories; never
free text, nor the name of an actor that is only part of a key.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runlore.features.declaration import FeaturePlan, HistoryFeatures, Vocabulary
from runlore.kernel.readable import readable_change, readable_quantity
from runlore.models import history_text
from runlore.models.explain import FeatureEffect
from runlore.specs.model_spec import Probability, Quantity

Rows = NDArray[np.float32]
Describe = Callable[[float | None, float | None], str]  # of a value and its reference

LONGEST_WORD = 60
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
UNIT_OF_SUFFIX = {
    "s": "s",
    "seconds": "s",
    "ms": "ms",
    "minutes": "minutes",
    "hours": "hours",
    "bytes": "bytes",
    **dict.fromkeys(("kb", "kib"), "KiB"),
    **dict.fromkeys(("mb", "mib"), "MiB"),
    **dict.fromkeys(("gb", "gib"), "GiB"),
}


@dataclass(frozen=True)
class ReasonText:
    """Writes the reasons of one model version."""

    plan: FeaturePlan
    question: Probability | Quantity

    def sentence(self, effect: FeatureEffect, row: Rows) -> str:
        """What is known, and by how much it moves the answer. row: (F,), as the plan has it."""
        return f"{self._fact(effect, row)}: {self._change(effect.effect)}"

    def _change(self, effect: float) -> str:
        if isinstance(self.question, Probability):
            return readable_change(100 * effect, "points")
        return readable_change(effect, self.question.unit)

    def _fact(self, effect: FeatureEffect, row: Rows) -> str:
        history = self._histories.get(effect.feature)
        if history is None:
            return self._own_features[effect.feature](effect.value, effect.reference)
        return history_text.describe(history, effect, self._count(history, effect.feature, row))

    def _count(self, history: HistoryFeatures, feature: str, row: Rows) -> float | None:
        """How many outcomes a mean is made of, as the row has it beside the mean."""
        name = history_text.count_beside(history, feature)
        at = self._places.get(name, -1)
        return None if at < 0 or math.isnan(row[at]) else float(row[at])

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {name: at for at, name in enumerate(self.plan.names)}

    @cached_property
    def _histories(self) -> Mapping[str, HistoryFeatures]:
        return {name: h for h in self.plan.histories for name in h.feature_names}

    @cached_property
    def _own_features(self) -> Mapping[str, Describe]:
        """Of the work itself, by feature."""
        numeric = {f"inputs.{name}": _numeric_input(name) for name in self.plan.inputs}
        texts = {column: _text_input(t.name) for t in self.plan.texts for column in t.columns}
        zone = _zone(self.plan.utc_offset_h)
        calendar: dict[str, Describe] = {
            "hour": lambda value, usual: _calendar(_hour, value, usual, zone),
            "weekday": lambda value, usual: _calendar(_weekday, value, usual, ""),
            "hour_of_week": lambda value, usual: _calendar(_hour_of_week, value, usual, zone),
        }
        words = {vocabulary.name: _category(vocabulary) for vocabulary in self.plan.categories}
        return {**calendar, **texts, **words, **numeric}


def input_words(name: str) -> str:
    """The name of an input for people, without its unit.

    >>> input_words("requested_time_s"), input_words("GPUs"), input_words("requested_gpus")
    ('requested time', 'GPUs', 'requested gpus')
    """
    rest, _, suffix = name.rpartition("_")
    name = rest if rest and suffix in UNIT_OF_SUFFIX else name
    return " ".join(name.replace("_", " ").split())


def input_value(name: str, value: float) -> str:
    """The value of an input, in the unit that its name ends with.

    >>> input_value("requested_time_s", 7200), input_value("gpus", 4), input_value("mem_mb", 2048)
    ('2 h', '4', '2 GiB')
    """
    return readable_quantity(value, UNIT_OF_SUFFIX.get(name.rpartition("_")[2], ""))


def _numeric_input(name: str) -> Describe:
    def describe(value: float | None, usual: float | None) -> str:
        says = "not given" if value is None else input_value(name, value)
        expected = "not given" if usual is None else input_value(name, usual)
        return f"{input_words(name)} {says} (usually {expected})"

    return describe


def _text_input(name: str) -> Describe:
    def describe(value: float | None, _usual: float | None) -> str:
        return f"{'words in' if value else 'words missing from'} {input_words(name)}"

    return describe


def _category(vocabulary: Vocabulary) -> Describe:
    name = input_words(vocabulary.name.removeprefix("inputs."))

    def describe(value: float | None, usual: float | None) -> str:
        return f"{name} {_word(vocabulary, value)} (most often {_word(vocabulary, usual)})"

    return describe


def _word(vocabulary: Vocabulary, code: float | None) -> str:
    """The word of a code, short and on one line; numbers as people write them."""
    if code is None or not 0 <= code < len(vocabulary.words):
        return "never seen in training"
    word = " ".join(vocabulary.words[int(code)].split())
    if len(word) > LONGEST_WORD:
        word = f"{word[:LONGEST_WORD]}…"
    return word.removesuffix(".0") or "not given"


def _calendar(
    words: Callable[[float], str], value: float | None, usual: float | None, zone: str
) -> str:
    says = "at an unknown time" if value is None else f"{words(value)}{zone}"
    compared = "" if usual is None else f" (compared with {words(usual)[3:]})"
    return f"submitted {says}{compared}"


def _hour(hour: float) -> str:
    minutes = int(hour * 60 + 1e-3)
    return f"at {minutes // 60:02}:{minutes % 60:02}"


def _weekday(day: float) -> str:
    return f"on {WEEKDAYS[int(day) % 7]}"


def _hour_of_week(hour: float) -> str:
    return f"{_weekday(hour // 24)} {_hour(hour % 24)}"


def _zone(offset_h: float) -> str:
    return f" UTC{offset_h:+g}" if offset_h else " UTC"
