"""Due reports as Prefect makes them: each once, and one that fails makes the run fail."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from flows.reports import reports_due
from runlore import settings
from runlore.kernel.errors import Refused
from runlore.reports.actions import due_reports, making, scheduling, wishes
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow
MADE = datetime(2026, 11, 2, 9, tzinfo=UTC)
LATER = (MADE + timedelta(days=15)).isoformat()


def test_due_reports_are_made_and_a_failure_is_one_of_the_run(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(settings.read()) as store:
        new = wishes.read_schedule({"name": "team", "zone": "Europe/Berlin"}, "ann", MADE)
        scheduling.schedule_report(store, new, ())
        assert reports_due(LATER) == ["team, 2 to 8 November 2026", "team, 9 to 15 November 2026"]
        assert reports_due(LATER) == []
        assert [one.schedule for one in making.list_reports(store, 10)] == ["team", "team"]

        def broken(*_: object) -> None:
            raise Refused("the template is broken")

        monkeypatch.setattr(due_reports, "compose", broken)
        with pytest.raises(Refused, match="team: the template is broken"):
            reports_due((MADE + timedelta(days=22)).isoformat())
        with store.begin() as connection:
            kinds = connection.scalars(text("SELECT kind FROM runlore.anomalies")).all()
        assert kinds == ["report"]
