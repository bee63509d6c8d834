"""The page of a spec: who answers, scores, drift, versions, and the next command where empty."""

import json
import re
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx

from bentos.predict.live_versions import Live, Serving
from runlore.serving.queries import workers
from runlore.store.engine import Store
from tests.bentos.conftest import Serve
from tests.console.conftest import BROWSER

RISK = "/console/specs/failure-risk"
ENDS = {"value": 0.7, "low": 0.65, "high": 0.75}
TRAINED = {
    "candidate": "<i>linear</i>",
    "training": {"rows": 1200, "test_rows": 300},
    "scores": {"candidate": {"auc": ENDS}, "baseline": {"auc": ENDS | {"value": 0.6}}},
    "importance": [{"feature": "actor</script><b>", "mean": 0.2, "sd": 0.1}],
    "slices": [
        {"slice": "kind", "label": "<u>x", "rows": 3, "scores": {"auc": None}, "baseline": {}}
    ],
    "coverage": [{"level": 0.9, "rows": 10, "share": ENDS}],
}


def with_description(live: Live, more: dict[str, Any]) -> Live:
    bundle = replace(live.bundle, description={**live.bundle.description, **more})
    return replace(live, predictor=replace(live.predictor, bundle=bundle))


def charts(page: str) -> list[dict[str, Any]]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    return [json.loads(text) for text in found]


def test_it_says_who_answers_and_who_competes(console: httpx.Client) -> None:
    page = console.get(RISK).text
    assert "Version 7 predicts the probability that an execution fails" in page
    assert "Version 8 competes: it answers 10 % of every actor." in page
    assert "better on October" in page


def test_scores_of_the_training_stand_beside_the_baseline(
    console: httpx.Client, serving: Serving
) -> None:
    serving.live = {"failure-risk": with_description(serving.live["failure-risk"], TRAINED)}
    page = console.get(RISK)
    assert page.status_code == 200
    assert "in 70 of 100 pairs; the simple baseline in 60." in page.text
    assert "&lt;i&gt;linear" in page.text
    assert "&lt;u&gt;x" in page.text
    assert "</script><b>" not in page.text
    names = [chart["x"] for chart in charts(page.text)]
    assert {"quantile said", "feature"} <= set(names)
    assert "in 70 of 100 pairs" in console.get("/").text


def test_each_chart_has_a_table_that_says_the_same(console: httpx.Client) -> None:
    page = console.get(RISK).text
    drawn = charts(page)
    assert drawn
    assert page.count("<figure") == page.count("<details>\n    <summary>Numbers of") == len(drawn)
    for chart in drawn:
        for series in chart["series"]:
            assert len(series["x"]) == len(series["y"])


def test_links_elsewhere_lead_to_the_version_in_mlflow(console: httpx.Client) -> None:
    page = console.get(RISK).text
    elsewhere = re.findall(r'<a class="elsewhere" href="([^"]+)"', page)
    assert any(link.endswith("/#/models/failure-risk/versions/7") for link in elsewhere)
    assert any("/deployments?flowOrDeploymentName=failure-risk" in link for link in elsewhere)


def test_links_elsewhere_lead_to_the_host_by_which_the_browser_came(console: httpx.Client) -> None:
    page = console.get("/console/specs/failure-risk", headers={"host": "build-7:3000"}).text
    elsewhere = re.findall(r'<a class="elsewhere" href="([^"]+)"', page)
    assert elsewhere
    assert all(re.match(r"http://build-7:\d+/", link) for link in elsewhere)


def test_links_elsewhere_hold_no_login(
    serve: Serve, serving: Serving, world: Store, short_tmp: object
) -> None:
    addresses = {
        "mlflow_tracking_uri": "http://me:secret@mlflow:5000",
        "prefect_api_url": "http://me:secret@prefect:4200/api",
        "api_keys": "off",
    }
    client = serve(serving, home=short_tmp, database_url=world.url, **addresses)
    page = client.get(RISK, headers=BROWSER).text
    assert "http://prefect:4200/deployments" in page
    assert "secret" not in page


def test_an_empty_spec_names_the_next_commands(console: httpx.Client, serving: Serving) -> None:
    serving.put("duration", None)
    page = console.get("/console/specs/duration").text
    for command in ("train", "performance", "monitor", "retrain request"):
        assert f"runlore {command} duration" in page, command


def test_the_list_leads_to_the_first_spec(console: httpx.Client) -> None:
    assert console.get("/console/specs").headers["location"] == RISK


def test_it_says_with_what_each_worker_answers(console: httpx.Client, world: Store) -> None:
    rates = {"failure-risk": {"answered": 1.5}}
    workers.tell(world, uuid4(), "h-1", 4711, {"failure-risk": {"champion": "7"}}, rates)
    assert "Worker 4711 on h-1 answers with champion 7." in console.get(RISK).text
