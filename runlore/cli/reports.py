"""`runlore report` and `runlore reports`: what happened in a period, and reports that arrive."""

from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.app import App
    from runlore.reports.queries.stored_reports import StoredReport
    from runlore.reports.rules.request import ReportRequest
    from runlore.settings import Settings

group = typer.Typer(help="List stored reports and schedule new ones.", no_args_is_help=True)

Every = Annotated[
    str | None,
    typer.Argument(
        metavar="[weekly|monthly]", help="The week or month that has ended last.  [default: weekly]"
    ),
]
From = Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day.")]
To = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day.")]
Zone = Annotated[str, typer.Option(help="Time zone of the days, such as Europe/Berlin.")]
Scope = Annotated[str | None, typer.Option(help="Only work on or for this scope.")]
Kind = Annotated[str | None, typer.Option(help="Only work of this kind.")]
Actor = Annotated[str | None, typer.Option(help="Only work of this actor.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write an HTML page.")]
Pdf = Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Write a PDF.")]
Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="FOLDER", help="Write a CSV file for each table.")
]
KnownAt = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Leave out what became known later.  [default: now]"),
]
UntilSeq = Annotated[
    int | None, typer.Option(min=0, help="Leave out facts after this number.  [default: none]")
]
Length = Annotated[
    str, typer.Option(help="What --from and --to are: week, month or days.", hidden=True)
]
FigureName = Annotated[
    str | None, typer.Option("--figure", metavar="NAME", help="Print this number alone.")
]
PricePerHour = Annotated[
    float | None, typer.Option(min=0, help="Cost of an hour of running.  [default: the setting]")
]
PricePerCheck = Annotated[
    float | None, typer.Option(min=0, help="Cost of looking at a warning.  [default: the setting]")
]
Currency = Annotated[
    str | None, typer.Option(help="Currency of the prices.  [default: the setting]")
]
Cost = Annotated[
    str | None,
    typer.Option(metavar="OUTCOME", help="Outcome that holds the cost.  [default: the setting]"),
]
WarnsAt = Annotated[
    float | None, typer.Option(help="A risk from here on is a warning.  [default: the setting]")
]
Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="Id from the list.")]
By = Annotated[str | None, typer.Option("--as", help="Your name.  [default: your login]")]


def report(
    every: Every = None,
    from_day: From = None,
    to_day: To = None,
    zone: Zone = "UTC",
    scope: Scope = None,
    kind: Kind = None,
    actor: Actor = None,
    html: Html = None,
    pdf: Pdf = None,
    csv: Csv = None,
    known_at: KnownAt = None,
    until_seq: UntilSeq = None,
    length: Length = "days",
    figure: FigureName = None,
    price_per_hour: PricePerHour = None,
    price_per_check: PricePerCheck = None,
    currency: Currency = None,
    cost: Cost = None,
    warns_at: WarnsAt = None,
    json: Json = False,
) -> None:
    """Report what happened in a week, a month or some days.

    Says what the work cost, which failures were foreseen, how good predictions were, what to expect
    next and what to decide, beside the period before. A change is called one only when it is beyond
    chance. The report is stored, unless --known-at, --until-seq or --figure ask for one again.

    Example: runlore report weekly --zone Europe/Berlin --pdf week.pdf
    """
    wish = {**locals(), "from": from_day, "to": to_day}
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.reports.actions import wishes

    with open_app() as app:
        request = wishes.read_request(wish, app.settings, instants.now())
        is_again = known_at is not None or until_seq is not None or figure is not None
        document, number = _document(app, request, is_stored=not is_again)
        written = _write(app.settings, document, number, html=html, pdf=pdf, csv=csv)
    if json:
        emit_json(_as_json(document, number, figure))
    else:
        _show(document, number, figure)
        for path in written:
            echo(f"wrote {path}")


@group.command("list")
def list_reports(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number.")] = 20,
    json: Json = False,
) -> None:
    """List stored reports, the newest first.

    Example: runlore reports list
    """
    from runlore.app import open_app
    from runlore.reports.actions import making

    with open_app() as app:
        rows = [_row(one) for one in making.list_reports(app.store, limit)]
    if json:
        emit_json({"reports": rows})
    elif rows:
        emit_table("Reports", rows)
    else:
        echo("no report is stored; make one: runlore report weekly")


@group.command()
def show(
    report_id: Id, html: Html = None, pdf: Pdf = None, csv: Csv = None, json: Json = False
) -> None:
    """Show a stored report, or write it as a page, a PDF or tables.

    Example: runlore reports show 3 --pdf week.pdf
    """
    from runlore.app import open_app
    from runlore.reports.actions import making

    with open_app() as app:
        stored = making.show_report(app.store, report_id)
        document = dict(stored.document)
        written = _write(app.settings, document, stored.id, html=html, pdf=pdf, csv=csv)
    if json:
        emit_json(_as_json(document, stored.id, None))
    else:
        _show(document, stored.id, None)
        for path in written:
            echo(f"wrote {path}")


def _document(
    app: "App", request: "ReportRequest", *, is_stored: bool
) -> tuple[dict[str, Any], int | None]:
    from runlore.kernel.json_values import as_json
    from runlore.reports.actions import composing, making

    if is_stored:
        stored = making.make_report(app.store, app.specs, request, getuser())
        return dict(stored.document), stored.id
    document: dict[str, Any] = as_json(composing.compose(app.store, app.specs, request))
    return document, None


def _write(
    settings: "Settings",
    document: dict[str, Any],
    number: int | None,
    *,
    html: Path | None,
    pdf: Path | None,
    csv: Path | None,
) -> list[Path]:
    from runlore.reports.views import report_files

    files = report_files.ReportFiles(html, pdf, csv)
    return report_files.write_files(document, files, report_files.options_of(settings, number))


def _as_json(document: dict[str, Any], number: int | None, figure: str | None) -> dict[str, Any]:
    from runlore.reports.views.report_json import with_links

    return with_links(document, number, figure)


def _show(document: dict[str, Any], number: int | None, figure: str | None) -> None:
    from runlore.reports.rules.headline import figure_text
    from runlore.reports.rules.request import WorkFilter
    from runlore.reports.views.report_json import find_figure

    if figure is not None:
        row = find_figure(document, figure)
        echo(f"{row['title']}: {figure_text(row['value'], row['unit'])}")
        echo(row["unknown"] or row["how"])
        return
    work = WorkFilter(**document["work"]).words
    echo(f"{document['period']['name']}, {work}; beside {document['before']['name']}")
    for sentence in [*document["headline"], *document["notes"]]:
        echo(f"- {sentence}")
    emit_table("Numbers", [_figure_row(row) for row in document["figures"]])
    if number is not None:
        echo(f"report {number} is stored: runlore reports show {number} --pdf report.pdf")


def _figure_row(row: dict[str, Any]) -> dict[str, object]:
    from runlore.reports.rules.headline import figure_text

    before = "" if row["before"] is None else figure_text(row["before"], row["unit"])
    return {
        "number": row["title"],
        "this period": figure_text(row["value"], row["unit"]),
        "before": before,
        "change": "" if row["change"] == "unknown" else row["change"],
    }


def _row(stored: "StoredReport") -> dict[str, object]:
    from runlore.reports.rules.request import WorkFilter

    return {
        "id": stored.id,
        "period": stored.document["period"]["name"],
        "work": WorkFilter(**stored.document["work"]).words,
        "made": _at(stored.made_at),
        "by": stored.schedule or stored.made_by,
    }


def _at(at: "datetime") -> str:
    return f"{at:%Y-%m-%d %H:%M}"
