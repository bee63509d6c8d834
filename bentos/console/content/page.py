"""Content: personas, and one with its scores, and what scores promised."""

from typing import Any

from bentos.api.content_scores import champion_of, references_of
from bentos.console.content.times_map import draw_times
from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.advice.queries.advice_ledger import LedgerAdvice
from runlore.engagement.actions.persona_content import (
    list_personas,
    persona_content,
    persona_suggestions,
)
from runlore.engagement.actions.publishing_times import TimesRequest, publishing_times
from runlore.engagement.actions.score_calibration import read_calibration
from runlore.engagement.rules.scores.promise import TierShare
from runlore.engagement.suggestion_views import suggestion_text, track_text
from runlore.engagement.times_views import show_times
from runlore.kernel.errors import BadInput, NotFound

PATH, ONE_PATH, EXECUTIONS = "/console/content", "/console/content/persona", "/console/executions"
LONGEST, LISTED = 1_024, 200


def show_personas(request: PageRequest) -> Shown:
    rows = list_personas(request.store, request.at)
    values = {
        "rows": [(one, address(ONE_PATH, {"persona": one.persona})) for one in rows[:LISTED]],
        "is_cut": len(rows) > LISTED,
        "has_champion": champion_of(request.serving) is not None,
    }
    return Shown("content/personas.html", values)


def show_persona(request: PageRequest) -> Shown:
    persona = request.query.get("persona", "")[:LONGEST]
    if not persona or "\x00" in persona:
        raise BadInput("persona: the address names no persona", "persona")
    references, bundle = references_of(request.product), champion_of(request.serving)
    calibration = read_calibration(request.store, bundle, references, request.at, persona)
    reference = None if bundle is None else references.get(request.store, bundle, request.at)
    rows = persona_content(request.store, persona, request.at, reference)
    recorded = sum(share.posts for share in calibration.recorded)
    values = {
        "persona": persona,
        "rows": [(one, _link(one.source, one.context_id)) for one in rows],
        "calibration": calibration,
        "recorded": recorded,
        "tested": sum(share.posts for share in calibration.tested),
        "charts": _charts(calibration.recorded if recorded else (), calibration.tested),
        "suggestions": _suggestions(request, persona),
        **_times(request, persona),
        "executions": address(EXECUTIONS, {"actor": persona}),
        "patterns": address("/console/actors/one", {"actor": persona}),
    }
    return Shown("content/persona.html", values)


def _times(request: PageRequest, persona: str) -> dict[str, Any]:
    """None without a final post."""
    try:
        made = publishing_times(request.store, TimesRequest(persona), request.at)
    except NotFound:
        return {"times": None, "heat": None}
    view = show_times(made)
    return {"times": view, "heat": draw_times(view)}


def _suggestions(request: PageRequest, persona: str) -> list[tuple[str, str, str]]:
    """What each suggests, how it stands, and what came of it."""
    rows = persona_suggestions(request.store, persona, request.at)
    return [
        (f"{one.kind}: {suggestion_text(one.lever, one.value)}", _state(one), track_text(one))
        for one in rows
    ]


def _state(one: LedgerAdvice) -> str:
    if one.withdrawn_at is not None:
        return f"withdrawn: {one.withdrawn_because}"
    return {"follow": "followed", "dismiss": "dismissed"}.get(one.decision or "", "open")


def _link(source: str, context_id: str) -> str:
    return address(f"{EXECUTIONS}/one", {"source": source, "id": context_id})


def _charts(recorded: tuple[TierShare, ...], tested: tuple[TierShare, ...]) -> list[Chart]:
    named = (
        ("Did its scores keep what they promised?", recorded, "Scores from before publication."),
        ("Would scores have kept it?", tested, "All personas' past posts, by earlier ones."),
    )
    return [_chart(title, shares, caption) for title, shares, caption in named if shares]


def _chart(title: str, shares: tuple[TierShare, ...], caption: str) -> Chart:
    tiers = [share.tier for share in shares]
    return Chart(
        title,
        "tier",
        "posts that ended in the top fifth",
        (
            ChartSeries("promised", tiers, [share.promised_top for share in shares], style="bars"),
            ChartSeries(
                "seen, 95 %",
                tiers,
                [share.top for share in shares],
                [share.low for share in shares],
                [share.high for share in shares],
                style="points",
                colour=2,
            ),
        ),
        caption,
        is_percent=True,
        y_range=(0.0, 1.0),
    )


PAGE = ConsolePage(
    "Content",
    95,
    PATH,
    (PageRoute("GET", PATH, show_personas), PageRoute("GET", ONE_PATH, show_persona)),
    group="Advice",
)
