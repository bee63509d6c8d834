"""Fixed hashes of the facts' content, to recognise a fact that is stored already."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

HASH_KEY = "runlore-content1"
CONTENT = ("actor", "kind", "scope", "inputs", "started", "finished", "status", "outcome")
BETWEEN = "\x1f"


def content_digests(facts: pa.Table) -> NDArray[np.int64]:
    """A signed 64-bit hash of each fact's content: not of its name, nor of when it was known.

    `facts` has EXECUTION_COLUMNS with instants as int64, null where there is none. Equal JSON
    must be equal text: keys in order, no blanks.
    """
    text = [
        pc.fill_null(pc.cast(facts[name].combine_chunks(), pa.string()), "") for name in CONTENT
    ]
    content = pc.binary_join_element_wise(*text, BETWEEN).to_numpy(zero_copy_only=False)
    hashes = pd.util.hash_array(content, hash_key=HASH_KEY, categorize=False)
    return hashes.view(np.int64)


def value_digests(values: pa.Array) -> NDArray[np.int64]:
    """The bits of numbers; 0.0 and -0.0 are one."""
    plain = np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64) + 0.0
    return plain.view(np.int64)
