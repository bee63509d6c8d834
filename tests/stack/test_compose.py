"""docker-compose.yml without Docker: everything about it that can be checked is checked.

That its commands do run, with these variables on a real PostgreSQL, is in test_compose_runs.py.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from runlore.kernel.telemetry import TELEMETRY_OFF
from runlore.registry import server
from runlore.registry.credentials import PASSWORD, USERNAME
from runlore.settings import Settings, read
from runlore.stack import environment
from tests.stack.compose_schema import COMPOSE

ROOT = Path(__file__).parents[2]
OURS = ("prefect", "mlflow", "schedules", "worker", "serving", "alerts")
MONITORING = ("prometheus", "alertmanager", "grafana")
PUBLISHED = {"prefect": "prefect_port", "mlflow": "mlflow_port", "serving": "serve_port"}
QUIET = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
"""MLflow's warning about its own types, on import of its command line."""
METRICS_KEY = "./deployments/prometheus/metrics.key"  # made by hand, and ignored by git
MLFLOW_FILE = ROOT / "mlflow" / "server.env"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def variables(path: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in lines if not name.startswith("#")}


def environment_of(compose: dict[str, Any], service: str) -> dict[str, str]:
    declared = compose["services"][service]
    files = [variables(ROOT / file) for file in declared.get("env_file", ())]
    merged: dict[str, str] = {}
    for values in (*files, declared.get("environment", {})):
        merged |= values
    return merged


def instructions(dockerfile: Path) -> list[tuple[str, list[str]]]:
    text = dockerfile.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], shlex.split(line.partition(" ")[2])) for line in lines]


def test_it_is_valid_compose(compose: dict[str, Any]) -> None:
    jsonschema.validate(compose, COMPOSE)


def test_it_has_the_services_of_up_and_a_database(compose: dict[str, Any]) -> None:
    always = {name for name, one in compose["services"].items() if "profiles" not in one}
    assert always == {"postgres", *OURS}
    assert set(compose["services"]) - always == set(MONITORING)
    assert all(compose["services"][name]["profiles"] == ["monitoring"] for name in MONITORING)


def test_every_dependency_and_every_volume_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], f"{name} needs {needed}"
            if how["condition"] == "service_completed_successfully":
                assert services[needed]["restart"] == "no", f"{name} needs {needed}"
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            is_here = (ROOT / source).exists() or source == METRICS_KEY
            assert source in compose["volumes"] or is_here, volume


def test_ports_are_those_of_the_settings_on_both_sides(compose: dict[str, Any]) -> None:
    for name, field in PUBLISHED.items():
        default = Settings.model_fields[field].default
        expected = f"127.0.0.1:${{RUNLORE_{field.upper()}:-{default}}}:{default}"
        assert compose["services"][name]["ports"] == [expected]
        check = compose["services"][name]["healthcheck"]["test"][-1]
        assert f"'http://127.0.0.1:{default}/" in check
    unpublished = set(compose["services"]) - PUBLISHED.keys() - set(MONITORING)
    assert not any("ports" in compose["services"][name] for name in unpublished)


def test_servers_listen_where_their_health_is_asked(compose: dict[str, Any]) -> None:
    services = compose["services"]
    prefect = environment_of(compose, "prefect")
    assert (prefect["RUNLORE_HOST"], prefect["RUNLORE_PREFECT_PORT"]) == ("0.0.0.0", "4200")  # noqa: S104
    assert variables(MLFLOW_FILE)["RUNLORE_MLFLOW_PORT"] == "5000"
    assert environment_of(compose, "serving")["RUNLORE_SERVE_PORT"] == "3000"
    worker = environment_of(compose, "worker")
    assert worker["PREFECT_WORKER_WEBSERVER_PORT"] in services["worker"]["healthcheck"]["test"][-1]
    assert worker["RUNLORE_MLFLOW_PAGES_URL"] == "http://127.0.0.1:${RUNLORE_MLFLOW_PORT:-5000}"


