"""Content: personas, and one with its scores, and what scores promised."""

from bentos.api.content_scores import champion_of, references_of
from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.engagement.actions.persona_content import list_personas, persona_content
from runlore.engagement.actions.score_calibration import read_calibration
from runlore.engagement.rules.scores.promise import TierShare
from runlore.kernel.errors import BadInput

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
        "executions": address(EXECUTIONS, {"actor": persona}),
        "patterns": address("/console/actors/one", {"actor": persona}),
    }
    return Shown("content/persona.html", values)


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
