"""JSON objects as text, made out of columns."""

import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.formats.number_text import (
    ALONE,
    CANONICAL,
    POINT,
    CellRule,
    NumberForm,
    infer_numbers,
)

NEEDS_ESCAPE = r'["\\\x00-\x1f]'


def objects(columns: "Mapping[str, pa.Array | JsonText]", rows: int) -> pa.Array:
    """One JSON object per row, its keys in order; nulls are left out.

    >>> objects({"b": pa.array([1, None]), "a": pa.array(["x", 'y"'])}, 2).to_pylist()
    ['{"a":"x","b":1}', '{"a":"y\\\\""}']
    """
    members = [
        pc.binary_join_element_wise(
            pa.scalar(f",{json.dumps(key, ensure_ascii=False)}:"), value, ""
        )
        for key, value in sorted((key, _value(column)) for key, column in columns.items())
        if value.null_count < rows
    ]
    nothing = pa.repeat("", rows)
    # `nothing` is more than a start: Arrow 25 loses a row of which every part is null.
    joined = pc.binary_join_element_wise(nothing, *members, "", null_handling="skip")
    opened = pc.binary_replace_slice(joined.cast(pa.binary()), 0, 1, b"{").cast(pa.string())
    return pc.binary_join_element_wise(opened, pa.scalar("}"), "")


def infer_json(text: pa.Array, rule: CellRule = ALONE, form: NumberForm = POINT) -> pa.Array:
    """Turn untyped cells into JSON values: numbers and true / false as such, the rest as text.

    Each cell is converted by itself, so a value does not depend on its neighbours.
    """
    if rule.is_text:
        return quoted(text)
    if form != POINT:
        return _inferred(text, rule, form)
    is_plain = pc.match_substring_regex(text, CANONICAL)
    if pc.all(is_plain).as_py():
        return text
    rest = pc.fill_null(pc.invert(is_plain), False)
    if not pc.any(is_plain).as_py():
        return _inferred(text, rule, form)
    return pc.replace_with_mask(text, rest, _inferred(text.filter(rest), rule, form))


def _inferred(text: pa.Array, rule: CellRule, form: NumberForm) -> pa.Array:
    numbers = infer_numbers(text, rule, form)
    if numbers.null_count == text.null_count:
        return numbers
    words = quoted(text)
    return words if numbers.null_count == len(numbers) else pc.coalesce(numbers, words)


def quoted(text: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(text, NEEDS_ESCAPE)).as_py():
        text = _escaped(text)
    return pc.binary_join_element_wise(pa.scalar('"'), text, pa.scalar('"'), "")


class JsonText:
    """Marks a column whose text already is JSON."""

    def __init__(self, text: pa.Array) -> None:
        self.text = text


def _value(column: "pa.Array | JsonText") -> pa.Array:
    if isinstance(column, JsonText):
        return column.text
    kind = column.type
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_finite(column), column, None)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_decimal(kind):
        return pc.cast(pc.cast(column, pa.float64()), pa.string())
    return quoted(pc.cast(column, pa.string()))


def _escaped(text: pa.Array) -> pa.Array:
    text = pc.replace_substring(text, "\\", "\\\\")
    text = pc.replace_substring(text, '"', '\\"')
    if not pc.any(pc.match_substring_regex(text, r"[\x00-\x1f]")).as_py():
        return text
    for code in range(0x20):
        text = pc.replace_substring(text, chr(code), json.dumps(chr(code))[1:-1])
    return text
