"""The pages of alerts: what is open, one alert, and what people do with it."""

import httpx
import pytest

from runlore.alerts.actions import handling
from runlore.alerts.queries.alerts import AlertQuery
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.console.conftest import MakeKey, form_token, log_in

PATH = "/console/alerts"
SCRIPT = "<script>alert(1)</script>"


def ids(store: Store) -> list[int]:
    found = handling.overview(store, AlertQuery("all"), instants.now())
    return [view.alert.id for view in found.alerts]


def post(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    token = form_token(client.get(PATH).text)
    return client.post(path, data={"form_token": token, "actor": "zoe", **form})


def test_alerts_are_listed_by_state_kind_and_subject(console: httpx.Client, world: Store) -> None:
    page = console.get(PATH).text
    assert "2 alerts: 2 open" in page
    assert "Nodes moved (PSI 0.410)." in page
    assert "1 alert: 1 open" in console.get(PATH, params={"kind": "drift"}).text
    assert "No alert matches" in console.get(PATH, params={"state": "resolved"}).text
    assert console.get(PATH, params={"state": "odd"}).status_code == 422
    newest = max(ids(world))
    older = console.get(PATH, params={"before": str(newest)}).text
    assert "1 alert: 1 open" in older


def test_an_alert_is_taken_on_and_closed_by_name(console: httpx.Client, world: Store) -> None:
    number = ids(world)[0]
    path = f"{PATH}/{number}"
    assert "Open the report." in console.get(path).text
    answer = post(console, f"{path}/acknowledge", reason="I look", back="")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    page = console.get(path).text
    assert "I look" in page
    assert "acknowledged" in page
    assert post(console, f"{path}/close", reason="done", back=PATH).headers["location"] == PATH
    page = console.get(path).text
    assert "resolved" in page
    assert "by zoe" in page
    assert 'action="/console/alerts' not in page, "what is over has no buttons"
    assert post(console, f"{path}/close", reason="done").status_code == 409
    assert post(console, f"{PATH}/99/close", reason="done").status_code == 404


def test_a_form_leads_to_no_page_of_others(console: httpx.Client, world: Store) -> None:
    number = ids(world)[0]
    answer = post(console, f"{PATH}/{number}/acknowledge", reason="x", back="//evil.example")
    assert answer.headers["location"] == f"{PATH}/{number}"


def test_alerts_are_silenced_and_heard_again(console: httpx.Client, world: Store) -> None:
    form = {"kind": "dr*", "subject": "*", "hours": "2", "reason": "import"}
    assert post(console, "/console/silences", **form).status_code == 303
    page = console.get(PATH).text
    assert "1 open, 1 silenced" in page or "1 silenced, 1 open" in page
    assert "import (zoe)" in page
    [silence] = handling.overview(world, AlertQuery(), instants.now()).silences
    assert post(console, f"/console/silences/{silence.id}/end").status_code == 303
    assert "No silence holds messages back" in console.get(PATH).text


@pytest.mark.parametrize("hours", ["0", "-1", "x", "nan", "inf", "9000", ""])
def test_a_silence_has_an_end(console: httpx.Client, hours: str) -> None:
    form = {"kind": "*", "subject": "*", "hours": hours, "reason": "x"}
    assert post(console, "/console/silences", **form).status_code == 422


def test_a_key_that_may_only_read_has_no_buttons(
    locked: httpx.Client, make_key: MakeKey, world: Store
) -> None:
    log_in(locked, make_key("read"))
    for path in (PATH, f"{PATH}/{ids(world)[0]}"):
        page = locked.get(path).text
        assert "/console/silences" not in page
        assert "/close" not in page
    token = form_token(locked.get(PATH).text)
    refused = locked.post("/console/silences", data={"form_token": token})
    assert refused.status_code == 403


def test_what_people_write_about_alerts_is_escaped(console: httpx.Client, world: Store) -> None:
    number = ids(world)[0]
    post(console, f"{PATH}/{number}/acknowledge", reason=SCRIPT, actor=SCRIPT)
    post(console, "/console/silences", kind="*", subject="*", hours="1", reason=SCRIPT)
    for path in (PATH, f"{PATH}/{number}", f"{PATH}?kind={SCRIPT}"):
        assert SCRIPT not in console.get(path).text
