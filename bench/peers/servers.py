"""The servers that are measured: how each is installed, started, asked and stopped."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from peers import model
from peers.load import Target
from peers.model import Prepared

from runlore.stack.tcp_ports import free_port

HERE = Path(__file__).parent
CALM = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    ),
    "OMP_WAIT_POLICY": "PASSIVE",
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
}
"""One thread for every library, and no reports to anybody."""

FAST_UVICORN = "uvicorn[standard]>=0.34,<1"
START_S = 120.0
STOP_S = 15.0


class Unusable(Exception):
    """This server cannot be measured here, and why."""


@dataclass(frozen=True)
class Start:
    """A command that listens on a port. cwd: where; extra: variables beside CALM."""

    command: list[str]
    cwd: Path
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """What a server is started with: the model, a folder of its own, a port."""

    prepared: Prepared
    folder: Path
    port: int
    workers: int
    python: str = sys.executable


@dataclass(frozen=True)
class Server:
    """needs: what its environment holds beside the model's libraries; empty: ours."""

    name: str
    title: str
    path: str
    start: Callable[[Place], Start]
    bodies: Callable[[Prepared], Iterator[Any]]
    read: Callable[[Any], float]
    needs: tuple[str, ...] = ()
    is_calibrated: bool = False
    """Its answers are not the ensemble's own numbers."""

    @property
    def is_peer(self) -> bool:
        return bool(self.needs)

    def target(self, prepared: Prepared, port: int) -> Target:
        bodies = tuple(json.dumps(each).encode() for each in self.bodies(prepared))
        return Target(port, self.path, bodies)


@dataclass
class Running:
    """process: leads a group of its own. cold_start_s: until its first answer."""

    process: subprocess.Popen[bytes]
    port: int
    home: Path
    cold_start_s: float = 0.0

    def members(self) -> list[psutil.Process]:
        """The process, its descendants, its group, and what works inside its home."""
        found = {}
        for each in psutil.process_iter():
            try:
                own = os.getpgid(each.pid) == self.process.pid
                if own or Path(each.cwd()).is_relative_to(self.home):
                    found[each.pid] = each
            except (psutil.Error, ProcessLookupError, PermissionError):
                continue
        with suppress(psutil.Error):
            for each in psutil.Process(self.process.pid).children(recursive=True):
                found[each.pid] = each
        return list(found.values())

    def memory(self) -> dict[str, Any]:
        """PostgreSQL's processes apart; shared pages count once in PSS, every time in RSS."""
        told: dict[str, Any] = {"processes": 0, "rss_mb": 0.0, "pss_mb": 0.0}
        for each in self.members():
            try:
                used, name = each.memory_full_info(), each.name()
            except psutil.Error:
                continue
            prefix = "postgres_" if name.startswith("postgres") else ""
            for key, size in (("processes", 1), ("rss_mb", used.rss), ("pss_mb", used.pss)):
                scaled = size if key == "processes" else size / 2**20
                told[prefix + key] = told.get(prefix + key, 0) + scaled
        return {key: round(value) for key, value in told.items()}


def vectors(prepared: Prepared) -> Iterator[dict[str, Any]]:
    return ({"features": row} for row in plain(prepared))


def plain(prepared: Prepared) -> list[list[float]]:
    return [[float(f"{value:.7g}") for value in row] for row in prepared.rows]


def ours(prepared: Prepared) -> Iterator[dict[str, Any]]:
    return iter(prepared.ours)


def prediction(told: Any) -> float:
    return float(told["prediction"])


def serve_ledger(place: Place) -> Start:
    command = [sys.executable, "-m", "runlore.cli", "serve", "--port", str(place.port)]
    extra = model.environment(place.prepared.home)
    return Start(command, place.folder, extra | {"RUNLORE_SERVE_WORKERS": str(place.workers)})


def serve_features(place: Place) -> Start:
    start = serve_ledger(place)
    return Start(start.command, start.cwd, start.extra | {"RUNLORE_LEDGER": "off"})


