"""How the untyped columns of a source are read, as its first rows decided."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from runlore.ingest.queries.ingests import IngestSource
from runlore.records.formats.number_text import CellRule

LAST_FIRST = """
SELECT column_rules FROM runlore.ingests
WHERE (source, records, mapping_digest) = (%s, %s, %s)
AND withdrawal_id IS NULL AND column_rules IS NOT NULL
GROUP BY column_rules ORDER BY min(id) DESC
"""
KEEP = "UPDATE runlore.ingests SET column_rules = %s WHERE id = %s"


def read_rules(connection: psycopg.Connection[Any], subject: IngestSource) -> dict[str, CellRule]:
    """The rules of this source and mapping; the first ingest that has one for a column wins."""
    key = (subject.source, subject.records, subject.mapping)
    rules: dict[str, CellRule] = {}
    for (plain,) in connection.execute(LAST_FIRST, key):
        rules |= {name: CellRule.from_json(rule) for name, rule in plain.items()}
    return rules


def keep_rules(
    connection: psycopg.Connection[Any], ingest_id: int, rules: Mapping[str, CellRule]
) -> None:
    """Store them with an ingest: later files and pieces are read in the same way."""
    plain = {name: rule.to_json() for name, rule in rules.items()}
    connection.execute(KEEP, (Jsonb(plain), ingest_id))
