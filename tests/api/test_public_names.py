"""`import runlore`: what it offers, what it costs, and that its types hold in a user's program."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import runlore

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "typed.py"


def test_every_public_name_is_there_and_is_the_one_that_type_checkers_see() -> None:
    tree = ast.parse((ROOT / "runlore" / "__init__.py").read_text())
    [typed] = [node for node in tree.body if isinstance(node, ast.If) and node.body[1:]]
    places = {
        alias.name: node.module
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(places) == sorted({*runlore.__all__} - {"__version__"})
    assert places == {name: place for place, names in runlore.PLACES.items() for name in names}
    assert all(getattr(runlore, name) is not None for name in runlore.__all__)
    assert dir(runlore) == runlore.__all__
    with pytest.raises(AttributeError, match="no attribute 'clients'"):
        _ = runlore.clients


def test_importing_runlore_imports_nothing_that_is_not_used() -> None:
    script = (
        "import sys; before = set(sys.modules); import runlore\n"
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    names = set(done.stdout.split("'")[1::2])
    assert names - set(sys.stdlib_module_names) == {"runlore"}
    assert not names & {"typing", "asyncio", "re"}


@pytest.mark.exhaustive
def test_a_users_program_passes_mypy_strict(tmp_path: Path) -> None:
    """From a folder without any configuration. `make check` does it with the configuration here."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import runlore\nrunlore.Client(3)\nrunlore.no_such_name\n")
    shown = [
        subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent", str(path)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for path in (EXAMPLE, wrong)
    ]
    assert "Success: no issues found in 1 source file" in shown[0]
    assert "[arg-type]" in shown[1]
    assert "[attr-defined]" in shown[1]
