"""Monitoring as a task, with the verdict where people look."""

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from runlore import registry, settings
from runlore.features.declaration import DAY_S
from runlore.records.instant import now, parse
from runlore.store.engine import open_store
from runlore.store.tracking import tracking_url
from runlore.usecases import monitor as monitoring
from runlore.usecases import specs
from runlore.usecases.monitor import MonitorOutcome
from tasks.retry import RETRIES

SHOWN = 12


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="monitor {spec}", timeout_seconds=3600)
def monitor(spec: str, window_days: float | None, at: str | None) -> MonitorOutcome:
    chosen = settings.read()
    window_s = window_days * DAY_S if window_days else None
    with open_store(chosen) as store:
        outcome = monitoring.monitor(
            store,
            registry.connect(chosen, tracking_url(store)),
            specs.find(chosen, spec),
            parse(at, "at") if at else now(),
            chosen.reports,
            window_s,
        )
    verdict = outcome.verdict
    get_run_logger().info("%s: %s; %s", spec, verdict.answer, "; ".join(verdict.reasons[:SHOWN]))
    create_markdown_artifact(_summary(spec, outcome), key=f"drift-{spec}")
    return outcome


def _summary(spec: str, outcome: MonitorOutcome) -> str:
    """The verdict, the columns that moved most, and where the report is; Markdown."""
    verdict, window = outcome.verdict, outcome.window
    lines = [
        f"## {spec}: {verdict.answer}",
        f"{window.window_from:%Y-%m-%d %H:%M} to {window.window_to:%Y-%m-%d %H:%M} UTC, "
        f"{verdict.rows_current:,} rows against {verdict.rows_reference:,}. {outcome.note}",
        "",
        *(f"- {reason}" for reason in verdict.reasons[:SHOWN]),
    ]
    if outcome.report:
        lines += ["", f"Report: `{outcome.report}`"]
    return "\n".join(lines)
