"""Names: one class name, one place; and no import that renames what it imports."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("runlore", "flows", "tasks", "bentos")
CUSTOMARY = {"np", "pd", "pa", "pc", "pq", "pa_csv", "pa_json", "sa"}  # numpy, pandas, pyarrow, …
BOTH_IN_HTTP = 1  # class names that two files of bentos/ define; it may only fall
RENAMING_IMPORTS = 37  # it may only fall


def trees() -> Iterator[tuple[str, ast.Module]]:
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def classes() -> dict[str, list[str]]:
    places = defaultdict(list)
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name)
    assert len(places) > 400
    return places


def test_no_class_name_is_defined_twice() -> None:
    twice = {name: files for name, files in classes().items() if len(files) > 1}
    within_http = {
        name for name, files in twice.items() if all(file.startswith("bentos/") for file in files)
    }
    assert {name: twice[name] for name in set(twice) - within_http} == {}
    assert len(within_http) <= BOTH_IN_HTTP, within_http


def test_no_import_renames_what_it_imports() -> None:
    """Where two things have one name, one of them gets a better name."""
    renaming = [
        f"{name}:{node.lineno} {alias.name} as {alias.asname}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.asname not in CUSTOMARY
    ]
    assert len(renaming) <= RENAMING_IMPORTS, "\n".join(renaming)
