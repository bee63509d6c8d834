"""The notebook under examples/ runs from its first cell to its last, and so does docs/python.md."""

import json
from pathlib import Path
from typing import Any

import matplotlib.figure
import pytest

import runlore
from runlore.simulate import SimulatedLog
from tests.api.conftest import with_quick_specs
from tests.pages import python_blocks, run_blocks

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "from_a_data_frame.ipynb"
SERVICE = "http://localhost:3000"


def code_cells() -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_has_no_outputs_and_names_its_cells() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells) > 10
    assert all(not cell.get("outputs") for cell in cells)


def test_the_notebook_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cells in one namespace, in a home of their own: no kernel is needed."""
    with_quick_specs(monkeypatch)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    run_blocks(code_cells(), names)
    assert len(names["answers"]) == 5
    assert isinstance(names["figure"], matplotlib.figure.Figure)
    assert "duration passed" in capsys.readouterr().out


def test_the_examples_of_the_page_run(
    home: runlore.Home, log: SimulatedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that need no service; the others run in tests/bentos."""
    monkeypatch.chdir(tmp_path)
    names = {"user": "actor", "job_type": "kind", "host": "scope", "submitted_at": "submitted"}
    builds = log.records.tail(40).rename(columns=names | {"finished_at": "finished"})
    monkeypatch.setattr(runlore, "open", lambda *_: home)
    monkeypatch.setattr(type(home), "__exit__", lambda *_: None)
    blocks = [block for block in python_blocks("docs/python.md") if SERVICE not in block]
    assert len(blocks) == 3
    run_blocks(blocks, {"builds": builds, "runlore": runlore})
    assert (tmp_path / "calibration.png").exists()
