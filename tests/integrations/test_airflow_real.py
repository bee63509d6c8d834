"""The plugin in a real Airflow, beside a real Runlore that was trained on a log of its tasks.

It runs where RUNLORE_TEST_AIRFLOW_PYTHON names a Python with Airflow, as `make test-integrations`
has it.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest

from runlore.kernel.instants import now
from runlore.stack.tcp_ports import free_port

PYTHON = os.environ.get("RUNLORE_TEST_AIRFLOW_PYTHON", "")
ROOT = Path(__file__).parents[2]
TASKS = {"steady": (0.02, 40), "shaky": (0.85, 60), "slow": (0.05, 900)}  # share failed, seconds
RUNS = 400
DAG = """
from datetime import datetime
try:
    from airflow.sdk import DAG
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow import DAG
    from airflow.operators.python import PythonOperator


def say(task):
    print("THE TIMEOUT IS", task.execution_timeout)


with DAG("nightly", schedule=None, start_date=datetime(2024, 1, 1), catchup=False):
    for name in ("steady", "shaky", "slow"):
        PythonOperator(task_id=name, python_callable=say)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.exhaustive,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PYTHON, reason="RUNLORE_TEST_AIRFLOW_PYTHON names no Python"),
]

Airflow = Callable[..., str]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service that has learned from a log in which `shaky` fails mostly."""
    folder = tmp_path_factory.mktemp("rl")
    write_log(folder / "task_instance.csv")
    port = free_port("127.0.0.1")
    environment = {key: value for key, value in os.environ.items() if "RUNLORE" not in key}
    environment |= {"RUNLORE_HOME": str(folder / "home"), "RUNLORE_SERVE_PORT": str(port)}
    runlore = [sys.executable, "-m", "runlore.cli"]

    def run(*arguments: str) -> None:
        command = [*runlore, *arguments]
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run("ingest", "airflow", str(folder / "task_instance.csv"), "--source", "api")
    run("train")
    with subprocess.Popen([*runlore, "serve"], env=environment, cwd=ROOT) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
                wait_until_ready(client)
                yield client
        finally:
            process.terminate()
            process.wait(60)


def write_log(path: Path) -> None:
    """The table task_instance of a hundred days."""
    random = np.random.default_rng(1)
    first = now() - timedelta(days=RUNS // 4)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row(first, "steady", 0.0, 1.0, "success")))
        writer.writeheader()
        for at in range(RUNS):
            for name, (share, seconds) in TASKS.items():
                state = "failed" if random.random() < share else "success"
                length = seconds * random.lognormal(0, 0.3)
                # At times of their own: what runs beside a task must not tell which one it is.
                due = first + timedelta(hours=6) * at + timedelta(hours=random.uniform(0, 5))
                writer.writerow(row(due, name, random.uniform(1, 30), length, state))


def row(due, name: str, wait_s: float, length_s: float, state: str) -> dict[str, object]:
    start = due + timedelta(seconds=wait_s)
    return {
        "dag_id": "nightly",
        "task_id": name,
        "run_id": f"scheduled__{due.isoformat()}",
        "map_index": -1,
        "try_number": 1,
        "max_tries": 0,
        "state": state,
        "queued_dttm": due.isoformat(),
        "start_date": start.isoformat(),
        "end_date": (start + timedelta(seconds=length_s)).isoformat(),
        "operator": "PythonOperator",
        "pool": "default_pool",
        "pool_slots": 1,
        "queue": "default",
        "priority_weight": 1,
        "hostname": "h1",
    }


def wait_until_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("the service is not ready")


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, service: httpx.Client) -> Airflow:
    """Runs the DAG and returns what Airflow printed."""
    home = tmp_path_factory.mktemp("airflow")
    for folder in ("plugins", "dags"):
        (home / folder).mkdir()
    for source in ("airflow", "client"):
        for path in (ROOT / "integrations" / source).glob("*.py"):
            shutil.copy(path, home / "plugins")
    (home / "dags" / "nightly.py").write_text(DAG)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "RUNLORE_URL": str(service.base_url),
        "RUNLORE_TIMEOUT_S": "30",
    }

    def run(*arguments: str, **named: str) -> str:
        done = subprocess.run(
            [PYTHON, "-m", "airflow", *arguments],
            env=environment | named,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    run("db", "migrate")
    return run


def facts(service: httpx.Client, printed: str, task: str) -> dict:
    [run_id] = set(re.findall(r"manual__[0-9T:.+-]+", printed)) - {"manual__"}
    name = f"nightly/{run_id}/{task}/-1/1"
    response = service.get(f"/executions/{quote(name, safe='')}")
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(("on_risk", "status"), [("skip", "cancelled"), ("fail", "failed")])
def test_a_risky_task_is_kept_back_as_chosen(
    airflow: Airflow, service: httpx.Client, on_risk: str, status: str
) -> None:
    """Before the other tests: a success that is reported makes the next try less risky."""
    printed = airflow("dags", "test", "nightly", RUNLORE_ON_RISK=on_risk)
    expected = {"steady": "succeeded", "shaky": status, "slow": "succeeded"}
    ends = {name: facts(service, printed, name)["facts"][-1]["status"] for name in expected}
    assert ends == expected
    assert printed.count("THE TIMEOUT IS") == 2


def test_tasks_run_when_runlore_is_down(airflow: Airflow) -> None:
    printed = airflow("dags", "test", "nightly", RUNLORE_URL="http://127.0.0.1:9")
    assert printed.count("THE TIMEOUT IS None") == 3
    assert printed.count("The task runs as it would without it") == 3


def test_tasks_are_asked_about_and_report_themselves(
    airflow: Airflow, service: httpx.Client
) -> None:
    printed = airflow("dags", "test", "nightly", RUNLORE_TIMEOUT_QUANTILE="0.99")
    for name in TASKS:
        work = facts(service, printed, name)
        assert (work["actor"], work["kind"], work["scope"]) == (
            "nightly",
            f"nightly.{name}",
            "default_pool",
        )
        assert work["inputs"]["operator"] == "PythonOperator"
        assert work["inputs"]["priority_weight"] == 1
        assert [fact["status"] for fact in work["facts"]] == ["running", "succeeded"], printed
        assert work["facts"][1]["outcome"]["host"]
    risks = [int(risk) for risk in re.findall(r"Runlore: (\d+) % risk of failure", printed)]
    assert len(risks) == 3
    assert max(risks) > 60
    assert "more than 50 %: it runs all the same" in printed
    said = [line for line in printed.splitlines() if "Runlore:" in line]
    timeouts = re.findall(r"THE TIMEOUT IS (\S+)", printed)
    assert len(timeouts) == 3, said
    assert "None" not in timeouts, said
