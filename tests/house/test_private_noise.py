"""Noise that hides people comes from OpenDP alone."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
RANDOM = {"random", "numpy.random", "scipy.stats.laplace"}


def test_privacy_draws_no_noise_of_its_own() -> None:
    paths = sorted((ROOT / "runlore" / "privacy").rglob("*.py"))
    assert len(paths) > 15
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert ".random" not in text, path
        for node in ast.walk(ast.parse(text)):
            names = [one.name for one in getattr(node, "names", [])] if _imports(node) else []
            assert not RANDOM & {*names, getattr(node, "module", "")}, path


def test_nothing_draws_laplace_noise_from_floats() -> None:
    for folder in ("runlore", "tasks", "flows", "bentos"):
        for path in (ROOT / folder).rglob("*.py"):
            assert ".laplace(" not in path.read_text(encoding="utf-8"), path


def _imports(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)
