"""Which unit got which variant, and since when: written down at first sight, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

ADD = text("""
INSERT INTO runlore.ab_units (test_id, unit, variant, exposed_at)
SELECT :test, unit, variant, at FROM (
    SELECT DISTINCT ON (unit) unit, variant, at
    FROM unnest(CAST(:units AS text[]), CAST(:variants AS text[]), CAST(:ats AS timestamptz[]))
        WITH ORDINALITY AS given (unit, variant, at, place)
    ORDER BY unit, place
) AS first
ON CONFLICT DO NOTHING
""")
READ = text("""
SELECT unit, variant, exposed_at FROM runlore.ab_units
WHERE test_id = :test AND unit = ANY (CAST(:units AS text[]))
""")
COUNT = text("""
SELECT variant, count(*) AS units FROM runlore.ab_units WHERE test_id = :test GROUP BY variant
""")


@dataclass(frozen=True)
class Exposed:
    """unit got its variant at this instant."""

    unit: str
    variant: str
    at: datetime


def add(connection: Connection, test_id: int, given: Sequence[Exposed]) -> dict[str, Exposed]:
    """Write down those that are new; what is known of every unit given now."""
    units = [each.unit for each in given]
    values = {
        "test": test_id,
        "units": units,
        "variants": [each.variant for each in given],
        "ats": [each.at for each in given],
    }
    connection.execute(ADD, values)
    return read(connection, test_id, units)


def read(connection: Connection, test_id: int, units: Sequence[str]) -> dict[str, Exposed]:
    rows = connection.execute(READ, {"test": test_id, "units": list(units)})
    return {row.unit: Exposed(*row) for row in rows}


def count(connection: Connection, test_id: int) -> dict[str, int]:
    """Units of each variant that has any."""
    rows = connection.execute(COUNT, {"test": test_id})
    return {row.variant: row.units for row in rows}
