"""What the words of a log say about how work ended."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.mapping import IGNORE, StatusMeaning, plain_word, status_words
from runlore.records.validate import Mask

ANY = "*"


@dataclass(frozen=True)
class StatusWords:
    """The words that a mapping declares, before those that need no mapping.

    Words are compared in lower case, with blanks and dashes as underscores. A word without * is
    compared first, then those with * in their order.
    """

    declared: Mapping[str, StatusMeaning]

    @property
    def has_ignored(self) -> bool:
        return IGNORE in self.declared.values()

    def meanings(self, words: pa.Array) -> pa.Array:
        """(N,): the values of statuses or IGNORE; null where a word is unknown or missing."""
        plain = _plain(words)
        usual = status_words()
        values = pa.array([status.value for status in usual.values()])
        known = values.take(pc.index_in(plain, value_set=pa.array(list(usual))))
        if not self.declared:
            return known
        meanings = pa.array([str(meaning) for meaning in self.declared.values()])
        return pc.coalesce(meanings.take(self._matches(plain)), known)

    def ignored(self, words: pa.Array) -> tuple[Mask, dict[str, int]]:
        """(N,): the rows that are ignored, and how many by reason."""
        at = pc.fill_null(self._matches(_plain(words)), -1).to_numpy(zero_copy_only=False)
        is_ignored = np.array([meaning == IGNORE for meaning in self.declared.values()])
        mask: Mask = np.concatenate([is_ignored, [False]])[at]
        counts = np.bincount(at[mask], minlength=len(self.declared))
        reasons = {
            f"with the status '{word}', which is ignored": int(count)
            for word, count in zip(self.declared, counts, strict=True)
            if count
        }
        return mask, reasons

    @cached_property
    def _patterns(self) -> dict[int, str]:
        """Position of a declared word -> regular expression, for those with a *."""
        return {
            at: f"^{'.*'.join(re.escape(part) for part in plain_word(word).split(ANY))}$"
            for at, word in enumerate(self.declared)
            if ANY in word
        }

    def _matches(self, plain: pa.Array) -> pa.Array:
        """(N,): the position of the declared word that fits; null where none does."""
        words = [None if ANY in word else plain_word(word) for word in self.declared]
        exact = pa.array(words, pa.string())
        at = pc.index_in(plain, value_set=exact, skip_nulls=True)
        for position, pattern in self._patterns.items():
            if not at.null_count:
                break
            fits = pc.fill_null(pc.match_substring_regex(plain, f"(?s){pattern}"), False)
            at = pc.coalesce(at, pc.if_else(fits, pa.scalar(position, pa.int32()), None))
        return at


def _plain(words: pa.Array) -> pa.Array:
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(words))
    return pc.replace_substring_regex(plain, "[ -]", "_")
