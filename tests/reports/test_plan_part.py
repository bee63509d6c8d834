"""What a report says of plans: hours and money planned, beside those that were taken."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from runlore.kernel.json_values import as_json
from runlore.planning.actions.allocation import AllocationRequest, allocate
from runlore.planning.actions.plans import keep_plan
from runlore.planning.allocation_views import plan_as_json, show_plan
from runlore.planning.rules.allocation.task_to_place import TaskToPlace
from runlore.planning.rules.pools.pool import Pool
from runlore.reports.actions.composing import compose
from runlore.reports.rules.period import week_of
from runlore.reports.views.report_page import render_report
from runlore.reports.views.report_tables import table_csv
from runlore.store.engine import Store
from tests.reports.report_log import request, write

WEEK = week_of(date(2026, 11, 23))
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
POOL = Pool("<b>gpu</b>", 4, cost_per_hour=2.0)


def plan(store: Store, at: datetime, hours: dict[str, float], slots: int = 2) -> None:
    tasks = [TaskToPlace(name, duration_s=3600 * h, slots=slots) for name, h in hours.items()]
    made = allocate(store, AllocationRequest(tasks, [POOL], limit_s=1.0), at)
    keep_plan(store, plan_as_json(show_plan(made)), "ann", at)


@pytest.fixture
def planned(store: Store) -> Store:
    """Four executions end in the week; of a, the second plan is the last before it began."""
    plan(store, MONDAY - DAY, {"a": 9.0, "b": 2.0, "never": 1.0})
    plan(store, MONDAY, {"a": 1.0})
    plan(store, MONDAY + DAY, {"a": 50.0, "unplanned": 1.0})
    rows = {"a": (2, 3.0), "b": (3, 1.0), "unplanned": (4, 1.0), "other": (5, 1.0)}
    frame = pd.DataFrame(
        [
            {
                "source": "log",
                "source_id": name,
                "submitted": MONDAY - DAY,
                "actor": "ann",
                "kind": "train",
                "scope": "",
                "status": "succeeded",
                "started": MONDAY + start * HOUR,
                "finished": MONDAY + (start + took) * HOUR,
                "outcome": {},
            }
            for name, (start, took) in rows.items()
        ]
    )
    write(store, frame.assign(known_at=frame["finished"], submission_known_at=frame["submitted"]))
    return store


def test_the_last_plan_before_work_began_stands_beside_what_it_took(planned: Store) -> None:
    document = _document(planned)
    (row,) = document["plans"]
    assert (row["pool"], row["tasks"]) == (POOL.name, 2)
    assert (row["planned_h"], row["run_h"]) == (pytest.approx(2 * 3.0), pytest.approx(2 * 4.0))
    assert (row["planned_cost"], row["cost"]) == (pytest.approx(12.0), pytest.approx(16.0))
    assert row["in_time"] == 0  # a took three hours of one; b began a day late
    assert "2 executions were planned before they began" in " ".join(document["headline"])


def test_the_page_and_the_table_show_it_and_run_nothing(planned: Store) -> None:
    document = _document(planned)
    page = render_report(document)
    assert "<h2>Planned and done</h2>" in page
    assert "<b>gpu" not in page
    assert table_csv(document, "plans").count("\r\n") == 2
    for without in (_document(planned, kind="train"), {**document, "plans": []}):
        assert "Planned and done" not in render_report(without)
    older = {name: value for name, value in document.items() if name != "plans"}
    assert table_csv(older, "plans").count("\r\n") == 1


def test_what_was_not_known_yet_is_not_told(planned: Store) -> None:
    early = compose(planned, (), request(WEEK, MONDAY + 4.5 * HOUR))
    assert [(row.tasks, row.run_h) for row in early.plans] == [(1, 2.0)]


def _document(store: Store, **work: str) -> dict[str, Any]:
    return dict(as_json(compose(store, (), request(WEEK, MONDAY + 8 * DAY, **work))))
