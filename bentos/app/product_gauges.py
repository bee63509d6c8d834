"""Families of metrics of the whole product, out of what was read from the database."""

from collections.abc import Iterator, Mapping

from prometheus_client import Metric

from bentos.app.metric_family import alone, counter, gauge, ones
from bentos.predict.live_versions import Live
from runlore.reports.queries.advice_gauges import AdviceGauges
from runlore.reports.queries.agent_gauges import AgentGauges
from runlore.reports.queries.execution_gauges import ExecutionGauges
from runlore.reports.queries.forecast_gauges import ForecastGauges
from runlore.reports.queries.gauges import ProductGauges
from runlore.reports.queries.health_gauges import HealthGauges
from runlore.reports.queries.privacy_gauges import PrivacyGauges
from runlore.reports.rules.version_scores import version_scores

OF_SCORE = ("spec", "version", "source", "score")


def product_families(product: ProductGauges) -> Iterator[Metric]:
    yield from _champions(product)
    yield from _rollouts(product)
    alerts = gauge("open_alerts", "Alerts that are open", ("kind", "severity"))
    yield alerts.add(product.open_alerts)
    workers = gauge(
        "serving_workers", "Workers in which a version answers", ("spec", "arm", "version")
    )
    yield workers.add(product.workers)
    trainings = counter("trainings", "Trainings by outcome", ("spec", "outcome"))
    yield trainings.add(product.trainings)
    backlog = gauge("backlog", "What waits to be done, by queue", ("queue",))
    yield backlog.add({(queue,): count for queue, count in product.backlog.items()})
    ingested = counter("ingested_rows", "Rows of all ingests", ("records", "outcome"))
    yield ingested.add(product.ingested)


def _champions(product: ProductGauges) -> Iterator[Metric]:
    champions = gauge("champion_info", "The champion of each spec", ("spec", "version"))
    yield champions.add(ones(product.champions.items()))
    since = gauge(
        "champion_since_timestamp_seconds", "When the champion became that, since 1970", ("spec",)
    )
    yield since.add({(spec,): at.timestamp() for spec, at in product.champions_since.items()})
    labels = {one: (one.spec, one.version, one.source, one.score) for one in product.scores}
    window = "the champion's newest scored window"
    yield gauge("score", f"Score of {window}", OF_SCORE).add(
        {labels[one]: one.value for one in product.scores}
    )
    yield gauge("score_low", f"Lower end of the interval of {window}", OF_SCORE).add(
        {labels[one]: one.low for one in product.scores if one.low is not None}
    )
    yield gauge("score_high", f"Upper end of the interval of {window}", OF_SCORE).add(
        {labels[one]: one.high for one in product.scores if one.high is not None}
    )
    share = gauge("drift_share_ratio", "Share of drifted columns, weighted", ("spec", "version"))
    yield share.add({(one.spec, one.version): one.share for one in product.drift})
    drifted = gauge("drift_detected", "Whether the newest window drifted", ("spec", "version"))
    yield drifted.add({(one.spec, one.version): float(one.is_drifted) for one in product.drift})


def _rollouts(product: ProductGauges) -> Iterator[Metric]:
    share = gauge("rollout_share_ratio", "Share of the challenger in the rollout", ("spec",))
    yield share.add({(one.spec,): one.share for one in product.rollouts})
    state = gauge(
        "rollout_info", "Newest rollout, by its last decision", ("spec", "challenger", "state")
    )
    yield state.add(ones((one.spec, one.challenger, one.state) for one in product.rollouts))


def behind_family(product: ProductGauges, live: Mapping[str, Live]) -> Metric:
    stale = product.stale_histories
    help_text = "Histories of the champion's features whose states are behind the facts"
    return gauge("states_behind", help_text, ("spec",)).add(
        {
            (spec,): sum(history.digest in stale for history in one.bundle.plan.histories)
            for spec, one in live.items()
        }
    )


def trained_family(live: Mapping[str, Live]) -> Metric:
    """The scores of training of the versions that answer; none of one that has none."""
    family = gauge(
        "trained_score",
        "Score on the test part of the training, of the model and of the simple baseline",
        ("spec", "version", "score", "of"),
    )
    for spec, one in live.items():
        version = one.bundle.version or ""
        for score in version_scores(one.bundle.description):
            family.add_metric((spec, version, score.score, "model"), score.value.value)
            if score.baseline is not None:
                family.add_metric((spec, version, score.score, "baseline"), score.baseline.value)
    return family


