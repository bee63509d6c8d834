"""Tables as files: for MLflow's own table view, and as a page to read."""

from collections.abc import Mapping, Sequence
from html import escape

from runlore.kernel.json_values import finite_or_none

Cell = str | float | int | bool | None
Row = Mapping[str, Cell]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 24px; color: #1f272d; }}
h1 {{ font-size: 18px; font-weight: 600; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: 6px 14px; border-bottom: 1px solid #d8dee4; text-align: left; }}
th {{ border-bottom: 2px solid #8c959f; font-weight: 600; }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
tr:hover td {{ background: #f3f6f9; }}
</style></head><body><h1>{title}</h1><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table></body></html>
"""


def columns_of(rows: Sequence[Row]) -> list[str]:
    """Every column that some row has, in order of appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def as_split(rows: Sequence[Row]) -> dict[str, list[object]]:
    """The shape that MLflow shows as a table; what is no number is no 0 but missing."""
    columns = columns_of(rows)
    data = [[_finite(row.get(name)) for name in columns] for row in rows]
    return {"columns": list(columns), "data": list(data)}


def as_page(title: str, rows: Sequence[Row]) -> str:
    columns = columns_of(rows)
    numeric = {name for name in columns if all(_is_number(row.get(name)) for row in rows)}
    mark = {name: ' class="number"' if name in numeric else "" for name in columns}
    head = "".join(f"<th{mark[name]}>{escape(name)}</th>" for name in columns)
    body = "\n".join(
        "<tr>" + "".join(f"<td{mark[c]}>{escape(shown(r.get(c)))}</td>" for c in columns) + "</tr>"
        for r in rows
    )
    return PAGE.format(title=escape(title), head=head, body=body)


def shown(value: Cell) -> str:
    """A cell's text: four significant digits, a dash for what is missing.

    >>> [shown(v) for v in (0.7654321, 12345.6, 200_000, None, float("nan"), True, "xgboost")]
    ['0.7654', '12,346', '200,000', '–', '–', 'yes', 'xgboost']
    """
    value = _finite(value)
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        case int():
            return f"{value:,}"
    return value


def _finite(value: Cell) -> Cell:
    return finite_or_none(value) if isinstance(value, float) else value


def _is_number(value: Cell) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
