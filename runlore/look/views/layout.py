"""The frame of the page: its style, and the pieces of which it is made."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from runlore.plots.svg import DRAWING_STYLE

INTERVAL = re.compile(r"\([-\d][^()]{0,40} to [^()]{1,40}\)")
GENERATOR = '<meta name="generator" content="runlore look">'
PAGE_STYLE = """
:root{color-scheme:light dark;--ink:#1f272d;--soft:#5c6873;--paper:#fff;--card:#f6f8fa;
--edge:#d8dee4;--ours:#0072b2;--band:#0072b233;--simple:#8a96a0;--bad:#d55e00;--all:#b9c4cd}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebef;--soft:#a3aeb8;--paper:#14191d;
--card:#1d2429;--edge:#36414a;--ours:#56b4e9;--band:#56b4e933;--simple:#8a96a0;--bad:#f0853d;
--all:#4b5862}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1120px;margin:0 auto;padding:20px 16px 48px}
h1{font-size:1.5rem;line-height:1.25;margin:.2em 0}
h2{font-size:1.15rem;margin:0 0 .4em}
p{margin:.4em 0}
.lead{font-size:1.08rem}
.lead li{margin:.35em 0}
.soft,.made{color:var(--soft);font-size:.9rem}
.columns{column-gap:16px;margin:16px 0}
@media(min-width:820px){.columns{columns:2}}
section{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:14px 16px;
margin-bottom:16px;break-inside:avoid;overflow-wrap:break-word}
ul,ol{padding-left:1.2em;margin:.4em 0}
svg{display:block;width:100%;max-width:540px;height:auto;margin:6px 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.88rem;width:100%}
th,td{text-align:left;padding:3px 10px 3px 0;border-bottom:1px solid var(--edge);
vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
td:first-child{min-width:7em}
pre{background:var(--paper);border:1px solid var(--edge);border-radius:6px;padding:10px;
overflow-x:auto;margin:.5em 0;font-size:.88rem}
"""
STYLE = PAGE_STYLE + DRAWING_STYLE


def page(title: str, body: str) -> str:
    """A whole document that loads nothing."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"{GENERATOR}"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n" + "\n".join(filter(None, parts)) + "</section>"


def shown(text: str) -> str:
    """Text as HTML, in which a number and its percent sign stay together, and so does an interval.

    >>> shown("3 % <"), shown("2 h (1 to 3 h)")
    ('3&nbsp;% &lt;', '2 h (1&nbsp;to&nbsp;3&nbsp;h)')
    """
    plain = escape(text).replace(" %", "&nbsp;%")
    return INTERVAL.sub(lambda match: match[0].replace(" ", "&nbsp;"), plain)


def paragraph(text: str, css: str = "") -> str:
    named = f' class="{css}"' if css else ""
    return f"<p{named}>{shown(text)}</p>"


def bullets(items: Iterable[str], css: str = "") -> str:
    listed = "".join(f"<li>{shown(item)}</li>" for item in items)
    named = f' class="{css}"' if css else ""
    return f"<ul{named}>{listed}</ul>" if listed else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    head = "".join(f"<th{_number(at)}>{shown(name)}</th>" for at, name in enumerate(header))
    body = "".join(
        "<tr>"
        + "".join(f"<td{_number(at)}>{shown(cell)}</td>" for at, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def commands(lines: Iterable[str]) -> str:
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def _number(column: int) -> str:
    return ' class="n"' if column else ""