def execution_families(executions: ExecutionGauges) -> Iterator[Metric]:
    newest = "of the newest executions"
    statuses = gauge("recent_executions", f"Statuses {newest}", ("status",))
    yield statuses.add({(status,): count for status, count in executions.statuses.items()})
    by_actor = gauge(
        "recent_actor_executions",
        f"Statuses {newest} of the actors that RUNLORE_METRICS_ACTORS names",
        ("actor", "status"),
    )
    yield by_actor.add(executions.by_actor)
    durations = gauge(
        "recent_execution_duration_seconds", f"Quantiles of the durations {newest}", ("quantile",)
    )
    yield durations.add({(str(level),): s for level, s in executions.durations_s.items()})
    newest_at = gauge(
        "newest_fact_timestamp_seconds", "When the newest fact became known, since 1970"
    )
    yield newest_at.add(alone(executions.newest_s))


def forecast_families(forecasts: ForecastGauges) -> Iterator[Metric]:
    labels = ("series", "scope", "source")
    now = "of the newest forecast, at its step of now"
    yield gauge("forecast_value", f"Value {now}", labels).add(forecasts.value)
    yield gauge("forecast_low", f"Lower end of the band {now}", labels).add(forecasts.low)
    yield gauge("forecast_high", f"Upper end of the band {now}", labels).add(forecasts.high)
    by, scored = ("spec", "horizon_s"), "of the forecasts scored in the last 28 days"
    error = f"Median error {scored}, as a share of that of the last season again"
    yield gauge("forecast_error_ratio", error, by).add(forecasts.error)
    coverage = f"Share of values that bands held, {scored}"
    yield gauge("forecast_coverage_ratio", coverage, by).add(forecasts.coverage)
    yield gauge("open_incidents", "Incidents that are open").add(alone(forecasts.incidents))
    deviating = "Series that deviate in an open incident"
    yield gauge("deviating_series", deviating).add(alone(forecasts.deviating))


def advice_families(made: AdviceGauges) -> Iterator[Metric]:
    newest = "issued in the last 365 days"
    advice = gauge("advice", f"Advice {newest}, by state", ("lever", "measure", "state"))
    yield advice.add(made.advice)
    runs = "Runs since such advice for fewer failures, without matching"
    yield gauge("advice_runs", runs, ("lever", "as_advised", "outcome")).add(made.runs)
    yield gauge("due_visits", f"Due visits {newest}, by what came of them", ("state",)).add(
        made.visits
    )
    foreseen = "Failures that the risk foresaw until each visit was made, failed or over"
    yield gauge("due_visits_foreseen_failures", foreseen).add(alone(made.foreseen))
    causes = gauge("open_security_causes", "Causes with an open security alert", ("level",))
    yield causes.add(made.security)
    checked = gauge(
        "security_checked_timestamp_seconds", "When the log was checked for attacks, since 1970"
    )
    yield checked.add({} if made.checked_s is None else alone(made.checked_s))


def privacy_families(privacy: PrivacyGauges) -> Iterator[Metric]:
    spent = "Share of this month's privacy budget that is spent"
    yield gauge("privacy_budget_spent_ratio", spent).add(alone(privacy.spent))
    charged = "Answers and trainings that were charged to this month's privacy budget"
    yield gauge("privacy_charges", charged).add(alone(privacy.charged))
    personas = "Personas that were charged this month"
    yield gauge("privacy_charged_personas", personas).add(alone(privacy.personas))
    most = "Share of its own budget that is spent of the persona with the least left"
    yield gauge("privacy_persona_spent_ratio", most).add(alone(privacy.most_spent))
    yield gauge("opted_out_personas", "Personas that opted out").add(alone(privacy.opted_out))


def agent_families(agents: AgentGauges) -> Iterator[Metric]:
    registered = gauge("registered_agents", "Agents that do tasks, by status", ("status",))
    yield registered.add({(status,): count for status, count in agents.agents.items()})
    tasks = gauge("open_agent_tasks", "Tasks of agents that have not ended", ("status",))
    yield tasks.add({(status,): count for status, count in agents.tasks.items()})
    oldest = gauge("oldest_agent_task_seconds", "Age of the oldest open task of agents; 0: none")
    yield oldest.add(alone(agents.oldest_s))
    used = gauge("agent_slots_used_ratio", "Share of the slots of active agents that is in use")
    yield used.add({} if agents.utilisation is None else alone(agents.utilisation))


def health_families(health: HealthGauges) -> Iterator[Metric]:
    labels = ("scope",)
    figure = "Probability that a day has no more failures than usual; scope empty: everything"
    yield gauge("health_ratio", figure, labels).add(health.health)
    yield gauge("health_low_ratio", "Lower end of its interval of 90 %", labels).add(health.low)
    yield gauge("health_high_ratio", "Upper end of its interval of 90 %", labels).add(health.high)
    measured = gauge("health_timestamp_seconds", "When health was measured, since 1970")
    yield measured.add({} if health.at_s is None else alone(health.at_s))
