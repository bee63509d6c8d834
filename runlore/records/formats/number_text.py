"""Numbers as people and tools write them, turned into JSON numbers, a column of text at a time."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.formats.instants import numbers

# A number whose text comes back from a float: no zeros at the start or end, 15 digits at most.
CANONICAL = r"^-?(0|[1-9][0-9]{0,14})(\.([0-9]{0,29}[1-9]|0))?$"
USUAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
LEADING_ZERO = r"^[+-]?0[0-9]"
TOO_LONG = r"^[+-]?[0-9]{16}"
TRAILING_ZERO = r"\.[0-9]+0$"
FRACTION = r"\.([0-9]+)$"
DIGITS = r"^[0-9]+$"
HIDDEN_BLANKS = "[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]"
WORDS = pa.array(["true", "false"])
ANY = -1


@dataclass(frozen=True, slots=True)
class NumberForm:
    """The marks within numbers."""

    decimal: str = "."
    thousands: str | None = None

    def in_point_form(self, text: pa.Array) -> pa.Array:
        """Cells without blanks around them and thousands marks, with a decimal point.

        A cell whose marks are at odds with the form becomes null.
        """
        plain = pc.utf8_trim_whitespace(text)
        if self.thousands is not None:
            if self.thousands == " ":
                plain = pc.replace_substring_regex(plain, HIDDEN_BLANKS, " ")
            mark, decimal = (f"[{one}]" for one in (self.thousands, self.decimal))
            grouped = rf"^[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})+({decimal}[0-9]*)?$"
            is_grouped = pc.match_substring_regex(plain, grouped)
            bare = pc.replace_substring(plain, self.thousands, "")
            plain = pc.if_else(is_grouped, bare, plain)
        if self.decimal == ",":
            is_at_odds = pc.match_substring(plain, ".")
            plain = pc.if_else(is_at_odds, None, pc.replace_substring(plain, ",", "."))
        return plain


POINT = NumberForm()


@dataclass(frozen=True, slots=True)
class CellRule:
    """How untyped cells of a column are read. is_text: none of them is a number.

    decimals: how many the column's numbers have. A zero at their end then says nothing. ANY: they
    may differ in it. None: a number with a zero at its end is text, as in version 1.10.
    """

    is_text: bool = False
    decimals: int | None = None

    def to_json(self) -> str | int | None:
        return "text" if self.is_text else self.decimals

    @classmethod
    def from_json(cls, rule: str | int | None) -> "CellRule":
        """
        >>> CellRule.from_json(CellRule(decimals=2).to_json())
        CellRule(is_text=False, decimals=2)
        """
        return cls(is_text=True) if isinstance(rule, str) else cls(decimals=rule)


ALONE = CellRule()
MEASURED = CellRule(decimals=ANY)
TEXT = CellRule(is_text=True)


def json_numbers(text: pa.Array, form: NumberForm = POINT) -> pa.Array:
    """JSON numbers; null where the column is null or a cell is not a finite number.

    >>> json_numbers(pa.array([".5", " +3", "007", "1.", "1E+300", "1e400", "x"])).to_pylist()
    ['0.5', '3', '7', '1', '1E+300', None, None]
    """
    plain = form.in_point_form(text)
    return _as_json(pc.if_else(is_usual(plain), plain, None))


def infer_numbers(text: pa.Array, rule: CellRule = ALONE, form: NumberForm = POINT) -> pa.Array:
    """JSON numbers, `true` and `false`; null for the cells that stay text.

    A value depends on its cell and the rule only, never on its neighbours.
    """
    lower = pc.utf8_lower(text)
    words = pc.if_else(pc.is_in(lower, WORDS), lower, None)
    if words.null_count == text.null_count:
        return words
    plain = form.in_point_form(text)
    plain = pc.if_else(_is_number(plain, rule), plain, None)
    if plain.null_count == len(plain):
        return words
    return pc.coalesce(_as_json(plain), words)


def rule_of(text: pa.Array, form: NumberForm = POINT) -> CellRule:
    """The rule that the first cells of a column suggest.

    A column of words for the most part, or of codes such as 007 or of 16 digits, is text as a
    whole. So are numbers with zeros at the end that differ in their decimals: 1.1 and 1.10.
    """
    present = text.drop_null()
    plain = form.in_point_form(present)
    usual = plain.filter(is_usual(plain))
    is_word = pc.is_in(pc.utf8_lower(present), WORDS)
    words = len(present) - len(usual) - pc.sum(is_word, min_count=0).as_py()
    if words and 2 * words >= len(present):
        return TEXT
    if not len(usual):
        return ALONE
    is_code = pc.or_(_matches(usual, LEADING_ZERO), _matches(usual, TOO_LONG))
    if pc.any(is_code).as_py() and pc.all(_matches(usual, DIGITS)).as_py():
        return TEXT
    return MEASURED if form.decimal == "," else _by_decimals(usual)  # No version is 1,10.


def _by_decimals(usual: pa.Array) -> CellRule:
    """The rule for numbers with a decimal point, which may be versions."""
    fractions = usual.filter(_matches(usual, FRACTION))
    if not len(fractions):
        return ALONE
    decimals = pc.unique(pc.binary_length(pc.replace_substring_regex(fractions, r"^.*\.", "")))
    if len(decimals) == 1:
        return CellRule(decimals=decimals[0].as_py())
    return TEXT if pc.any(_matches(fractions, TRAILING_ZERO)).as_py() else ALONE


def _is_number(plain: pa.Array, rule: CellRule) -> pa.Array:
    is_lossy = pc.or_(_matches(plain, LEADING_ZERO), _matches(plain, TOO_LONG))
    if rule.decimals is None:
        is_lossy = pc.or_(is_lossy, _matches(plain, TRAILING_ZERO))
    elif rule.decimals != ANY:
        is_regular = _matches(plain, rf"\.[0-9]{{{rule.decimals}}}$")
        has_zero = pc.and_not(_matches(plain, TRAILING_ZERO), is_regular)
        is_lossy = pc.or_(is_lossy, has_zero)
    return pc.and_not(is_usual(plain), is_lossy)


def is_usual(plain: pa.Array) -> pa.Array:
    """Whether cells in point form are numbers."""
    return _matches(plain, USUAL)


def _matches(text: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(text, pattern), False)


def _as_json(usual: pa.Array) -> pa.Array:
    """Cells of the usual forms as JSON has them; null where one is too large for a float."""
    text = pc.replace_substring_regex(usual, r"^\+", "")
    text = pc.replace_substring_regex(text, r"^(-?)\.", r"\10.")
    text = pc.replace_substring_regex(text, r"\.([eE]|$)", r"\1")
    text = pc.replace_substring_regex(text, r"^(-?)0+([0-9])", r"\1\2")
    may_be_large = pc.or_(_matches(text, "[eE]"), _matches(text, "[0-9]{300}"))
    if not pc.any(may_be_large).as_py():
        return text
    with np.errstate(over="ignore"):
        is_finite = pc.fill_null(pc.is_finite(numbers(text)), False)
    return pc.if_else(is_finite, text, None)
