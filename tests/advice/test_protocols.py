"""The page about protocols: its commands ingest the example logs, and what is learned of each."""

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runlore.cli import app
from runlore.settings import Settings
from runlore.store.engine import Store

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "protocols.md"
CAUSES = {
    "snmp": "scope sw-7",
    "ssh": "input auth_method = password",
    "smtp": "scope mx-2",
    "vapix": "input firmware = 11.2",
}


def commands(beginning: str) -> list[list[str]]:
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith(beginning)]


def test_each_protocol_is_ingested_and_learned_from_as_documented(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    monkeypatch.chdir(ROOT)
    ingests = commands("runlore ingest")
    assert len(ingests) == len(CAUSES)
    for command in ingests:
        done = CliRunner().invoke(app, [*command, "--json"])
        assert done.exit_code == 0, done.output
        counts = json.loads(done.stdout)
        assert (counts["new"], counts["rejected"]) == (420, 0), counts
    for command in commands("runlore advise why"):
        done = CliRunner().invoke(app, [*command, "--json"])
        view = json.loads(done.stdout)
        assert [one["text"] for one in view["causes"]] == [CAUSES[command[2]]], view["text"]
