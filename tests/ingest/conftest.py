"""Logs to bring in."""

from pathlib import Path

import pytest

from runlore.store.engine import Store
from tests.ingest.csv_log import HEADER, Log, row


@pytest.fixture
def log(store: Store, tmp_path: Path) -> Log:
    """300 executions in a CSV file."""
    return Log(store, tmp_path / "log.csv", [HEADER, *(row(number) for number in range(300))])
