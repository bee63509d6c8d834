"""Names: one class name, one place; no import that renames what it imports; plain comments."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("runlore", "flows", "tasks", "bentos", "integrations")
CUSTOMARY = {"np", "pd", "pa", "pc", "pq", "pa_csv", "pa_json", "sa"}  # numpy, pandas, pyarrow, …


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
    assert {name: files for name, files in classes().items() if len(files) > 1} == {}


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
    assert renaming == []


def test_no_string_stands_beneath_a_constant() -> None:
    """What a constant means is a comment: behind it, or above it where it is long."""
    found = [
        f"{name}:{text.lineno}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef)
        for constant, text in pairwise(node.body)
        if isinstance(constant, ast.Assign | ast.AnnAssign) and is_string(text)
    ]
    assert found == []


def is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
