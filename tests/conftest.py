"""Fixtures for all: a real PostgreSQL, and the settings of a home that is thrown away."""

from runlore.kernel.telemetry import silence_telemetry
from runlore.kernel.threads import calm_threads

silence_telemetry()
calm_threads()

import os  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from functools import cache  # noqa: E402
from pathlib import Path  # noqa: E402

import httpx._transports.default as transports  # noqa: E402
import hypothesis  # noqa: E402
import pytest  # noqa: E402
import typer.main  # noqa: E402
import typer.testing  # noqa: E402
from sqlalchemy import text  # noqa: E402

from runlore.settings import Settings, read  # noqa: E402
from runlore.store.embedded import cluster  # noqa: E402
from runlore.store.engine import Store, open_store  # noqa: E402
from tests import template  # noqa: E402
from tests.tables import empty_tables  # noqa: E402

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs like that, and what tests start would inherit it: they could
    # not be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The tree of all commands takes 40 ms, and a client's certificates 20 ms: each is made once.
typer.main.get_command = typer.testing._get_command = cache(typer.main.get_command)
_make, _made = transports.create_ssl_context, cache(transports.create_ssl_context)
transports.create_ssl_context = lambda **given: (
    _make(**given) if "SSL_CERT_FILE" in os.environ else _made(**given)
)

cluster._initialise = template.copy_template

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.register_profile("short", deadline=None, max_examples=40)


def pytest_configure(config: pytest.Config) -> None:
    """`make test` tries fewer examples of each property than `make test-all`."""
    is_short = "not exhaustive" in config.option.markexpr
    hypothesis.settings.load_profile("short" if is_short else "untimed")


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    """A command that a test runs inside this process may change its folder and its umask."""
    folder, umask = Path.cwd(), os.umask(0o022)
    yield
    os.chdir(folder)
    os.umask(umask)


@pytest.fixture(scope="module")
def from_nothing() -> Iterator[None]:
    """PostgreSQL makes the data of a new home itself, and every migration runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "_initialise", template.initialise)
        yield


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database() -> Iterator[Store]:
    """A store on an embedded server that lasts as long as the tests."""
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    try:
        with open_store(Settings(home=home, database_url=None)) as store:
            _stop_syncing(store)
            yield store
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def store(database: Store) -> Store:
    """The same store with empty tables."""
    empty_tables(database)
    return database


@pytest.fixture
def settings(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings as read from an environment that names nothing but a home."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RUNLORE_{name.upper()}", raising=False)
    monkeypatch.setenv("RUNLORE_HOME", str(short_tmp))
    return read()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data sets, which stand beside the repository where they stand at all."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no public data sets at {folder}")
    return folder


def _stop_syncing(store: Store) -> None:
    """What the tests write need not survive the machine."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("ALTER SYSTEM SET synchronous_commit = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
