"""`runlore simulate`: a job log with known truth, for trying things out."""

from pathlib import Path
from typing import Annotated

import typer

from runlore.cli.output import Json, emit_json, emit_table
from runlore.kernel.instants import parse


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where to write the files.", file_okay=False)],
    *,
    executions: Annotated[int, typer.Option(min=1, help="How much work is submitted.")] = 20_000,
    days: Annotated[int, typer.Option(min=2, max=3650, help="Over how many days.")] = 120,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another log.")] = 7,
    end: Annotated[str, typer.Option(help="When the log was taken.")] = "2025-10-01T00:00:00Z",
    json: Json = False,
) -> None:
    """Write a simulated job log with known truth: no real data."""
    from runlore.simulate import Scenario, counts, write
    from runlore.simulate import simulate as simulate_log

    log = simulate_log(Scenario(seed=seed, executions=executions, days=days, end=parse(end, "end")))
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