def serve_stateless(place: Place) -> Start:
    """`runlore package`, then its Bento: no database, no registry."""
    made = model.environment(place.prepared.home) | {"BENTOML_HOME": str(place.folder / "bentos")}
    Path(made["BENTOML_HOME"]).mkdir(parents=True, exist_ok=True)
    package = [sys.executable, "-m", "runlore.cli", "package", model.NAME, "--json"]
    done = subprocess.run(package, env=CALM | made, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unusable(f"runlore package: {done.stderr[-500:]}")
    tag = json.loads(done.stdout.splitlines()[-1])["tag"]
    command = [sys.executable, "-m", "bentoml", "serve", tag, "--host", "127.0.0.1"]
    named = f"services.runlore.workers={place.workers}"
    kept = {key: made[key] for key in made if key[:8] != "RUNLORE_" and key != "PYTHONPATH"}
    return Start(
        [*command, "--port", str(place.port)],
        place.folder,
        kept | {"BENTOML_CONFIG_OPTIONS": named},
    )


def uvicorn(app: str) -> Callable[[Place], Start]:
    def start(place: Place) -> Start:
        listening = ["--host", "127.0.0.1", "--port", str(place.port)]
        quiet = ["--no-access-log", "--log-level", "warning", "--workers", str(place.workers)]
        command = [place.python, "-m", "uvicorn", app, "--app-dir", str(HERE)]
        return Start([*command, *listening, *quiet], place.folder)

    return start


def serve_bentoml(place: Place) -> Start:
    listening = ["--host", "127.0.0.1", "--port", str(place.port)]
    command = [place.python, "-m", "bentoml", "serve", "bentoml_app:Ensemble"]
    home = {"BENTOML_HOME": str(place.folder / "bentos")}
    Path(home["BENTOML_HOME"]).mkdir(parents=True, exist_ok=True)
    return Start([*command, "--working-dir", str(HERE), *listening], place.folder, home)


def serve_ray(place: Place) -> Start:
    command = [place.python, str(HERE / "ray_app.py"), str(place.port), str(place.folder / "r")]
    return Start(command, place.folder)


def serve_mlflow(place: Place) -> Start:
    folder = place.folder / "model"
    if not folder.exists():
        make = [place.python, str(HERE / "mlflow_model.py"), str(folder)]
        given = os.environ | CALM | {"BENCH_VOTE": str(place.prepared.vote)}
        done = subprocess.run(
            make, env=given, cwd=place.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unusable(f"saving the MLflow model: {done.stderr[-500:]}")
    command = [place.python, "-m", "mlflow", "models", "serve", "-m", str(folder)]
    listening = ["--host", "127.0.0.1", "--port", str(place.port)]
    apart = ["--env-manager", "local", "--workers", str(place.workers)]
    programs = os.pathsep.join((str(Path(place.python).parent), os.environ["PATH"]))
    return Start([*command, *listening, *apart], place.folder, {"PATH": programs})


def serve_mlserver(place: Place) -> Start:
    settings = {
        "host": "127.0.0.1",
        "http_port": place.port,
        "grpc_port": free_port("127.0.0.1"),
        "metrics_port": free_port("127.0.0.1"),
        "parallel_workers": 0 if place.workers == 1 else place.workers,
        "debug": False,
    }
    described = {
        "name": "ensemble",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(place.prepared.vote), "version": "1"},
    }
    for name, told in (("settings.json", settings), ("model-settings.json", described)):
        (place.folder / name).write_text(json.dumps(told), encoding="utf-8")
    program = str(Path(place.python).with_name("mlserver"))
    return Start([program, "start", str(place.folder)], place.folder)


def infer_bodies(prepared: Prepared) -> Iterator[dict[str, Any]]:
    for row in plain(prepared):
        given = {"name": "predict", "shape": [1, len(row)], "datatype": "FP32", "data": row}
        yield {"inputs": [given], "outputs": [{"name": "predict_proba"}]}


SERVERS = (
    Server(
        "stateless", "Runlore, packaged", f"/predict/{model.NAME}", serve_stateless, ours,
        prediction, is_calibrated=True,
    ),
    Server(
        "ledger", "Runlore, features and ledger", f"/predict/{model.NAME}", serve_ledger, ours,
        prediction, is_calibrated=True,
    ),
    Server(
        "features", "Runlore, features, no ledger", f"/predict/{model.NAME}", serve_features, ours,
        prediction, is_calibrated=True,
    ),
    Server(
        "ceiling", "Starlette + ONNX Runtime, bare", "/predict", uvicorn("ceiling:app"), vectors,
        prediction,
    ),
    Server(
        "fastapi", "FastAPI + scikit-learn", "/predict", uvicorn("fastapi_app:app"), vectors,
        prediction, needs=("fastapi>=0.115,<1", FAST_UVICORN),
    ),
    Server(
        "bentoml", "BentoML + scikit-learn", "/predict", serve_bentoml,
        lambda prepared: ({"input_data": [row]} for row in plain(prepared)),
        lambda told: float(told[0][1]), needs=("bentoml>=1.4.30,<2", FAST_UVICORN),
    ),
    Server(
        "mlserver", "MLServer", "/v2/models/ensemble/infer", serve_mlserver, infer_bodies,
        lambda told: float(told["outputs"][0]["data"][1]),
        needs=("mlserver>=1.6,<2", "mlserver-sklearn>=1.6,<2"),
    ),
    Server(
        "mlflow", "MLflow models serve", "/invocations", serve_mlflow,
        lambda prepared: ({"inputs": [row]} for row in plain(prepared)),
        lambda told: float(told["predictions"][0][1]), needs=("mlflow>=3,<4", FAST_UVICORN),
    ),
    Server(
        "ray", "Ray Serve", "/predict", serve_ray, vectors, prediction,
        needs=("ray[serve]>=2.40,<3",),
    ),
)  # fmt: skip


@contextmanager
def running(server: Server, place: Place) -> Iterator[Running]:
    """Start it, wait for its first answer, and leave nothing of it afterwards."""
    start = server.start(place)
    inherited = {key: value for key, value in os.environ.items() if key[:8] != "RUNLORE_"}
    given = inherited | {
        **start.extra,
        **CALM,
        "BENCH_VOTE": str(place.prepared.vote),
        "BENCH_GRAPH": str(place.prepared.graph),
        "BENCH_WORKERS": str(place.workers),
    }
    if "PYTHONPATH" not in start.extra:
        given.pop("PYTHONPATH", None)
    log = place.folder / "server.log"
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            start.command,
            env=given,
            cwd=start.cwd,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        one = Running(process, place.port, place.prepared.home)
        try:
            wait(server, place, process, log)
            one.cold_start_s = time.perf_counter() - began
            yield one
        finally:
            stop(one)


def wait(server: Server, place: Place, process: subprocess.Popen[bytes], log: Path) -> None:
    target = server.target(place.prepared, place.port)
    until = time.monotonic() + START_S
    said = "it did not listen"
    while time.monotonic() < until and process.poll() is None:
        try:
            server.read(ask(target, 0))
            return
        except urllib.error.HTTPError as error:
            said = f"HTTP {error.code} {error.read()[:300]!r}"
        except (OSError, ValueError) as error:
            said = str(error)
        time.sleep(0.02)
    text = log.read_text(encoding="utf-8", errors="replace")
    ended = "" if process.poll() is None else f", and it ended with code {process.returncode}"
    raise Unusable(f"no answer within {START_S:.0f} s{ended} ({said}): {text[-1500:]}")


def ask(target: Target, at: int) -> Any:
    url = f"http://127.0.0.1:{target.port}{target.path}"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, target.bodies[at], headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return json.loads(answer.read())


def worst_difference(server: Server, prepared: Prepared, port: int) -> float:
    """The largest distance of an answer to what scikit-learn says itself."""
    target = server.target(prepared, port)
    answers = [server.read(ask(target, at)) for at in range(0, len(target.bodies), 16)]
    return max(
        abs(told - known) for told, known in zip(answers, prepared.expected[::16], strict=True)
    )


def stop(one: Running) -> None:
    """Ask it to end, wait, then end the whole of it."""
    members = one.members()
    for sign in (signal.SIGINT, signal.SIGTERM):
        if one.process.poll() is None:
            one.process.send_signal(sign)
            try:
                one.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                continue
    _, alive = psutil.wait_procs(members, timeout=2)
    for each in alive:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    with suppress(ProcessLookupError):
        os.killpg(one.process.pid, signal.SIGKILL)
    one.process.wait(STOP_S)
