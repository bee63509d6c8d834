"""Names for rows without one: the hash of the content, and a number among equal rows."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
BETWEEN = "\x1f"


def joined_ids(columns: Sequence[pa.Array]) -> pa.Array:
    """`A/B/C` for each row; slashes within a part are escaped, so that no two rows collide.

    A row all of whose parts are missing has no id: it is empty.
    """
    parts = [_part(column) for column in columns]
    names = pc.binary_join_element_wise(*parts, "/")
    nothing = "/" * (len(parts) - 1)
    return pc.if_else(pc.equal(names, nothing), "", names)


def _part(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    text = pc.fill_null(pc.utf8_trim_whitespace(pc.cast(column, pa.string())), "")
    if not pc.any(pc.match_substring_regex(text, r"[/\\]")).as_py():
        return text
    return pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), "/", "\\/")


class RowIds:
    """Counts equal rows over all chunks of a file, which must be read from its beginning."""

    def __init__(self) -> None:
        self._seen: list[Hashes] = []

    def assign(self, columns: Iterable[pa.Array], rows: int) -> pa.Array:
        """`HASH.N` for each row, where N earlier rows have the same content."""
        text = [pc.fill_null(pc.cast(column, pa.string()), "") for column in columns]
        content = pc.binary_join_element_wise(*text, BETWEEN).to_numpy(zero_copy_only=False)
        hashes: Hashes = pd.util.hash_array(content, categorize=False)
        before = pd.Series(hashes).groupby(hashes).cumcount().to_numpy(dtype=np.int64)
        for earlier in self._seen:
            before += np.searchsorted(earlier, hashes, "right") - np.searchsorted(earlier, hashes)
        self._remember(np.sort(hashes))
        names = [pc.cast(pa.array(hashes), pa.string()), pc.cast(pa.array(before), pa.string())]
        return pc.binary_join_element_wise(*names, ".")

    def _remember(self, hashes: Hashes) -> None:
        """Sorted runs of growing length: few to search, seldom merged."""
        while self._seen and self._seen[-1].size <= 2 * hashes.size:
            hashes = np.sort(np.concatenate([self._seen.pop(), hashes]), kind="stable")
        self._seen.append(hashes)
