"""Score a piece of content among comparable posts, and write the score down."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runlore.engagement.actions.content_places import (
    ContentPlace,
    place_forecast,
    place_outcomes,
    why_no_place,
)
from runlore.engagement.actions.score_reference import LEVELS, ScoreReference, ScoreReferences
from runlore.engagement.queries import content_scores
from runlore.engagement.queries.content_scores import ScoreRow
from runlore.engagement.queries.contexts import ContextQuery, read_context
from runlore.engagement.rules.scores.thumb import ThumbRule, thumb_rules, thumb_score
from runlore.features.keys import KeyParts
from runlore.kernel.errors import NotFound
from runlore.serving.actions.prediction import (
    UNDRAWN,
    Predictor,
    Request,
    RequestBatch,
    ServedPrediction,
)
from runlore.serving.actions.prediction_commit import commit
from runlore.store.engine import Store

if TYPE_CHECKING:
    import pandas as pd

    from runlore.models.explain import FeatureEffect

ENGAGEMENT, SUCCESS = "engagement", "engagement-success"
REASONS = 3
SUBJECT = ("persona", "content_type", "platform")
THUMB_INPUTS = ("hour", "hashtag_count", "content_length", "has_media", "has_call_to_action")


@dataclass(frozen=True, eq=False)
class ScoreModels:
    """predictors: spec -> the champion that answers. has_ledger: answers are written down.

    key_id: of the API key with which it was asked.
    """

    predictors: Mapping[str, Predictor]
    references: ScoreReferences
    has_ledger: bool = True
    key_id: str | None = None


@dataclass(frozen=True)
class ScoreRequest:
    """at: now. source: of the context, where several sources share its id."""

    context_id: str
    at: datetime
    source: str | None = None


@dataclass(frozen=True)
class FinalEngagement:
    """rate: percent. place: 0..100 among comparable posts; None: nothing to compare with."""

    rate: float
    place: float | None


@dataclass(frozen=True, eq=False)
class ContentScore:
    """row: as it is on record. forecast: of the engagement rate; None: it was given before.

    reasons: what moved the forecast most; None: not from serving. rules, why: of a score by rules,
    and why no model answers. outcome: None: not final yet.
    """

    row: ScoreRow
    forecast: float | None = None
    version: str | None = None
    reasons: "tuple[FeatureEffect, ...] | None" = None
    rules: tuple[ThumbRule, ...] = field(default=())
    why: str = ""
    outcome: FinalEngagement | None = None


def recorded_score(store: Store, request: ScoreRequest) -> ContentScore:
    """The newest score on record at an instant. Raises NotFound where there was none."""
    context = _context(store, request)
    row = content_scores.last_score(store, context["source"], context["context_id"], request.at)
    if row is None:
        raise NotFound(
            f"context {request.context_id[:80]!r} had no score at {request.at.isoformat()}; without"
            " as_of it gets one now"
        )
    rate = float(context["engagement_rate"])
    return ContentScore(row, outcome=FinalEngagement(rate, None) if context["is_final"] else None)


def score_context(store: Store, models: ScoreModels, request: ScoreRequest) -> ContentScore:
    """Score a draft or a post, by the champion where it can say, else by rules of thumb.

    A post keeps the score that it had when it was published.

    Raises NotFound for a context that the log does not have, BadInput where sources share its id.
    """
    context = _context(store, request)
    predictor = models.predictors.get(ENGAGEMENT)
    if predictor is None:
        return _by_rules(store, context, request.at, f"{ENGAGEMENT} has no champion")
    reference = models.references.get(store, predictor.bundle, request.at)
    outcome = None
    if context["is_final"]:
        rate, published = float(context["engagement_rate"]), _published(context)
        [place] = place_outcomes(reference, context, published, rate)
        outcome = FinalEngagement(rate, place)
    names = (context["source"], context["context_id"])
    is_published = context["status"] not in {"submitted", "running"}
    if is_published and (row := content_scores.last_score(store, *names, _published(context))):
        return ContentScore(row, outcome=outcome)
    if why := why_no_place(reference, request.at):
        return _by_rules(store, context, request.at, why)
    if is_published and reference.place_of(*names) is not None:
        return _replayed(store, reference, context, request.at, outcome)
    return _served(store, models, reference, context, request.at)


def _context(store: Store, request: ScoreRequest) -> "pd.Series[Any]":
    query = ContextQuery(request.at)
    return read_context(store, request.context_id, query, request.source).iloc[0]


def _published(context: "pd.Series[Any]") -> datetime:
    published: datetime = context["published"].to_pydatetime()
    return published


def _served(
    store: Store,
    models: ScoreModels,
    reference: ScoreReference,
    context: "pd.Series[Any]",
    at: datetime,
) -> ContentScore:
    """Answered by the serving path, as of now, and on its ledger."""
    submission = content_scores.read_submission(store, context["source"], context["context_id"])
    if submission is None:
        raise NotFound(f"context {context['context_id'][:80]!r} is not in the log any more")
    persona, kind, scope = (str(context[name]) for name in SUBJECT)
    subject = KeyParts(persona, kind, scope, submission.inputs)
    request = Request(subject, str(context["source"]), str(context["context_id"]))
    answer = _answer(store, models, ENGAGEMENT, request, at)
    success = _answer(store, models, SUCCESS, request, at) if SUCCESS in models.predictors else None
    low, high = (answer.quantiles or {}).values()
    place = place_forecast(reference, context, at, answer.prediction, (low, high))
    row = _row(context, at, "model", place, answer, success)
    row = row if models.has_ledger else replace(row, prediction_id=None)
    content_scores.insert_score(store, row)
    return ContentScore(row, answer.prediction, answer.version, answer.reasons)


def _answer(
    store: Store, models: ScoreModels, spec: str, request: Request, at: datetime
) -> ServedPrediction:
    is_quantity = spec == ENGAGEMENT
    ask = RequestBatch(
        models.predictors[spec],
        [request],
        at,
        arm=UNDRAWN,
        reasons=REASONS if is_quantity else 0,
        key_id=models.key_id,
        levels=LEVELS if is_quantity else (),
    )
    return commit(store, ask, has_ledger=models.has_ledger)[0]


def _replayed(
    store: Store,
    reference: ScoreReference,
    context: "pd.Series[Any]",
    now: datetime,
    outcome: FinalEngagement | None,
) -> ContentScore:
    """The score that a post would have had at its submission; not one that was promised."""
    forecast, bounds = reference.forecast_of(context["source"], context["context_id"])
    place = place_forecast(reference, context, _published(context), forecast, bounds)
    row = _row(context, now, "replay", place)
    content_scores.insert_score(store, row)
    return ContentScore(row, forecast, reference.version, outcome=outcome)


def _row(
    context: "pd.Series[Any]",
    at: datetime,
    method: str,
    place: ContentPlace,
    answer: ServedPrediction | None = None,
    success: ServedPrediction | None = None,
) -> ScoreRow:
    is_unknown = answer is not None and answer.support == "none"
    return ScoreRow(
        **_names(context, at, method),
        score=place.score,
        low=place.low,
        high=place.high,
        confidence="low" if is_unknown else place.confidence,
        top_fifth=place.top_fifth,
        success=None if success is None else success.prediction,
        level=place.level,
        posts=place.posts,
        prediction_id=None if answer is None else answer.id,
    )


def _names(context: "pd.Series[Any]", at: datetime, method: str) -> dict[str, Any]:
    return {
        "at": at,
        "source": str(context["source"]),
        "source_id": str(context["context_id"]),
        "persona": str(context["persona"]),
        "platform": str(context["platform"]),
        "method": method,
    }


def _by_rules(store: Store, context: "pd.Series[Any]", at: datetime, why: str) -> ContentScore:
    rules = thumb_rules({name: float(context[name]) for name in THUMB_INPUTS})
    row = ScoreRow(
        **_names(context, at, "rules"),
        score=thumb_score(rules),
        low=None,
        high=None,
        confidence="low",
        top_fifth=None,
        success=None,
        level=None,
        posts=0,
        prediction_id=None,
    )
    content_scores.insert_score(store, row)
    rate = float(context["engagement_rate"])
    outcome = FinalEngagement(rate, None) if context["is_final"] else None
    return ContentScore(row, rules=rules, why=why, outcome=outcome)
