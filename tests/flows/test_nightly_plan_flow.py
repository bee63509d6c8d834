"""The nightly plan as Prefect makes it: open work in declared pools, kept and shown."""

from datetime import timedelta

import numpy as np
import pytest
from prefect.client.orchestration import get_client
from sqlalchemy import text

from flows.planning import learn_promises, plan_night
from runlore import settings
from runlore.planning.actions.plans import find_plan
from runlore.planning.actions.pools import set_pools
from runlore.planning.allocation_views import plan_from_json
from runlore.planning.rules import small_models
from runlore.planning.rules.pools.pool import Pool
from runlore.store.engine import open_store
from tests.planning.finished_tasks import START, described, write_tasks

pytestmark = pytest.mark.slow
HOUR = timedelta(hours=1)
AT = START + 30 * HOUR


@pytest.mark.usefixtures("home")
def test_open_work_is_planned_kept_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_models, "TREES", 5)
    with open_store(settings.read()) as store:
        assert plan_night(AT.isoformat(), 1) is None  # no pool is declared
        assert learn_promises(AT.isoformat()) is None  # too few tasks
        set_pools(store, [Pool("builders", 2, cost_per_hour=1.0)], "ann", AT)
        write_tasks(store, *described(28))
        write_tasks(store, [{"size": 3.0}] * 3, np.ones(3), kind="rare")
        with store.begin() as connection:
            connection.execute(
                text(
                    "UPDATE runlore.executions SET status = 'submitted', started = NULL,"
                    " finished = NULL, outcome = '{}', known_at = submitted"
                    " WHERE source_id IN ('build-25', 'build-26', 'build-27', 'rare-2')"
                )
            )
            connection.execute(
                text(
                    "UPDATE runlore.executions SET status = 'running', started = submitted"
                    " WHERE source_id = 'build-25'"
                )
            )
        number = plan_night(AT.isoformat(), 1)
        assert number is not None
        row = find_plan(store, number)
    view = plan_from_json(row.plan)
    assert (row.actor, view.made_at) == ("nightly-plan", AT)
    assert {task.id: task.is_running for task in view.tasks} == {
        "build-25": True,
        "build-26": False,
        "build-27": False,
    }
    with get_client(sync_client=True) as client:
        pages = {found.key: str(found.data) for found in client.read_artifacts()}
    assert "build-26" in pages["nightly-plan"]
    assert "data:image/png;base64," in pages["nightly-plan"]
