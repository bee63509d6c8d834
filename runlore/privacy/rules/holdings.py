"""What each table of the store holds of a persona: the one place that says so.

A test demands an entry for every table, so that a new one cannot be forgotten.
"""

from dataclasses import dataclass

# Conditions of SQL about a row; name: of the persona; suffix: of series that are made of its runs.
ACTOR = "actor = %(name)s"
UNIT = "unit = %(name)s"
OF_SERIES = "(scope = %(name)s OR strpos(name, %(suffix)s) > 0)"
ITS_STATES = f"SELECT id FROM runlore.series_states WHERE {OF_SERIES}"  # noqa: S608
ITS = "subject_type IN ('actor', 'persona') AND subject = %(name)s"
ITS_ADVICE = f"SELECT id FROM runlore.advice_ledger WHERE {ITS}"  # noqa: S608
ITS_EXECUTIONS = (
    "SELECT source, source_id FROM runlore.executions WHERE actor = %(name)s UNION ALL"
    " SELECT source, source_id FROM runlore.withdrawn_executions WHERE actor = %(name)s"
)


@dataclass(frozen=True)
class TableHolding:
    """rows: which rows are the persona's; they are deleted.

    drops: columns of text; a row whose text names the persona or its values is deleted, too.
    mentions: columns of text or JSON in which a mention is replaced; the rows stay.
    none: why the table holds nothing of a persona, where it is so.
    """

    rows: str = ""
    drops: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    none: str = ""


def _rows(condition: str, *mentions: str) -> TableHolding:
    return TableHolding(rows=condition, mentions=mentions)


def _mentions(*columns: str) -> TableHolding:
    return TableHolding(mentions=columns)


def _none(why: str) -> TableHolding:
    return TableHolding(none=why)


# Columns of text that name parts of the system, words of its own or digests: never a persona.
_NAMES = (
    "action alias answer arm attachment batch challenger champion chances channel channels "
    "column_name confidence decision dimension due_time ended_as event every hash history id "
    "input job key_id kind known length level lever mapping_digest measure method namespace "
    "platform prefix_digest previous project pseudonym purpose quantiles records run_id "
    "scopes severity sort source source_id spec state statistic status steps subject_type "
    "support told topic trigger unit variant version weights winner zone "
)
SYSTEM_COLUMNS = frozenset(_NAMES.split())
# The same for columns of one table, whose names stand for something else in other tables.
SYSTEM_PARTS = frozenset(
    {
        ("executions", "scope"),
        ("withdrawn_executions", "scope"),
        ("ab_tests", "name"),
        ("live_stream", "name"),
        ("pools", "name"),
        ("agent_routings", "policy"),
        ("agents", "way"),
        ("marketplace_installations", "digest"),
        ("marketplace_installations", "permissions"),
        *((table, "type") for table in ("agents", "agent_tasks", "agent_messages")),
    }
)

