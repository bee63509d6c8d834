"""Small drawings as SVG text: the same numbers give the same text, to the byte.

Colours are classes of the page's style, so that drawings follow light and dark.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 360.0  # units; a drawing fills its column, and its text stays readable on a phone
LEFT, RIGHT, TOP, BOTTOM = 40.0, 14.0, 10.0, 30.0

# For the page around: its variables --ink, --soft, --edge, --ours, --band, --simple, --bad, --all.
DRAWING_STYLE = """
svg text{fill:var(--ink);font:11px system-ui,sans-serif}
svg .tick{fill:var(--soft);font-size:10px}
svg .name{font-size:11px}
line.grid{stroke:var(--edge);stroke-width:.7}
polyline{fill:none}
.line{stroke-width:2}
.ours{fill:var(--ours)}.ours.line{fill:none;stroke:var(--ours)}
.simple{fill:var(--simple)}.simple.line{fill:none;stroke:var(--simple);stroke-dasharray:5 3}
.bad{fill:var(--bad)}.all{fill:var(--all)}.rail{fill:var(--edge)}
.band{fill:var(--band)}
.chance{stroke:var(--soft);stroke-width:1;stroke-dasharray:1 3}
.mark{stroke:var(--ink);stroke-width:1.3}
.whisker{stroke:var(--ink);stroke-width:1.4}
.ours.whisker{stroke:var(--ours);stroke-width:2}.bad.whisker{stroke:var(--bad);stroke-width:2}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:2px 16px;font-size:.85rem;
color:var(--soft)}
.legend i{display:inline-block;width:14px;height:4px;margin:0 6px 3px 0;background:var(--ink)}
.legend .ours{background:var(--ours)}.legend .simple{background:var(--simple)}
.legend .bad{background:var(--bad)}.legend .all{background:var(--all)}
.legend .chance{background:var(--soft);height:2px}
"""

Points = Sequence[tuple[float, float]]


def number(value: float) -> str:
    """A coordinate with one decimal.

    >>> number(12.0), number(0.25)
    ('12', '0.2')
    """
    return f"{value:.1f}".removesuffix(".0")


NICE_ENDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 0.75, 1.0)


def nice_end(value: float) -> float:
    """The end of an axis of shares, whose fifths are short numbers.

    >>> nice_end(0.31), nice_end(0.004), nice_end(1.2)
    (0.5, 0.01, 1.0)
    """
    return next((end for end in NICE_ENDS if end >= value), 1.0)


def text(x: float, y: float, content: str, *, css: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{number(x)}" y="{number(y)}" class="{css}" text-anchor="{anchor}">'
        f"{escape(content)}</text>"
    )


def rectangle(x: float, y: float, width: float, height: float, css: str, title: str = "") -> str:
    inner = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0.0))}"'
        f' height="{number(max(height, 0.0))}" class="{css}">{inner}</rect>'
    )


def line(x: float, y: float, to_x: float, to_y: float, css: str) -> str:
    return (
        f'<line x1="{number(x)}" y1="{number(y)}" x2="{number(to_x)}" y2="{number(to_y)}"'
        f' class="{css}"/>'
    )


def dot(x: float, y: float, css: str, title: str = "") -> str:
    inner = f"<title>{escape(title)}</title>" if title else ""
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="3.5" class="{css}">{inner}</circle>'


@dataclass
class Drawing:
    """A drawing with a plot area. x_end, y_end: the values at the ends of its axes."""

    label: str
    height: float = 240.0
    x_end: float = 1.0
    y_end: float = 1.0
    left: float = LEFT
    width: float = WIDTH
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        share = min(max(value / self.x_end, 0.0), 1.0)
        return self.left + (self.width - self.left - RIGHT) * share

    def y(self, value: float) -> float:
        share = min(max(value / self.y_end, 0.0), 1.0)
        return self.height - BOTTOM - (self.height - TOP - BOTTOM) * share

    def add(self, *parts: str) -> None:
        self.parts.extend(parts)

    def curve(self, points: Points, css: str) -> None:
        joined = " ".join(f"{number(self.x(x))},{number(self.y(y))}" for x, y in points)
        self.add(f'<polyline points="{joined}" class="{css}"/>')

    def band(self, low: Points, high: Points, css: str) -> None:
        around = [*high, *reversed([*low])]
        joined = " ".join(f"{number(self.x(x))},{number(self.y(y))}" for x, y in around)
        self.add(f'<polygon points="{joined}" class="{css}"/>')

    def percent_axes(self, x_name: str, y_name: str, steps: int = 5) -> None:
        """Grid and labels in percent on both axes."""
        bottom = self.y(0.0)
        for step in range(steps + 1):
            x, y = self.x_end * step / steps, self.y_end * step / steps
            self.add(line(self.left, self.y(y), self.width - RIGHT, self.y(y), "grid"))
            self.add(text(self.left - 5, self.y(y) + 3.5, _percent(y), css="tick", anchor="end"))
            self.add(
                text(self.x(x), bottom + 13, _percent(x), css="tick", anchor=_place(step, steps))
            )
        middle = (self.left + self.width - RIGHT) / 2
        self.add(text(middle, self.height - 3, x_name, css="name", anchor="middle"))
        self.add(text(self.left + 4, TOP + 4, y_name, css="name"))

    def svg(self) -> str:
        return (
            f'<svg viewBox="0 0 {number(self.width)} {number(self.height)}" role="img"'
            f' aria-label="{escape(self.label)}">{"".join(self.parts)}</svg>'
        )


def _place(step: int, steps: int) -> str:
    """Where a label stands at its tick, so that the last one stays inside the drawing."""
    return "end" if step == steps else "middle"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if 100 * share >= 10 or not share else f"{100 * share:.2g} %"
