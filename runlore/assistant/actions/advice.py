"""What would help: recommendations on the ledger, with what they stand on."""

from typing import Any

from runlore.assistant.actions.context import ToolContext
from runlore.assistant.rules.arguments import AdviceArguments, now_unless
from runlore.assistant.rules.figures import Figure, ToolAnswer, cut_note
from runlore.assistant.rules.log_text import quote
from runlore.planning.actions import recommendations
from runlore.planning.actions.recommendations import GroupOutcome
from runlore.planning.recommendation_views import RecommendationView, show_recommendation


def find_advice(context: ToolContext, asked: AdviceArguments) -> ToolAnswer:
    """Recommendations on the ledger that nobody has dismissed, the newest first."""
    as_of = now_unless(asked.as_of, context.now)
    listed = recommendations.list_recommendations(context.store, as_of, asked.scope)
    if asked.actor is not None and asked.scope is None:
        listed = []  # they are made for scopes
    views = [show_recommendation(one) for one in listed if one.decision != "dismiss"]
    first = (asked.page - 1) * asked.limit
    shown = views[first : first + asked.limit]
    is_cut = first + len(shown) < len(views)
    notes = cut_note(
        "recommendations",
        len(shown),
        len(views) if is_cut else 0,
        f"ask with page={asked.page + 1}",
    )
    followed, others = recommendations.outcomes(context.store, as_of)
    figures = [_figure(one) for one in shown]
    figures += [_rate(one, as_of) for one in (followed, others) if one.runs_after]
    return ToolAnswer(_text(views, asked), as_of, figures, [_row(one) for one in shown], notes)


def _text(views: list[RecommendationView], asked: AdviceArguments) -> str:
    subject = asked.scope or asked.actor
    place = f" for {quote(subject)}" if subject else ""
    if views:
        return f"{len(views)} recommendations stand{place}; each interval leaves out no effect."
    return (
        f"No recommendation is on the ledger{place}. None is shown unless its interval leaves out"
        " chance. `runlore plan recommend PROJECT` searches again."
    )


def _figure(one: RecommendationView) -> Figure:
    unit = "share of runs" if one.measure == "failures" else "share of the time"
    return Figure(
        f"effect of recommendation {one.id} on {one.measure}",
        one.effect,
        unit,
        one.issued_at,
        one.low,
        one.high,
        one.projects,
        str(one.id),
    )


def _rate(group: GroupOutcome, as_of: Any) -> Figure:  # noqa: ANN401
    from runlore.assistant.rules.figures import share_figure

    who = "followed" if group.followed else "not followed"
    return share_figure(f"failures after, {who}", group.failed_after, group.runs_after, as_of)


def _row(one: RecommendationView) -> dict[str, Any]:
    return {
        "recommendation": one.id,
        "project": quote(one.project),
        "text": quote(one.text, 300),
        "decision": one.decision,
        "issued_at": one.issued_at,
        "looked_at": one.looked_at,
    }
