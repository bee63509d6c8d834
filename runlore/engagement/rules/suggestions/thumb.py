"""Rules of thumb about posts: used where a persona's own posts cannot say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from runlore.engagement.rules.suggestions.searching import PostChange, PostEffect

Standing = Literal["holds", "unknown", "overridden"]


@dataclass(frozen=True)
class PostRule:
    """values: of the lever that it favours. low, high: what it claims, as shares; None: no figure.

    start, end: numbers that agree with it, the end included.
    """

    lever: str
    values: tuple[str, ...]
    text: str
    start: float
    end: float
    low: float | None = None
    high: float | None = None


RULES = (
    PostRule(
        "hour", ("12:00 to 16:00", "16:00 to 20:00"), "publish between 10:00 and 21:00", 10, 20.99
    ),
    PostRule("hashtag_count", ("5 to 10",), "use 5 to 10 hashtags", 5, 10),
    PostRule(
        "content_length",
        ("50 to 149", "150 to 299", "300 to 500"),
        "write 50 to 500 characters",
        50,
        500,
    ),
    PostRule("has_media", ("yes",), "add an image or a video", 1, 1, 0.30, 0.40),
    PostRule("has_call_to_action", ("yes",), "add a call to action", 1, 1, 0.10, 0.15),
)


@dataclass(frozen=True)
class JudgedRule:
    """standing: whether the persona's posts say so, cannot say, or say otherwise. why: in words."""

    rule: PostRule
    standing: Standing
    why: str


def judge_rules(
    changes: Sequence[PostChange], compared: Sequence[PostEffect]
) -> tuple[JudgedRule, ...]:
    """Each rule beside what is known of one platform."""
    return tuple(_judge(rule, changes, compared) for rule in RULES)


def is_open(rule: PostRule, numbers: Mapping[str, float]) -> bool:
    """Whether a post does not do so. Unknown numbers say nothing."""
    value = numbers.get(rule.lever, np.nan)
    return not np.isnan(value) and not rule.start <= value <= rule.end


def _judge(
    rule: PostRule, changes: Sequence[PostChange], compared: Sequence[PostEffect]
) -> JudgedRule:
    chosen = [one.of.value for one in changes if one.of.lever == rule.lever]
    if any(value in rule.values for value in chosen):
        return JudgedRule(rule, "holds", "the posts say so, too")
    if chosen:
        return JudgedRule(rule, "overridden", f"the posts say {' or '.join(chosen)}")
    known = [one for one in compared if one.lever == rule.lever and one.value in rule.values]
    if not known:
        return JudgedRule(rule, "unknown", "too few posts are alike, with it and without it")
    most = max(np.expm1(one.high) for one in known)
    least = rule.low or 0.0
    if most < least:
        claim = f"{least:.0%}" if least else "nothing"
        return JudgedRule(
            rule, "overridden", f"at most {most:+.0%} by the posts; it claims {claim}"
        )
    return JudgedRule(rule, "unknown", "the posts cannot tell")
