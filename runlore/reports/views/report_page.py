"""A report as one HTML document that loads nothing, from our template or the user's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore import __version__
from runlore.kernel.errors import Misconfigured, one_line
from runlore.kernel.readable import readable_duration
from runlore.plots.svg import DRAWING_STYLE
from runlore.reports.rules import again
from runlore.reports.rules.headline import figure_text, score_text
from runlore.reports.rules.period import zone_of
from runlore.reports.rules.signal_part import gain_text
from runlore.reports.views import report_drawings
from runlore.reports.views.report_tables import TABLES
from runlore.reports.views.signal_drawing import causes_over_days

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

TEMPLATES = Path(__file__).with_name("templates")
PAGE, STYLE = "report.html", "report.css"
VARIABLE = "RUNLORE_REPORT_TEMPLATES"
# The numbers on the first page, in their order.
TILES = (
    "executions",
    "failure_rate",
    "failed_hours",
    "cost",
    "foreseen_share",
    "avoidable_hours",
)


@dataclass(frozen=True)
class PageOptions:
    """number: of the stored report; None: it is not stored. link: where the console has it.

    is_paper: for a printer: drawings bring their colours along. templates: the user's own folder.
    """

    number: int | None = None
    link: str = ""
    is_paper: bool = False
    templates: Path | None = None


USUAL = PageOptions()


def render_report(document: Mapping[str, Any], options: PageOptions = USUAL) -> str:
    """The whole document. Raises Misconfigured for a template that cannot be rendered."""
    from jinja2 import TemplateError

    environment = _environment(options)
    try:
        style = environment.get_template(STYLE).render()
        return environment.get_template(PAGE).render(_values(document, options, style))
    except TemplateError as error:
        raise _wrong(error, options) from error
    except Exception as error:
        if options.templates is None:
            raise
        raise _wrong(error, options) from error


def _environment(options: PageOptions) -> "SandboxedEnvironment":
    """Everything is escaped, a missing name is an error, and a template reaches no Python."""
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    if options.templates is not None and not options.templates.is_dir():
        raise Misconfigured(f"{VARIABLE}: {options.templates} is no folder; make it, or unset it")
    folders = [folder for folder in (options.templates, TEMPLATES) if folder is not None]
    made = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        figure=figure_text,
        score=score_text,
        instant=_instant,
        change=_change,
        gain=gain_text,
        duration=readable_duration,
    )
    return made


def _values(document: Mapping[str, Any], options: PageOptions, style: str) -> dict[str, Any]:
    figures = {row["name"]: row for row in document["figures"]}
    return {
        "report": document,
        "figures": figures,
        "tiles": [figures[name] for name in TILES],
        "groups": {
            part: [row for row in document["groups"] if row["part"] == part]
            for part in ("scope", "kind", "actor")
        },
        "drawings": _drawings(document, figures, is_paper=options.is_paper),
        "legend": _markup(DAYS_LEGEND),
        "signals": document.get("signals", []),  # older reports lack them
        "skill": document.get("skill", []),
        **{name: document.get(name, []) for name in ("plans", "advice", "visits", "security")},
        "style": _markup(DRAWING_STYLE + style),
        "command": lambda name="": again.command(document, name),
        "number": options.number,
        "link": options.link,
        "tables": TABLES,
        "work": _work(document),
        "version": __version__,
    }


def _drawings(
    document: Mapping[str, Any], figures: Mapping[str, Any], *, is_paper: bool
) -> dict[str, Any]:
    made = {
        "days": report_drawings.over_days(document["days"]),
        "forecast": report_drawings.expected(document["forecast"], figures),
        "signals": causes_over_days(document.get("signals", []), document["period"]),
        **{
            part: report_drawings.rates([g for g in document["groups"] if g["part"] == part])
            for part in ("scope", "kind", "actor")
        },
    }
    printed = report_drawings.for_paper if is_paper else str
    return {name: _markup(printed(text) if text else "") for name, text in made.items()}


DAYS_LEGEND = report_drawings.legend(
    [("all", "executions"), ("bad", "failed"), ("rail", "the period before")]
)


def _work(document: Mapping[str, Any]) -> str:
    from runlore.reports.rules.request import WorkFilter

    return WorkFilter(**document["work"]).words


def _markup(text: str) -> Any:  # noqa: ANN401  (Markup, which Jinja2 does not escape)
    """Text of our own, whose parts are escaped already."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704  (drawings escape what they are given)


def _instant(text: str, zone: str = "UTC") -> str:
    """An instant in the zone of the report."""
    return f"{datetime.fromisoformat(text).astimezone(zone_of(zone)):%Y-%m-%d %H:%M} {zone}"


def _change(row: Mapping[str, Any]) -> str:
    """What is said of a number beside the period before."""
    if row["change"] in ("up", "down"):
        return f"{row['change']} from {figure_text(row['before'], row['unit'])}, beyond chance"
    if row["change"] == "no change shown":
        return f"{figure_text(row['before'], row['unit'])} before: no change beyond chance"
    return "" if row["before"] is None else f"{figure_text(row['before'], row['unit'])} before"


def _wrong(error: Exception, options: PageOptions) -> Misconfigured:
    """The template and the line that cannot be rendered, and why."""
    place, line = _place(error, options)
    where = f"{place}, line {line}" if line else str(place)
    return Misconfigured(
        f"{VARIABLE}: {where}: {one_line(error)[:300]}; mend the template, or remove it to use the"
        " built-in one"
    )


def _place(error: Exception, options: PageOptions) -> tuple[Path | str, int]:
    from jinja2 import TemplateSyntaxError

    if isinstance(error, TemplateSyntaxError) and error.filename:
        return Path(error.filename), error.lineno
    trace, found = error.__traceback__, (options.templates or TEMPLATES, 0)
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.endswith((".html", ".css")):
            found = (Path(name), trace.tb_lineno)
        trace = trace.tb_next
    return found
