"""The drawings of a report, each of one part of its document."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

from runlore.kernel.readable import readable_number, readable_share
from runlore.plots import svg
from runlore.plots.svg import Drawing
from runlore.reports.rules.headline import figure_text

Row = Mapping[str, Any]
WIDE = 720.0  # units; the drawing of days spans the page
ROW = 34.0
LONGEST_NAME = 40
MOST_GROUPS = 8
# What a page's style says with variables, in plain colours: on paper each drawing has its own.
PAPER = {
    "--ink": "#1f272d",
    "--soft": "#5c6873",
    "--edge": "#d8dee4",
    "--ours": "#0072b2",
    "--band": "#cce3f0",
    "--simple": "#8a96a0",
    "--bad": "#d55e00",
    "--all": "#b9c4cd",
}


def for_paper(drawing: str) -> str:
    """A drawing that brings its style along: a page's style does not reach into it on paper."""
    style = svg.DRAWING_STYLE.partition(".legend{")[0].replace("svg ", "")
    for name, colour in PAPER.items():
        style = style.replace(f"var({name})", colour)
    style = style.replace("system-ui,sans-serif", "sans-serif")
    head, closed, rest = drawing.partition(">")
    return f"{head}{closed}<style>{style}</style>{rest}"


def over_days(days: Sequence[Row]) -> str:
    """Executions a day, the failed ones dark; the period before stands pale to the left."""
    most = max((row["executions"] for row in days), default=0)
    drawing = Drawing(
        "Executions a day, and how many failed", 170.0, y_end=max(most, 1), width=WIDE
    )
    room = WIDE - drawing.left - svg.RIGHT
    width = room / max(len(days), 1)
    for share in (0.5, 1.0):
        y = drawing.y(most * share)
        drawing.add(svg.line(drawing.left, y, WIDE - svg.RIGHT, y, "grid"))
        label = readable_number(round(most * share))
        drawing.add(svg.text(drawing.left - 5, y + 3.5, label, css="tick", anchor="end"))
    for at, row in enumerate(days):
        _day(drawing, row, drawing.left + at * width, width)
    _edges(drawing, days, width)
    return drawing.svg()


def _day(drawing: Drawing, row: Row, x: float, width: float) -> None:
    title = f"{row['day']}: {row['executions']:,} executions, {row['failed']:,} failed"
    bottom = drawing.y(0.0)
    colours = ("rail", "simple") if row["is_before"] else ("all", "bad")
    for count, css in zip((row["executions"], row["failed"]), colours, strict=True):
        top = drawing.y(count)
        drawing.add(svg.rectangle(x + width * 0.07, top, width * 0.86, bottom - top, css, title))


def _edges(drawing: Drawing, days: Sequence[Row], width: float) -> None:
    """The first day of each period, and the line between them."""
    firsts = [at for at, row in enumerate(days)
              if at == 0 or row["is_before"] != days[at - 1]["is_before"]]  # fmt: skip
    for at in firsts:
        x = drawing.left + at * width
        if at:
            drawing.add(svg.line(x, svg.TOP, x, drawing.y(0.0) + 5, "mark"))
        name = "the period before, from" if days[at]["is_before"] else "the period, from"
        text = f"{name} {_short_day(days[at]['day'])}"
        drawing.add(svg.text(x + 3, drawing.y(0.0) + 15, text, css="tick"))


def rates(groups: Sequence[Row]) -> str:
    """The share that failed of the largest groups, with a mark where it was before."""
    shown = [row for row in groups if row["rate"] is not None][:MOST_GROUPS]
    if not shown:
        return ""
    highest = max(max(row["rate"], row["rate_before"] or 0.0) for row in shown)
    drawing = Drawing("Share that failed, by group", ROW * len(shown) + 6.0)
    drawing.left, drawing.x_end = 6.0, svg.nice_end(highest)
    for at, row in enumerate(shown):
        _rate(drawing, row, at * ROW + 12.0)
    return drawing.svg()


def _rate(drawing: Drawing, row: Row, top: float) -> None:
    said = f"{readable_share(row['rate'])} of {readable_number(row['finished'])}"
    drawing.add(svg.text(drawing.left, top, _short(row["name"] or "(no name)"), css="name"))
    drawing.add(svg.text(drawing.width - svg.RIGHT, top, said, css="tick", anchor="end"))
    start, y = drawing.x(0.0), top + 5.0
    css = {"up": "bad", "down": "ours"}.get(row["change"], "all")
    drawing.add(svg.rectangle(start, y, drawing.x(drawing.x_end) - start, 9.0, "rail"))
    drawing.add(svg.rectangle(start, y, drawing.x(row["rate"]) - start, 9.0, css, said))
    if row["rate_before"] is not None:
        x = drawing.x(row["rate_before"])
        drawing.add(svg.line(x, y - 2, x, y + 11, "mark"))


def expected(rows: Sequence[Row], figures: Mapping[str, Row]) -> str:
    """This period beside what is expected of the next, each on its own scale."""
    known = [row for row in rows if not row["unknown"]]
    if not known:
        return ""
    drawing = Drawing("What the next period may bring", ROW * len(known) + 6.0)
    drawing.left = 6.0
    names = {"run_s": "run_hours"}
    for at, row in enumerate(known):
        name = str(row["name"])
        now = figures[names.get(name, name)]["value"] or 0.0
        drawing.x_end = max(row["high"], now, 1e-9) * 1.05
        top = at * ROW + 12.0
        said = f"{figure_text(row['low'], row['unit'])} to {figure_text(row['high'], row['unit'])}"
        drawing.add(svg.text(drawing.left, top, row["title"], css="name"))
        drawing.add(svg.text(drawing.width - svg.RIGHT, top, said, css="tick", anchor="end"))
        y, low, high = top + 9.0, drawing.x(row["low"]), drawing.x(row["high"])
        drawing.add(svg.line(drawing.left, y, drawing.width - svg.RIGHT, y, "grid"))
        drawing.add(svg.line(low, y, high, y, "ours whisker"))
        drawing.add(svg.dot(drawing.x(row["value"]), y, "ours", said))
        x = drawing.x(now)
        drawing.add(svg.line(x, y - 6, x, y + 6, "mark"))
    return drawing.svg()


def legend(entries: Sequence[tuple[str, str]]) -> str:
    items = "".join(f'<li><i class="{css}"></i>{escape(said)}</li>' for css, said in entries)
    return f'<ul class="legend">{items}</ul>'


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _short_day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.day} {day:%b}"
