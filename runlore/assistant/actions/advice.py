"""What would help: recommendations on the ledgers, with what they stand on."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from runlore.advice.actions.recommending import holds, list_advice
from runlore.advice.actions.track_record import withdrawn_kinds
from runlore.advice.recommendation_views import AdviceEntry, show_entry
from runlore.assistant.actions.context import ToolContext
from runlore.assistant.rules.arguments import AdviceArguments, now_unless
from runlore.assistant.rules.figures import Figure, ToolAnswer, cut_note
from runlore.assistant.rules.log_text import quote
from runlore.planning.actions import recommendations
from runlore.planning.recommendation_views import RecommendationView, show_recommendation

Row = tuple[Figure, dict[str, Any]]
LONGEST = 400
SUBJECTS = ("actor", "kind", "scope")


def find_advice(context: ToolContext, asked: AdviceArguments) -> ToolAnswer:
    """Advice that holds: neither dismissed nor withdrawn, that from like work of others last."""
    as_of = now_unless(asked.as_of, context.now)
    found = [*_own(context, asked, as_of), *_of_projects(context, asked, as_of)]
    first = (asked.page - 1) * asked.limit
    shown = found[first : first + asked.limit]
    is_cut = first + len(shown) < len(found)
    more = f"ask with page={asked.page + 1}"
    notes = cut_note("recommendations", len(shown), len(found) if is_cut else 0, more)
    figures, rows = [one for one, _ in shown], [row for _, row in shown]
    return ToolAnswer(_text(len(found), asked), as_of, figures, rows, notes)


def _own(context: ToolContext, asked: AdviceArguments, as_of: datetime) -> Iterator[Row]:
    """From the subject's own runs, like compared with like."""
    withdrawn = withdrawn_kinds(context.store, as_of)
    wanted = {name: getattr(asked, name) for name in SUBJECTS if getattr(asked, name) is not None}
    for one in list_advice(context.store, as_of):
        is_wanted = not wanted or wanted.get(one.subject_type) == one.subject
        if is_wanted and holds(one, withdrawn):
            entry = show_entry(one, (), withdrawn)
            yield _own_figure(entry), _own_row(entry)


def _own_figure(one: AdviceEntry) -> Figure:
    runs = one.runs_with + one.runs_without
    name = f"effect of advice {one.id} on {one.measure}"
    return Figure(
        name, one.effect, _unit(one.measure), one.issued_at, one.low, one.high, runs, str(one.id)
    )


def _own_row(one: AdviceEntry) -> dict[str, Any]:
    return {
        "advice": one.id,
        one.subject_type: quote(one.subject),
        "text": quote(one.text, LONGEST),
        "assumption": one.assumption,
        "looked_at": one.looked_at,
        "state": one.state,
        "issued_at": one.issued_at,
    }


def _of_projects(context: ToolContext, asked: AdviceArguments, as_of: datetime) -> Iterator[Row]:
    """What has worked in projects like one; a project is a scope."""
    if asked.scope is None and (asked.actor is not None or asked.kind is not None):
        return
    listed = recommendations.list_recommendations(context.store, as_of, asked.scope)
    for one in listed:
        if one.decision != "dismiss":
            view = show_recommendation(one)
            yield _project_figure(view), _project_row(view)


def _project_figure(one: RecommendationView) -> Figure:
    name = f"effect of recommendation {one.id} on {one.measure}"
    low, high, number = one.low, one.high, str(one.id)
    return Figure(
        name, one.effect, _unit(one.measure), one.issued_at, low, high, one.projects, number
    )


def _project_row(one: RecommendationView) -> dict[str, Any]:
    return {
        "recommendation": one.id,
        "project": quote(one.project),
        "text": quote(one.text, LONGEST),
        "decision": one.decision,
        "issued_at": one.issued_at,
        "looked_at": one.looked_at,
    }


def _unit(measure: str) -> str:
    return "share of runs" if measure == "failures" else "share of the time"


def _text(count: int, asked: AdviceArguments) -> str:
    named = [
        f"{name} {quote(value)}" for name in SUBJECTS if (value := getattr(asked, name)) is not None
    ]
    place = f" for {' and '.join(named)}" if named else ""
    if count:
        return f"{count} recommendations stand{place}; each interval leaves out no effect."
    return (
        f"No recommendation is on the ledger{place}. None is shown unless its interval leaves out"
        " chance. `runlore advise recommend` searches again."
    )
