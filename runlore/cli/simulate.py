"""`runlore simulate`: write a simulated job log whose truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from runlore.cli.output import Json, emit_json, emit_table
from runlore.kernel.instants import parse


def write_simulated_log(
    folder: Annotated[Path, typer.Argument(help="Folder for the files.", file_okay=False)],
    *,
    executions: Annotated[int, typer.Option(min=1, help="Number of executions.")] = 20_000,
    days: Annotated[int, typer.Option(min=2, max=3650, help="Length of the log in days.")] = 120,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 7,
    end: Annotated[str, typer.Option(help="End of the log.")] = "2025-10-01T00:00:00Z",
    json: Json = False,
) -> None:
    """Write a simulated job log whose truth is known. It is not real data.

    Example: runlore simulate /tmp/log --executions 5000 --days 30
    """
    from runlore.simulate import Scenario, counts, simulate, write

    log = simulate(Scenario(seed=seed, executions=executions, days=days, end=parse(end, "end")))
    files = write(log, folder)
    written = {
        name: str(getattr(files, name)) for name in ("executions", "metrics", "truth", "mapping")
    }
    if json:
        emit_json({"label": "simulated, no real data", "files": written, "counts": counts(log)})
        return
    rows = [{"simulated": f"{name} file", "": path} for name, path in written.items()]
    rows += [{"simulated": name.replace("_", " "), "": str(n)} for name, n in counts(log).items()]
    emit_table("Simulated job log (no real data)", rows)
