"""One Prefect server for all tests of flows: it takes seconds to start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.runner import in_process
from runlore.settings import Settings
from runlore.stack import Stack, running

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running server; its processes, and those of workers and Dask, can import the tests."""
    home = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        with running(Settings(home=home, database_url=None), ("prefect",), ports="free") as stack:
            yield stack


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prefect_server: Stack) -> Iterator[Path]:
    """A home of its own; flows of the module run in this process."""
    folder = tmp_path_factory.mktemp("rl")
    with pytest.MonkeyPatch.context() as patch, in_process(prefect_server.settings):
        patch.delenv("RUNLORE_DATABASE_URL", raising=False)
        patch.setenv("RUNLORE_HOME", str(folder))
        yield folder
