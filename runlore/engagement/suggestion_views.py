"""Suggestions as people and programs read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from runlore.advice.queries.advice_ledger import LedgerAdvice
from runlore.engagement.actions.suggesting import ContextSuggestions, is_held
from runlore.engagement.rules.suggestions.reaching import ContextChange, Reach
from runlore.engagement.rules.suggestions.searching import LEAST_POSTS
from runlore.engagement.rules.suggestions.thumb import JudgedRule

Basis = Literal["data", "rule of thumb"]
Priority = Literal["high", "medium", "low"]
ASSUMES = "assumes that nothing unrecorded differs between these posts"


@dataclass(frozen=True)
class SuggestionEntry:
    """gain, low, high: points of the engagement rate, 90 %; of a rule of thumb unknown.

    claim: what a rule of thumb says it brings. id: on the ledger; null: not recorded.
    """

    lever: str
    value: str
    current: str
    text: str
    basis: Basis
    priority: Priority
    gain: float | None
    low: float | None
    high: float | None
    posts_with: int | None
    posts_without: int | None
    claim: str
    why: str
    id: int | None
    track_record: str


@dataclass(frozen=True)
class TargetView:
    """rate: what the target score takes. reached: the rate with these changes."""

    score: float
    rate: float
    reached: float
    levers: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class SuggestionsView:
    """score: the content score, 0 to 100. score_among: comparable posts; or own posts, where no
    model scores posts. reason: why there is no suggestion by data; else empty."""

    context_id: str
    source: str
    persona: str
    platform: str
    posts: int
    expected_rate: float | None
    score: float | None
    score_among: str | None
    suggestions: tuple[SuggestionEntry, ...]
    overridden: tuple[str, ...]
    target: TargetView | None
    searched_at: datetime | None
    compared: int
    reason: str
    assumption: str


def show_suggestions(made: ContextSuggestions) -> SuggestionsView:
    context, standing = made.context, made.standing
    rows = {(one.lever, one.value): one for one in made.rows if one.kind == context["platform"]}
    entries = [_by_data(one, rows) for one in made.changes]
    taken = {one.lever for one in entries}
    entries += [
        _by_thumb(one, context)
        for one in made.rules
        if one.standing == "unknown" and one.rule.lever not in taken
    ]
    return SuggestionsView(
        context_id=str(context["context_id"]),
        source=str(context["source"]),
        persona=str(context["persona"]),
        platform=str(context["platform"]),
        posts=made.posts,
        expected_rate=standing.rate if standing else None,
        score=standing.score if standing else None,
        score_among=standing.among if standing else None,
        suggestions=tuple(entries),
        overridden=tuple(
            f"{one.rule.text}: {one.why}" for one in made.rules if one.standing == "overridden"
        ),
        target=_target(made.reach) if made.reach else None,
        searched_at=made.look.looked_at if made.look else None,
        compared=len(made.search.compared),
        reason="" if made.changes else _why_none(made),
        assumption=ASSUMES,
    )


def suggestion_text(lever: str, value: str) -> str:
    """Example: use 5 to 10 hashtags."""
    family, _, tag = lever.partition(":")
    is_use = value == "yes"
    texts = {
        "hour": f"publish between {value.replace(' to ', ' and ')}",
        "hashtag_count": f"use {value} hashtags",
        "content_length": f"write {value} characters",
        "has_media": "add an image or a video" if is_use else "publish without media",
        "has_call_to_action": f"{'add a' if is_use else 'leave out the'} call to action",
        "hashtag": f"{'use' if is_use else 'leave out'} #{tag}",
    }
    return texts[family]


def _by_data(one: ContextChange, rows: Mapping[tuple[str, str], LedgerAdvice]) -> SuggestionEntry:
    of = one.change.of
    row = rows.get((of.lever, of.value))
    return SuggestionEntry(
        lever=of.lever,
        value=of.value,
        current=one.current,
        text=f"{suggestion_text(of.lever, of.value)}: {_gain(one)}",
        basis="data",
        priority="high" if one.low > 0 else "medium",
        gain=one.gain,
        low=one.low,
        high=one.high,
        posts_with=of.used,
        posts_without=of.other,
        claim="",
        why=f"{of.used} posts with it beside {of.other} like them",
        id=row.id if row else None,
        track_record=track_text(row) if row else "",
    )


def _gain(one: ContextChange) -> str:
    return f"{one.gain:+.1f} points ({one.low:+.1f} to {one.high:+.1f})"


def _by_thumb(one: JudgedRule, context: Mapping[str, Any]) -> SuggestionEntry:
    rule = one.rule
    claim = "" if rule.low is None or rule.high is None else f"{rule.low:.0%} to {rule.high:.0%}"
    return SuggestionEntry(
        lever=rule.lever,
        value=" or ".join(rule.values),
        current=f"{float(context[rule.lever]):g}",
        text=f"{rule.text} (rule of thumb)",
        basis="rule of thumb",
        priority="low",
        gain=None,
        low=None,
        high=None,
        posts_with=None,
        posts_without=None,
        claim=f"said to bring {claim} more" if claim else "",
        why=one.why,
        id=None,
        track_record="",
    )


def track_text(row: LedgerAdvice) -> str:
    """What came of one suggestion.

    Example: of 30 posts since then 12 did so: 5.1 % beside 4.0 %.
    """
    score = row.score
    if not score or not (score["did"][0] + score["did_not"][0]):
        return ""
    (did, with_it), (did_not, without) = score["did"], score["did_not"]
    text = f"of {did + did_not} posts since then {did} did so"
    if with_it is not None and without is not None:
        text += f": {with_it:.1f} % beside {without:.1f} %"
    following = score.get("next")
    if following:
        done = "did so" if following["did"] else "did not"
        text += f"; the next post {done} and brought {following['rate']:.1f} %"
        if following["expected"] is not None:
            text += f", {following['expected']:.1f} % was expected"
    return text


def _target(reach: Reach) -> TargetView:
    return TargetView(reach.target, reach.rate, reach.reached, reach.levers, reach.answer)


def _why_none(made: ContextSuggestions) -> str:
    if made.standing is None:
        return f"{made.posts} final posts on this platform; a search needs {LEAST_POSTS}"
    platform = made.context["platform"]
    mine = [one for one in made.rows if one.kind == platform]
    if any(is_held(one) for one in mine) or (not made.look and made.search.changes):
        return "the post does already what the data support"
    if mine:
        return "all that was suggested is dismissed or withdrawn"
    return (made.look.reason if made.look else made.search.reason) or "nothing holds here"
