"""Facts straight from parsed records: what the store would hold of them, without a store."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from runlore.kernel.digests import content_digests
from runlore.kernel.instants import to_us
from runlore.log.fact_frame import COLUMNS, FactFrame
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.records.revisions import FactDigests, StoredFacts, news

NAME = ("source", "source_id", "submitted")
NOTHING = np.empty(0, np.int64)


def facts_of(
    records: Sequence[pa.Table], at: datetime, max_revisions: int | None = None
) -> pd.DataFrame:
    """The frame of `read_facts` for records that came in this order at one instant.

    records: tables with EXECUTION_COLUMNS, as `Parsed` has them. at: when corrections became
    known. Facts that repeat an earlier one, and those beyond `max_revisions`, are left out.
    """
    tables = [table.select(EXECUTION_COLUMNS) for table in records if table.num_rows]
    with FactFrame() as facts:
        if tables:
            facts.add_table(_numbered(pa.concat_tables(tables), at, max_revisions))
        return facts.finish()


def _numbered(records: pa.Table, at: datetime, max_revisions: int | None) -> pa.Table:
    """The new facts among the records, in COLUMNS, with their numbers and revisions."""
    records = records.combine_chunks()
    names = records.select(NAME).to_pandas()
    number = names.groupby(list(NAME), sort=False).ngroup().to_numpy(np.int64)
    known_at = records["known_at"].to_numpy()
    incoming = FactDigests(number, content_digests(records), known_at)
    stored = StoredFacts(FactDigests(NOTHING, NOTHING, NOTHING), NOTHING)
    taken, _ = news(incoming, stored, to_us(at)).divided(max_revisions)
    facts = records.take(pa.array(taken.rows))
    place = facts.column_names.index("known_at")
    facts = facts.set_column(place, "known_at", pa.array(taken.known_at_us))
    facts = facts.append_column("seq", pa.array(np.arange(1, len(facts) + 1)))
    facts = facts.append_column("revision", pa.array(taken.revision))
    return facts.select(COLUMNS)
