"""Columns of text whose cells look like numbers with marks that the mapping does not name."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.formats.number_text import NumberForm, is_usual
from runlore.records.validate import Mask, mask

SAMPLED_CELLS = 1_000
# 1,234 and 1 234.5 and 1.234,5; and 12,5.
MARKED = (
    r"^[+-]?([0-9]{1,3}([,' _][0-9]{3})+([.,][0-9]+)?|[0-9]{1,3}(\.[0-9]{3})+,[0-9]+"
    r"|[0-9]+,[0-9]+)$"
)
GROUPED_BY_POINTS = r"^[+-]?[0-9]{1,3}(\.[0-9]{3})+$"


def remarks_on_marks(columns: Mapping[str, pa.Array], form: NumberForm) -> dict[str, Mask]:
    """A remark for each column of which half or more are such numbers -> the rows that have one."""
    remarks = {}
    for name, column in columns.items():
        first = column[:SAMPLED_CELLS].drop_null()
        if not len(first) or 2 * int(mask(_is_marked(first, form)).sum()) < len(first):
            continue
        text = f"have numbers with marks in `{name}`, kept as text: say --decimal , or --thousands"
        remarks[text] = mask(_is_marked(column, form))
    return remarks


def _is_marked(text: pa.Array, form: NumberForm) -> pa.Array:
    plain = pc.utf8_trim_whitespace(text)
    looks = pc.match_substring_regex(plain, MARKED)
    if form.decimal == ",":
        looks = pc.or_(looks, pc.match_substring_regex(plain, GROUPED_BY_POINTS))
    return pc.and_not(pc.fill_null(looks, False), is_usual(form.in_point_form(plain)))
