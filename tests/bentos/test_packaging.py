"""A Bento answers by itself: no registry, no network, no settings of ours."""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from handmade import forge, register, write_bundle

from bentos import build as packaging
from runlore.kernel.errors import Refused, Tampered
from runlore.registry import connect
from runlore.settings import Settings
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow
NAME = "failure-risk"
ANN = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4}}

ASK = """
import http.client, json, sys, time
port, body = int(sys.argv[1]), sys.argv[2]
def request(method, path, content=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, content)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
until = time.monotonic() + 120
while time.monotonic() < until:
    try:
        if request("GET", "/readyz")[0] == 200:
            break
    except OSError:
        time.sleep(0.2)
sockets = [line.split() for line in open("/proc/net/tcp").readlines()[1:]]
listening = [int(fields[1].split(":")[1], 16) for fields in sockets if fields[3] == "0A"]
answers = [request("POST", "/predict/failure-risk", body), request("GET", "/docs.json")]
print(json.dumps([*answers, listening]))
"""
OURS = 'cd "$1" && "$0" -m bentos.server --port $2'
BENTOMLS = '"$0" -m bentoml serve failure-risk:1 --host 127.0.0.1 --port $2'


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What `runlore package failure-risk --json` says; the registry is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    store_of_bentos = tmp_path_factory.mktemp("bentos")
    settings = Settings(home=home, database_url=None, mlflow_tracking_uri=None)
    with open_store(settings) as store:
        registry = connect(settings, store)
        ref = register(registry, write_bundle(home / "version"))
        registry.set_alias(NAME, "champion", ref.version)
        told = [build(home, store_of_bentos) for _ in range(2)]
    shutil.rmtree(home, ignore_errors=True)
    assert told[0] == told[1]
    return told[0] | {"bentoml_home": str(store_of_bentos)}


def build(home: Path, store_of_bentos: Path) -> dict:
    given = os.environ | {"RUNLORE_HOME": str(home), "BENTOML_HOME": str(store_of_bentos)}
    done = run([sys.executable, "-m", "runlore.cli", "package", NAME, "--json"], env=given)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return told | {"compiled": sorted(Path(told["path"]).rglob("*.pyc"))}


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(OURS, id="ours"),
        pytest.param(BENTOMLS, id="BentoML's", marks=pytest.mark.exhaustive),
    ],
)
def test_a_bento_answers_with_the_network_and_the_registry_off(package: dict, serve: str) -> None:
    assert package["tag"] == "failure-risk:1"
    home = Path(package["bentoml_home"])
    alone = {k: v for k, v in os.environ.items() if not k.startswith("RUNLORE_")}
    alone |= {"BENTOML_HOME": str(home), "HOME": str(home)}
    alone |= {f"{scheme}_proxy": "http://127.0.0.1:1" for scheme in ("http", "https", "all")}
    port, source = free_port(), Path(package["path"], "src")
    script = (
        f"( {serve.replace('&& ', '&& exec ')} ) >serving.log 2>&1 & server=$!;"
        ' "$0" -c "$3" $2 "$4"; kill -TERM $server; wait $server'
    )
    cut_off = ["unshare", "-n", "sh", "-c", f"ip link set lo up; {script}"]
    plain = ["sh", "-c", script]
    words = [sys.executable, str(source), str(port), ASK, json.dumps(ANN)]
    done = run([*(cut_off if can_cut_off() else plain), *words], env=alone, cwd=home)
    log = (home / "serving.log").read_text()
    assert done.stdout, done.stderr + log
    (status, body), (_, document), listening = json.loads(done.stdout.splitlines()[-1])
    assert status == 200, body
    told = json.loads(body)
    assert (told["version"], told["history"]) == (package["version"], "absent")
    assert 0 <= told["prediction"] <= 1
    assert "/predict/failure-risk" in json.loads(document)["paths"]
    assert "Traceback" not in log
    if serve == OURS and can_cut_off():  # else other programs' ports are among them
        assert listening == [port]


def test_a_bento_has_its_version_its_data_digest_and_a_lock_of_its_own(package: dict) -> None:
    import yaml

    folder = Path(package["path"])
    told = yaml.safe_load((folder / "bento.yaml").read_text())
    assert told["labels"]["runlore.version"] == package["version"]
    assert told["labels"]["runlore.data_digest"] == "made-by-hand"
    locked = (folder / "src" / "requirements.txt").read_text().split()
    assert all("==" in line for line in locked)
    names = {line.split("==")[0] for line in locked}
    assert {"onnxruntime", "numba", "bentoml", "psycopg-binary"} <= names
    assert not {"mlflow", "prefect", "scikit-learn", "evidently", "xgboost-cpu"} & names
    assert (folder / "env" / "docker" / "Dockerfile").is_file()
    assert not package["compiled"]
    assert not list(folder.rglob("model.skops"))


