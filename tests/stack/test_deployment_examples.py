"""The files that docs/deployment.md copies, read as the programs that get them read them."""

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from runlore.settings import CATALOG, Settings
from tests.stack.compose_schema import COMPOSE
from tests.stack.test_compose import QUIET, ROOT, environment_of

EXAMPLE = ROOT / "deployments" / "override.example.yml"


class Replacing(yaml.SafeLoader):
    """Compose's `!override`: what is under it replaces what it would be merged with."""


class Replaced(list[str]):
    pass


Replacing.add_constructor(
    "!override", lambda loader, node: Replaced(loader.construct_sequence(node))
)


def merged(base: Any, over: Any) -> Any:
    """As Compose merges files: mappings by key, lists one after the other."""
    if isinstance(base, dict) and isinstance(over, dict):
        return base | {
            key: merged(base[key], value) if key in base else value for key, value in over.items()
        }
    if isinstance(base, list) and isinstance(over, list) and not isinstance(over, Replaced):
        return base + over
    return over


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


@pytest.fixture(scope="module")
def compose(plain: dict[str, Any]) -> dict[str, Any]:
    """Both files as one."""
    over = yaml.load(EXAMPLE.read_text(), Replacing)  # noqa: S506  (a SafeLoader)
    assert set(over["services"]) <= set(plain["services"])
    found: dict[str, Any] = merged(plain, over)
    return found


def test_both_files_together_are_valid_compose(compose: dict[str, Any]) -> None:
    [published] = compose["services"]["serving"]["ports"]
    assert published == "192.0.2.10:3000:3000"
    here = {**compose["services"]["serving"], "ports": ["127.0.0.1:3000:3000"]}
    jsonschema.validate({**compose, "services": {**compose["services"], "serving": here}}, COMPOSE)


def test_only_predictions_are_published_to_others(
    plain: dict[str, Any], compose: dict[str, Any]
) -> None:
    for name, service in compose["services"].items():
        if name != "serving":
            assert service.get("ports") == plain["services"][name].get("ports")
    assert environment_of(compose, "serving")["RUNLORE_HOST"] == "0.0.0.0"  # noqa: S104
    assert "RUNLORE_API_KEYS" not in environment_of(compose, "serving")


def test_who_schedules_trains_and_serves_find_the_same_specs(compose: dict[str, Any]) -> None:
    for name in ("serving", "schedules", "worker"):
        given = environment_of(compose, name)
        own, *ready = json.loads(given["RUNLORE_SPECS"])
        assert tuple(ready) == CATALOG
        file = f"{own.partition(':')[0]}.py"
        mount = f"./{file}:{given['PYTHONPATH']}/{file}:ro"
        assert mount in compose["services"][name]["volumes"]
        assert f"# {file}" in (ROOT / "docs" / "custom-specs.md").read_text(encoding="utf-8")


@QUIET
def test_every_variable_is_a_setting_and_what_containers_need_stays_allowed(
    plain: dict[str, Any], compose: dict[str, Any]
) -> None:
    import mlflow.environment_variables
    from prefect.settings import Settings as PrefectSettings
    from prefect.settings.legacy import _get_settings_fields

    ours = {f"RUNLORE_{field.upper()}" for field in Settings.model_fields} | {"PYTHONPATH"}
    known = (
        ours | set(_get_settings_fields(PrefectSettings)) | set(dir(mlflow.environment_variables))
    )
    for name in ("serving", "schedules", "worker", "prefect", "mlflow"):
        before = environment_of(plain, name)
        changed = {n: v for n, v in environment_of(compose, name).items() if before.get(n) != v}
        assert changed
        assert set(changed) <= known
    mlflow = environment_of(compose, "mlflow")
    assert mlflow["MLFLOW_SERVER_ALLOWED_HOSTS"] == "mlflow:5000"
    assert json.loads(mlflow["RUNLORE_ALLOWED_HOSTS"]) == ["mlflow.example.org"]


UNIT = ROOT / "deployments" / "runlore.service"


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser


def test_the_unit_starts_up_and_tells_one_process_to_stop() -> None:
    service = unit()["Service"]
    assert service["ExecStart"].endswith("/bin/runlore up")
    assert service["KillMode"] == "mixed"
    name, _, home = service["Environment"].partition("=")
    assert (name, home) == ("RUNLORE_HOME", f"/var/lib/{service['StateDirectory']}")
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert service["EnvironmentFile"].removeprefix("-") in page
    assert f"RUNLORE_HOME={home} {service['ExecStart'].removesuffix(' up')} " in page
    assert Path(service["ExecStart"].split()[0]).parts[:3] == ("/", "opt", "runlore")


def test_the_unit_may_write_its_private_home_and_nothing_else() -> None:
    service = unit()["Service"]
    expected = {
        "UMask": "0077",
        "StateDirectoryMode": "0700",
        "ProtectSystem": "strict",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "SystemCallFilter": "@system-service",
    }
    assert expected.items() <= dict(service).items()
    assert int(service["LimitNOFILE"]) >= 65_536
    assert "MemoryDenyWriteExecute" not in service


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    text = re.sub("(?m)^ExecStart=.*$", "ExecStart=/bin/true", UNIT.read_text())
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    command = ("systemd-analyze", "verify", str(copy))
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
