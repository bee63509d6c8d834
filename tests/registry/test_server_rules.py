"""Which requests MLflow's server answers, where files may be, and who gets the home's login."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runlore.kernel.addresses import Address
from runlore.registry import credentials, server
from runlore.registry.server_rules import ArtifactRoots, refusal
from runlore.settings import Settings
from runlore.web.login import read_login

AJAX, API = "/ajax-api/2.0/mlflow", "/api/2.0/mlflow"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{API}/webhooks"),
        ("POST", f"{API}/webhooks/1/test"),
        ("POST", "/ajax-api/3.0/mlflow/gateway/endpoints/create"),
        ("POST", f"{AJAX}/gateway-proxy"),
        ("POST", "/gateway/mlflow/v1/chat/completions"),
        ("POST", "/ajax-api/3.0/jobs/search"),
        ("POST", "/ajax-api/3.0/mlflow/assistant/message"),
        ("POST", f"{AJAX}/runs/create-promptlab-run"),
        ("POST", f"{AJAX}/upload-artifact"),
        ("POST", "/v1/traces"),
        ("POST", "/api/3.0/mlflow/traces"),
        ("PATCH", "/api/3.0/mlflow/traces/tr-1/tags"),
        ("GET", "/ajax-api/3.0/mlflow/get-trace-artifact"),
        ("POST", "/api/3.0/mlflow/scorers/register"),
        ("POST", "/api/3.0/mlflow/datasets/create"),
        ("POST", "/api/3.0/mlflow/prompt-optimization/jobs"),
        ("POST", "/api/3.0/mlflow/workspaces"),
        ("POST", f"{API}/artifacts/presigned-upload-url"),
        ("POST", f"{API}-artifacts/mpu/create/x"),
        ("DELETE", f"{API}-artifacts/artifacts/x"),
        ("POST", f"{API}/experiments/create/../../webhooks"),
        ("GET", f"{API}-artifacts/artifacts/x/../../y"),
        ("PUT", f"{API}-artifacts/artifacts/%2e%2e/y"),
        ("PUT", f"{API}-artifacts/artifacts/..%5cy"),
        ("OPTIONS", f"{API}/experiments/create"),
    ],
)
def test_what_runlore_does_not_use_is_refused(method: str, path: str) -> None:
    assert refusal(method, path) is not None


def test_a_path_that_leads_upwards_is_refused_in_the_query_too() -> None:
    assert refusal("GET", "/get-artifact", "run_uuid=1&path=plots/a.png") is None
    assert refusal("GET", "/get-artifact", "run_uuid=1&path=..%252f..%252fetc/passwd") is not None


@pytest.mark.parametrize(
    "location",
    [
        "/etc",
        "etc",
        "file:///etc",
        "file://elsewhere/srv/models",
        "http://169.254.169.254/latest",
        "s3://bucket",
        "s3://bucket/models-of-others",
        "s3://bucket/models/../others",
        "s3://bucket/models?endpoint=evil",
        "mlflow-artifacts://evil.example/x",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts:/%2e%2e/x",
        "",
    ],
)
def test_files_may_not_be_outside_of_the_roots(location: str) -> None:
    assert not ArtifactRoots("s3://bucket/models", "/srv/models").hold(location)


def test_files_may_be_below_a_root_of_either_kind() -> None:
    roots = ArtifactRoots("s3://bucket/models", "/srv/models")
    places = (
        "s3://bucket/models/7",
        "/srv/models/7/x",
        "file:///srv/models",
        "mlflow-artifacts:/7",
    )
    assert all(map(roots.hold, places))


def test_a_link_inside_a_root_that_leads_out_of_it_is_outside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    roots = ArtifactRoots(str(root), str(root))
    assert roots.hold(str(root / "in"))
    assert not roots.hold(str(root / "out" / "victim"))


def test_a_path_that_is_encoded_a_million_times_is_refused_at_once() -> None:
    began = time.perf_counter()
    assert refusal("GET", "/get-artifact/" + "%25" * 100_000) is not None
    assert time.perf_counter() - began < 1.0


LISTEN = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def own(tmp_path: Path, listening: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings that name the home's own server, which has made its login."""
    for name in (credentials.USERNAME, credentials.PASSWORD):
        monkeypatch.delenv(name, raising=False)
    read_login(tmp_path)
    uri = f"http://localhost:{listening}"
    yield Settings(home=tmp_path, mlflow_port=listening, mlflow_tracking_uri=uri)
    credentials.provide(Settings(home=tmp_path, mlflow_tracking_uri=None))


def brought() -> tuple[str | None, str | None]:
    return os.environ.get(credentials.USERNAME), os.environ.get(credentials.PASSWORD)


def test_clients_of_the_homes_own_server_bring_its_login_and_others_do_not(own: Settings) -> None:
    credentials.provide(own)
    assert ":".join(map(str, brought())) == read_login(own.home).text
    credentials.provide(
        own.model_copy(update={"mlflow_tracking_uri": Address("http://elsewhere:5000")})
    )
    assert brought() == (None, None)


def test_a_login_of_the_user_stays(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(credentials.USERNAME, "me")
    monkeypatch.setenv(credentials.PASSWORD, "mine")
    credentials.provide(own)
    assert brought() == ("me", "mine")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a program as somebody else")
def test_no_login_goes_to_a_port_on_which_another_user_listens(own: Settings) -> None:
    command = ("/usr/bin/env", "python3", "-c", LISTEN)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, user="nobody", cwd="/", text=True, **pipes) as other:
        port = int(other.stdout.readline())
        uri = f"http://127.0.0.1:{port}"
        credentials.provide(
            own.model_copy(update={"mlflow_port": port, "mlflow_tracking_uri": Address(uri)})
        )
        assert brought() == (None, None)
        other.stdin.close()


def test_no_login_goes_to_a_port_on_which_nobody_listens(own: Settings) -> None:
    uri = "http://127.0.0.1:1"
    nobody = own.model_copy(update={"mlflow_port": 1, "mlflow_tracking_uri": Address(uri)})
    assert not credentials.is_own_server(nobody)


def test_the_servers_login_is_that_of_its_variables_else_that_of_the_home(own: Settings) -> None:
    given = {credentials.USERNAME: "ann", credentials.PASSWORD: "hush"}
    assert server.login_of(own, given).text == "ann:hush"
    assert server.login_of(own, {credentials.USERNAME: "ann"}) == read_login(own.home)
