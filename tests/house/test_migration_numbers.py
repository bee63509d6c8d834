"""Migrations stand in one line: each follows the one of the number before it."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "runlore" / "store" / "migrations" / "versions"


def test_each_migration_follows_the_one_before_it() -> None:
    paths = sorted(FOLDER.glob("[0-9]*.py"))
    numbers = [path.name[:4] for path in paths]
    assert numbers == [f"{number:04}" for number in range(1, len(paths) + 1)]
    for path, before in zip(paths[1:], numbers, strict=False):
        text = path.read_text(encoding="utf-8")
        assert re.search(rf'^revision = "{path.name[:4]}"$', text, re.MULTILINE), path.name
        assert re.search(rf'^down_revision = "{before}"$', text, re.MULTILINE), path.name