def test_every_health_check_is_a_program_that_compiles(compose: dict[str, Any]) -> None:
    for name in OURS:
        check = compose["services"][name].get("healthcheck")
        if check is not None:
            _, program, option, script = check["test"]
            assert (program, option) == ("python", "-c")
            compile(script, name, "exec")


def test_prefect_wants_the_login_that_its_clients_bring(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["prefect"]["command"] == ["python", "-m", "flows.server"]
    assert services["worker"]["command"] == ["python", "-m", "flows.worker", "--with-healthcheck"]
    given = environment_of(compose, "prefect")
    login = given[environment.PREFECT_SERVER_LOGIN]
    assert login == "runlore:${RUNLORE_PREFECT_PASSWORD:?see deployments/env.example}"
    for name in ("schedules", "worker", "alerts"):
        assert environment_of(compose, name)[environment.PREFECT_CLIENT_LOGIN] == login
    for name in ("mlflow", "serving"):
        assert "RUNLORE_PREFECT_PASSWORD" not in str(environment_of(compose, name)), name
    port = "${RUNLORE_PREFECT_PORT:-4200}"
    pages = given["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"].split(",")
    assert pages == [f"http://127.0.0.1:{port}", f"http://localhost:{port}"]


def test_each_program_reaches_only_what_it_needs(compose: dict[str, Any]) -> None:
    networks = {name: set(one["networks"]) for name, one in compose["services"].items()}
    assert set().union(*networks.values()) == compose["networks"].keys()
    reached = {
        name: {other for other in networks if other != name and mine & networks[other]}
        for name, mine in networks.items()
    }
    assert reached["schedules"] == {"prefect", "worker", "alerts"}
    assert reached["prefect"] == {"postgres", "schedules", "worker", "alerts"}
    assert reached["mlflow"] == {"postgres", "serving", "worker"}
    assert reached["serving"] == {"postgres", "mlflow", "worker", "alerts", *MONITORING}
    assert reached["alerts"] == {
        *("postgres", "prefect", "schedules", "serving", "worker", "alertmanager")
    }
    assert reached["grafana"] == {"serving", "prometheus", "alertmanager"}
    assert reached["prometheus"] == {"serving", "grafana", "alertmanager"}
    for name, declared in compose["services"].items():
        assert reached[name] >= set(declared.get("depends_on", {})) - {"schedules"}, name
    internal = {name for name, one in compose["networks"].items() if one and one["internal"]}
    assert internal == networks["postgres"]
    assert all(networks[name] - internal for name in networks if name != "postgres")


def test_mlflow_asks_for_the_login_that_its_clients_bring_and_keeps_files_on_its_volume(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = compose["services"]["mlflow"]
    assert declared["command"] == ["python", "-m", server.__name__]
    given = environment_of(compose, "mlflow")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = read()
    assert (settings.host, settings.mlflow_port) == ("0.0.0.0", 5000)  # noqa: S104
    assert given["MLFLOW_BACKEND_STORE_URI"].startswith("postgresql+psycopg://mlflow:")
    roots = server.roots_of(settings, given)
    assert (roots.default, roots.destination) == ("mlflow-artifacts:/", "/var/lib/mlflow/artifacts")
    assert declared["volumes"] == ["mlflow:/var/lib/mlflow"]
    login = {name: given[name] for name in (USERNAME, PASSWORD)}
    assert server.login_of(settings, given).text == ":".join(login.values())
    for name in ("worker", "serving"):
        assert login.items() <= environment_of(compose, name).items()
    for name in ("prefect", "schedules", "alerts"):
        assert PASSWORD not in environment_of(compose, name)


@QUIET
def test_every_variable_is_a_setting_of_some_program(compose: dict[str, Any]) -> None:
    import mlflow.environment_variables
    from mlflow.cli import cli
    from prefect.settings import Settings as PrefectSettings
    from prefect.settings.legacy import _get_settings_fields

    options = {option.envvar for option in cli.commands["server"].params if option.envvar}
    known = (
        {f"RUNLORE_{field.upper()}" for field in Settings.model_fields}
        | set(_get_settings_fields(PrefectSettings))
        | options
        | set(dir(mlflow.environment_variables))
        | TELEMETRY_OFF.keys()
    )
    for name in OURS:
        assert set(environment_of(compose, name)) <= known, name


def test_telemetry_is_off_in_every_container(compose: dict[str, Any]) -> None:
    for name in OURS:
        given = environment_of(compose, name)
        expected = (
            TELEMETRY_OFF if name != "mlflow" else {"DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY"}
        )
        for variable in expected:
            assert given[variable] == TELEMETRY_OFF[variable], name


def test_servers_get_the_same_tuning_as_under_up(compose: dict[str, Any]) -> None:
    assert environment.PREFECT_SERVER.items() <= environment_of(compose, "prefect").items()
    assert environment.MLFLOW_SERVER.items() <= variables(MLFLOW_FILE).items()


def test_secrets_have_no_default_and_are_all_named_in_the_example(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    required = set(re.findall(r"\$\{(\w+):\?see deployments/env\.example\}", text))
    assert required == {name for name in re.findall(r"\$\{(\w+)", text) if "PASSWORD" in name}
    example = variables(ROOT / "deployments" / "env.example")
    assert required <= example.keys()
    assert all(not example[name] for name in required)
    assert set(re.findall(r"\$\{(\w+):-", text)) == example.keys() - required


def test_the_database_gets_a_role_for_each_program_that_logs_in(compose: dict[str, Any]) -> None:
    script = (ROOT / "deployments" / "postgres" / "init.sh").read_text()
    [roles] = re.findall(r"for name in ([a-z ]+); do", script)
    text = (ROOT / "docker-compose.yml").read_text()
    logins = set(re.findall(r"://(\w+):\$\{(\w+)_DB_PASSWORD:[^}]+\}@postgres:5432/(\w+)", text))
    assert logins == {(role, role.upper(), role) for role in roles.split()}
    passed = environment_of(compose, "postgres")
    assert {f"{role.upper()}_DB_PASSWORD" for role in roles.split()} <= passed.keys()


@pytest.mark.parametrize("service", OURS)
def test_an_image_builds_from_what_is_here_and_does_not_run_as_root(
    compose: dict[str, Any], service: str
) -> None:
    build = compose["services"][service]["build"]
    steps = instructions(ROOT / build["dockerfile"])
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    for name, words in steps:
        if name == "COPY" and not words[0].startswith("--from"):
            for source in words[:-1]:
                assert (ROOT / source).exists(), source
                assert Path(source).parts[0] in allowed, f"{source} is ignored"
    assert [words[0] for name, words in steps if name == "USER"] == ["runlore"]
    bases = [words[0] for name, words in steps if name == "FROM"]
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)
    [prepared] = [words for name, words in steps if name == "RUN" and "useradd" in words]
    assert {"--mode=0700", "--owner=runlore"} <= set(prepared)
    [*_, install] = [words for name, words in steps if name == "RUN" and "-r" in words]
    assert {"--require-hashes", "--no-deps", "requirements.lock"} <= set(install)


def test_no_container_can_gain_rights(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert compose["services"]["postgres"]["user"] == "postgres"


def test_a_container_writes_to_its_volume_and_to_memory_within_bounds(
    compose: dict[str, Any],
) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert "/tmp" in service["tmpfs"], name  # noqa: S108  (of the container)
        assert service["mem_limit"].endswith("g"), name
        assert 0 < service["pids_limit"] <= 1024, name
    for name in OURS:
        [home] = [mount for mount in compose["services"][name]["tmpfs"] if ":" in mount]
        assert home == "/home/runlore:uid=10001,gid=10001,mode=0700"


def test_images_have_exact_versions(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        tag = service["image"].partition(":")[2]
        assert re.match(r"v?\d+\.\d+(\.\d+)?(-|$)", tag), name
