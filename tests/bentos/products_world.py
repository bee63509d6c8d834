"""A small world for the products' routes: what served, was asked, was scored and deviates."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import handmade
from sqlalchemy import insert

from bentos.predict.live_versions import Serving, load
from runlore.alerts.actions import handling
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel import instants
from runlore.monitoring.queries import drift_results
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison, DriftResult
from runlore.performance import queries
from runlore.performance.queries import PerformanceResult
from runlore.records.execution import ExecutionStatus
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.serving.actions import recording
from runlore.serving.actions.recording import OutcomeReport, Submission
from runlore.serving.queries.ledger import new_id
from runlore.store.engine import Store
from runlore.store.partitions import ensure_months
from runlore.store.schema import ledger
from tests.planning import finished_tasks, project_log

AT = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RISK = "failure-risk"
POST = Submission(
    "mia",
    "image",
    "instagram",
    inputs={"content_length": 30, "hashtag_count": 2, "has_media": True},
    source_id="draft-17",
    submitted=AT + timedelta(hours=8),
)


def fill(store: Store) -> None:
    serve(store)
    work(store)
    answer(store)
    score(store)
    drift(store)
    deviate(store)


def serve(store: Store) -> None:
    """Version 7 was promoted over 6; 8 challenges it with a tenth of the traffic."""
    changes: tuple[tuple[Any, ...], ...] = (
        ("champion", "6", "announce", "ann", "the first version that passed its gates"),
        ("challenger", "7", "announce", "ann", "trained on October"),
        ("champion", "7", "promote", "ann", "better on October"),
        ("challenger", None, "promote", "ann", "better on October"),
        ("challenger", "8", "announce", "bob", "trained on November"),
    )
    with alias_history.writing(store) as history:
        for alias, version, action, actor, reason in changes:
            history.add(Change(RISK, alias, version, action, actor, reason))
        arms = {"share": 0.1, "unit": "actor", "shadow": False}
        history.add(Change(RISK, "challenger", "8", "arms", "bob", "first trial", arms))


def work(store: Store) -> None:
    for number in range(5):
        actor = "ann" if number % 2 else "bob"
        recording.record_submission(store, Submission(actor, "build", "", source_id=f"b-{number}"))
        if number < 4:
            ended = ExecutionStatus.FAILED if number == 3 else ExecutionStatus.SUCCEEDED
            recording.record_outcome(store, recording.SOURCE, f"b-{number}", OutcomeReport(ended))
    with store.connect() as connection:
        ensure_months(connection, "metrics", AT, AT)
        connection.execute(
            "INSERT INTO runlore.metrics (source, name, scope, at, value, known_at)"
            " SELECT 'world', 'load', 'h-1', %s + n * interval '1 hour', n, %s"
            " FROM generate_series(1, 3) AS n",
            (AT, AT),
        )
        connection.execute(
            "INSERT INTO runlore.series (source, name, scope) VALUES ('world', 'load', 'h-1')"
        )


def finish(store: Store) -> None:
    """Releases, enough to estimate the next one, and another project."""
    finished_tasks.write_tasks(store, *finished_tasks.described(40), kind="release")
    finished_tasks.write_steady(store, instants.now())
    project_log.write_project(store, "shop", project_log.runs_of_sort("site", 20))


def publish(store: Store) -> None:
    """A draft, and the only final post, of a persona."""
    recording.record_submission(store, POST)
    recording.record_submission(store, replace(POST, source_id="post-16"))
    outcome = {"engagement_rate": 4.0, "age_h": 168.0}
    report = OutcomeReport(ExecutionStatus.SUCCEEDED, outcome=outcome)
    recording.record_outcome(store, recording.SOURCE, "post-16", report)


def engage(serving: Serving, folder: Path) -> None:
    """Serve the models of engagement, too."""
    for name in handmade.CONTENT_SPECS:
        serving.live[name] = load(handmade.write_bundle(folder / name, name), "3", name, "wall")
    serving.names = (*serving.names, *handmade.CONTENT_SPECS)


@contextmanager
def engaged(serving: Serving, folder: Path, *, is_on: bool) -> Iterator[None]:
    """Serve them inside of the block only: the other examples are of a service without them."""
    live, names = dict(serving.live), serving.names
    if is_on:
        engage(serving, folder)
    yield
    serving.live, serving.names = live, names


def answer(store: Store) -> None:
    """Ten answers, a refusal, and one of a shadow, which nobody heard."""
    rows = [*((RISK, "champion", 200),) * 10, (RISK, "champion", 422), (RISK, "shadow", 200)]
    with store.connect() as connection:
        ensure_months(connection, "ledger", AT, AT)
    with store.begin() as connection:
        for spec, arm, status in rows:
            told = {"at": AT, "id": new_id(AT), "as_of": AT, "request": {}, "version": "7"}
            connection.execute(insert(ledger).values(told | _named(spec, arm, status)))


def _named(spec: str, arm: str, status: int) -> dict[str, Any]:
    return {"spec": spec, "arm": arm, "status": status}


def score(store: Store) -> None:
    """Two looks: the older one is not to be told; the last week has estimates only."""
    with store.begin() as connection:
        for at, value in ((AT - 7 * DAY, 0.60), (AT, 0.81)):
            queries.add(
                connection,
                [
                    measured(at, "realised", at - 14 * DAY, "auc", value),
                    measured(at, "realised", at - 14 * DAY, "brier", 0.11),
                    measured(at, "estimated", at - 7 * DAY, "auc", 0.79),
                ],
            )


def measured(at: datetime, source: Any, start: datetime, name: str, value: float) -> Any:
    return PerformanceResult(
        at=at,
        spec=RISK,
        version="7",
        window_from=start,
        window_to=start + 7 * DAY,
        answers=900,
        labelled=880 if source == "realised" else 12,
        maturity=0.97 if source == "realised" else 0.02,
        source=source,
        score=name,
        value=value,
        low=value - 0.02,
        high=value + 0.02,
    )


def drift(store: Store) -> None:
    window = ComparedWindow(RISK, "7", AT - 7 * DAY, AT)
    results = (
        DriftResult("*", "drifted_share", 0.25, 0.1, True),
        DriftResult("nodes", "psi", 0.41, 0.2, True),
        DriftResult("queue", "psi", 0.02, 0.2, False),
    )
    with store.begin() as connection:
        drift_results.insert(connection, DriftComparison(window, AT, 20_000, 5_000, None, results))


def deviate(store: Store) -> None:
    """One alert of a model, and one of something else."""
    for kind, subject in (("drift", RISK), ("delivery", "mail")):
        finding = AlertFinding(
            kind, subject, Severity.WARNING, "nodes moved (PSI 0.410)", "measured on 5,000 rows",
            "open the report", AT - 7 * DAY, {"psi": 0.41},
        )  # fmt: skip
        with store.begin() as connection:
            handling.raise_alert(connection, finding, AT)
