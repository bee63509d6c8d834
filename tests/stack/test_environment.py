import os
from pathlib import Path

import pytest

from runlore import settings
from runlore.kernel.addresses import Address
from runlore.settings import Settings
from runlore.stack import environment


def test_a_child_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(
        home=Path("/some/where"),
        database_url="postgresql://me:secret@db/runlore",
        prefect_port=4321,
        specs=("a:B", "c:D"),
        workers=7,
    )
    for name, value in environment.of_settings(given).items():
        monkeypatch.setenv(name, value)
    assert settings.read() == given


def test_what_is_not_set_stays_unset() -> None:
    assert "RUNLORE_DATABASE_URL" not in environment.of_settings(Settings(database_url=None))


def test_a_users_prefect_account_does_not_reach_our_server(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", "secret")
    monkeypatch.setenv("PREFECT_PROFILE", "cloud")
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql://elsewhere")
    child = environment.of_child(settings, environment.of_prefect_clients(settings))
    assert not environment.PREFECT_ACCOUNT & child.keys()
    assert child["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert child["PREFECT_HOME"] == str(settings.home / "prefect")


def test_a_given_prefect_server_keeps_its_account(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", "secret")
    given = settings.model_copy(update={"prefect_api_url": Address("https://prefect.example/api")})
    child = environment.of_child(given, environment.of_prefect_clients(given))
    assert child["PREFECT_API_KEY"] == "secret"
    assert child["PREFECT_API_URL"] == "https://prefect.example/api"
    assert "PREFECT_HOME" not in child or child["PREFECT_HOME"] == os.environ["PREFECT_HOME"]


@pytest.mark.parametrize(
    ("host", "reached"),
    [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]"), ("10.0.0.7", "10.0.0.7")],  # noqa: S104
)
def test_a_service_is_looked_for_where_it_can_be_reached(
    settings: Settings, host: str, reached: str
) -> None:
    bound = settings.model_copy(update={"host": host})
    assert bound.prefect_url == f"http://{reached}:4200/api"
    assert bound.mlflow_url == f"http://{reached}:5000"
    assert bound.serve_url == f"http://{reached}:3000"
    assert environment.of_prefect_clients(bound)["PREFECT_API_URL"] == bound.prefect_url


def test_relative_import_paths_survive_the_change_of_folder(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"mine{os.pathsep}/yours")
    child = environment.of_child(settings, {})
    assert child["PYTHONPATH"] == f"{Path.cwd() / 'mine'}{os.pathsep}/yours"


def test_packages_are_compiled_even_if_the_terminal_forbids_it(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in environment.of_child(settings, {})


def test_a_users_account_at_another_mlflow_does_not_reach_our_server(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of another server")
    assert "MLFLOW_TRACKING_PASSWORD" not in environment.of_child(settings, {})
    elsewhere = settings.model_copy(
        update={"mlflow_tracking_uri": Address("https://mlflow.example.org")}
    )
    child = environment.of_child(elsewhere, {})
    assert child["MLFLOW_TRACKING_PASSWORD"] == "of another server"


def test_links_begin_with_the_pages_that_browsers_reach() -> None:
    plain = Settings(mlflow_tracking_uri="http://mlflow:5000")
    assert plain.mlflow_pages == "http://mlflow:5000"
    named = plain.model_copy(update={"mlflow_pages_url": Address("https://mlflow.example.org/")})
    assert (named.mlflow_pages, named.mlflow_url) == (
        "https://mlflow.example.org",
        plain.mlflow_url,
    )
