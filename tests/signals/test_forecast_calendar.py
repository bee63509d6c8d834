"""Forecasts by the clock on the wall and by holidays, of series whose law is known."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.calendars import HolidaysOf, find_holidays, find_zone
from runlore.kernel.errors import BadInput, Misconfigured
from runlore.signals.actions import forecasting
from runlore.signals.actions.issued_forecasts import request_of
from runlore.signals.actions.series_calendars import CalendarChoice
from runlore.signals.queries import StoredSeries
from runlore.signals.rules.forecasts.calendar_grid import Calendar, to_calendar_grid
from runlore.signals.rules.forecasts.forecasting import Forecast, forecast
from runlore.signals.rules.series.clock import utc_offsets
from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.points import write_points

__all__ = ["serve"]

HOUR_US = 3_600 * SECOND_US
BERLIN = ZoneInfo("Europe/Berlin")
FORWARD, BACK = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]


def hours_around(end: datetime, before: int, after: int) -> Instants:
    return int(end.timestamp()) * SECOND_US + np.arange(-before, after) * HOUR_US


def local(at: Instants, zone: ZoneInfo = BERLIN) -> list[datetime]:
    return [datetime.fromtimestamp(one / SECOND_US, zone) for one in at.tolist()]


def office_hours(at: Instants, free: frozenset[date] = frozenset(), on_free: float = 0.3) -> Floats:
    """40 at night, 70 from 8 to 18, less at weekends and on free days."""
    clocks = local(at)
    hour = np.array([clock.hour for clock in clocks])
    share = np.array(
        [
            on_free if clock.date() in free else 0.3 if clock.weekday() >= 5 else 1
            for clock in clocks
        ]
    )
    return 40 + np.where((hour >= 8) & (hour < 18), 30.0, 0.0) * share


def ahead_of(
    at: Instants,
    values: Floats,
    horizon: int,
    zone: ZoneInfo | None,
    free: HolidaysOf | None = None,
) -> Forecast:
    calendar = Calendar(zone or UTC, free or find_holidays(""))
    count = len(at) - horizon
    return forecast(to_calendar_grid(at[:count], values[:count], 3_600, calendar), horizon)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1_700_000_000, 1_900_000_000), min_size=1, max_size=30),
    st.sampled_from(ZONES),
)
def test_offsets_are_those_of_the_zone(seconds: list[int], name: str) -> None:
    zone = ZoneInfo(name)
    known = [datetime.fromtimestamp(one, zone).utcoffset() or timedelta() for one in seconds]
    found = utc_offsets(np.array(seconds) * SECOND_US, zone)
    assert found.tolist() == [round(one.total_seconds()) * SECOND_US for one in known]


@pytest.mark.parametrize("change", [FORWARD, BACK])
@pytest.mark.parametrize("hours_after", [-30, -1, 0, 1, 5, 20, 200])
def test_a_rhythm_of_local_hours_is_exact_around_a_change_of_clocks(
    change: datetime, hours_after: int
) -> None:
    """Days of 23 and 25 hours, in the past and among the hours to come."""
    at = hours_around(change + timedelta(hours=hours_after), 24 * 28, 48)
    values = office_hours(at)
    made = ahead_of(at, values, 48, BERLIN)
    wrong = np.abs(made.value - values[-48:]) > 3
    assert wrong.sum() <= (hours_after == 0)  # the hour that comes twice begins the horizon
    by_utc = ahead_of(at, values, 48, None)
    assert hours_after == 200 or np.abs(by_utc.value - values[-48:]).max() > 3
    assert made.start_us == at[-48]


@settings(max_examples=20, deadline=None)
@example(2106, "Europe/Berlin", 300)  # ends within the hour that comes twice
@given(st.integers(0, 10**6), st.sampled_from(ZONES), st.sampled_from([300, 3_600, 86_400]))
def test_the_past_by_utc_is_what_came(seed: int, name: str, step_s: int) -> None:
    """But for the hours that the clock shows twice, of which it keeps the mean."""
    rng = np.random.default_rng(seed)
    at = int(BACK.timestamp() + rng.integers(-200, 200) * step_s) // step_s * step_s * SECOND_US
    instants = at + np.arange(-300, 100) * step_s * SECOND_US
    values = rng.normal(size=400)
    past = to_calendar_grid(
        instants, values, step_s, Calendar(ZoneInfo(name), lambda *_: frozenset())
    )
    whole = past.in_utc()
    assert past.end_us == whole.end_us == instants[-1] + step_s * SECOND_US
    same = np.isclose(whole.values[-len(values) :], values)
    assert (~same).sum() <= 2 * 3_600 // step_s + 1
    assert same[-1] or step_s < 86_400


def test_zones_change_nothing_where_clocks_do_not_change() -> None:
    at = hours_around(datetime(2026, 2, 10, tzinfo=UTC), 24 * 28, 24)
    values = office_hours(at) + np.random.default_rng(1).normal(size=len(at))
    utc, zoned = (ahead_of(at, values, 24, zone) for zone in (None, BERLIN))
    assert (utc.value == zoned.value).all()
    assert (utc.high == zoned.high).all()


GERMAN = find_holidays("DE")
SPRING = frozenset(GERMAN(2025, 2026))


@pytest.mark.parametrize("on_free", [0.3, 1.0, 0.0])
def test_a_holiday_is_as_holidays_were(on_free: float) -> None:
    """Like Sundays; like any other day, whatever the calendar says; or unlike both."""
    rng = np.random.default_rng(2)
    errors, plain, inside = [], [], []
    for day in (date(2026, 5, 14), date(2026, 5, 15)):
        end = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
        at = hours_around(end, 24 * 7 * 12, 24)
        values = office_hours(at, SPRING, on_free) + rng.normal(0, 1, len(at))
        made = ahead_of(at, values, 24, BERLIN, GERMAN)
        errors.append(np.abs(made.value - values[-24:]).mean())
        plain.append(np.abs(ahead_of(at, values, 24, BERLIN).value - values[-24:]).mean())
        inside.append(((made.low <= values[-24:]) & (values[-24:] <= made.high)).mean())
    assert max(errors) < 1.5
    assert np.mean(inside) > 0.8
    assert max(plain) > 4 or on_free == 1.0


def test_a_first_holiday_is_taken_for_a_sunday() -> None:
    at = hours_around(datetime(2026, 5, 1, tzinfo=BERLIN), 24 * 20, 24)
    values = office_hours(at, SPRING)
    free = find_holidays((date(2026, 5, 1),))
    assert ahead_of(at, values, 24, BERLIN, free).value == pytest.approx(values[-24:], abs=1.0)


@pytest.mark.parametrize(
    ("wrong", "field"), [({"zone": "Mars/Base"}, "zone"), ({"holidays": "QQ"}, "holidays")]
)
def test_what_is_no_zone_or_country_is_refused(wrong: dict[str, str], field: str) -> None:
    with pytest.raises(Misconfigured, match=f"load.*{field}: "):
        SeriesSpec("load", **wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput) as caught:
        find_zone(wrong["zone"]) if field == "zone" else find_holidays(wrong["holidays"])
    assert caught.value.field == field


def test_a_part_of_a_country_has_its_own_holidays() -> None:
    assert date(2026, 1, 6) in find_holidays("DE-BY")(2026, 2026)
    assert date(2026, 1, 6) not in find_holidays("DE")(2026, 2026)


BY_UTC = SeriesSpec("all")
LOAD = SeriesSpec("load", zone="Europe/Berlin", holidays="DE")


def test_the_calendar_is_that_of_the_first_spec_that_says_one() -> None:
    series = StoredSeries("metrics", "cpu", "", BACK, BACK, 1.0)
    other = SeriesSpec("other", series="c*", zone="Asia/Tokyo")
    chosen = CalendarChoice((BY_UTC, SeriesSpec("no", series="x", zone="Asia/Tokyo"), LOAD, other))
    calendar = chosen.of(series)
    assert calendar.zone == BERLIN
    assert date(2026, 10, 3) in calendar.holidays(2026, 2026)
    named = replace(chosen, zone="UTC", holidays="").of(series)
    assert (named.zone, named.holidays(2026, 2026)) == (UTC, frozenset())
    assert CalendarChoice((BY_UTC,)).of(series).zone == UTC
    with pytest.raises(BadInput, match="not a time zone"):
        CalendarChoice(zone="Mars/Base")


def test_spec_command_and_http_go_by_the_clock(
    store: Store, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = FORWARD + timedelta(hours=20)
    at = hours_around(end, 24 * 21, 24)
    values = office_hours(at)
    write_points(store, values[:-24], first=end - timedelta(days=21))
    monkeypatch.setenv("RUNLORE_SERIES_SPECS", f'["{__name__}:BY_UTC", "{__name__}:LOAD"]')
    series = forecasting.find_series(store, forecasting.SeriesName("cpu"))
    known_at = end - timedelta(seconds=1)
    made = forecasting.forecast_stored(store, series, known_at, request_of(LOAD, 86_400.0))
    assert made.ahead.value == pytest.approx(values[-24:], abs=1.0)
    assert made.past.values == pytest.approx(values[:-24])
    query = {"at": known_at.isoformat(), "zone": "Europe/Berlin", "holidays": "DE"}
    service = serve(Serving((), store=store, live={}), api_keys="off")
    answer = service.get("/forecasts/cpu", params=query)
    assert answer.status_code == 200, answer.text
    assert [one["value"] for one in answer.json()["points"]] == made.ahead.value.tolist()
    of_spec = service.get("/forecasts/cpu", params={"at": query["at"]}).json()
    assert of_spec == answer.json()
    assert of_spec["zone"] == "Europe/Berlin"
    by_utc = service.get("/forecasts/cpu", params={"at": query["at"], "zone": "UTC"}).json()
    assert (by_utc["zone"], by_utc["points"] == of_spec["points"]) == ("UTC", False)
    page = service.get("/console/signals/series", params={"name": "cpu"})
    assert "The rhythm follows the clocks of Europe/Berlin." in page.text
    refused = service.get("/forecasts/cpu", params={"zone": "../etc/passwd"})
    assert refused.status_code == 422
    assert "zone" in refused.text
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    done = CliRunner().invoke(app, ["forecast", "cpu", "--zone", "Nowhere/X"])
    assert "not a time zone" in str(done.exception)
