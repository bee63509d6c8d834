"""The steps of the demo: simulate, ingest, train, serve, record, monitor."""

import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore.cli.demo.tour import DemoWorld, Tour
from runlore.cli.output import echo
from runlore.cli.training import run_one, show
from runlore.kernel.readable import readable_quantity, readable_share

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

    from runlore.ingest.actions.files import IngestSummary
    from runlore.simulate import SimulatedFiles, SimulatedLog

KNOWN_SHARE = 0.8  # of the log's lines are trained on; the rest arrive while the models serve

DAYS = 120
WEEK = timedelta(days=7)
PATIENCE_S = 30.0


def walk(
    tour: Tour, files: "SimulatedFiles", log: "SimulatedLog", end: "datetime", names: list[str]
) -> None:
    import httpx

    from flows.console import brief
    from flows.runner import in_process

    whole = files.executions.read_text(encoding="utf-8")
    with httpx.Client(base_url=tour.settings.serve_url, timeout=30) as client:
        _ask_too_early(tour, client)
        _ingest(tour, files, _first_lines(whole, KNOWN_SHARE), "the first part of the log")
        with in_process(tour.settings), brief():
            names = _train(tour, names)
            _ingest(tour, files, whole, "the same file with new rows")
            _serve(tour, client, log, names)
            _score_and_monitor(tour, names, end)
            _add_subjects(tour, names, end)


def simulate_log(
    tour: Tour, executions: int, seed: int
) -> tuple["SimulatedFiles", "SimulatedLog", "datetime"]:
    from runlore.kernel.instants import now
    from runlore.simulate import Scenario, counts, simulate, write

    with tour.step("Simulate a job log with known truth (no real data)"):
        end = now().replace(hour=0, minute=0, second=0, microsecond=0)
        log = simulate(Scenario(seed=seed, executions=executions, days=DAYS, end=end))
        files = write(log, tour.settings.home / "demo")
        counted = counts(log)
        tour.say(
            f"   {files.executions}: {counted['executions']:,} executions over {DAYS} days,"
            f" {counted['late']:,} late outcomes, {counted['corrections']} corrections,"
            f" {counted['dirty_lines']} invalid lines, one planted change"
        )
    tour.seen["simulated"] = counted
    return files, log, end


def _first_lines(text: str, share: float) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: int(share * len(lines))])


def _ask_too_early(tour: Tour, client: "httpx.Client") -> None:
    with tour.step("Request a prediction before there is a model"):
        answer = client.post("/predict/failure-risk", json={"actor": "ann", "kind": "etl"})
        said = answer.json().get("detail", "answered by the champion of an earlier demo")
        tour.say(f"   {answer.status_code}: {said}")


def _ingest(tour: Tour, files: "SimulatedFiles", text: str, what: str) -> None:
    from runlore.app import open_app
    from runlore.ingest.actions.files import ingest_file
    from runlore.ingest.actions.opening import FileSource
    from runlore.kernel.instants import now
    from runlore.records.mapping import declare
    from runlore.simulate import SIMULATED_SOURCE, mapping

    columns = {name: part for name, part in mapping().items() if name != "source"}
    points = FileSource(files.metrics, "csv", SIMULATED_SOURCE, declare({"records": "metrics"}))
    inbox = files.executions.with_name("inbox.csv")
    with tour.step(f"Ingest {what}"), open_app(tour.settings) as app:
        inbox.write_text(text, encoding="utf-8", newline="\n")
        rows = ingest_file(
            app.store, FileSource(inbox, "csv", SIMULATED_SOURCE, declare(columns)), now()
        )
        metrics = ingest_file(app.store, points, now())
        _say_ingest(tour, rows, metrics)


def _say_ingest(tour: Tour, rows: "IngestSummary", metrics: "IngestSummary") -> None:
    tour.say(
        f"   {rows.new:,} new facts, {rows.known:,} known, {rows.rejected:,} rejected;"
        f" {metrics.new:,} metric points"
    )
    total = tour.seen.setdefault("ingested", {"new": 0})
    total["new"] += rows.new
    total["rejected"] = rows.rejected


def _train(tour: Tour, names: list[str]) -> list[str]:
    """Train the specs; return the names of those that were not refused."""
    tour.seen["models"] = {}
    for name in names:
        with tour.step(f"Train {name}: candidates, gates, registration"):
            tour.seen["models"][name] = run_one(name)
    return [name for name, outcome in tour.seen["models"].items() if outcome["version"]]


