"""`runlore engagement score` and `calibration`: posts among comparable ones."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.estimates import AsOf

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.app import App
    from runlore.engagement.actions.score_calibration import ScoreCalibration
    from runlore.engagement.actions.scoring import ScoreModels
    from runlore.engagement.actions.suggesting import SuggestionSources
    from runlore.engagement.rules.scores.promise import TierShare
    from runlore.engagement.score_views import ScoreView
    from runlore.models.bundle import Bundle


def score(
    context: Annotated[str, typer.Argument(metavar="ID", help="Of the post in its source.")],
    source: Annotated[
        str | None, typer.Option(help="Its source, where several sources share the id.")
    ] = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Score a draft or a post from 0 to 100 among comparable posts.

    80 and more: its forecast is in the top fifth. The answer says which share of such posts ends
    there. A published post keeps the score that it had before. Without a champion of `engagement`,
    rules of thumb give the score.

    Example: runlore engagement score post-17
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.engagement.actions.scoring import ScoreRequest, recorded_score, score_context
    from runlore.engagement.score_views import show_score
    from runlore.kernel import instants

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    request = ScoreRequest(context, at, source)
    with open_app(delivers=False) as app:
        if as_of is None:
            view = show_score(score_context(app.store, _models(app), request))
        else:
            view = show_score(recorded_score(app.store, request))
    if json:
        emit_json(asdict(view))
    else:
        _print_score(view)


def calibration(
    persona: Annotated[str | None, typer.Option(help="Only scores of this persona.")] = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Compare what scores promised with what came of the posts.

    Example: runlore engagement calibration --persona ann
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.engagement.actions.score_calibration import read_calibration
    from runlore.engagement.actions.score_reference import ScoreReferences
    from runlore.engagement.actions.scoring import ENGAGEMENT
    from runlore.kernel import instants

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        bundle = _champion(app, ENGAGEMENT)
        found = read_calibration(app.store, bundle, ScoreReferences(), at, persona)
    if json:
        emit_json(asdict(found))
    else:
        _print_calibration(found)


def _models(app: "App") -> "ScoreModels":
    from runlore.engagement.actions.score_reference import ScoreReferences
    from runlore.engagement.actions.scoring import ENGAGEMENT, SUCCESS, ScoreModels
    from runlore.serving.actions import states
    from runlore.serving.actions.prediction import Predictor

    predictors = {}
    for spec in (ENGAGEMENT, SUCCESS):
        bundle = _champion(app, spec)
        if bundle is not None:
            states.activate(app.store, bundle.plan)
            predictors[spec] = Predictor(bundle)
    return ScoreModels(predictors, ScoreReferences(), app.settings.ledger == "on")


def suggestion_sources(app: "App", at: "datetime") -> "SuggestionSources | None":
    """Scores of comparable posts, where a champion scores posts."""
    from runlore.engagement.actions.score_reference import ScoreReferences
    from runlore.engagement.actions.scoring import ENGAGEMENT
    from runlore.engagement.actions.suggesting import SuggestionSources

    bundle = _champion(app, ENGAGEMENT)
    if bundle is None:
        return None
    return SuggestionSources(ScoreReferences().get(app.store, bundle, at))


def _champion(app: "App", spec: str) -> "Bundle | None":
    from runlore.registry.champions import load_champion

    has_tables = app.settings.mlflow_tracking_uri is None
    folder = app.settings.home / "serving"
    return load_champion(app.store, spec, folder, lambda: app.registry, has_tables=has_tables)


def _print_score(view: "ScoreView") -> None:
    echo(f"{view.context_id}: {view.score:.0f} of 100, {view.tier} ({view.confidence} confidence)")
    if view.method == "rules":
        echo(f"  By rules of thumb, not calibrated: {view.why_rules or 'as it was on record'}.")
    if view.top_fifth is not None:
        echo(f"  {view.top_fifth:.0%} of such posts end in the top fifth of comparable posts.")
    if view.low is not None and view.high is not None:
        echo(f"  It will end at place {view.low:.0f} to {view.high:.0f} of 100 (80 %).")
    if view.comparable_posts:
        echo(f"  Comparable: {view.comparable_posts:,} recent posts, by {view.comparable_by}.")
    if view.forecast is not None:
        echo(f"  Forecast: {view.forecast:.2f} % engagement.")
    if view.success_probability is not None:
        echo(f"  Chance of success: {view.success_probability:.0%}.")
    for reason in view.reasons:
        echo(f"  {reason.text}")
    if view.method == "replay":
        echo("  It was published before it had a score: this is what it would have been.")
    if view.engagement_rate is not None:
        place = "" if view.ended_at is None else f", place {view.ended_at:.0f} of 100"
        echo(f"  It reached {view.engagement_rate:.2f} %{place}.")


def _print_calibration(found: "ScoreCalibration") -> None:
    counted = sum(share.posts for share in found.recorded)
    emit_table(
        f"{counted:,} final posts that had a score before; in the top fifth:",
        _rows(found.recorded),
    )
    if found.why:
        echo(f"Nothing was tried on past posts: {found.why}.")
    else:
        tested = sum(share.posts for share in found.tested)
        emit_table(
            f"{tested:,} past posts, by a promise from those before; in the top fifth:",
            _rows(found.tested),
        )


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _rows(shares: "tuple[TierShare, ...]") -> list[dict[str, object]]:
    return [
        {
            "tier": share.tier,
            "posts": share.posts,
            "share": _percent(share.posts_share),
            "promised": _percent(share.promised_top),
            "seen": _percent(share.top),
            "from": _percent(share.low),
            "to": _percent(share.high),
        }
        for share in shares
    ]
