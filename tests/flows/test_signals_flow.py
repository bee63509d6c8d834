"""Series as Prefect watches them: forecasts are issued, and scored when their time has come."""

from datetime import timedelta

import pytest

from flows.signals import watch_series
from runlore import settings
from runlore.signals.actions import issued_forecasts
from runlore.store.engine import open_store
from tests.signals.points import END, day_and_night, write_points

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("home")
def test_forecasts_are_issued_and_a_day_later_scored() -> None:
    with open_store(settings.read()) as store:
        write_points(store, day_and_night())
        assert watch_series(END.isoformat()) == {
            "renewed": 0,
            "scored": 0,
            "regressions": 0,
            "limits": 0,
            "anomalies": 0,
            "trained": 1,
            "issued": 2,
            "health": 0,
        }
        write_points(store, day_and_night()[:24], first=END)
        later = (END + timedelta(days=1)).isoformat()
        assert watch_series(later) == {
            "renewed": 0,
            "scored": 1,
            "regressions": 0,
            "limits": 0,
            "anomalies": 0,
            "trained": 0,
            "issued": 1,
            "health": 0,
        }
        short = issued_forecasts.read_skill(store)[0]
    assert (short.horizon_s, short.scored, short.forecasts) == (86_400.0, 1, 2)
    assert short.version == "1"
