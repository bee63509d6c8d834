"""The pages of regressions: what stands, what is over, and the levels of one series."""

from datetime import timedelta

import httpx
import numpy as np

from runlore.alerts.actions.handling import raise_alert
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.signals.actions.regressions import KIND, watch_regressions
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from tests.signals.points import START, write_points

PATH = "/console/regressions"
HOURS, SLOWER_AT = 200, 120
SPECS = (SeriesSpec("builds", series="*pwned*"),)


def test_an_alert_made_by_hand_shows_what_there_is(console: httpx.Client, world: Store) -> None:
    evidence = {"series": "build_seconds", "before": 60, "change": "much", "low": True}
    finding = AlertFinding(
        KIND, "build_seconds", Severity.WARNING, "slower", "certain", "look", evidence=evidence
    )
    with world.begin() as connection:
        raise_alert(connection, finding, START)
    page = console.get(PATH)
    assert page.status_code == 200
    assert "<h1>1 regression stands</h1>" in page.text
    assert page.text.count('<td class="num">unknown</td>') == 2
    assert '<td class="num">60</td>' in page.text


def test_a_series_of_a_spec_that_became_worse_stands_until_it_is_back(
    console: httpx.Client, world: Store
) -> None:
    assert "<h1>No regression is open</h1>" in console.get(PATH).text
    assert console.get(PATH, params={"state": "<x>"}).status_code == 422
    values = 60 * np.random.default_rng(1).normal(1, 0.03, HOURS * 2)
    values[SLOWER_AT:HOURS] *= 1.3
    name = "<b class=pwned>build_seconds</b>"
    write_points(world, values[:HOURS], name=name)
    write_points(world, values[:HOURS], name="of no spec")
    watch_regressions(world, START + timedelta(hours=HOURS), SPECS)
    page = console.get(PATH)
    assert "<h1>1 regression stands</h1>" in page.text
    assert "<b class=pwned>" not in page.text
    levels = {"name": name, "scope": "web-1", "source": "collectd"}
    one = console.get(f"{PATH}/series", params=levels)
    assert one.status_code == 200
    assert "the level is worse" in one.text
    assert "The level has changed 1 time." in one.text
    assert console.get(f"{PATH}/series", params={"name": "nope"}).status_code == 404
    write_points(world, values[HOURS:], name=name, first=START + timedelta(hours=HOURS))
    watch_regressions(world, START + timedelta(hours=HOURS * 2), SPECS)
    assert "<h1>No regression is open</h1>" in console.get(PATH).text
    assert "over</span>" in console.get(PATH, params={"state": "all"}).text
