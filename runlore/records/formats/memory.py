"""Amounts of memory as tools and people write them, in bytes, a column at a time."""

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.formats.instants import numbers

UNITS = pa.array(["", "k", "m", "g", "t", "p", "e"])
FACTORS = pa.array([1024.0**power for power in range(len(UNITS))])
# 8 GB · 1.2 GiB · 500K · 4Gn (Slurm: for each node) · 4Gc (for each processor)
FORM = r"^(?P<amount>-?(?:\d+(?:\.\d*)?|\.\d+))\s*(?P<unit>[kmgtpe]?)(?:i?b|bytes?)?(?P<per>[nc]?)$"


def memory_bytes(values: pa.Array, plain_unit: float = 1.0) -> pa.Array:
    """float64; null where the column is null or holds no amount of memory.

    A kilobyte has 1,024 bytes, as in the tools whose logs are read. plain_unit: what one is worth
    in a plain number, in bytes. What Slurm's n and c at the end say is left to `memory_per`.

    >>> memory_bytes(pa.array(["8 GB", "4Gn", "500K", "1.5 KiB", "7", "lots"])).to_pylist()
    [8589934592.0, 4294967296.0, 512000.0, 1536.0, 7.0, None]
    """
    if not pa.types.is_string(values.type):
        return pc.multiply(numbers(values), plain_unit)
    parts = _parts(values)
    unit = pc.struct_field(parts, "unit")
    is_plain = pc.equal(
        pc.binary_length(pc.utf8_trim_whitespace(values)),
        pc.binary_length(pc.struct_field(parts, "amount")),
    )
    factor = pc.if_else(is_plain, plain_unit, FACTORS.take(pc.index_in(unit, value_set=UNITS)))
    return pc.multiply(numbers(pc.struct_field(parts, "amount")), factor)


def memory_per(values: pa.Array) -> pa.Array:
    """What an amount is for: "n" for each node, "c" for each processor, "" for all of them."""
    return pc.struct_field(_parts(values), "per")


def _parts(values: pa.Array) -> pa.Array:
    return pc.extract_regex(pc.utf8_lower(pc.utf8_trim_whitespace(values)), FORM)
