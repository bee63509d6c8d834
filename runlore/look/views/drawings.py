"""The drawings of the page, each of one finding."""

from collections.abc import Sequence
from math import isfinite

from runlore.kernel.readable import readable_share
from runlore.look.rules.findings import (
    FailureFindings,
    LimitFindings,
    Measured,
    Rival,
    SpanCount,
    StandOut,
)
from runlore.look.rules.risk import TOP
from runlore.look.rules.words import group_name, shares
from runlore.plots import svg
from runlore.plots.svg import Drawing

ROW = 44.0
LONGEST_NAME = 34  # characters that fit above a bar


def over_time(spans: Sequence[SpanCount]) -> str:
    """Finished runs in equal spans, the failed ones dark."""
    most = max((one.runs for one in spans), default=0)
    drawing = Drawing("Runs over time, and how many of them failed", 130.0, y_end=max(most, 1))
    width = (svg.WIDTH - drawing.left - svg.RIGHT) / max(len(spans), 1)
    for share in (0.5, 1.0):
        y = drawing.y(most * share)
        drawing.add(svg.line(drawing.left, y, svg.WIDTH - svg.RIGHT, y, "grid"))
        drawing.add(
            svg.text(drawing.left - 5, y + 3.5, f"{most * share:,.0f}", css="tick", anchor="end")
        )
    for at, one in enumerate(spans):
        x = drawing.left + at * width
        title = f"from {one.start[:10]}: {one.runs:,} runs, {one.failed:,} failed"
        for count, css in ((one.runs, "all"), (one.failed, "bad")):
            top = drawing.y(count)
            drawing.add(svg.rectangle(x, top, width * 0.86, drawing.y(0.0) - top, css, title))
    if spans:
        bottom = drawing.y(0.0) + 13
        drawing.add(svg.text(drawing.left, bottom, spans[0].start[:10], css="tick"))
        end = svg.text(
            svg.WIDTH - svg.RIGHT, bottom, spans[-1].start[:10], css="tick", anchor="end"
        )
        drawing.add(end)
    return drawing.svg()


def gain(failure: FailureFindings) -> str:
    """The share of failures among the riskiest runs, with the riskiest tenth marked."""
    curve = failure.gain
    drawing = Drawing(
        f"Among the riskiest 10 % of the runs are {shares(failure.top)} of the failures;"
        f" by the simple guess {shares(failure.top_simple)}",
        280.0,
    )
    drawing.percent_axes("share of runs, the riskiest first", "share of failures among them")
    low = [*zip(curve.shares, curve.ours_low, strict=True)]
    high = [*zip(curve.shares, curve.ours_high, strict=True)]
    drawing.band(low, high, "band")
    drawing.curve([(0.0, 0.0), (1.0, 1.0)], "chance")
    drawing.curve([*zip(curve.shares, curve.simple, strict=True)], "simple line")
    drawing.curve([*zip(curve.shares, curve.ours, strict=True)], "ours line")
    x, y = drawing.x(TOP), drawing.y(failure.top.value)
    drawing.add(svg.line(x, drawing.y(0.0), x, y, "mark"))
    drawing.add(svg.dot(x, y, "ours", f"riskiest 10 %: {shares(failure.top)}"))
    drawing.add(svg.text(x + 6, drawing.y(0.0) - 6, "riskiest 10 %", css="tick"))
    return drawing.svg() + _legend(
        [("ours", "model, with its 95 % band"), ("simple", "simple guess"), ("chance", "chance")]
    )


def calibration(failure: FailureFindings) -> str:
    """What was predicted and what came, in groups of about equal size."""
    groups = failure.groups
    highest = max(max(one.predicted, one.actual.high) for one in groups)
    end = svg.nice_end(highest)
    drawing = Drawing("Predicted risk and the share that failed", 260.0, end, end)
    drawing.percent_axes("predicted risk", "share that failed")
    drawing.curve([(0.0, 0.0), (end, end)], "chance")
    drawing.curve([(one.predicted, one.actual.value) for one in groups], "ours line")
    for one in groups:
        x = drawing.x(one.predicted)
        drawing.add(
            svg.line(x, drawing.y(one.actual.low), x, drawing.y(one.actual.high), "ours whisker")
        )
        title = (
            f"predicted {readable_share(one.predicted)}: {shares(one.actual)} of"
            f" {one.actual.n:,} runs failed"
        )
        drawing.add(svg.dot(x, drawing.y(one.actual.value), "ours", title))
    return drawing.svg() + _legend([("ours", "group of runs, with its 95 % interval")])


