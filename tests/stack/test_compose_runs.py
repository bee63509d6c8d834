"""The containers' commands and variables, run here: with other ports and without the images.

Needs a PostgreSQL with its contrib modules (Prefect wants pg_trgm), as Debian installs it: the
image also has one that is not ours.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from runlore.stack import keeper, tcp_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
PATIENCE_S = 240
SECRETS = {
    name: f"{name.lower().replace('_', '')}x7"
    for name in (
        "POSTGRES_PASSWORD",
        "RUNLORE_DB_PASSWORD",
        "MLFLOW_DB_PASSWORD",
        "PREFECT_DB_PASSWORD",
        "RUNLORE_MLFLOW_PASSWORD",
        "RUNLORE_PREFECT_PASSWORD",
        "RUNLORE_GRAFANA_PASSWORD",
    )
}


def programs() -> Path | None:
    """The folder of an installed PostgreSQL that has pg_trgm."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        share = Path("/usr/share/postgresql") / folder.parent.name / "extension"
        if (folder / "initdb").exists() and (share / "pg_trgm.control").exists():
            return folder
    return None


def account() -> dict[str, Any]:
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def postgres(folder: Path, home: Path, port: int) -> Iterator[None]:
    """A server as the image's entry point makes it, then our script, as the image runs it."""
    home.mkdir()
    (home / "secret").write_text(SECRETS["POSTGRES_PASSWORD"])
    if os.geteuid() == 0:
        for path in (home, home / "secret"):
            shutil.chown(path, "nobody", "nogroup")
    auth = ("--username=postgres", f"--pwfile={home / 'secret'}", "--auth=scram-sha-256")
    data = ("-D", str(home / "data"))
    subprocess.run((folder / "initdb", *data, *auth, "--no-sync"), check=True, **account(), cwd="/")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    control = (folder / "pg_ctl", *data, "-w")
    logged = ("-l", str(home / "log"), "-o", options)
    subprocess.run((*control, *logged, "start"), check=True, **account(), cwd="/")
    try:
        connection = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "POSTGRES_USER": "postgres"}
        env = os.environ | SECRETS | connection | {"PGPASSWORD": SECRETS["POSTGRES_PASSWORD"]}
        subprocess.run((ROOT / "deployments" / "postgres" / "init.sh",), check=True, env=env)
        yield
    finally:
        subprocess.run((*control, "-m", "fast", "stop"), check=True, **account(), cwd="/")


def translate(text: str, home: Path, numbers: Mapping[str, int]) -> str:
    """Everything of a container that is otherwise here: names, ports, folders, secrets."""
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: SECRETS[found[1]], text)
    text = re.sub(r"\$\{\w+:-(\d*)\}", r"\1", text)
    text = re.sub(r"(?<=[@/])(postgres|prefect|mlflow)(?=:\d)", "127.0.0.1", text)
    text = text.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    text = re.sub("/var/lib/|/tmp/", f"{home}/", text)
    for number, other in numbers.items():
        text = re.sub(rf"(?<![\d.]){number}(?!\d)", str(other), text)
    return text


def on_a_read_only_root(folder: Path) -> tuple[str, ...]:
    """What a command needs in front so that it can write into this folder alone."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind / && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, str(folder))
    tried = subprocess.run((*prefix, "true"), capture_output=True, check=False)
    return prefix if tried.returncode == 0 else ()


@contextmanager
def container(declared: dict[str, Any], given: dict[str, str], log: Path) -> Iterator[None]:
    """Run a service's command with its variables until its health check passes."""
    given = given | {"RUNLORE_HOME": str(log.parent / "runlore")}
    inherited = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(log.parent),
        "TMPDIR": str(log.parent),
    }
    prefix = on_a_read_only_root(log.parent)
    with log.open("w") as output:
        process = subprocess.Popen(
            (sys.executable, "-I", "-S", keeper.__file__, "10", *prefix, *declared["command"]),
            stdin=subprocess.PIPE,
            env=inherited | given,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        await_health(process, declared, inherited, log)
        yield
    finally:
        process.communicate()


def await_health(
    process: subprocess.Popen[bytes], declared: dict[str, Any], env: dict[str, str], log: Path
) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if "healthcheck" not in declared:
            assert process.wait(PATIENCE_S) == 0, log.read_text()
            return
        check = declared["healthcheck"]["test"][1:]
        if subprocess.run(check, env=env, capture_output=True, check=False).returncode == 0:
            return
        assert process.poll() is None, log.read_text()
        time.sleep(1)
    pytest.fail(log.read_text()[-3000:])


@pytest.mark.parametrize(
    "started",
    [
        ("prefect", "schedules"),
        pytest.param(
            ("prefect", "mlflow", "schedules", "worker", "serving", "alerts"),
            marks=pytest.mark.exhaustive,
        ),
    ],
    ids=["prefect with its deployments", "all of it"],
)
def test_services_come_up_on_one_postgresql(started: tuple[str, ...], short_tmp: Path) -> None:
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL with contrib modules is installed here")
    short_tmp.chmod(0o755)
    numbers = {
        number: tcp_ports.free_port("127.0.0.1")
        for number in ("5432", "4200", "5000", "3000", "8080")
    }
    text = translate((ROOT / "docker-compose.yml").read_text(), short_tmp, numbers)
    services = yaml.safe_load(text)["services"]
    file = translate((ROOT / "mlflow" / "server.env").read_text(), short_tmp, numbers)
    lines = [line.partition("=") for line in file.splitlines() if not line.startswith("#")]
    for name in ("mlflow", "runlore"):
        (short_tmp / name).mkdir()
    with ExitStack() as running:
        running.enter_context(postgres(folder, short_tmp / "postgres", numbers["5432"]))
        for name in started:
            declared = services[name].get("environment", {})
            given = {key: value for key, value in declared.items() if value is not None}
            if "env_file" in services[name]:
                given = {key: value for key, _, value in lines} | given
            log = short_tmp / f"{name}.log"
            running.enter_context(container(services[name], given, log))
        pages = {"prefect": ("4200", "api/admin/version"), "mlflow": ("5000", "version")}
        for port, path in (pages[name] for name in started if name in pages):
            assert status(f"http://127.0.0.1:{numbers[port]}/{path}") == 401
    assert "21 deployments" in (short_tmp / "schedules.log").read_text()
    for log in short_tmp.glob("*.log"):
        assert "Read-only file system" not in log.read_text()


def status(url: str) -> int:
    """The HTTP status that a client without a login gets."""
    with httpx.Client(trust_env=False) as client:
        return client.get(url).status_code
