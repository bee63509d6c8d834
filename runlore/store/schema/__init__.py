"""The tables, as SQLAlchemy Core. Migrations in `migrations/` make them; a test compares the two.

Facts are never changed. An ingest that is undone moves its facts to `withdrawn_executions` and
`withdrawn_metrics`: whoever reads `executions` and `metrics` cannot see them. These two and
`ledger` are partitioned by month.
"""

from runlore.store.schema.ab import (
    ab_actions,
    ab_analyses,
    ab_events,
    ab_outcomes,
    ab_tests,
    ab_units,
)
from runlore.store.schema.advice import (
    advice_decisions,
    advice_ledger,
    advice_looks,
    advice_scores,
)
from runlore.store.schema.agent_health import (
    agent_health,
    agent_health_evidence,
    agent_health_watermark,
    agent_probe_runs,
    agent_probes,
    agent_skill_health,
)
from runlore.store.schema.agents import (
    agent_messages,
    agent_routings,
    agent_skills,
    agent_task_dependencies,
    agent_task_events,
    agent_task_token,
    agent_tasks,
    agents,
)
from runlore.store.schema.alerts import (
    alert_attempts,
    alert_deliveries,
    alert_events,
    alert_notices,
    alert_silences,
)
from runlore.store.schema.anomaly_dismissals import anomaly_dismissals
from runlore.store.schema.answers import (
    alias_changes,
    api_keys,
    ledger,
    rate_windows,
    used_console_links,
    workers,
)
from runlore.store.schema.content_scores import content_scores
from runlore.store.schema.dismissal_undos import dismissal_undos
from runlore.store.schema.erasures import erasures
from runlore.store.schema.execution_series import execution_groups, execution_series_cursor
from runlore.store.schema.facts import (
    executions,
    ingests,
    metrics,
    rejects,
    withdrawals,
    withdrawn_executions,
    withdrawn_metrics,
)
from runlore.store.schema.federated import (
    federated_clients,
    federated_releases,
    federated_states,
    federated_trainings,
)
from runlore.store.schema.forecasts import series_forecasts
from runlore.store.schema.health import health_readings
from runlore.store.schema.incidents import (
    incident_series,
    incidents,
    point_outbox,
    series_states,
    stream_progress,
)
from runlore.store.schema.lineage import lineage_runs
from runlore.store.schema.live import live_events, live_outbox, live_stream, live_topics
from runlore.store.schema.marketplace import (
    marketplace_installations,
    marketplace_keys,
    marketplace_packages,
    marketplace_versions,
)
from runlore.store.schema.names import (
    INSTANT,
    PARTITIONED,
    SCHEMA,
    metadata,
    with_statistics,
)
from runlore.store.schema.opt_outs import opt_outs
from runlore.store.schema.plans import plans
from runlore.store.schema.pools import pools
from runlore.store.schema.privacy import privacy_answers, privacy_budgets, privacy_spends
from runlore.store.schema.promises import promise_models
from runlore.store.schema.recommendations import recommendation_decisions, recommendations
from runlore.store.schema.reports import (
    report_deliveries,
    report_runs,
    report_schedules,
    reports,
)
from runlore.store.schema.retention import expired_data
from runlore.store.schema.retraining import retraining_states, retrainings
from runlore.store.schema.rollouts import rollout_decisions, rollouts
from runlore.store.schema.security_watch import security_watch
from runlore.store.schema.series import series
from runlore.store.schema.states import feature_histories, feature_states
from runlore.store.schema.training import leak_decisions
from runlore.store.schema.watching import (
    anomalies,
    data_checks,
    drift_histograms,
    drift_results,
    drift_slices,
    performance_looks,
    performance_results,
)

__all__ = [
    "INSTANT",
    "PARTITIONED",
    "SCHEMA",
    "ab_actions",
    "ab_analyses",
    "ab_events",
    "ab_outcomes",
    "ab_tests",
    "ab_units",
    "advice_decisions",
    "advice_ledger",
    "advice_looks",
    "advice_scores",
    "agent_health",
    "agent_health_evidence",
    "agent_health_watermark",
    "agent_messages",
    "agent_probe_runs",
    "agent_probes",
    "agent_routings",
    "agent_skill_health",
    "agent_skills",
    "agent_task_dependencies",
    "agent_task_events",
    "agent_task_token",
    "agent_tasks",
    "agents",
    "alert_attempts",
    "alert_deliveries",
    "alert_events",
    "alert_notices",
    "alert_silences",
    "alias_changes",
    "anomalies",
    "anomaly_dismissals",
    "api_keys",
    "content_scores",
    "data_checks",
    "dismissal_undos",
    "drift_histograms",
    "drift_results",
    "drift_slices",
    "erasures",
    "execution_groups",
    "execution_series_cursor",
    "executions",
    "expired_data",
    "feature_histories",
    "feature_states",
    "federated_clients",
    "federated_releases",
    "federated_states",
    "federated_trainings",
    "health_readings",
    "incident_series",
    "incidents",
    "ingests",
    "leak_decisions",
    "ledger",
    "lineage_runs",
    "live_events",
    "live_outbox",
    "live_stream",
    "live_topics",
    "marketplace_installations",
    "marketplace_keys",
    "marketplace_packages",
    "marketplace_versions",
    "metadata",
    "metrics",
    "opt_outs",
    "performance_looks",
    "performance_results",
    "plans",
    "point_outbox",
    "pools",
    "privacy_answers",
    "privacy_budgets",
    "privacy_spends",
    "promise_models",
    "rate_windows",
    "recommendation_decisions",
    "recommendations",
    "rejects",
    "report_deliveries",
    "report_runs",
    "report_schedules",
    "reports",
    "retraining_states",
    "retrainings",
    "rollout_decisions",
    "rollouts",
    "security_watch",
    "series",
    "series_forecasts",
    "series_states",
    "stream_progress",
    "used_console_links",
    "with_statistics",
    "withdrawals",
    "withdrawn_executions",
    "withdrawn_metrics",
    "workers",
]
