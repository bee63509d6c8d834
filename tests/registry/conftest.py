"""A registry on the tests' own PostgreSQL, and a bundle small enough to register often."""

import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runlore.features.declaration import FeaturePlan, HistoryFeatures
from runlore.models import bundle
from runlore.registry import ModelRelease, Registry, connect
from runlore.settings import Settings
from runlore.store.engine import Store

PLAN = FeaturePlan(
    inputs=("size_gb",),
    categories=(),
    histories=(HistoryFeatures(("actor",), ("failed",), (3600.0,)),),
    has_calendar=False,
)
Script = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def registry_home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def registry(registry_home: Path, database: Store) -> Registry:
    return connect(Settings(home=registry_home, mlflow_tracking_uri=None), database)


@pytest.fixture
def client(registry: Registry):
    """MLflow's own client, to look at what was written."""
    from mlflow import MlflowClient

    return MlflowClient(registry.tracking_uri, registry.tracking_uri)


@pytest.fixture
def spec() -> str:
    """A name that no other test uses: MLflow's tables are shared by all tests."""
    return f"spec-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def release(spec: str, tmp_path: Path) -> ModelRelease:
    """A release with files that look like a bundle, for tests that do not load them."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    graph = folder / bundle.MODEL
    graph.write_bytes(np.arange(16).tobytes())
    told: dict[str, object] = {"spec": spec, "graphs": [bundle.MODEL]}
    told["digest"] = bundle.content_digest(told, [graph])
    (folder / bundle.DESCRIPTION).write_text(json.dumps(told))
    return ModelRelease(
        spec=spec,
        folder=folder,
        digest=str(told["digest"]),
        data_digest="d" * 64,
        candidate="linear",
        features=PLAN.names,
        example=(1.0, *([float("nan")] * (len(PLAN.names) - 1))),
        has_interval=False,
        card="# A card",
        about="Answers a question.",
        scores={"auc": 0.75},
    )


@pytest.fixture
def other(release: ModelRelease, tmp_path: Path) -> ModelRelease:
    """Another bundle of the same spec."""
    folder = tmp_path / "other"
    shutil.copytree(release.folder, folder)
    told = json.loads((folder / bundle.DESCRIPTION).read_text()) | {"other": True}
    told["digest"] = bundle.content_digest(told, [folder / bundle.MODEL])
    (folder / bundle.DESCRIPTION).write_text(json.dumps(told))
    return replace(release, folder=folder, digest=told["digest"])


@pytest.fixture
def script(
    registry_home: Path, database: Store, spec: str, release: ModelRelease
) -> Iterator[Script]:
    """Run code in a process of its own, where `registry`, `spec` and `release` are known.

    `go()` waits for a line on standard input.
    """
    given = f"""
import sys
from dataclasses import replace
from pathlib import Path
from runlore.registry import ModelRelease, connect
from runlore.settings import Settings
from runlore.store import engine
nan = float("nan")
registry = connect(
    Settings(home=Path({str(registry_home)!r}), mlflow_tracking_uri=None),
    engine.connect({database.url!r}),
)
spec = {spec!r}
PosixPath = Path
release = {release!r}
def go():
    print("ready", flush=True)
    sys.stdin.readline()
"""
    started: list[subprocess.Popen[str]] = []

    def run(code: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", given + code]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
