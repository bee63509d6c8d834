import importlib.util

import pytest

from runlore.kernel.addresses import Address
from runlore.kernel.errors import BadInput
from runlore.settings import Settings
from runlore.stack import environment
from runlore.stack.services import DATABASE, NAMES, declare, prefect_api, select
from runlore.web.login import login_file, read_login


def names(settings: Settings, *wanted: str) -> list[str]:
    return [service.name for service in select(settings, wanted)]


def test_every_service_but_the_database_is_a_process_of_ours(settings: Settings) -> None:
    assert [service.name for service in declare(settings)] == [n for n in NAMES if n != DATABASE]


def test_asking_for_one_brings_what_it_needs(settings: Settings) -> None:
    assert names(settings, "worker") == ["prefect", "worker"]
    assert names(settings, "mlflow") == ["mlflow"]


def test_prefect_and_mlflow_keep_their_records_in_our_database(settings: Settings) -> None:
    tables = {service.name: service.tables for service in declare(settings) if service.tables}
    assert tables == {"prefect": "prefect", "mlflow": "mlflow"}
    for service in declare(settings):
        assert service.tables is None or DATABASE in service.needs


def test_a_wrong_name_is_refused_with_the_right_ones(settings: Settings) -> None:
    with pytest.raises(BadInput, match="'preflect' is no service; there are database, prefect,"):
        select(settings, ("preflect",))


def test_servers_of_somebody_else_are_not_started(settings: Settings) -> None:
    given = settings.model_copy(
        update={
            "prefect_api_url": Address("http://p/api"),
            "mlflow_tracking_uri": Address("http://m"),
        }
    )
    assert [service.name for service in declare(given)] == [
        "schedules",
        "worker",
        "serving",
        "alerts",
    ]
    assert names(given, "worker") == ["worker"]


def test_a_shared_prefect_keeps_the_runs_of_its_other_workers(settings: Settings) -> None:
    given = settings.model_copy(update={"prefect_api_url": Address("http://p/api")})
    assert "--bury-lost" not in next(s for s in declare(given) if s.name == "schedules").command
    assert "--bury-lost" in next(s for s in declare(settings) if s.name == "schedules").command


def test_every_command_is_a_module_that_can_be_found(settings: Settings) -> None:
    for service in declare(settings):
        _, option, module = service.command[:3]
        assert option == "-m"
        assert importlib.util.find_spec(module), module


def test_no_secret_is_on_a_command_line(settings: Settings) -> None:
    given = settings.model_copy(
        update={"database_url": Settings(database_url="postgresql://me:hush@db/x").database_url}
    )
    for service in declare(given):
        assert "hush" not in " ".join(service.command)


def test_no_secret_is_in_a_declaration_and_the_home_stays_untouched(settings: Settings) -> None:
    before = login_file(settings.home).exists()
    declared = {service.name: service for service in declare(settings)}
    assert declared["prefect"].login_variable == "PREFECT_SERVER_API_AUTH_STRING"
    assert declared["worker"].login_variable == "PREFECT_API_AUTH_STRING"
    assert declared["schedules"].login_variable == "PREFECT_API_AUTH_STRING"
    assert login_file(settings.home).exists() == before


def test_the_login_of_the_home_is_not_for_a_server_of_somebody_else(settings: Settings) -> None:
    given = Settings(home=settings.home, prefect_api_url="http://p/api")
    assert all(service.login_variable is None for service in declare(given))
    assert prefect_api(given).home is None
    assert environment.login_of_prefect_clients(given) == {}
    own = environment.login_of_prefect_clients(settings)
    assert own == {"PREFECT_API_AUTH_STRING": read_login(settings.home).text}
