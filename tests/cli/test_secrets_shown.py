"""A secret planted in any setting is in nothing that a command prints or writes to a log."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from runlore.settings import Settings, read
from runlore.store.engine import Store
from tests.ingest.csv_log import HEADER, Log, row

CANARY = "canary-7f3a9c21e8"
PLANTED = {
    "database_url": f"postgresql://me:{CANARY}@127.0.0.1:1/runlore",
    "mlflow_tracking_uri": f"http://me:{CANARY}@127.0.0.1:1",
    "mlflow_pages_url": f"http://me:{CANARY}@127.0.0.1:1/pages?token={CANARY}",
    "prefect_pages_url": f"http://me:{CANARY}@127.0.0.1:1/prefect?token={CANARY}",
    "console_url": f"http://me:{CANARY}@127.0.0.1:1/console?token={CANARY}",
    "report_pages_url": f"http://me:{CANARY}@127.0.0.1:1/reports?token={CANARY}",
    "prefect_api_url": f"http://me:{CANARY}@127.0.0.1:1/api",
    "otlp_endpoint": f"http://me:{CANARY}@127.0.0.1:1",
    "chat_url": f"http://me:{CANARY}@127.0.0.1:1/v1",
    "chat_key": CANARY,
    "api_key": CANARY,
    "pseudonym_secret": CANARY,
    "alert_channels": json.dumps(
        {
            "ops": {"kind": "webhook", "url": f"http://127.0.0.1:1/{CANARY}", "token": CANARY},
            "chat": {"kind": "apprise", "url": f"json://me:{CANARY}@127.0.0.1:1/{CANARY}"},
        }
    ),
}
COMMANDS = (
    ("status",),
    ("status", "--json"),
    ("doctor",),
    ("doctor", "--json"),
    ("versions", "failure-risk"),
    ("alerts", "channels", "--json"),
    ("alerts", "test"),
    ("ingest", "prefect"),
)
# Of each setting the command that uses it; `doctor` looks at all of them at once.
USERS = {
    "database_url": ("status",),
    "mlflow_tracking_uri": ("versions", "failure-risk"),
    "mlflow_pages_url": ("status", "--json"),
    "prefect_pages_url": ("status", "--json"),
    "console_url": ("status", "--json"),
    "report_pages_url": ("report",),
    "prefect_api_url": ("ingest", "prefect"),
    "otlp_endpoint": ("status",),
    "chat_url": ("status",),
    "chat_key": ("status",),
    "api_key": ("status",),
    "pseudonym_secret": ("privacy", "rotate"),
    "alert_channels": ("alerts", "test"),
}
WRONG = {name: f"{CANARY} {value}" for name, value in PLANTED.items()} | {"api_key": f"{CANARY}ü"}


def planted(values: dict[str, str], home: Path, database: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNLORE_")}
    variables = {f"RUNLORE_{name.upper()}": value for name, value in values.items()}
    common = {"RUNLORE_HOME": str(home), "RUNLORE_DATABASE_URL": database}
    return kept | common | {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"} | variables


def run(*words: str, variables: dict[str, str]) -> str:
    """What a command prints, and what it leaves in the home's logs."""
    command = (sys.executable, "-m", "runlore.cli", *words)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    logs = Path(variables["RUNLORE_HOME"], "logs").glob("*.log")
    written = "".join(log.read_text() for log in logs if log.name != "postgres.log")
    assert done.stdout + done.stderr
    return done.stdout + done.stderr + written


def test_a_secret_is_planted_in_every_setting_that_takes_one() -> None:
    secret = {
        name
        for name, field in Settings.model_fields.items()
        if any(
            isinstance(kind, type) and issubclass(kind, SecretStr)
            for kind in (field.annotation, *get_args(field.annotation))
        )
    }
    addresses = {name for name in Settings.model_fields if name.endswith(("_url", "_uri"))}
    assert PLANTED.keys() == secret | addresses


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_the_command_that_uses_it_does_not_show_it(
    name: str, short_tmp: Path, database: Store
) -> None:
    variables = planted({name: PLANTED[name]}, short_tmp, database.url)
    assert CANARY not in run(*USERS[name], variables=variables)


@pytest.mark.slow
@pytest.mark.parametrize("reaches_the_database", [True, False])
def test_doctor_shows_none_of_them(
    reaches_the_database: bool, short_tmp: Path, database: Store
) -> None:
    values = {k: v for k, v in PLANTED.items() if k != "database_url" or not reaches_the_database}
    shown = run("doctor", variables=planted(values, short_tmp, database.url))
    assert "127.0.0.1:1" in shown
    assert CANARY not in shown


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("name", PLANTED)
def test_no_command_shows_it(name: str, short_tmp: Path, database: Store) -> None:
    variables = planted({name: PLANTED[name]}, short_tmp, database.url)
    for words in COMMANDS:
        assert CANARY not in run(*words, variables=variables), words


@pytest.mark.slow
@pytest.mark.parametrize("name", ["database_url", "prefect_api_url"])
def test_a_training_that_reaches_nobody_does_not_show_it(
    name: str, short_tmp: Path, store: Store, tmp_path: Path
) -> None:
    Log(store, tmp_path / "log.csv", [HEADER, *map(row, range(300))]).ingest()
    variables = planted(
        {"prefect_api_url": "http://127.0.0.1:1/api", name: PLANTED[name]}, short_tmp, store.url
    )
    shown = run("train", "failure-risk", variables=variables)
    assert "127.0.0.1" in shown
    assert CANARY not in shown


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_not_shown_either(name: str, short_tmp: Path, database: Store) -> None:
    variables = planted({name: WRONG[name]}, short_tmp, database.url)
    assert CANARY not in run("alerts", "channels", variables=variables)


def test_what_nobody_expected_is_written_down_without_it(short_tmp: Path) -> None:
    code = (
        "import os, runlore.cli as cli\n"
        "def app(**_): raise ValueError('at ' + os.environ['RUNLORE_MLFLOW_TRACKING_URI'])\n"
        "cli.app = app\n"
        "cli.main()\n"
    )
    variables = planted(PLANTED, short_tmp, PLANTED["database_url"])
    command = (sys.executable, "-c", code)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    log = (short_tmp / "logs" / "command.log").read_text()
    for shown in (done.stderr, log):
        assert "ValueError: at http://***@127.0.0.1:1" in shown
        assert CANARY not in shown


@pytest.mark.parametrize("name", PLANTED)
def test_settings_show_it_to_clients_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"RUNLORE_{name.upper()}", PLANTED[name])
    settings = read()
    assert CANARY in getattr(settings, name).get_secret_value()
    assert CANARY not in f"{settings} {settings!r} {settings.model_dump()} {settings.mlflow_pages}"
    assert CANARY not in settings.model_dump_json()


def test_clients_get_the_addresses_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mlflow_tracking_uri", "prefect_api_url"):
        monkeypatch.setenv(f"RUNLORE_{name.upper()}", PLANTED[name])
    settings = read()
    assert settings.mlflow_url == PLANTED["mlflow_tracking_uri"]
    assert settings.prefect_url == PLANTED["prefect_api_url"]
    assert settings.mlflow_pages == "http://127.0.0.1:1"
