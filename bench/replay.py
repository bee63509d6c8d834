"""A log replayed through HTTP: are the features that were served those that training would see?

    python bench/replay.py                                  # a simulated log
    python bench/replay.py LOG.swf.gz --executions 10000    # a public one

A service with the record's clock is started on an empty database of its own. Everything happens
in the order in which it became known: predict at each submission, record it, record each outcome
and each correction. Then all rows are computed anew, offline, once from the facts that the
service recorded and once from the log itself, and compared with the ledger's bit for bit; a NaN
is a NaN. One half-life is changed at last, to see that a difference would have been seen.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from runlore.features import fold
from runlore.features.declaration import FeaturePlan
from runlore.features.matrix import Log, extract, prepare
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.instants import from_us, now
from runlore.log.executions import read_facts
from runlore.models.bundle import Bundle
from runlore.records.execution import NO_INSTANT
from runlore.records.mapping import declare
from runlore.registry import ModelRelease, Registry, connect
from runlore.settings import CATALOG, Settings
from runlore.simulate import Scenario, mapping, simulate, write_csv
from runlore.specs import loading
from runlore.store.engine import Store, open_store
from runlore.training.actions import bundle_files
from runlore.training.actions.extraction import extract as extract_training
from runlore.training.rules import fitting

SOURCE = "replay"
NAME = ["source", "source_id", "submitted"]
SERVED = """
SELECT source_id, features FROM runlore.ledger WHERE spec = %s AND status = 200 ORDER BY at
"""
PATIENCE_S = 180.0


@dataclass
class Tally:
    predicted_s: list[float]
    requests: int = 0
    moved: int = 0
    """Facts that the service put at another instant than the log."""


class Client:
    """One connection that is kept: requests come one after the other, in order."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path: str, body: dict) -> dict:
        headers = {"Content-Type": "application/json"}
        self.connection.request("POST", path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise SystemExit(f"{path}: HTTP {answer.status} {text[:500]!r} for {body}")
        return json.loads(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", nargs="?", help="a log in the Standard Workload Format")
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--spec", default="failure-risk")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        print(json.dumps(run(Path(folder), asked.log, asked.executions, asked.spec)))


def run(folder: Path, log: str | None, executions: int, spec: str) -> dict:
    facts, version = prepare_version(folder / "log", log, executions, spec)
    served = Settings(home=folder / "home", database_url=None, mlflow_tracking_uri=None)
    with open_store(served) as store:
        registry = connect(served, store)
        put_in_place(registry, spec, version)
        chosen = first(facts, executions)
        began = time.perf_counter()
        with service(served.home) as port:
            tally = replay(chosen, Client(port), spec)
        seconds = time.perf_counter() - began
        return {**verdict(store, chosen, spec, Bundle.load(version).plan), **told(tally, seconds)}


def prepare_version(
    home: Path, log: str | None, executions: int, name: str
) -> tuple[pd.DataFrame, Path]:
    """The log's facts, and a version that was trained on it: a plain one, that is quick to fit."""
    settings = Settings(home=home, database_url=None, specs=CATALOG)
    if log is None:
        file = write_csv(simulate(Scenario(executions=executions, days=60)), home)
        told = {key: part for key, part in mapping().items() if key != "source"}
        source = FileSource(file, "csv", SOURCE, declare(told))
    else:
        source = FileSource(Path(log), "swf", SOURCE)
    spec = replace(loading.find(settings, name), candidates=("baseline", "linear"))
    with open_store(settings) as store:
        ingest_file(store, source, now())
        found = extract_training(store, spec)
        trained = fitting.fit(spec, found.data, found.plan)
        bundle_files.write(home / "version", trained)
        return read_facts(store), home / "version"


def put_in_place(registry: Registry, name: str, folder: Path) -> None:
    loaded = Bundle.load(folder)
    release = ModelRelease(
        spec=name,
        folder=folder,
        digest=loaded.digest,
        data_digest=loaded.data_digest,
        candidate="linear",
        features=loaded.plan.names,
        example=(0.0,) * len(loaded.plan.names),
        has_interval=loaded.conformal is not None,
        card="For the replay.",
    )
    with registry.training_run(name) as one:
        version = registry.register(one, release)
    registry.set_alias(name, "champion", version.version)


def first(facts: pd.DataFrame, executions: int) -> pd.DataFrame:
    """The facts of the executions that were submitted first."""
    log = prepare(facts)
    order = np.argsort(log.as_of_us, kind="stable")[:executions]
    wanted = pd.MultiIndex.from_frame(log.executions.take(np.sort(order))[NAME])
    return facts[pd.MultiIndex.from_frame(facts[NAME]).isin(wanted)].reset_index(drop=True)


@contextmanager
def service(home: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = os.environ | {"RUNLORE_HOME": str(home), "RUNLORE_CLOCK": "record"}
    command = [sys.executable, "-m", "runlore.cli", "serve", "--port", str(port)]
    with (home / "serving.log").open("wb") as output:
        process = subprocess.Popen(command, env=given, stdout=output, stderr=output)
        try:
            wait(port, process, home / "serving.log")
            yield port
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def wait(port: int, process: subprocess.Popen, output: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise SystemExit(f"the service did not start:\n{output.read_text()[-2000:]}")


def replay(facts: pd.DataFrame, client: Client, spec: str) -> Tally:
    log = prepare(facts)
    events, tally = log.events, Tally([])
    bodies = log.executions.take(np.arange(len(log.executions))).to_dict("records")
    ends = facts.to_dict("records")
    order = zip(events.what, events.at_us, events.execution, events.fact, strict=True)
    for what, at_us, execution, fact in order:
        at = iso(int(at_us))
        body, name = bodies[execution], f"{execution}-{bodies[execution]['source_id']}"
        if what == fold.SUBMISSION:
            submit(client, tally, spec, name, body, at)
        else:
            told = ends[fact]
            done = client.post(
                f"/executions/{quoted(name)}/outcome", ending(told) | {"known_at": at}
            )
            tally.requests += 1
            tally.moved += not same(done["known_at"], at)
    return tally


def submit(client: Client, tally: Tally, spec: str, name: str, told: dict, at: str) -> None:
    parts = {key: told[key] for key in ("actor", "kind", "scope")}
    parts["inputs"] = json.loads(told["inputs"])
    began = time.perf_counter()
    answer = client.post(f"/predict/{spec}", {**parts, "execution": name, "as_of": at})
    tally.predicted_s.append(time.perf_counter() - began)
    work = {**parts, "id": name, "submitted": iso(told["submitted"]), "known_at": at}
    done = client.post("/executions", work)
    tally.requests += 2
    tally.moved += not (same(answer["as_of"], at) and same(done["known_at"], at))


def ending(fact: dict) -> dict:
    known = {key: fact[key] for key in ("started", "finished") if fact[key] != NO_INSTANT}
    instants = {key: iso(value) for key, value in known.items()}
    return {"status": fact["status"], "outcome": json.loads(fact["outcome"]), **instants}


def verdict(store: Store, facts: pd.DataFrame, spec: str, plan: FeaturePlan) -> dict:
    ledger = served(store, spec)
    recorded, training = prepare(read_facts(store)), prepare(facts)
    names = [f"{n}-{name}" for n, name in enumerate(training.executions["source_id"])]
    by_record = compare(ledger, recorded, list(recorded.executions["source_id"]), plan)
    by_log = compare(ledger, training, names, plan)
    planted = compare(ledger, training, names, changed(plan))
    return {
        "bench": "replay",
        "executions": len(names),
        "features": len(plan.names),
        "missing": len(set(names) - set(ledger)),
        "differing_bits": by_record + by_log,
        "differing_bits_with_a_planted_change": planted,
    }


def served(store: Store, spec: str) -> dict[str, np.ndarray]:
    with store.connect() as connection:
        rows = connection.execute(SERVED, (spec,)).fetchall()
    return {name: np.array(row, dtype=np.float32) for name, row in rows}


def compare(ledger: dict[str, np.ndarray], log: Log, names: list[str], plan: FeaturePlan) -> int:
    """How many bits differ between the rows that were served and those computed now."""
    rows, _ = extract(log, plan)
    known = [(ledger[name], row) for name, row in zip(names, rows, strict=True) if name in ledger]
    before, after = (bits(np.stack(each)) for each in zip(*known, strict=True))
    return int(np.unpackbits((before ^ after).view(np.uint8)).sum())


def bits(rows: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(rows), np.float32(np.nan), rows).view(np.uint32)


def changed(plan: FeaturePlan) -> FeaturePlan:
    """The same with one half-life of the first history a hundredth longer."""
    history = plan.histories[0]
    longer = (*history.half_lives_s[:-1], history.half_lives_s[-1] * 1.01)
    return replace(plan, histories=(replace(history, half_lives_s=longer), *plan.histories[1:]))


def told(tally: Tally, seconds: float) -> dict:
    predicted = np.array(tally.predicted_s) * 1e3
    return {
        "moved_instants": tally.moved,
        "requests": tally.requests,
        "requests_per_s": round(tally.requests / seconds, 1),
        "predict_p50_ms": round(float(np.percentile(predicted, 50)), 2),
        "predict_p99_ms": round(float(np.percentile(predicted, 99)), 2),
        "seconds": round(seconds, 1),
    }


def iso(us: int) -> str:
    return from_us(us).isoformat()


def same(one: str, other: str) -> bool:
    return pd.Timestamp(one) == pd.Timestamp(other)


def quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


if __name__ == "__main__":
    main()
