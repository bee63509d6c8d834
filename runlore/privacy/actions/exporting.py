"""All rows of a persona as one archive: a file of JSON lines per table, and what it is."""

import json
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runlore.kernel.errors import NotFound
from runlore.privacy.actions.opt_outs import checked_persona
from runlore.privacy.queries import persona_rows
from runlore.store.engine import Store

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class PersonaExport:
    """tables: name -> rows in the archive."""

    persona: str
    exported_at: datetime
    tables: dict[str, int]


def export_persona(store: Store, persona: str, file: Path, at: datetime) -> PersonaExport:
    """Write the archive, as everything stands at one moment.

    Rows of others that only mention the persona are not in it. Raises NotFound for a persona of
    which nothing is kept.
    """
    name = checked_persona(persona)
    with store.connect() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        tables = persona_rows.count_rows(connection, name)
        if not tables:
            raise NotFound(f"persona {name[:80]!r}: no table has rows of it")
        export = PersonaExport(name, at, tables)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(MANIFEST, json.dumps(vars(export), default=str, indent=1))
            for table in tables:
                with archive.open(f"{table}.jsonl", "w") as lines:
                    for row in persona_rows.stream_rows(connection, table, name):
                        lines.write(row.encode() + b"\n")
    return export
