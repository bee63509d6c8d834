"""Monitoring as a task, with the verdict where people look."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import Refused
from runlore.kernel.instants import now, parse
from runlore.live.actions import numbering
from runlore.monitoring.actions import drift_history, monitoring
from runlore.monitoring.actions.drift_history import WindowRecord
from runlore.monitoring.actions.monitoring import MonitorOutcome
from runlore.monitoring.views import conclude
from runlore.serving.actions import retention, skew
from runlore.serving.actions.skew import Skew
from runlore.store.engine import Store
from tasks import artifacts
from tasks.edge import task_app
from tasks.retry import RETRIES

SHOWN = 12
SKEW_DAYS = 7.0


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="champion of {spec}", timeout_seconds=600)
def has_champion(spec: str) -> bool:
    """Whether there is something to compare with; a spec that was never trained is no failure."""
    with task_app() as app:
        is_there = app.registry.champion(app.spec(spec).name) is not None
    if not is_there:
        get_run_logger().info("%s: no champion yet", spec)
    return is_there


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="monitor {spec}", timeout_seconds=3600)
def monitor(spec: str, window_days: float | None, at: str | None) -> MonitorOutcome:
    window_s = window_days * DAY_S if window_days else None
    with task_app() as app:
        outcome = monitoring.monitor(
            app.store,
            app.registry,
            app.spec(spec),
            parse(at, "at") if at else now(),
            app.settings.reports,
            window_s,
        )
        past = drift_history.history(app.store, spec, SHOWN)
        run = app.registry.version(spec, outcome.window.version).run_id
        pages = app.settings.pages_within_prefect
    verdict = outcome.verdict
    get_run_logger().info("%s: %s", spec, conclude(outcome))
    get_run_logger().info("%s: %s", spec, "; ".join(verdict.reasons[:SHOWN]))
    parts = [*_summary(outcome, past), artifacts.links_of_spec(pages, spec, run)]
    artifacts.write_page(f"drift-{spec}", spec, conclude(outcome), parts)
    return outcome


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="skew {spec}", timeout_seconds=3600)
def compare_features(spec: str, window_days: float | None) -> list[Skew]:
    """Were the features that were served those that the log gives? What differs is an anomaly."""
    at = now()
    since = at - timedelta(days=window_days or SKEW_DAYS)
    with task_app() as app:
        comparisons = skew.skew(app.store, app.registry, spec, since, at)
        skew.note(app.store, comparisons, at)
        skew.let_rest(app.store, spec, comparisons, at)
        gone = _pruned(app.store, app.settings.ledger_days)
        numbering.keep_history_short(app.store, at)
    logger = get_run_logger()
    for comparison in comparisons:
        tell = logger.info if comparison.is_clean else logger.error
        figures = (spec, comparison.version, comparison.compared, comparison.different)
        tell("%s version %s: %d served vectors compared, %d differ from the log", *figures)
    if gone:
        logger.info("dropped from the ledger: %s", ", ".join(gone))
    return comparisons


def _pruned(store: Store, days: int) -> list[str]:
    """What is being read is dropped another day."""
    try:
        return retention.prune(store, days)
    except Refused as error:
        get_run_logger().warning("%s", error)
        return []


def _summary(outcome: MonitorOutcome, past: Sequence[WindowRecord]) -> Iterator[str]:
    """What moved most, and the windows before it, as paragraphs of Markdown."""
    verdict, window = outcome.verdict, outcome.window
    yield (
        f"{window.window_from:%Y-%m-%d %H:%M} to {window.window_to:%Y-%m-%d %H:%M} UTC, "
        f"{verdict.rows_current:,} rows against {verdict.rows_reference:,}. {outcome.note}"
    )
    yield artifacts.picture("The newest windows, and what moved in each", outcome.plot)
    yield artifacts.bullets(verdict.reasons[:SHOWN])
    yield artifacts.table(
        [
            {
                "until (UTC)": f"{record.window.window_to:%Y-%m-%d %H:%M}",
                "version": record.window.version,
                "rows": record.verdict.rows_current,
                "verdict": record.verdict.answer,
                "features drifted, by weight": f"{record.verdict.drifted_share:.0%}",
            }
            for record in past
        ]
    )
    if outcome.report:
        yield f"The full report is among the artifacts of the run: `drift/{outcome.report.name}`."
