"""The stamps of a tool's rows, which name no zone: read in the zone of the tool, in their order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.cell_forms import Epoch
from runlore.records.formats.instants import InstantForm, Instants, read_instants
from runlore.records.formats.local_times import has_two_readings, in_order, nearest
from runlore.records.formats.parsed import Parsed
from runlore.records.validate import Mask, mask


@dataclass(frozen=True)
class Stamps:
    """Stamps of N rows by field, in the order in which they happen. us: (N,), null for none."""

    us: Mapping[str, pa.Array]
    read: Mapping[str, Instants]
    timezone: str

    def by_length(self, field: str, began: pa.Array, length_us: pa.Array) -> pa.Array:
        """A stamp that has two readings, as the one that a length of time after `began` tells."""
        expected = pc.add(began, length_us)
        return nearest(self.read[field].naive, self.us[field], expected, self.timezone)

    def is_twice(self) -> Mask:
        """(N,): whether one of the stamps has two readings, since the clock was put back."""
        twice = [has_two_readings(read.naive, self.timezone) for read in self.read.values()]
        masks = [mask(one) for one in twice if one is not None]
        count = len(next(iter(self.us.values())))
        is_twice: Mask = np.logical_or.reduce([np.zeros(count, dtype=np.bool_), *masks])
        return is_twice


def read_stamps(texts: Mapping[str, pa.Array], timezone: str, digits: str, epoch: Epoch) -> Stamps:
    """Stamps in words, or in plain numbers. texts: by field, in the order in which they happen.

    digits: the form of numbers that are instants, in the unit `epoch`.
    """
    read = {name: _read(text, timezone, digits, epoch) for name, text in texts.items()}
    clocks = [one.naive for one in read.values()]
    us = in_order(clocks, [one.us for one in read.values()], timezone)
    return Stamps(dict(zip(read, us, strict=True)), read, timezone)


def _read(text: pa.Array, timezone: str, digits: str, epoch: Epoch) -> Instants:
    is_number = pc.fill_null(pc.match_substring_regex(text, digits), False)
    words = read_instants(pc.if_else(is_number, None, text), InstantForm(timezone))
    if not pc.any(is_number).as_py():
        return words
    numbers = read_instants(pc.if_else(is_number, text, None), InstantForm(timezone, epoch))
    return Instants(pc.coalesce(numbers.us, words.us), text.is_null(), words.naive)


def with_remark(parsed: Parsed, remark: str, rows: Mask) -> Parsed:
    """The same with a warning about some rows of the chunk, as far as there are any."""
    count = int(np.count_nonzero(rows))
    return replace(parsed, warnings={**parsed.warnings, remark: count}) if count else parsed
