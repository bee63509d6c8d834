"""One trained home for all tests of the Python API."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runlore
from runlore.settings import Settings
from runlore.simulate import Scenario, SimulatedLog, mapping, simulate


@pytest.fixture(scope="session")
def log() -> SimulatedLog:
    return simulate(Scenario(executions=3_000, days=60))


@pytest.fixture(scope="session")
def mapped() -> dict[str, Any]:
    """How the simulated log is read, as keyword arguments of `ingest`."""
    return {name: part for name, part in mapping().items() if name != "source"}


def with_quick_specs(patch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        patch.delenv(f"RUNLORE_{name.upper()}", raising=False)
    specs = [f"tests.api.quick_specs:{name}" for name in ("RISK", "LENGTH")]
    patch.setenv("RUNLORE_SPECS", json.dumps(specs))


@pytest.fixture(scope="session")
def home(log: SimulatedLog, mapped: dict[str, Any]) -> Iterator[runlore.Home]:
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    with pytest.MonkeyPatch.context() as patch:
        with_quick_specs(patch)
        with runlore.open(folder) as opened:
            opened.ingest(log.records, source="simulated", **mapped)
            opened.train()
            yield opened
    shutil.rmtree(folder, ignore_errors=True)
