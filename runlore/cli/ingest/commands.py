"""The commands of `runlore ingest`, each with its name."""

import typer

from runlore.cli.ingest import (
    clusters,
    databases,
    files,
    history,
    lineage,
    pipelines,
    prometheus,
    rejects,
    security_logs,
    servers,
)

ingest_group = typer.Typer(
    help="Import executions and metrics from files and servers.", no_args_is_help=True
)
ingest_group.command("csv")(files.from_csv)
ingest_group.command("parquet")(files.from_parquet)
ingest_group.command("jsonl")(files.from_jsonl)
ingest_group.command("swf")(files.from_swf)
ingest_group.command("airflow")(pipelines.from_airflow)
ingest_group.command("github")(pipelines.from_github)
ingest_group.command("gitlab")(pipelines.from_gitlab)
ingest_group.command("jenkins")(pipelines.from_jenkins)
ingest_group.command("slurm")(clusters.from_slurm)
ingest_group.command("nextflow")(clusters.from_nextflow)
ingest_group.command("openlineage")(lineage.from_openlineage)
ingest_group.command("snakemake")(clusters.from_snakemake)
ingest_group.command("auth-log")(security_logs.from_auth_log)
ingest_group.command("journal")(security_logs.from_journal)
ingest_group.command("audit")(security_logs.from_audit)
ingest_group.command("sql")(databases.from_sql)
ingest_group.command("prefect")(servers.from_prefect)
ingest_group.command("prometheus")(prometheus.from_prometheus)
ingest_group.command("rejects")(rejects.show_rejects)
ingest_group.command("sources")(history.show_sources)
ingest_group.command("undo")(history.undo)
