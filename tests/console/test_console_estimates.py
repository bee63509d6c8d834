"""The page of estimates: a form of a kind's inputs, the distribution, promise and reasons."""

import json
import re

import httpx
import pytest

from runlore.planning.rules import small_models
from runlore.store.engine import Store
from tests.planning.finished_tasks import described, write_tasks

PATH = "/console/estimates"
EVIL = "<b class=pwned>x</b>"


def test_without_a_kind_the_form_asks_for_one(console: httpx.Client) -> None:
    page = console.get(PATH)
    assert page.status_code == 200
    assert "What will a task take?" in page.text
    unknown = console.get(PATH, params={"kind": EVIL})
    assert "has no finished task" in unknown.text
    assert EVIL not in unknown.text


def test_the_form_proposes_what_is_usual_and_draws_the_estimate(
    console: httpx.Client, world: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_models, "TREES", 5)
    tasks, amounts = described(40)
    write_tasks(world, [{**task, "tool": EVIL} for task in tasks], amounts, kind="few")
    write_tasks(world, tasks, amounts, kind="release")
    form = console.get(PATH, params={"kind": "release"}).text
    assert re.search(r'name="inputs.size" value="[\d.]+"', form)
    assert "All that is known of it is usual." in form
    query = {"kind": "release", "inputs.size": "200", "inputs.tool": "cobol"}
    page = console.get(PATH, params=query).text
    assert re.search(r"size 200, usually [\d.]+: \+\d+ %", page)
    assert "Not known: " in page
    assert "tool" in page
    [chart] = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    curve = json.loads(chart)["series"][0]
    assert curve["y"] == sorted(curve["y"])
    assert curve["x"] == sorted(curve["x"])
    assert EVIL not in console.get(PATH, params={"kind": "few"}).text