def _serve(tour: Tour, client: "httpx.Client", log: "SimulatedLog", names: list[str]) -> None:
    with tour.step("Predict for new work, record it, and record its outcome"):
        work = _new_work(log)
        tour.seen["predictions"] = {name: _predict(client, name, work) for name in names}
        for name, answer in tour.seen["predictions"].items():
            tour.say(f"   {name}: {_describe(answer)}")
        made = client.post("/executions", json={"id": "demo-1", **work}).raise_for_status().json()
        done = {"status": "succeeded", "outcome": {"cost_usd": 1.25}}
        client.post("/executions/demo-1/outcome", json=done).raise_for_status()
        tour.say(f"   recorded execution {made.get('id', 'demo-1')} and its outcome")


def _new_work(log: "SimulatedLog") -> dict[str, Any]:
    from runlore.simulate import mapping

    last = log.records.iloc[-1]
    inputs = {name: float(last[name]) for name in mapping()["inputs"]}
    return {
        "actor": str(last["user"]),
        "kind": str(last["job_type"]),
        "scope": str(last["host"]),
        "inputs": inputs,
    }


def _predict(client: "httpx.Client", name: str, work: dict[str, Any]) -> dict[str, Any]:
    """Predict; wait until the service has loaded the new champion, about one second."""
    until = time.monotonic() + PATIENCE_S
    while True:
        answer = client.post(f"/predict/{name}?reasons=3", json=work)
        if answer.status_code != 503 or time.monotonic() > until:
            prediction: dict[str, Any] = answer.raise_for_status().json()
            return prediction
        time.sleep(0.2)


def _describe(answer: dict[str, Any]) -> str:
    reasons = "".join(f"\n            {reason['text']}" for reason in answer.get("reasons") or [])
    is_probability = answer["unit"] == "probability"
    shown = readable_share if is_probability else partial(readable_quantity, unit=answer["unit"])
    low, high = answer["low"], answer["high"]
    span = f" ({shown(low)} to {shown(high)})" if low is not None and high is not None else ""
    return f"{shown(answer['prediction'])}{span}, version {answer['version']}; moved by{reasons}"


def _score_and_monitor(tour: Tour, names: list[str], end: "datetime") -> None:
    """Score two weeks, and compare the last one; of the first spec both, as a drift alarm needs."""
    from flows.monitoring import monitor
    from flows.serving import score

    since = (end - 2 * WEEK).isoformat()
    tour.seen["drift"] = {}
    for name in names:
        with tour.step(f"Score the last two weeks with {name}, and check them for drift"):
            tour.say(f"   {score(name, since) or 0:,} predictions on the ledger")
            for at in (end - WEEK, end) if name == names[0] else (end,):
                tour.seen["drift"][name] = monitor(name, WEEK.days, at.isoformat())
                tour.say(f"   the week until {at:%Y-%m-%d}: {tour.seen['drift'][name]}")


def _add_subjects(tour: Tour, names: list[str], end: "datetime") -> None:
    """Let each subject add what its page shows; `SUBJECTS` names them."""
    from runlore.app import open_app
    from runlore.cli.demo.subjects import SUBJECTS
    from runlore.kernel.instants import now

    tour.seen["added"] = []
    with open_app(tour.settings) as app:
        for add in SUBJECTS:
            subject = add.__name__.removeprefix("add_")
            with tour.step(f"Add demo data: {subject}"):
                added = add(DemoWorld(app, tuple(names), end, now()))
                tour.say(f"   {added}")
                tour.seen["added"].append(added)


def print_summary(tour: Tour) -> None:
    seen = tour.seen
    echo("\n== Summary (simulated data)\n")
    show(seen["models"])
    echo(
        f"rows      {seen['ingested']['new']:,} facts, {seen['ingested']['rejected']} rejects"
        " (`runlore ingest rejects` shows them)"
    )
    for name, drift in seen["drift"].items():
        echo(f"{name}")
        echo(f"  answer  {_describe(seen['predictions'][name])}")
        echo(f"  window  the last week, after the planted change: {drift}")
    echo(f"reports   {_reports(tour.settings.reports)}")
    echo(f"took      {seen['seconds']:.0f} s; the data is in {tour.settings.home}")


def _reports(folder: Path) -> str:
    return "\n          ".join(str(path) for path in sorted(folder.rglob("*.html")))
