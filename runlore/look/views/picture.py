"""A picture of a look: its verdict and four of its drawings as one SVG that loads nothing."""

import re
from html import escape
from textwrap import wrap

from runlore.look.rules.findings import LookFindings
from runlore.look.views import drawings

WIDTH, GAP, COLUMN = 820, 20, 390
LINE, LONGEST_LINE = 20, 112
STYLE = """
svg{--ink:#1f272d;--soft:#5c6873;--paper:#fff;--edge:#d8dee4;--ours:#0072b2;--band:#0072b233;
--simple:#8a96a0;--bad:#d55e00;--all:#b9c4cd}
@media(prefers-color-scheme:dark){svg{--ink:#e6ebef;--soft:#a3aeb8;--paper:#14191d;--edge:#36414a;
--ours:#56b4e9;--band:#56b4e933;--bad:#f0853d;--all:#4b5862}}
text{fill:var(--ink);font:11px system-ui,sans-serif}
.paper{fill:var(--paper);stroke:var(--edge)}.title{font-size:17px;font-weight:600}
.said{font-size:13px}.head{font-size:14px;font-weight:600}.tick{fill:var(--soft);font-size:10px}
line.grid{stroke:var(--edge);stroke-width:.7}polyline{fill:none}.line{stroke-width:2}
.ours{fill:var(--ours)}.ours.line{fill:none;stroke:var(--ours)}
.simple{fill:var(--simple)}.simple.line{fill:none;stroke:var(--simple);stroke-dasharray:5 3}
.bad{fill:var(--bad)}.all{fill:var(--all)}.rail{fill:var(--edge)}.band{fill:var(--band)}
.chance{stroke:var(--soft);stroke-width:1;stroke-dasharray:1 3}
.mark{stroke:var(--ink);stroke-width:1.3}.whisker{stroke:var(--ink);stroke-width:1.4}
.ours.whisker{stroke:var(--ours);stroke-width:2}.bad.whisker{stroke:var(--bad);stroke-width:2}
"""


def render_picture(findings: LookFindings, title: str) -> str:
    """An SVG document of a look; raises ValueError for one without answers."""
    failure, duration = findings.failure, findings.duration
    if failure is None or duration is None:
        raise ValueError("a picture needs a log with both answers")
    lines = [line for said in findings.verdict for line in wrap(f"• {said}", LONGEST_LINE)]
    top = 44 + LINE * len(lines)
    panels = (
        ("Failures found (dashed: simple guess)", drawings.gain(failure)),
        ("Predicted risk, and what came", drawings.calibration(failure)),
        ("Relative accuracy of durations (blue: model)", drawings.durations(duration.rivals)),
        ("Who stands out beyond chance", drawings.stand_outs(findings.standouts[:6])),
    )
    rows = [panels[:2], panels[2:]]
    parts, y = [], top
    for row in rows:
        drawn = [_nested(drawing, GAP + at * COLUMN, y + 26) for at, (_, drawing) in enumerate(row)]
        for at, (head, _) in enumerate(row):
            parts.append(f'<text x="{GAP + at * COLUMN}" y="{y + 16}" class="head">{head}</text>')
        parts += [part for part, _ in drawn]
        y += 36 + max(height for _, height in drawn)
    said = "".join(
        f'<text x="{GAP}" y="{52 + LINE * at}" class="said">{escape(line)}</text>'
        for at, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img"'
        f' aria-label="{escape(title)}"><style>{STYLE}</style>'
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{y - 1}" rx="8" class="paper"/>'
        f'<text x="{GAP}" y="28" class="title">{escape(title)}</text>{said}{"".join(parts)}</svg>\n'
    )


def _nested(drawing: str, x: int, y: int) -> tuple[str, int]:
    """A drawing without its legend at a place, and its height."""
    inner = drawing.partition("</svg>")[0] + "</svg>"
    match = re.match(r'<svg viewBox="0 0 [\d.]+ ([\d.]+)"', inner)
    height = float(match[1]) if match else 0.0
    placed = inner.replace("<svg ", f'<svg x="{x}" y="{y}" width="360" height="{height:g}" ', 1)
    return placed, round(height)
