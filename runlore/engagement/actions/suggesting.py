"""Suggest what to change about posts, and keep it on the ledger of advice."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from runlore.advice.queries.advice_ledger import (
    MOST_LISTED,
    AdviceLook,
    LedgerAdvice,
    NewAdvice,
    insert_look,
    read_advice,
    read_last_look,
)
from runlore.advice.rules.recommendations.holding import LOOKED_BACK, is_look_due, look_alpha
from runlore.engagement.queries.contexts import (
    ContextQuery,
    read_context,
    read_final_contexts,
)
from runlore.engagement.queries.persona_posts import read_personas
from runlore.engagement.rules.suggestions.posts import PostLog, read_posts
from runlore.engagement.rules.suggestions.reaching import (
    ContextChange,
    ExpectedRates,
    Reach,
    change_post,
    expect_rates,
    reach_target,
)
from runlore.engagement.rules.suggestions.searching import (
    ALPHA,
    LEAST_POSTS,
    ChangeSearch,
    OtherValue,
    PostChange,
    PostEffect,
    search_changes,
)
from runlore.engagement.rules.suggestions.thumb import JudgedRule, is_open, judge_rules
from runlore.kernel.errors import BadInput, NotFound
from runlore.store.engine import Store

MOST_POSTS = 2_000  # of a persona on a platform, the newest
MOST_PERSONAS = 2_000
MEASURE, SUBJECT = "engagement", "persona"


@dataclass(frozen=True)
class SuggestionRequest:
    """target: a score of 0 to 100 that is wanted; None: none."""

    context_id: str
    at: datetime
    source: str | None = None
    target: float | None = None


@dataclass(frozen=True, eq=False)
class ContextSuggestions:
    """look: the last search that was recorded; None: `search` was made for this answer alone.

    rows: those of the ledger. rules: rules of thumb that the post does not follow. expected: None
    where there are too few posts.
    """

    context: Mapping[str, Any]
    posts: int
    search: ChangeSearch
    look: AdviceLook | None
    rows: tuple[LedgerAdvice, ...]
    changes: tuple[ContextChange, ...]
    rules: tuple[JudgedRule, ...]
    expected: ExpectedRates | None
    reach: Reach | None


def suggest(store: Store, request: SuggestionRequest) -> ContextSuggestions:
    """What would help one post; nothing is written.

    Changes are those on the ledger that hold, or of a search made now while nobody has searched.

    Raises NotFound and BadInput as `read_context`, and BadInput for a target that is no score.
    """
    if request.target is not None and not 0 <= request.target <= 100:
        raise BadInput(f"target_score: {request.target} is no score; give 0 to 100", "target_score")
    at = request.at
    frame = read_context(store, request.context_id, ContextQuery(at), request.source)
    context = {str(name): value for name, value in frame.iloc[0].items()}
    persona, platform = str(context["persona"]), str(context["platform"])
    logs = persona_posts(store, persona, at)
    look = read_last_look(store, SUBJECT, persona, at)
    rows = read_advice(store, at, (SUBJECT, persona), MOST_LISTED)
    searched = {name: log for name, log in logs.items() if not look or name == platform}
    search = search_changes(searched, look.alpha if look else ALPHA)
    held = tuple(one for one in search.changes if one.of.platform == platform)
    if look:
        kept = [one for one in rows if one.kind == platform and is_held(one)]
        held = tuple(change_of(one.evidence, one) for one in kept)
    post, posts = read_posts(frame), logs.get(platform)
    expected = expect_rates(posts, post) if posts is not None else None
    changes = change_post(held, post, expected.post) if expected else ()
    compared = tuple(one for one in search.compared if one.platform == platform)
    rules = tuple(one for one in judge_rules(held, compared) if is_open(one.rule, context))
    reach = (
        reach_target(expected, changes, request.target)
        if expected and request.target is not None
        else None
    )
    count = len(posts) if posts is not None else 0
    return ContextSuggestions(
        context, count, search, look, tuple(rows), changes, rules, expected, reach
    )


def search_persona(store: Store, persona: str, requester: str, at: datetime) -> bool:
    """Search when it is due, and keep what holds. Whether anything on the ledger holds then."""
    last = read_last_look(store, SUBJECT, persona, at)
    logs = persona_posts(store, persona, at)
    total = sum(map(len, logs.values()))
    if not total and last is None:
        raise NotFound(f"persona {persona[:80]!r} has no posts with a final engagement")
    enough = max(map(len, logs.values()), default=0) >= LEAST_POSTS
    if enough and is_look_due(total, last.runs if last else None):
        number = 1 + (last.look if last else 0)
        alpha = look_alpha(number)
        search = search_changes(logs, alpha)
        look = AdviceLook(
            SUBJECT, persona, number, at, total, len(search.compared), alpha, search.reason
        )
        insert_look(store, look, [_new(persona, one, alpha) for one in search.changes], requester)
    return any(is_held(one) for one in read_advice(store, at, (SUBJECT, persona), MOST_LISTED))


def search_all(
    store: Store, requester: str, at: datetime, tick: Callable[[int, int], None] | None = None
) -> tuple[int, int]:
    """Every persona with enough posts. How many there are, and have suggestions."""
    names = read_personas(store, at, at - LOOKED_BACK, LEAST_POSTS, MOST_PERSONAS)
    advised = 0
    for done, name in enumerate(names, start=1):
        with suppress(NotFound):  # measured, but nothing is final yet
            advised += search_persona(store, name, requester, at)
        if tick:
            tick(done, len(names))
    return len(names), advised


def persona_posts(store: Store, persona: str, at: datetime) -> dict[str, PostLog]:
    """Final posts of the last 400 days by platform, the newest 2,000 of each."""
    query = ContextQuery(at, since=at - LOOKED_BACK, personas=(persona,))
    frame = read_final_contexts(store, query)
    frame = frame[np.isfinite(frame["engagement_rate"])]
    return {
        str(name): read_posts(part.iloc[-MOST_POSTS:])
        for name, part in frame.groupby("platform", sort=True)
    }


def is_held(one: LedgerAdvice) -> bool:
    """Neither dismissed nor withdrawn."""
    return one.decision != "dismiss" and one.withdrawn_at is None


def change_of(evidence: Mapping[str, Any], row: LedgerAdvice) -> PostChange:
    """A change as the ledger keeps it."""
    numbers = {name: evidence[name] for name in EVIDENCE}
    others = tuple(OtherValue(**one) for one in evidence["others"])
    effect = PostEffect(row.kind, row.lever, row.value, others=others, **numbers)
    low, middle, high = evidence["chosen"]
    return PostChange(effect, (low, middle, high))


EVIDENCE = (
    *("effect", "error", "low", "high", "used", "other", "overlap", "freedom", "share", "plain"),
    "small",
)


def _new(persona: str, change: PostChange, alpha: float) -> NewAdvice:
    one = change.of
    evidence = {
        **{name: getattr(one, name) for name in EVIDENCE},
        "others": [asdict(other) for other in one.others],
        "chosen": list(change.effect),
        "gains": list(change.gains),
        "alpha": alpha,
    }
    where = (SUBJECT, persona, one.platform, one.lever, one.value)
    return NewAdvice(*where, "use", MEASURE, evidence)


def search_post(store: Store, request: SuggestionRequest, requester: str) -> None:
    """Search the posts of a post's persona when that is due.

    Raises NotFound for an unknown post.
    """
    query = ContextQuery(request.at)
    frame = read_context(store, request.context_id, query, request.source)
    with suppress(NotFound):  # nothing is final yet; the answer says so
        search_persona(store, str(frame["persona"].iloc[0]), requester, request.at)
