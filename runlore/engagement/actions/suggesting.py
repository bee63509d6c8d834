"""Suggest what to change about posts, and keep it on the ledger of advice."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

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
from runlore.engagement.actions.content_places import ForecastScale, forecast_scale
from runlore.engagement.actions.post_searches import (
    PostSearches,
    persona_posts,
    search_platforms,
)
from runlore.engagement.actions.score_reference import ScoreReference
from runlore.engagement.queries.content_scores import last_score
from runlore.engagement.queries.contexts import ContextQuery, read_context
from runlore.engagement.queries.persona_posts import read_personas
from runlore.engagement.rules.suggestions.posts import PostLog, read_posts
from runlore.engagement.rules.suggestions.reaching import (
    ContextChange,
    ExpectedRates,
    PostStanding,
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

    rows: those of the ledger. rules: rules of thumb that the post does not follow. standing: None
    where there are too few posts.
    """

    context: Mapping[str, Any]
    posts: int
    search: ChangeSearch
    look: AdviceLook | None
    rows: tuple[LedgerAdvice, ...]
    changes: tuple[ContextChange, ...]
    rules: tuple[JudgedRule, ...]
    standing: PostStanding | None
    reach: Reach | None


@dataclass(frozen=True, eq=False)
class SuggestionSources:
    """reference: for scores among comparable posts; None: no model scores posts. searches: None:
    posts are read and searched for this answer."""

    reference: ScoreReference | None = None
    searches: PostSearches | None = None


def suggest(
    store: Store, request: SuggestionRequest, sources: SuggestionSources | None = None
) -> ContextSuggestions:
    """What would help one post; nothing is written.

    Changes are those on the ledger that hold, or of a search made now while nobody has searched.
    sources: for a question about now.

    Raises NotFound and BadInput as `read_context`, and BadInput for a target that is no score.
    """
    if request.target is not None and not 0 <= request.target <= 100:
        raise BadInput(f"target_score: {request.target} is no score; give 0 to 100", "target_score")
    at, sources = request.at, sources or SuggestionSources()
    frame = read_context(store, request.context_id, ContextQuery(at), request.source)
    context = {str(name): value for name, value in frame.iloc[0].items()}
    persona, platform = str(context["persona"]), str(context["platform"])
    look = read_last_look(store, SUBJECT, persona, at)
    rows = read_advice(store, at, (SUBJECT, persona), MOST_LISTED)
    logs, search = _searched(
        store, request, sources, persona, (platform, look.alpha) if look else None
    )
    held = tuple(one for one in search.changes if one.of.platform == platform)
    if look:
        kept = [one for one in rows if one.kind == platform and is_held(one)]
        held = tuple(change_of(one.evidence, one) for one in kept)
    post, posts = read_posts(frame), logs.get(platform)
    expected = expect_rates(posts, post) if posts is not None else None
    scale = forecast_scale(sources.reference, frame.iloc[0], at) if sources.reference else None
    standing = _standing(store, expected, scale, context, at) if expected else None
    changes = change_post(held, post, standing.rate) if standing else ()
    compared = tuple(one for one in search.compared if one.platform == platform)
    rules = tuple(one for one in judge_rules(held, compared) if is_open(one.rule, context))
    reach = (
        reach_target(standing, changes, request.target)
        if standing and request.target is not None
        else None
    )
    count = len(posts) if posts is not None else 0
    return ContextSuggestions(
        context, count, search, look, tuple(rows), changes, rules, standing, reach
    )


def _searched(
    store: Store,
    request: SuggestionRequest,
    sources: SuggestionSources,
    persona: str,
    last: tuple[str, float] | None,
) -> tuple[dict[str, PostLog], ChangeSearch]:
    """last: platform and level of the last search on record; None: all platforms."""
    platform, alpha = last or (None, ALPHA)
    if sources.searches:
        logs = sources.searches.posts(store, persona, request.at)
        return logs, sources.searches.search(store, persona, platform, alpha, request.at)
    logs = persona_posts(store, persona, request.at)
    return logs, search_platforms(logs, platform, alpha)


def _standing(
    store: Store,
    expected: ExpectedRates,
    scale: ForecastScale | None,
    context: Mapping[str, Any],
    at: datetime,
) -> PostStanding:
    """By the post's content score where it has one; else its expected rate is placed."""
    if scale is None:
        return PostStanding(expected.post, expected.score(expected.post), expected, "own posts")
    row = last_score(store, str(context["source"]), str(context["context_id"]), at)
    if row is None or row.method == "rules":
        rate = expected.post
        return PostStanding(rate, scale.score(rate), scale, "comparable posts")
    return PostStanding(scale.rate_of(row.score), row.score, scale, "comparable posts")


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
