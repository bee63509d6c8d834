"""The server as Compose runs it: a login from variables, and files that go through the server."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from handmade import forge, register, write_bundle

from runlore.kernel.errors import Misconfigured, Tampered
from runlore.registry import Registry, connect
from runlore.registry.credentials import PASSWORD, USERNAME
from runlore.settings import Settings
from runlore.stack.tcp_ports import free_port
from runlore.store.engine import Store
from tests.stack.test_compose import MLFLOW_FILE, variables

pytestmark = pytest.mark.slow
LOGIN = {USERNAME: "runlore", PASSWORD: "of-compose"}
PATIENCE_S = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    port = str(free_port("127.0.0.1"))
    here = {
        "RUNLORE_HOST": "127.0.0.1",
        "RUNLORE_HOME": str(folder),
        "RUNLORE_MLFLOW_PORT": port,
        "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder / 'mlflow.db'}",
    }
    given = os.environ | variables(MLFLOW_FILE) | here | LOGIN
    command = (sys.executable, "-m", "runlore.registry.server")
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=given, cwd=folder, stdout=log, stderr=log)
    try:
        await_health(f"http://127.0.0.1:{port}", folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


def await_health(address: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            httpx.get(f"{address}/health").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(log.read_text()[-3000:])


@pytest.fixture
def registry(
    address: str, database: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Registry:
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    return connect(Settings(home=tmp_path, mlflow_tracking_uri=address), database)


def test_a_client_with_the_login_registers_and_loads_and_notices_what_was_changed(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    seed = uuid.uuid4().int % 2**32
    ref = register(registry, write_bundle(tmp_path / "made", "failure-risk", seed))
    registry.announce(ref)
    assert registry.champion("failure-risk") == registry.version("failure-risk", ref.version)
    assert registry.load(ref, tmp_path / "one").digest == ref.digest
    [stored] = folder.rglob("bundle.json")
    forge(stored.parent)
    with pytest.raises(Tampered):
        registry.load(ref, tmp_path / "two")
    shutil.rmtree(stored.parent)
    with pytest.raises(Tampered, match="nothing readable"):
        registry.load(ref, tmp_path / "three")


def test_a_client_without_the_login_is_told_which_variables_to_set(
    address: str, database: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in LOGIN:
        monkeypatch.delenv(name, raising=False)
    stranger = connect(Settings(home=tmp_path, mlflow_tracking_uri=address), database)
    with pytest.raises(Misconfigured, match=f"{USERNAME} and {PASSWORD}"):
        stranger.versions("failure-risk")
    assert httpx.get(address, auth=tuple(LOGIN.values())).status_code == 200