NUMBERS = "numbers and instants of the stream alone"
# In the order in which rows are deleted: what refers to a row before the row.
HOLDINGS: dict[str, TableHolding] = {
    "ledger": _rows(
        f"(request->>'actor' = %(name)s OR (source, source_id) IN ({ITS_EXECUTIONS}))",
        "request",
        "reasons",
        "error",
    ),
    "executions": _rows(ACTOR, "inputs", "outcome"),
    "withdrawn_executions": _rows(ACTOR, "inputs", "outcome"),
    "rejects": TableHolding(drops=("raw", "reason"), mentions=("file",)),
    "lineage_runs": TableHolding(drops=("first_event", "start_event", "end_event", "profile")),
    "ingests": _mentions("path", "warnings", "column_rules", "rows_skipped"),
    "withdrawals": _mentions("actor", "reason"),
    "metrics": _rows(OF_SERIES),
    "withdrawn_metrics": _rows(OF_SERIES),
    "point_outbox": _rows(OF_SERIES),
    "series_forecasts": _rows(OF_SERIES, "note"),
    "dismissal_undos": _rows(
        f"dismissal_id IN (SELECT id FROM runlore.anomaly_dismissals WHERE {OF_SERIES})",  # noqa: S608
        "actor",
    ),
    "anomaly_dismissals": _rows(OF_SERIES, "actor", "reason"),
    "incident_series": _rows(f"series_id IN ({ITS_STATES})"),
    "series_states": _rows(OF_SERIES),
    "series": _rows(f"({OF_SERIES} OR labels->>'actor' = %(name)s)", "labels"),
    "incidents": _mentions("subject"),
    "execution_groups": _rows("dimension = 'actor' AND label = %(name)s"),
    "execution_series_cursor": _none("how far series of executions reach"),
    "stream_progress": _none(NUMBERS),
    "feature_states": TableHolding(drops=("key",)),
    "feature_histories": _none("declarations of features"),
    "drift_results": _mentions("report", "reasons"),
    "drift_slices": _none("counts and rows of features without names; withdrawn facts drop them"),
    "drift_histograms": _none("counts by feature"),
    "data_checks": _mentions("verdict", "accepted_by", "accepted_why"),
    "performance_results": _none("scores of versions"),
    "performance_looks": _mentions("reasons"),
    "anomalies": _mentions(
        "subject",
        "evidence",
        "what",
        "certainty",
        "advice",
        "acknowledged_by",
        "note",
        "resolved_by",
    ),
    "alert_events": _mentions("actor", "note", "evidence"),
    "alert_notices": _mentions("message"),
    "alert_deliveries": _mentions("error"),
    "alert_attempts": _mentions("error"),
    "alert_silences": _mentions("subject", "actor", "reason", "ended_by"),
    "ab_outcomes": _rows(UNIT),
    "ab_events": _rows(UNIT),
    "ab_units": _rows(UNIT),
    "ab_tests": _mentions("plan", "design"),
    "ab_actions": _mentions("actor", "reason"),
    "ab_analyses": _mentions("actor", "analysis", "evidence"),
    "advice_scores": _rows(f"advice_id IN ({ITS_ADVICE})", "score"),
    "advice_decisions": _rows(f"advice_id IN ({ITS_ADVICE})", "actor", "reason"),
    "advice_looks": _rows(ITS, "reason"),
    "advice_ledger": _rows(ITS, "actor", "value", "evidence"),
    "recommendations": _mentions("actor", "value", "evidence"),
    "recommendation_decisions": _mentions("actor", "reason"),
    "promise_models": TableHolding(drops=("document", "scores")),
    "plans": _mentions("actor", "plan"),
    "pools": _mentions("definition", "actor"),
    "reports": _mentions("document", "made_by"),
    "report_schedules": _mentions("name", "work", "created_by", "ended_by"),
    "report_runs": _mentions("error"),
    "report_deliveries": _mentions("error"),
    "rollouts": _mentions("policy"),
    "rollout_decisions": _mentions("reasons", "actor", "ordered", "evidence", "readings"),
    "retrainings": _mentions("actor", "reason", "cause", "evidence"),
    "retraining_states": _mentions("reason", "evidence"),
    "leak_decisions": _mentions("actor", "reason"),
    "health_readings": _mentions("scope", "reason", "states"),
    "live_events": _mentions("subject", "data"),
    "live_outbox": _mentions("subject", "data"),
    "live_topics": _none(NUMBERS),
    "live_stream": _mentions("rates"),
    "security_watch": _none("how far the log was checked"),
    "alias_changes": _mentions("actor", "reason", "evidence"),
    "workers": _none("hosts and versions that answer"),
    "api_keys": _mentions("name"),
    "rate_windows": _none("a key's public id or an address, for minutes"),
    "used_console_links": _none("random ids"),
    "opt_outs": _rows("persona = %(name)s", "actor", "reason"),
    "erasures": _mentions("actor"),
    "content_scores": _rows("persona = %(name)s"),
    "privacy_budgets": _rows("persona = %(name)s"),
    "privacy_spends": _mentions("query"),
    "privacy_answers": _mentions("release"),
    "federated_clients": _rows("persona = %(name)s", "reason"),
    "federated_releases": _none("noisy numbers"),
    "federated_states": _mentions("reason"),
    "federated_trainings": _mentions("requested_by", "policy"),
    "expired_data": _none("counts by source"),
    "agents": _mentions(
        "name",
        "state_reason",
        "quarantine_reason",
        "capabilities",
        "specializations",
        "config",
        "plugin_source",
        "plugin_author",
        "address",
        "tool",
        "token_variable",
        "card_url",
        "card",
    ),
    "agent_tasks": _mentions(
        "name",
        "description",
        "required_capabilities",
        "input",
        "output",
        "failure",
        "context_id",
        "idempotency_key",
    ),
    "agent_probes": _mentions("name", "task_type", "required_capabilities", "input", "rule"),
    "agent_probe_runs": _none("ids and verdicts"),
    "agent_health": _none("counts by agent"),
    "agent_skill_health": _none("counts by agent and type of task"),
    "agent_health_evidence": _mentions("detail"),
    "agent_health_watermark": _none("where the last look ended"),
    "agent_skills": _none("counts by agent and type of task"),
    "agent_task_dependencies": _none("ids"),
    "agent_task_events": _mentions("detail"),
    "agent_routings": _mentions("candidates", "reason"),
    "agent_messages": _mentions("subject", "body", "idempotency_key"),
    "marketplace_keys": _none("public keys of publishers"),
    "marketplace_packages": _none("published packages, signed by their publishers"),
    "marketplace_versions": _none("published packages, signed by their publishers"),
    "marketplace_installations": _mentions("agent_name"),
}
