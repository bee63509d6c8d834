"""`runlore privacy export`."""

from pathlib import Path
from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.privacy.opt_outs import Persona

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="The archive.  [default: personal-data.zip]"
    ),
]


def export(persona: Persona, output: Output = None, json: Json = False) -> None:
    """Write all rows of a persona to an archive: JSON lines, a file per table.

    Example: runlore privacy export ann --output ann.zip
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.kernel.errors import Refused
    from runlore.privacy.actions.exporting import export_persona

    file = output or Path("personal-data.zip")
    if file.exists():
        raise Refused(f"{file} exists: name another file with --output")
    with open_app() as app:
        made = export_persona(app.store, persona, file, instants.now())
    if json:
        emit_json(vars(made) | {"file": str(file)})
        return
    rows: list[dict[str, object]] = [
        {"table": table, "rows": count} for table, count in made.tables.items()
    ]
    emit_table(f"rows of {made.persona}", rows)
    echo(f"{file} holds personal data: give it to nobody else.")
