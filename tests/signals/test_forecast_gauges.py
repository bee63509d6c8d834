"""`/metrics` says what the newest issued forecasts say of now, for a bounded number of series."""

from datetime import timedelta
from pathlib import Path

import pytest

from bentos.app.gauges import GaugeCollector
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.reports.queries import forecast_gauges
from runlore.signals.actions import forecasting, issued_forecasts
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from tests.signals.points import STEPS, day_and_night, write_points

DAY_S = 86_400.0
SPEC = SeriesSpec("load", series="*", horizons_s=(DAY_S,))


def families(store: Store, home: Path) -> dict[str, dict[str, float]]:
    found = GaugeCollector(Serving((), store=store, live={}), home).collect()
    return {
        family.name: {sample.labels["series"]: sample.value for sample in family.samples}
        for family in found
        if family.name.startswith("runlore_forecast_")
    }


def test_the_step_of_now_of_the_newest_forecast_is_a_gauge_with_its_band(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = instants.now()
    end = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    for name in ("cpu", "load"):
        write_points(store, day_and_night(), name=name, first=end - timedelta(hours=STEPS))
    assert families(store, tmp_path)["runlore_forecast_value"] == {}
    issued_forecasts.issue(store, [SPEC], end)
    told = families(store, tmp_path)
    ahead = forecasting.forecast_series(store, forecasting.SeriesName("cpu"), end, DAY_S).ahead
    step = int((now.timestamp() - ahead.start_us / 1e6) // ahead.step_s)
    expected = {"value": ahead.value[step], "low": ahead.low[step], "high": ahead.high[step]}
    for part, value in expected.items():
        assert told[f"runlore_forecast_{part}"]["cpu"] == pytest.approx(value)
    assert set(told["runlore_forecast_value"]) == {"cpu", "load"}
    monkeypatch.setattr(forecast_gauges, "MOST_SERIES", 1)
    assert set(families(store, tmp_path)["runlore_forecast_value"]) == {"cpu"}