def durations(rivals: Sequence[Rival]) -> str:
    """Relative accuracy of the model and of each simple guess on the same runs."""
    drawing = Drawing("Relative accuracy beside simple guesses", ROW * 1.35 * len(rivals) + 34.0)
    drawing.left = 10.0
    for at, one in enumerate(rivals):
        top = at * ROW * 1.35 + 16.0
        drawing.add(svg.text(drawing.left, top, f"{one.name}, {one.accuracy.n:,} runs", css="name"))
        for row, (measured, css) in enumerate(
            ((one.accuracy, "simple"), (one.ours_accuracy, "ours"))
        ):
            _bar(drawing, top + 6.0 + 18.0 * row, measured, css, f"{measured.value:.2f}")
    return drawing.svg() + _legend([("simple", "that guess"), ("ours", "the model, same runs")])


def limits(found: Sequence[LimitFindings]) -> str:
    """The share of what was requested that each policy saves."""
    drawing = Drawing("What limits would have saved", ROW * len(found) + 10.0)
    drawing.left = 10.0
    for at, one in enumerate(found):
        top = at * ROW + 16.0
        drawing.add(svg.text(drawing.left, top, one.policy, css="name"))
        _bar(drawing, top + 6.0, one.saved, "ours", shares(one.saved))
    return drawing.svg()


def stand_outs(found: Sequence[StandOut]) -> str:
    """The rate of failures of each group with its interval, and of the rest."""
    end = svg.nice_end(max(max(one.rate.high, one.rest) for one in found))
    drawing = Drawing("Groups beyond chance", 34.0 * len(found) + 40.0, end)
    drawing.left = 10.0
    for at, one in enumerate(found):
        top = at * 34.0 + 14.0
        drawing.add(svg.text(drawing.left, top, _short(group_name(one)), css="name"))
        said = f"{shares(one.rate)} of {one.rate.n:,}"
        drawing.add(svg.text(svg.WIDTH - svg.RIGHT, top, said, css="tick", anchor="end"))
        y = top + 10.0
        drawing.add(svg.line(drawing.left, y, svg.WIDTH - svg.RIGHT, y, "grid"))
        low, high, rest = (drawing.x(value) for value in (one.rate.low, one.rate.high, one.rest))
        css = "bad" if one.rate.value > one.rest else "ours"
        drawing.add(svg.line(low, y, high, y, f"{css} whisker"))
        drawing.add(svg.line(rest, y - 6, rest, y + 6, "mark"))
        drawing.add(svg.dot(drawing.x(one.rate.value), y, css, said))
    bottom = 34.0 * len(found) + 18.0
    for share, anchor in ((0.0, "start"), (end / 2, "middle"), (end, "end")):
        tick = svg.text(drawing.x(share), bottom, readable_share(share), css="tick", anchor=anchor)
        drawing.add(tick)
    return drawing.svg() + _legend(
        [("bad", "fails more often"), ("ours", "fails less often"), ("mark", "all others")]
    )


def _bar(drawing: Drawing, y: float, measured: Measured, css: str, said: str) -> None:
    """A bar with the whisker of its interval, and its number behind it."""
    room = svg.WIDTH - drawing.left - svg.RIGHT - 118.0
    width = room * min(max(measured.value, 0.0), 1.0)
    drawing.add(svg.rectangle(drawing.left, y, room, 12.0, "rail"))
    drawing.add(svg.rectangle(drawing.left, y, width, 12.0, css, said))
    low, high = (room * min(max(one, 0.0), 1.0) for one in (measured.low, measured.high))
    if isfinite(low):
        middle = y + 6.0
        start, end = drawing.left + low, drawing.left + high
        drawing.add(svg.line(start, middle, end, middle, "whisker"))
    drawing.add(svg.text(drawing.left + room + 6.0, y + 10.0, said, css="tick"))


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    items = "".join(f'<li><i class="{css}"></i>{said}</li>' for css, said in entries)
    return f'<ul class="legend">{items}</ul>'


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
