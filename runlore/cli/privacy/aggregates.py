"""`runlore privacy aggregate`, `benchmark` and `report`."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.estimates import AsOf

if TYPE_CHECKING:
    from runlore.privacy.queries.answers import AggregateQuestion
    from runlore.privacy.rules.figures import NoisyEstimate
    from runlore.privacy.rules.policy import PrivacyPolicy
    from runlore.settings import Settings

Platform = Annotated[
    str | None, typer.Option(help="Only of this one, such as instagram.  [default: all]")
]
Days = Annotated[int, typer.Option(help="Publications of so many days before.", min=1, max=365)]
Persona = Annotated[str, typer.Argument(metavar="PERSONA", help="An actor of executions.")]
ReportPersona = Annotated[
    str | None,
    typer.Option("--persona", help="Its own budget.  [default: what is asked of all]"),
]


def aggregate(
    platform: Platform = None, days: Days = 30, as_of: AsOf = None, json: Json = False
) -> None:
    """Tell what holds across personas, with noise that hides each of them.

    A new answer is charged to the month's budget; for a week the same question costs no more.

    Example: runlore privacy aggregate --platform instagram
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.privacy.actions import aggregates
    from runlore.privacy.aggregate_views import show_aggregate

    question = _question(platform, days, as_of)
    with open_app() as app:
        policy = _policy(app.settings)
        answer = aggregates.aggregate(app.store, question, policy, instants.now())
    view = show_aggregate(answer)
    if json:
        emit_json(asdict(view))
        return
    told = "charged to this month's budget" if view.is_new else "told before, at no further cost"
    echo(f"{view.since:%Y-%m-%d} to {view.until:%Y-%m-%d %H:%M} UTC; {told}.")
    if view.personas and view.mean_rate:
        echo(f"Personas: {_text(view.personas, 0)}")
        echo(f"Mean engagement rate: {_text(view.mean_rate, 2)} %")
    hours = [one for one in view.hours if one.share is not None]
    if hours:
        rows = [{"best hour": f"{one.hour}:00", "personas": f"{one.share:.1%}"} for one in hours]
        emit_table("Best hours (local)", rows)
    if view.hashtags:
        rows = [
            {"hashtag": one.hashtag, "personas": str(one.personas), "points": _text(one.lift, 2)}
            for one in view.hashtags
        ]
        emit_table("Hashtags", rows)
    for reason in view.reasons:
        echo(f"Suppressed: {reason}")


def benchmark(
    persona: Persona,
    platform: Platform = None,
    days: Days = 30,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Say where a persona stands among the others.

    Example: runlore privacy benchmark ann --platform instagram
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.privacy.actions.aggregates import benchmark_persona
    from runlore.privacy.aggregate_views import show_benchmark

    question = _question(platform, days, as_of)
    with open_app() as app:
        policy = _policy(app.settings)
        view = show_benchmark(
            benchmark_persona(app.store, persona, question, policy, instants.now())
        )
    if json:
        emit_json(asdict(view))
        return
    echo(f"{persona}: {view.own_rate:.2f} % in {view.own_posts} posts.")
    if view.mean_rate:
        echo(f"All personas: {_text(view.mean_rate, 2)} %")
    if view.percentile and view.tier:
        sure = "" if view.is_tier_sure else " (the noise allows another tier)"
        echo(f"Percentile {_text(view.percentile, 0)}: {view.tier.replace('_', ' ')}{sure}")
    for line in (*view.advice, *view.reasons):
        echo(line)


def report(persona: ReportPersona = None, json: Json = False) -> None:
    """Say what may be told this month, what was, and what is left.

    Example: runlore privacy report
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.privacy.actions.budgets import read_report
    from runlore.privacy.budget_views import show_report

    with open_app() as app:
        policy = _policy(app.settings)
        view = show_report(read_report(app.store, policy, instants.now(), persona or ""))
    if json:
        emit_json(asdict(view))
        return
    echo(f"{view.period:%Y-%m}: epsilon {view.epsilon:g}, delta {view.delta:g} per persona.")
    echo(f"Spent: epsilon {view.epsilon_spent:.3f}. New aggregates left: {view.aggregates_left}.")
    echo(f"Renewed on {view.renewed:%Y-%m-%d}. All months: {view.epsilon_all_months:.3f}.")
    rows = [
        {"tells": one.tells, "noise": one.noise, "scale": f"{one.scale:,.1f}"}
        for one in view.mechanisms
    ]
    emit_table("Mechanisms", rows)
    for line in view.assumptions:
        echo(f"- {line}")


def _question(platform: str | None, days: int, as_of: str | None) -> "AggregateQuestion":
    from runlore.kernel import instants
    from runlore.privacy.actions.aggregates import question_of

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    return question_of(platform, days, at)


def _policy(settings: "Settings") -> "PrivacyPolicy":
    from runlore.privacy.rules.policy import PrivacyPolicy

    return PrivacyPolicy(
        settings.privacy_epsilon, settings.privacy_delta, settings.privacy_aggregates
    )


def _text(figure: "NoisyEstimate", places: int) -> str:
    return (
        f"{figure.value:.{places}f} (95 % of the noise:"
        f" {figure.low:.{places}f} to {figure.high:.{places}f})"
    )
