"""Documents that cannot lie: settings, commands, links and specs that they name exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from runlore.cli import app
from runlore.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "integrations").rglob("*.md"),
    ]
)


def commands() -> set[str]:
    groups = {group.name for group in app.registered_groups}
    return groups | {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    table = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `RUNLORE_(\w+)`", table, re.MULTILINE)
    assert [name.lower() for name in documented] == list(Settings.model_fields)


def test_every_command_is_documented() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    command = get_command(app)
    named = [f"runlore {name}" for name in paths(command)]
    assert len(named) > 60
    assert [name for name in named if name not in text] == []


def paths(command: Any) -> Iterator[str]:
    """Of all commands below one, such as `alerts list`."""
    for name, inner in getattr(command, "commands", {}).items():
        yield name
        yield from (f"{name} {rest}" for rest in paths(inner))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documented_commands_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|[`\s])runlore ([a-z]+)\b(?=[^|]*)", re.sub(r"\n#.*", "", text)))
    prose = {"and", "is", "learns", "must", "does", "on", "itself", "serves", "raised", "package"}
    assert named - commands() - prose == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_inside_the_repository_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (document.parent / target).exists(), target


def test_make_targets_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        named = re.findall(
            r"(?<!\w)`?make ([a-z]+(?:-[a-z]+)*)\b", document.read_text(encoding="utf-8")
        )
        assert set(named) - {"a", "and", "it", "sense"} <= targets, document.name


def test_files_that_the_architecture_names_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", text))
    assert len(named) > 30
    missing = [
        path for path in named if not any((ROOT / top / path).exists() for top in ("", "runlore"))
    ]
    assert missing == []


def test_a_walk_through_the_architecture_has_at_most_twelve_stops() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    walks = text.partition("## Three walks")[2].partition("\n## ")[0].split("### ")[1:]
    assert len(walks) == 3
    for walk in walks:
        assert 1 < len(re.findall(r"^\d+\. ", walk, re.MULTILINE)) <= 12, walk.splitlines()[0]
