"""The pages of reports: the list, one report, its files, and schedules."""

import re

import httpx
import pytest

from runlore.store.engine import Store
from tests.console.conftest import MakeKey, form_token, log_in

PATH, SCHEDULES = "/console/reports", "/console/report-schedules"
SPAN = {"every": "weekly", "from": "2026-10-26", "to": "2026-11-01", "zone": "UTC"}


def post(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    token = form_token(client.get(PATH).text)
    return client.post(path, data={"form_token": token, "actor": "zoe", **form})


def test_a_report_is_made_shown_and_saved_as_files(console: httpx.Client, world: Store) -> None:
    assert "No report yet" in console.get(PATH).text
    made = post(console, PATH, **SPAN, scope="<i>web</i>")
    assert (made.status_code, made.headers["location"]) == (303, f"{PATH}/1")
    page = console.get(f"{PATH}/1").text
    assert "26 October to 1 November 2026: scope &lt;i&gt;web" in page
    assert "Answers given" in page
    assert "Made by zoe" in page
    listed = console.get(PATH).text
    assert "The newest report: 26 October to 1 November 2026" in listed
    for name in re.findall(r'href="(/report-files/[^"]+)"', page):
        file = console.get(name)
        assert file.status_code == 200, name
        assert "default-src 'none'" in file.headers["content-security-policy"]
        assert "report-1" in file.headers["content-disposition"]
        if name.endswith(".pdf"):
            assert file.content.startswith(b"%PDF-")
    for wrong in ("report.exe", "x.pdf", "secrets.csv"):
        assert console.get(f"/report-files/1/{wrong}").status_code == 404
    assert console.get(f"{PATH}/99").status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("zone", "Mars/Base", "is no time zone"),
        ("to", "2026-10-01", "is before"),
        ("from", "soon", "is not a day like"),
        ("to", "", "a first and a last day"),
    ],
)
def test_a_wrong_field_is_named(console: httpx.Client, field: str, value: str, said: str) -> None:
    answer = post(console, PATH, **(SPAN | {field: value}))
    assert answer.status_code == 422
    assert said in answer.text


def test_a_schedule_is_made_and_ended(console: httpx.Client, world: Store) -> None:
    form = {"name": "<b>team", "every": "monthly", "zone": "Europe/Berlin", "at": "07:30"}
    assert post(console, SCHEDULES, **form, of_actor="ann").status_code == 303
    page = console.get(PATH).text
    assert "&lt;b&gt;team</strong>: each month at 07:30 (Europe/Berlin), actor ann" in page
    assert post(console, SCHEDULES, **form).status_code == 409
    assert post(console, SCHEDULES, **(form | {"name": "x", "channel": "no"})).status_code == 422
    assert post(console, f"{SCHEDULES}/end", name="<b>team").status_code == 303
    assert "No report comes by itself" in console.get(PATH).text
    assert post(console, f"{SCHEDULES}/end", name="<b>team").status_code == 404


def test_a_key_that_may_only_read_has_no_forms(
    locked: httpx.Client, make_key: MakeKey, world: Store
) -> None:
    log_in(locked, make_key("read"))
    page = locked.get(PATH).text
    assert "Make a report" not in page
    token = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    form = {"form_token": token[1] if token else "", **SPAN}
    assert locked.post(PATH, data=form).status_code == 403
