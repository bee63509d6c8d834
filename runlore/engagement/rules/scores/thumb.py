"""Scores by rules of thumb, where no model can say: they are not calibrated."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

PEAK_HOURS = (10, 21)  # local hours: from, until
HASHTAGS = (5, 10)
CHARACTERS = (50, 500)
POINTS = 20.0  # of a rule that holds; half of it where the input is not known


@dataclass(frozen=True)
class ThumbRule:
    """holds: None where the input is not known. points: of 20."""

    name: str
    holds: bool | None
    points: float
    text: str


def thumb_rules(inputs: Mapping[str, float]) -> tuple[ThumbRule, ...]:
    """The five rules for `hour` (local), `hashtag_count`, `content_length`, `has_media` and
    `has_call_to_action` (1 or 0); what is absent or NaN is not known."""
    hour, tags, length = (_known(inputs, n) for n in ("hour", "hashtag_count", "content_length"))
    media, call = (_known(inputs, name) for name in ("has_media", "has_call_to_action"))
    return (
        _rule("timing", _within(hour, *PEAK_HOURS, is_open=True), "publish from 10 to 21 h"),
        _rule("hashtags", _within(tags, *HASHTAGS), "use 5 to 10 hashtags"),
        _rule("length", _within(length, *CHARACTERS), "write 50 to 500 characters"),
        _rule("media", None if media is None else bool(media), "add an image or a video"),
        _rule("call to action", None if call is None else bool(call), "add a call to action"),
    )


def thumb_score(rules: tuple[ThumbRule, ...]) -> float:
    """0..100: the sum of the points."""
    return sum(rule.points for rule in rules)


def _rule(name: str, holds: bool | None, text: str) -> ThumbRule:
    points = POINTS / 2 if holds is None else POINTS * holds
    return ThumbRule(name, holds, points, text)


def _within(value: float | None, low: float, high: float, *, is_open: bool = False) -> bool | None:
    if value is None:
        return None
    return low <= value < high if is_open else low <= value <= high


def _known(inputs: Mapping[str, float], name: str) -> float | None:
    value = inputs.get(name)
    return None if value is None or isnan(value) else float(value)
