"""How agents, users and whatever else runs work are doing."""

from runlore_dashboards.declaration import Dashboard, Panel, PanelRow, Query, stat
from runlore_dashboards.promql import of, or_zero, product, rate, ratio, total

ENDED = "succeeded|failed|partial|cancelled"
NEWEST = "Of the newest 5,000 facts; of one execution the last fact counts."
DURATION = "runlore_recent_execution_duration_seconds"
RECENT, BY_ACTOR = "runlore_recent_executions", "runlore_recent_actor_executions"
FAILED = of(RECENT, status="failed")


def _share(metric: str, *by: str) -> str:
    """Of executions that succeeded, of those that ended."""
    labels = ", ".join((*by, "status"))
    succeeded = f"max by ({labels}) ({of(metric, status='succeeded')})"
    ended = f"max by ({labels}) ({of(metric, status=ENDED)})"
    whole = total(ended, *by)
    return ratio(f"({total(succeeded, *by)} or 0 * {whole})", whole)


NOW = PanelRow(
    "Now",
    (
        stat(
            "Success rate",
            f"Executions that succeeded, of those that ended. {NEWEST}",
            _share(RECENT),
            "percentunit",
            base_colour="red",
            thresholds=((0.8, "orange"), (0.95, "green")),
        ),
        stat(
            "Failed",
            f"Executions that failed. {NEWEST}",
            or_zero(total(f"max by (status) ({FAILED})")),
        ),
        stat(
            "Median duration",
            f"From start to end. {NEWEST}",
            f"max({of(DURATION, quantile='0.5')})",
            "s",
        ),
        stat(
            "Newest fact",
            "Time since the newest fact became known. If it grows, nothing reports any more.",
            f"time() - {product('runlore_newest_fact_timestamp_seconds')}",
            "s",
            thresholds=((3600, "orange"), (86_400, "red")),
        ),
    ),
)
OVER_TIME = PanelRow(
    "Over time",
    (
        Panel(
            "Success rate",
            f"Executions that succeeded, of those that ended. {NEWEST}",
            (Query(_share(RECENT), "all"),),
            "percentunit",
            low=0,
            high=1,
        ),
        Panel(
            "Success rate by actor",
            "Of the actors that RUNLORE_METRICS_ACTORS names; empty without them. " + NEWEST,
            (Query(_share(BY_ACTOR, "actor"), "{{actor}}"),),
            "percentunit",
            low=0,
            high=1,
        ),
        Panel(
            "Executions by status",
            NEWEST,
            (Query(product(RECENT, "status"), "{{status}}"),),
            is_stacked=True,
        ),
        Panel(
            "Duration",
            f"From start to end: half, and 95 of 100, take at most this long. {NEWEST}",
            (
                Query(
                    product("runlore_recent_execution_duration_seconds", "quantile"),
                    "quantile {{quantile}}",
                ),
            ),
            "s",
        ),
    ),
)
REPORTED = PanelRow(
    "Reported",
    (
        Panel(
            "Outcomes over HTTP",
            "Outcomes that POST /executions/{id}/outcome recorded, by status.",
            (Query(total(rate("runlore_recorded_outcomes_total"), "status"), "{{status}}"),),
            "ops",
        ),
        Panel(
            "Facts over HTTP",
            "Submissions and outcomes that were recorded over HTTP, OpenLineage included.",
            (Query(total(rate("runlore_recorded_total"), "what"), "{{what}}"),),
            "ops",
        ),
        Panel(
            "Rows of ingests",
            "Rows of logs that were brought in: new, known already, and rejected.",
            (
                Query(
                    f"max by (records, outcome) ({rate('runlore_ingested_rows_total')})",
                    "{{records}} {{outcome}}",
                ),
            ),
            "rowsps",
            width=24,
        ),
    ),
)


def _advice_runs(as_advised: str) -> str:
    """The share that failed of runs that did as advised, or did not."""
    every = f"max by (lever, outcome) ({of('runlore_advice_runs', as_advised=as_advised)})"
    chosen = of("runlore_advice_runs", as_advised=as_advised, outcome="failed")
    return ratio(total(f"max by (lever) ({chosen})"), total(every))


ADVISED = PanelRow(
    "Advice, visits and security",
    (
        Panel(
            "Advice by state",
            "Of the last 365 days; `runlore advise record` says what came of it.",
            (Query(total(product("runlore_advice", "lever", "state"), "state"), "{{state}}"),),
            is_stacked=True,
        ),
        Panel(
            "Failures as advised, and otherwise",
            "Of runs since advice for fewer failures. Plain shares, without matching.",
            (Query(_advice_runs("yes"), "as advised"), Query(_advice_runs("no"), "otherwise")),
            "percentunit",
            low=0,
            high=1,
        ),
        Panel(
            "Visits that were due",
            "Of the last 365 days; `runlore advise visits` shows them.",
            (Query(product("runlore_due_visits", "state"), "{{state}}"),),
            is_stacked=True,
        ),
        stat(
            "Failures of hosts that were due",
            "Before a visit or the end of the horizon, in the last 365 days.",
            or_zero(f"max({of('runlore_due_visits', state='failed')})"),
        ),
        stat(
            "Such failures foreseen",
            "By the risk each visit was issued with; many more or fewer failed: mistrust it.",
            product("runlore_due_visits_foreseen_failures"),
        ),
        stat(
            "Security alerts",
            "Causes that are open; `runlore advise security` shows them.",
            or_zero(total(product("runlore_open_security_causes", "level"))),
            thresholds=((1, "red"),),
        ),
        stat(
            "Privacy budget spent",
            "Of this month; `runlore privacy report` shows on what. At 100 % new aggregates wait.",
            product("runlore_privacy_budget_spent_ratio"),
            unit="percentunit",
            thresholds=((0.75, "orange"), (1, "red")),
        ),
        stat(
            "Personas that opted out",
            "They are in no aggregate, and in no model of all personas.",
            product("runlore_opted_out_personas"),
        ),
    ),
)
TASKS = PanelRow(
    "Agents and their tasks",
    (
        Panel(
            "Open tasks",
            "Tasks of registered agents that have not ended; `runlore agents workload` tells more.",
            (Query(product("runlore_open_agent_tasks", "status"), "{{status}}"),),
            is_stacked=True,
        ),
        Panel(
            "Registered agents",
            "By status. Those in quarantine get nothing but probes.",
            (Query(product("runlore_registered_agents", "status"), "{{status}}"),),
            is_stacked=True,
        ),
        stat(
            "Oldest open task",
            "If it grows, agents are too few, or none can do it.",
            product("runlore_oldest_agent_task_seconds"),
            "s",
        ),
        stat(
            "Slots in use",
            "Of the agents that are active.",
            product("runlore_agent_slots_used_ratio"),
            "percentunit",
            thresholds=((0.8, "orange"), (1, "red")),
        ),
    ),
)
AGENTS = Dashboard(
    "runlore-agents",
    "Runlore: agent performance",
    "How the executions of agents, users and jobs end, and how long they take.",
    (NOW, OVER_TIME, TASKS, ADVISED, REPORTED),
)
