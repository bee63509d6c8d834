"""The pages of series: which there are, and what one will do next."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
from sqlalchemy import insert

from runlore.kernel import instants
from runlore.kernel.readable import readable_number
from runlore.store import partitions, schema
from runlore.store.engine import Store
from tests.console.conftest import form_token
from tests.signals.points import STEPS, day_and_night, write_points

PATH = "/console/signals"
HOUR = timedelta(hours=1)


def test_without_a_series_the_page_says_how_to_bring_them_in(console: httpx.Client) -> None:
    page = console.get(PATH, params={"name": "no-such"})
    assert page.status_code == 200
    assert "No series is named like this" in page.text
    assert "--metrics" in page.text


def test_a_series_is_listed_and_forecast(console: httpx.Client, world: Store) -> None:
    write_points(world, day_and_night(), name="<b>cpu</b>")
    listed = console.get(PATH, params={"name": "<b>cpu</b>"}).text
    assert "<h1>1 series</h1>" in listed
    assert "&lt;b&gt;cpu" in listed
    page = console.get(f"{PATH}/series", params={"name": "<b>cpu</b>", "hours": "24"})
    assert page.status_code == 200
    assert "the last season again" in page.text
    assert '"low"' in page.text


def test_what_cannot_be_forecast_says_why(console: httpx.Client, world: Store) -> None:
    write_points(world, np.array([1.0, 2.0, 3.0]), name="short")
    page = console.get(f"{PATH}/series", params={"name": "short"})
    assert page.status_code == 200
    assert "3 steps have a value" in page.text
    assert console.get(f"{PATH}/series", params={"name": "nope"}).status_code == 404
    assert console.get(f"{PATH}/series", params={"name": "short", "hours": "x"}).status_code == 422


def test_an_anomaly_is_drawn_explained_dismissed_and_taken_back(
    console: httpx.Client, world: Store
) -> None:
    first = instants.now().replace(minute=0, second=0, microsecond=0) - STEPS * HOUR
    values = day_and_night()
    values[300] += 40
    for name in ("<i>load</i>", "latency"):
        write_points(world, values, name=name, scope="<i>db</i>", first=first)
    params = {"name": "<i>load</i>", "scope": "<i>db</i>", "source": "collectd"}
    page = console.get(f"{PATH}/series", params=params)
    assert "<h2>1 anomaly since" in page.text
    assert '"name": "anomaly"' in page.text
    assert "2 series of the scope were searched" in page.text
    assert "<dt>Also moved</dt><dd>latency</dd>" in page.text
    assert "<i>load" not in page.text

    (dismiss,) = re.findall(r'action="(/console/signals/anomalies/[^"]+)"', page.text)
    form = params | {"actor": "ann", "reason": "nightly <b>backup</b>"}
    assert console.post(dismiss, data=form).status_code == 403
    assert console.post(dismiss, data={"form_token": "0" * 64} | form).status_code == 403
    form["form_token"] = form_token(page.text)
    unsaid = console.post(dismiss, data=form | {"reason": " "})
    assert unsaid.status_code == 422
    moved = console.post(dismiss, data=form)
    assert moved.status_code == 303
    page = console.get(moved.headers["location"])
    assert dismiss not in page.text
    assert "nightly &lt;b&gt;backup" in page.text

    (undo,) = re.findall(r'action="(/console/signals/dismissals/[^"]+)"', page.text)
    again = console.get(console.post(undo, data=form).headers["location"])
    assert dismiss in again.text
    assert "Dismissed</h2>" not in again.text
    assert console.post(undo, data=form).status_code == 404


def test_thousands_of_series_are_paged_and_searched_by_parts(
    console: httpx.Client, world: Store
) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    rows = [
        {
            "source": f"s{number % 2}",
            "name": f"CPU_{number:04}",
            "scope": f"host-{number % 50:02}",
            "at": at,
            "revision": 0,
            "value": 1.0,
            "known_at": at,
        }
        for number in range(5_000)
    ]
    with world.connect() as connection:
        partitions.ensure_months(connection, "metrics", at, at)
    with world.begin() as connection:
        connection.execute(insert(schema.metrics), rows)
        keys = [{name: row[name] for name in ("source", "name", "scope")} for row in rows]
        connection.execute(insert(schema.series), keys)
    filters = {"name": "cpu_0", "scope": "HOST-0", "source": "s1"}
    seen, path = [], f"{PATH}?{httpx.QueryParams(filters)}"
    while path:
        page = console.get(path)
        seen += re.findall(r">(CPU_\d+)</a>", page.text)
        found = re.search(r'href="([^"]+)" rel="next"', page.text)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == [
        row["name"]
        for row in rows
        if row["name"] < "CPU_1" and row["scope"] < "host-1" and row["source"] == "s1"
    ]
    every = console.get(PATH, params={"name": "cpu_"})
    assert f"<h1>{readable_number(5_000)} series</h1>" in every.text
    assert "beyond the last one" in console.get(PATH, params={"page": "99999"}).text
    assert console.get(PATH, params={"page": "-1"}).status_code == 422
