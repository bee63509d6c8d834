"""`runlore report` and `runlore reports`: what happened in a period, and reports that arrive."""

from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.app import App
    from runlore.reports.actions.scheduling import ScheduleView
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


@group.command()
def schedule(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name for the schedule.")],
    every: Annotated[str, typer.Option(help="weekly or monthly.")] = "weekly",
    zone: Zone = "UTC",
    at: Annotated[
        str, typer.Option(metavar="HH:MM", help="Local time on the first day after the period.")
    ] = "06:00",
    channel: Annotated[
        list[str] | None, typer.Option(help="Send it to this channel of alerts; repeat for more.")
    ] = None,
    attach: Annotated[str, typer.Option(help="What an e-mail brings: pdf, html or none.")] = "pdf",
    scope: Scope = None,
    kind: Kind = None,
    actor: Actor = None,
    by: By = None,
    json: Json = False,
) -> None:
    """Make a report each week or month, and send it to channels of alerts.

    The report of the current week or month is the first. `runlore up` makes it when it is due.

    Example: runlore reports schedule team --zone Europe/Berlin --at 07:30 --channel mail
    """
    wish = {**locals(), "channels": tuple(channel or ())}
    from runlore.alerts.delivery import parse
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.reports.actions import scheduling, wishes
    from runlore.reports.rules.schedule import next_due

    new = wishes.read_schedule(wish, by or getuser(), instants.now())
    with open_app() as app:
        made = scheduling.schedule_report(app.store, new, parse(app.settings.alert_channels))
    due = next_due(made, made.created_at)
    if json:
        emit_json({"schedule": made.name, "id": made.id, "next_due": due})
    else:
        echo(f"schedule {made.name}: the first report is due {_at(due)} UTC")


@group.command()
def unschedule(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule.")],
    by: By = None,
    json: Json = False,
) -> None:
    """End a schedule; the reports that it made stay.

    Example: runlore reports unschedule team
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.reports.actions import scheduling

    with open_app() as app:
        scheduling.unschedule_report(app.store, name, by or getuser(), instants.now())
    if json:
        emit_json({"schedule": name, "ended": True})
    else:
        echo(f"schedule {name} has ended")


@group.command()
def schedules(json: Json = False) -> None:
    """List schedules, with their next and their newest report.

    Example: runlore reports schedules
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.reports.actions import scheduling

    with open_app() as app:
        rows = [_schedule_row(one) for one in scheduling.list_schedules(app.store, instants.now())]
    if json:
        emit_json({"schedules": rows})
    elif rows:
        emit_table("Schedules", rows)
    else:
        echo("no schedule; make one: runlore reports schedule team --channel mail")


@group.command()
def run(json: Json = False) -> None:
    """Make the reports that are due and send what waits, as `runlore up` does by itself.

    The exit code is 0 if nothing failed.

    Example: runlore reports run
    """
    from runlore.alerts.delivery import parse
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.reports.actions import due_reports, making, sending
    from runlore.reports.views import report_files

    with open_app() as app:
        settings, store = app.settings, app.store
        prices = making.prices_of(settings)
        made = due_reports.make_due(store, app.specs, prices, instants.now())
        link = f"{settings.report_pages}/console/reports"
        channels = parse(settings.alert_channels)
        sent = sending.send_reports(store, channels, link, report_files.attachments(settings))
    if json:
        emit_json({"made": [vars(one) for one in made], "sent": [vars(one) for one in sent]})
    else:
        for one in made:
            echo(f"{one.schedule}, {one.period}: {one.error or f'report {one.report}'}")
        for attempt in sent:
            echo(f"report {attempt.report} to {attempt.channel}: {attempt.error or 'arrived'}")
        if not made and not sent:
            echo("nothing is due")
    if any([*(one.error for one in made), *(attempt.error for attempt in sent)]):
        raise typer.Exit(1)


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


def _schedule_row(view: "ScheduleView") -> dict[str, object]:
    from runlore.reports.rules.request import WorkFilter

    one = view.schedule
    return {
        "name": one.name,
        "every": one.every,
        "zone": one.zone,
        "at": one.due_time,
        "work": WorkFilter(**one.work).words,
        "channels": ", ".join(one.channels),
        "next due": _at(view.next_due),
        "newest": "" if view.last_due is None else _at(view.last_due),
        "state": view.error or ("" if view.last_due is None else _state(view)),
    }


def _state(view: "ScheduleView") -> str:
    return "waits" if view.last_done is None else "made"


def _at(at: "datetime") -> str:
    return f"{at:%Y-%m-%d %H:%M}"