def test_a_bento_whose_bundle_or_label_was_changed_does_not_serve(
    package: dict, tmp_path: Path
) -> None:
    import yaml

    from bentos.predict.live_versions import load, packaged_digest

    bento = tmp_path / "bento"
    shutil.copytree(package["path"], bento)
    bundle, labels = bento / "src" / "bundle", bento / "bento.yaml"
    told = json.loads((bundle / "package.json").read_text())
    digest = packaged_digest(told, labels)
    assert load(bundle, told["version"], NAME, "wall", digest).bundle.digest == digest
    forged = forge(bundle)
    with pytest.raises(Refused, match="changed after training"):
        load(bundle, told["version"], NAME, "wall", digest)
    with pytest.raises(Tampered, match="label"):
        packaged_digest(told | {"digest": forged}, labels)
    document = yaml.safe_load(labels.read_text())
    document["labels"]["runlore.bundle_digest"] = ""
    labels.write_text(yaml.safe_dump(document))
    with pytest.raises(Tampered, match="label"):
        packaged_digest(told, labels)


def test_an_image_has_the_python_for_which_its_packages_are_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert packaging.python() == f"{sys.version_info.major}.{sys.version_info.minor}"
    monkeypatch.setattr(platform, "python_version_tuple", lambda: ("3", "13", "1"))
    assert packaging.python() == "3.13"


HIDE = """
import importlib.metadata, sys
locked = {line.split("==")[0] for line in open("requirements.txt").read().split()}
plain = lambda name: name.lower().replace("_", "-").replace(".", "-")
owners = importlib.metadata.packages_distributions()
class Hidden:
    def find_spec(self, name, path=None, target=None):
        owned = {plain(one) for one in owners.get(name.split(".")[0], [])} - {"runlore"}
        if owned and not owned & locked:
            raise ModuleNotFoundError(f"{name} is not in the lock", name=name)
sys.meta_path.insert(0, Hidden())
import bentos.packaged as packaged
from bentos.predict.live_versions import PROBE
from runlore.app import open_app
from runlore.kernel.instants import now
from runlore.serving.actions.prediction_commit import predict
from runlore.serving.actions.prediction import Request
with open_app() as app:
    serving = packaged._open(app)
    predictor = serving.champion("failure-risk").predictor
    print(predict(None, predictor, [Request(PROBE)], now())[0].prediction)
import runlore.store.engine, runlore.store.migrate, alembic.command
print(packaged.__file__)
"""


def test_a_bento_needs_nothing_that_is_not_in_its_lock(package: dict) -> None:
    source = Path(package["path"]) / "src"
    alone = {k: v for k, v in os.environ.items() if not k.startswith("RUNLORE_")}
    alone |= {"PYTHONPATH": str(source), "BENTOML_HOME": package["bentoml_home"]}
    done = run([sys.executable, "-c", HIDE], env=alone, cwd=source)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(str(source))


def test_an_image_with_a_database_reads_histories_and_writes_the_ledger(package: dict) -> None:
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    with open_store(Settings(home=folder, database_url=None)) as store:
        port = free_port()
        given = os.environ | {
            "BENTO_PATH": package["path"],
            "PORT": str(port),
            "RUNLORE_DATABASE_URL": store.url,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        entrypoint = Path(package["path"], "env", "docker", "entrypoint.sh")
        process = subprocess.Popen(
            ["bash", str(entrypoint), "--host", "127.0.0.1"],
            env=given,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            done = run([sys.executable, "-c", ASK, str(port), json.dumps(ANN)])
            (status, body), *_ = json.loads(done.stdout.splitlines()[-1])
            assert (status, json.loads(body)["history"]) == (200, "known"), body
            with store.connect() as connection:
                row = connection.execute("SELECT count(*) FROM runlore.ledger").fetchone()
            assert row == (1,)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
    shutil.rmtree(folder, ignore_errors=True)


def can_cut_off() -> bool:
    """Whether this user may make a namespace without a network."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return run(["unshare", "-n", "ip", "link", "set", "lo", "up"]).returncode == 0


def run(command: list[str], **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, capture_output=True, text=True, timeout=250, check=False, **options
    )


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
