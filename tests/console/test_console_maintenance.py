"""The page of maintenance: a calendar and curves, or why there is none."""

import httpx

from runlore.advice.actions.due_visits import watch_maintenance
from runlore.kernel import instants
from runlore.specs.maintenance_spec import MaintenanceSpec
from runlore.store.engine import Store
from tests.advice.maintained_fleet import simulate_fleet, write_fleet

PATH = "/console/maintenance"


def patient(console: httpx.Client, params: dict[str, str]) -> httpx.Response:
    """A slow machine says 504 while libraries are loaded for the first time, and to try again."""
    for _ in range(10):
        page = console.get(PATH, params=params)
        if page.status_code != 504:
            break
    return page


def test_a_fleet_has_a_calendar_and_curves_and_few_failures_have_none(
    console: httpx.Client, world: Store
) -> None:
    bare = patient(console, {})
    assert bare.status_code == 200, bare.text
    assert "Too few failures are known" in bare.text
    records = simulate_fleet()
    write_fleet(world, records, instants.now())
    page = patient(console, {"failure_cost": "20"})
    assert page.status_code == 200, page.text
    for words in ("pay within 30 days", "How many live how long?", "Does age matter?", "web-3"):
        assert words in page.text
    watch_maintenance(world, [MaintenanceSpec("web", failure_cost=20.0)], (), instants.now())
    assert "Visits that were due" in patient(console, {"failure_cost": "20"}).text
    for bad in ({"crews": "0"}, {"visit_cost": "x"}, {"visit_cost": "nan"}, {"horizon": "0"}):
        assert console.get(PATH, params=bad).status_code == 422
