"""`runlore ingest slurm`, `nextflow` and `snakemake`: clusters and the workflows on them."""

from runlore.cli.ingest.options import DryRun, File, Folder, TakeLastLine, Timezone, ToolSource
from runlore.cli.ingest.running import FileRun, run_tool
from runlore.cli.output import Json


def from_slurm(
    file: File,
    source: ToolSource = None,
    timezone: Timezone = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import jobs of Slurm as `sacct -P` prints them, with a header and any set of columns.

    A job is one execution, and so is each attempt of a requeued job. The peaks of its steps are
    outcomes of the job. What was requested is an input. The times of the file are local to the
    cluster: say --timezone, or export with a SLURM_TIME_FORMAT that ends in %z.

    Example: runlore ingest slurm sacct.txt --timezone Europe/Berlin
    """
    run_tool(file, "slurm", source, timezone, FileRun(json, dry_run, take_last_line))


def from_nextflow(
    file: File,
    source: ToolSource = None,
    timezone: Timezone = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import the tasks of a pipeline from the trace file that Nextflow writes, raw or not.

    Each attempt of a task is one execution. Cached tasks ran in an earlier run: they are counted as
    skipped. The times of the file are local to the machine that launched the pipeline.

    Example: runlore ingest nextflow trace.txt --timezone Europe/Berlin
    """
    run_tool(file, "nextflow", source, timezone, FileRun(json, dry_run, take_last_line))


def from_snakemake(
    path: Folder,
    source: ToolSource = None,
    timezone: Timezone = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import the jobs of a workflow from the folder in which Snakemake ran, or from one file.

    Each attempt in its logs (.snakemake/log) is one execution; benchmark files add what was
    measured. A benchmark file without a log is a job that succeeded when the file was written.

    Example: runlore ingest snakemake ~/my-workflow
    """
    run_tool(path, "snakemake", source, timezone, FileRun(json, dry_run))
