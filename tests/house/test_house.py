"""The house itself: floors, sizes, doors, and what may be imported when."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("runlore", "flows", "tasks", "bentos")
LONGEST_FILE = 400
LONGEST_TESTS = 600
LONGEST_FUNCTION = 40
HEAVY = {
    "mlflow",
    "prefect",
    "evidently",
    "bentoml",
    "fastapi",
    "sklearn",
    "xgboost",
    "pandas",
    "numba",
    "pyarrow",
    "sqlalchemy",
    "distributed",
    "matplotlib",
}
MIGRATIONS = "runlore/store/migrations/"
OPENERS = {
    ("runlore.settings", "read"),
    ("runlore.store.engine", "open_store"),
    ("runlore.registry", "connect"),
    ("runlore.registry.connection", "connect"),
}
MAY_OPEN = {
    "runlore/app.py",
    "runlore/registry/__init__.py",  # it passes the name on
    "runlore/registry/server.py",  # a process of its own, below the App, that opens nothing
}
ERRANDS = {"utils", "helpers", "common", "manager", "base", "misc"}


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(found) > 10
    return found


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def settings_of(tool: str) -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][tool]
    return found


def test_imports_go_down_only_and_each_tool_has_one_door() -> None:
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert done.returncode == 0, done.stdout


def test_every_package_of_the_project_is_under_contract() -> None:
    """A new top-level package would otherwise be nobody's."""
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages == set(CODE)
    assert set(settings_of("importlinter")["root_packages"]) == set(CODE)
    assert set(settings_of("mypy")["packages"]) == set(CODE)


def test_every_module_of_runlore_is_on_a_floor() -> None:
    contracts = settings_of("importlinter")["contracts"]
    [floors] = [c for c in contracts if c["name"] == "The order of rooms and subjects"]
    on_a_floor = {name.strip() for layer in floors["layers"] for name in layer.split("|")}
    folder = ROOT / "runlore"
    modules = {path.parent.name for path in folder.glob("*/__init__.py")}
    modules |= {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == on_a_floor
    assert floors["exhaustive"] is True


def test_every_folder_of_code_is_a_package() -> None:
    for path in sources(*CODE):
        assert (path.parent / "__init__.py").exists() or named(path).startswith(MIGRATIONS), path


def test_import_mlflow_gives_the_package_from_the_projects_root() -> None:
    """The folder of that name has no Python in it, so it loses to the package."""
    script = "import importlib.util as u; print(u.find_spec('mlflow').origin)"
    done = run(sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("mlflow/__init__.py")
    assert str(ROOT / "mlflow") not in done.stdout


def test_integrations_are_no_package() -> None:
    """Their files are copied to other programs; a package `prefect` would hide Prefect's own."""
    assert list((ROOT / "integrations").rglob("__init__.py")) == []


def test_there_is_no_python_in_the_folder_mlflow() -> None:
    assert list((ROOT / "mlflow").rglob("*.py")) == []
    assert (ROOT / "mlflow" / "Dockerfile").exists()


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from runlore.cli import app\n"
        "result = CliRunner().invoke(app, ['--help']); assert result.exit_code == 0\n"
        "print(' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    done = run(sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    assert HEAVY & set(done.stdout.split()) == set()


@pytest.mark.parametrize(
    ("folders", "longest"),
    [((*CODE, "bench", "integrations"), LONGEST_FILE), (("tests",), LONGEST_TESTS)],
)
def test_no_file_is_longer_than_can_be_read(folders: tuple[str, ...], longest: int) -> None:
    lines = {named(path): path.read_text().count("\n") for path in sources(*folders)}
    assert {name: count for name, count in lines.items() if count > longest} == {}


def test_no_function_is_longer_than_can_be_seen() -> None:
    long = {}
    for path in sources(*CODE, "integrations"):
        if named(path).startswith(MIGRATIONS):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
                if lines > LONGEST_FUNCTION:
                    long[f"{named(path)}:{node.name}"] = lines
    assert long == {}


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node) is None:
        return 0
    first = node.body[0]
    return (first.end_lineno or 0) - first.lineno + 1


def test_no_module_is_named_after_the_errand_instead_of_the_subject() -> None:
    assert [named(path) for path in sources(*CODE) if path.stem in ERRANDS] == []


def test_only_the_app_reads_settings_opens_the_store_and_connects_to_the_registry() -> None:
    opening = {named(path): openers_of(path) for path in sources(*CODE)}
    assert opening["runlore/app.py"] == {"read", "open_store", "connect"}
    others = {name: names for name, names in opening.items() if names and name not in MAY_OPEN}
    assert others == {}


def openers_of(path: Path) -> set[str]:
    """The functions of OPENERS that a module imports, or reaches through a module it imports."""
    text = path.read_text()
    if not any(module.rpartition(".")[2] in text for module, _ in OPENERS):
        return set()
    tree = ast.parse(text)
    imported = [
        (f"{node.module}", alias.name, alias.asname or alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    modules = {local: f"{module}.{name}" for module, name, local in imported}
    reached = {
        (modules.get(node.value.id, ""), node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    used = OPENERS & (reached | {(module, name) for module, name, _ in imported})
    return {name for _, name in used}


def test_nothing_heavy_is_imported_where_a_command_is_declared() -> None:
    """The command line imports its tools inside the commands."""
    for path in (ROOT / "runlore" / "cli").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            assert not HEAVY & {name.partition(".")[0] for name in names}, named(path)


def test_no_function_of_the_product_is_taken_for_a_test() -> None:
    for path in sources(*CODE):
        assert "\ndef test_" not in path.read_text(encoding="utf-8"), path


def test_no_two_files_of_tests_have_one_name() -> None:
    names = [path.name for path in sources("tests") if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


def test_nothing_committed_names_a_package_index_or_one_machine() -> None:
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.split("\n")
    forbidden = ("/simple/", "--index-url", "--find-links", "/" + "work/", "/" + "farm/")
    allowed = {"Makefile", "tests/house/test_house.py"}
    found = [
        (name, text)
        for name in filter(None, listed)
        if name not in allowed and (ROOT / name).is_file()
        for text in forbidden
        if text in (ROOT / name).read_text(errors="replace")
    ]
    assert found == []


def test_the_wheel_carries_deployments_and_migrations(tmp_path: Path) -> None:
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = run(sys.executable, "-m", "zipfile", "-l", str(wheel)).stdout
    assert "runlore/_deployments/prefect.yaml" in names
    assert "runlore/store/migrations/versions/" in names
    for package in CODE:
        assert f"{package}/__init__.py" in names
    assert "mlflow/" not in names
    assert "tests/" not in names
    assert "integrations/" not in names


def test_every_public_action_has_a_docstring() -> None:
    """It says what the action does and which errors it raises."""
    paths = [path for path in sources("runlore") if "actions" in (path.stem, path.parent.name)]
    assert len(paths) > 40
    undocumented = [
        f"{named(path)}:{node.lineno} {node.name}"
        for path in paths
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert undocumented == []


def test_each_advisory_lock_has_a_number_of_its_own() -> None:
    texts = [path.read_text() for path in (ROOT / "runlore").rglob("*.py")]
    numbers = [
        node.value.value
        for text in texts
        if "LOCK" in text
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, int)
        if any(isinstance(name, ast.Name) and name.id == "LOCK" for name in node.targets)
    ]
    assert len(numbers) >= 4, numbers
    assert len(set(numbers)) == len(numbers)
