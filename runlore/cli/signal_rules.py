"""`runlore signals export-rules`: learned bands for Prometheus."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json

if TYPE_CHECKING:
    from runlore.signals.actions.exporting import ExportedRules

Named = Annotated[
    list[str] | None,
    typer.Option("--series", metavar="NAME", help="Only this one; repeatable.  [default: all]"),
]
Scope = Annotated[str | None, typer.Option(help="The scope, where several have the name.")]
Level = Annotated[
    float, typer.Option(min=0.5, max=0.9999, help="Share of the values inside the band.")
]
For = Annotated[
    int, typer.Option("--for", min=0, metavar="SECONDS", help="How long outside before an alert.")
]
Objectives = Annotated[
    bool,
    typer.Option("--objectives", help="Write the rules of the objectives over counters instead."),
]
ScopeLabel = Annotated[str, typer.Option(help="The label of Prometheus that holds the scope.")]
Output = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write here.  [default: standard output]")
]


def export_rules(
    series: Named = None,
    scope: Scope = None,
    level: Level = 0.99,
    for_s: For = 300,
    scope_label: ScopeLabel = "instance",
    objectives: Objectives = False,
    output: Output = None,
    json: Json = False,
) -> None:
    """Write recording and alerting rules of the learned bands, by hour of the week.

    Prometheus then alerts on its own. Series that it cannot name, and series with less than three
    weeks of values, are left out with the reason. The exit code is 1 if none is left.
    --objectives writes the shares of bad events and the alerts of error budgets.

    Example: runlore signals export-rules --series cpu --level 0.99 --output rules.yml
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.kernel.errors import BadInput
    from runlore.signals.actions import exporting
    from runlore.signals.actions.forecasting import SeriesName

    if objectives and (series or scope):
        raise BadInput("--objectives: these rules are of no single series; leave --series out")
    if objectives:
        _export_objectives(scope_label, output, as_json=json)
        return
    chosen = tuple(SeriesName(name, scope) for name in series or ())
    request = exporting.BandRequest(chosen, level, for_s, scope_label)
    with open_app() as app:
        made = exporting.export_rules(app.store, request, instants.now())
    text = _yaml(made.groups)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    if json:
        emit_json({"bands": _figures(made), "left_out": made.left_out, "rules": made.groups})
    elif output is None:
        echo(text.rstrip())
    else:
        echo(f"{output}: bands of {len(made.bands)} series; check it: promtool check rules")
        for name, why in made.left_out.items():
            echo(f"left out: {name}: {why}")


def _export_objectives(scope_label: str, output: Path | None, *, as_json: bool) -> None:
    from runlore.app import open_app
    from runlore.signals.actions import exporting

    with open_app() as app:
        made = exporting.export_objectives(app.objectives, scope_label)
    text = _yaml(made.groups)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    if as_json:
        emit_json({"objectives": made.names, "left_out": made.left_out, "rules": made.groups})
    elif output is None:
        echo(text.rstrip())
    else:
        echo(f"{output}: rules of {', '.join(made.names)}; check it: promtool check rules")
        for name, why in made.left_out.items():
            echo(f"left out: {name}: {why}")


def _figures(made: "ExportedRules") -> list[dict[str, object]]:
    return [
        {
            "series": one.series,
            "scope": one.scope,
            "expr": one.expr,
            "weeks": one.band.weeks,
            "coverage": round(one.band.coverage, 4),
        }
        for one in made.bands
    ]


def _yaml(groups: dict[str, object]) -> str:
    import yaml

    return yaml.safe_dump(groups, sort_keys=False, width=10_000, allow_unicode=True)
