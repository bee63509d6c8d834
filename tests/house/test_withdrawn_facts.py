"""What is undone cannot be read by accident: nothing else names the tables it is moved to."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOVERS = {
    "runlore/advice/queries/behaviour.py",  # behaviour as it was known then
    "runlore/advice/queries/security_events.py",  # events as they were known then
    "runlore/advice/queries/failures.py",  # executions as they were known then
    "runlore/assistant/queries/runs.py",  # runs as they were known then
    "runlore/advice/queries/renewals.py",  # failures and visits as they were known then
    "runlore/engagement/queries/contexts.py",  # engagement as it was known then
    "runlore/experiments/queries/withdrawn_outcomes.py",  # of one withdrawal, to take them out
    "runlore/ingest/queries/withdrawals.py",
    "runlore/privacy/queries/posts.py",  # posts as they were known then
    "runlore/privacy/queries/expired_data.py",  # undone facts expire, too
    "runlore/privacy/queries/persona_rows.py",  # undone facts of a persona are erased, too
    "runlore/privacy/rules/holdings.py",
    "runlore/reports/queries/period_plans.py",  # what they took that plans had named, too
    "runlore/reports/queries/period_work.py",  # a report as it was known, undone facts included
    "runlore/signals/queries/__init__.py",  # points that were known until an undo
    "runlore/signals/queries/execution_series_sql.py",  # series as they were known then
    "runlore/signals/queries/objective_counts.py",  # objectives as they stood then
    "runlore/advice/queries/cause_metrics.py",  # metrics as they were known at an incident
    "runlore/signals/queries/health.py",  # health as it was known then
    "runlore/store/schema/__init__.py",
    "runlore/store/schema/facts.py",
}
NAMES = re.compile(r"withdrawn_(executions|metrics)|executions_as_of\(")


def test_only_an_undo_and_reports_name_the_tables_of_withdrawn_facts() -> None:
    paths = [
        path
        for folder in ("runlore", "tasks", "flows", "bentos")
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts
    ]
    assert len(paths) > 300
    named = {
        str(path.relative_to(ROOT))
        for path in paths
        if NAMES.search(re.sub(r'"""[^"]*"""', "", path.read_text(encoding="utf-8"), count=1))
    }
    assert named == MOVERS
