"""Names: one class name, one place; no import that renames what it imports; plain comments."""

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("runlore", "flows", "tasks", "bentos", "integrations")
CUSTOMARY = {"np", "pd", "pa", "pc", "pq", "pa_csv", "pa_json", "sa"}  # numpy, pandas, pyarrow, …


@dataclass
class Found:
    """What the modules have, by the file and line where it stands."""

    classes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    renaming: list[str] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)

    def look(self, name: str, node: ast.AST) -> None:
        if isinstance(node, ast.ClassDef):
            self.classes[node.name].append(name)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.renaming += [
                f"{name}:{node.lineno} {alias.name} as {alias.asname}"
                for alias in node.names
                if alias.asname and alias.asname not in CUSTOMARY
            ]
        if isinstance(node, ast.Module | ast.ClassDef):
            self.strings += [
                f"{name}:{text.lineno}"
                for constant, text in pairwise(node.body)
                if isinstance(constant, ast.Assign | ast.AnnAssign) and is_string(text)
            ]


@pytest.fixture(scope="module")
def found() -> Found:
    """Of all modules, each of which is read once."""
    found = Found()
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text())):
                found.look(name, node)
    return found


def test_no_class_name_is_defined_twice(found: Found) -> None:
    assert len(found.classes) > 400
    assert {name: files for name, files in found.classes.items() if len(files) > 1} == {}


def test_no_import_renames_what_it_imports(found: Found) -> None:
    """Where two things have one name, one of them gets a better name."""
    assert found.renaming == []


def test_no_string_stands_beneath_a_constant(found: Found) -> None:
    """What a constant means is a comment: behind it, or above it where it is long."""
    assert found.strings == []


def is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
