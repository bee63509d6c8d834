"""After an erasure no table, artifact, report or log has a mark of the persona; others have all."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.kernel.errors import NotFound
from runlore.models import bundle
from runlore.privacy.actions import erasing, erasing_files
from runlore.privacy.actions.erasing import ErasureContext, ErasureRequest
from runlore.privacy.actions.exporting import export_persona
from runlore.privacy.actions.pseudonyms import read_pseudonyms
from runlore.privacy.queries.erasures import list_erasures
from runlore.privacy.queries.opt_outs import opted_out
from runlore.registry import ModelRelease, Registry, alias_history
from runlore.registry.alias_history import Change
from runlore.serving.actions import api_keys
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import served
from tests.registry.planted_persona import (
    MARKS,
    NAME,
    NEAR,
    OTHER,
    SAID,
    plant_facts,
    plant_files,
    plant_tables,
)

TABLES = """
SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('runlore', 'mlflow', 'prefect')
"""

HOLDS = "strpos(replace(held::text, %s, ''), %s) > 0"


def marked_rows(store: Store) -> dict[str, int]:
    """As a dump would show them: table and mark -> rows, without the name of another persona."""
    rows = {}
    with store.connect() as connection:
        for schema, table in connection.execute(TABLES).fetchall():
            for mark in MARKS:
                query = f'SELECT count(*) FROM "{schema}"."{table}" AS held WHERE {HOLDS}'
                [count] = connection.execute(query, (NEAR, mark)).fetchone() or (0,)
                if count:
                    rows[f"{schema}.{table} {mark}"] = count
    return rows


def marked_files(home: Path) -> list[str]:
    """By a plain search through unpacked bytes, not by the code under test."""
    marked = []
    for path in (one for one in home.rglob("*") if one.is_file()):
        parts = list(erasing_files._parts(path.read_bytes()))
        content = b"\n".join([str(path.relative_to(home)).encode(), *parts])
        if any(mark.encode() in content.replace(NEAR.encode(), b"") for mark in MARKS):
            marked.append(str(path.relative_to(home)))
    return marked


def register(registry: Registry, release: ModelRelease, words: list[str], until_seq: int) -> None:
    """A champion whose bundle knows these words, and whose training saw facts up to a number."""
    path = release.folder / bundle.DESCRIPTION
    told: dict[str, Any] = json.loads(path.read_text()) | {"words": words}
    told["digest"] = bundle.content_digest(told, [release.folder / bundle.MODEL])
    path.write_text(json.dumps(told))
    named = replace(release, digest=told["digest"], card=f"# Card\n\n{', '.join(words)}")
    with registry.training_run(release.spec) as run:
        run.parameters({"until_seq": until_seq, "words": ", ".join(words)})
        run.tags({"groups": words[-1]})
        run.text("tables/slices.json", json.dumps(words))
        registry.announce(registry.register(run, named))


@pytest.fixture
def context(store: Store, registry: Registry, registry_home: Path) -> Iterator[ErasureContext]:
    settings = Settings(home=registry_home, mlflow_tracking_uri=None, database_url=store.url)
    return ErasureContext(settings, store, registry)


@pytest.fixture
def taught(
    context: ErasureContext, release: ModelRelease, other: ModelRelease, spec: str
) -> tuple[str, str]:
    """Two specs: files of the first name the persona, the second only learned from its rows."""
    quiet = replace(other, spec=f"{spec}-quiet")
    register(context.registry, release, [OTHER, NAME], 10**6)
    register(context.registry, quiet, [OTHER, NEAR], 10**6)
    return spec, quiet.spec


def test_nothing_of_a_persona_is_left_and_all_of_others_is(
    context: ErasureContext,
    taught: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, home = context.store, context.settings.home
    plant_facts(store)
    with alias_history.writing(store) as history:
        history.add(Change("s", "champion", "1", "promote", NAME, SAID, {"who": NAME}))
        history.add(Change("s", "champion", "2", "promote", OTHER, "better"))
    with store.begin() as connection:
        planted = plant_tables(connection)
    plant_files(home)
    before = marked_rows(store)
    assert {key.split()[0].partition(".")[2] for key in before} >= planted - {
        "executions",
        "metrics",
        "withdrawn_executions",
        "withdrawn_metrics",
        "ledger",
        "incident_series",  # numbers, of a series that names it
    }
    assert any(key.startswith("mlflow.") for key in before)
    assert len(marked_files(home)) > 8

    preview = erasing.preview_erasure(context, NAME)
    assert marked_rows(store) == before, "a dry run changes nothing"
    assert {(one.spec, one.names_it) for one in preview.versions if one.spec in taught} == {
        (taught[0], True),
        (taught[1], False),
    }
    archive = tmp_path / "export.zip"
    counts = export_persona(store, NAME, archive, instants.now()).tables
    with zipfile.ZipFile(archive) as opened:
        lines = {t: opened.read(f"{t}.jsonl").decode().splitlines() for t in counts}
    assert {table: len(rows) for table, rows in lines.items()} == counts
    assert counts.items() <= preview.tables.deleted.items()
    assert all(json.loads(row)["actor"] != OTHER for row in lines["executions"])

    # It is cut off before the tables, and goes on.
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "clean_tables", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erasing.erase(context, ErasureRequest(NAME, NAME), instants.now())
    with store.connect() as connection:
        [cut] = list_erasures(connection, 9)
    assert cut.finished_at is None
    assert set(cut.steps) == {"facts", "models", "files"}
    report = erasing.erase(context, ErasureRequest(NAME, NAME), instants.now())
    assert (report.id, report.is_resumed, report.left) == (cut.id, True, {})

    assert marked_rows(store) == {}
    assert marked_files(home) == []
    pseudonym = read_pseudonyms(context.settings).of(NAME)
    with store.begin() as connection:
        assert alias_history.is_intact(connection)
        assert pseudonym not in str(
            connection.execute(text("SELECT * FROM runlore.erasures")).all()
        )
        actors = connection.scalars(text("SELECT actor FROM runlore.executions")).all()
    assert sorted(actors) == [OTHER] * 4 + [NEAR] * 2
    assert (home / "logs" / "serve.log").read_text().startswith("first line\n")
    assert (home / "logs" / "serve.log").read_text().endswith("last line\n")
    assert len(list(home.rglob("innocent.json"))) >= 4
    assert [context.registry.versions(name) != () for name in taught] == [False, True]
    with pytest.raises(NotFound):
        export_persona(store, NAME, tmp_path / "again.zip", instants.now())
    with store.connect() as connection:
        assert NAME not in opted_out(connection)
    again = erasing.erase(context, ErasureRequest(NAME, "cli", "retire"), instants.now())
    assert (again.executions, again.tables.deleted, again.retired) == (0, {}, 0)


def test_over_http_only_an_admin_key_exports_and_erases(
    context: ErasureContext, store: Store, taught: tuple[str, str]
) -> None:
    plant_facts(store)
    at = instants.now()
    few = api_keys.create(store, "trainer", ["train", "read", "record"], at).text
    admin = api_keys.create(store, "owner", ["admin"], at).text
    settings = context.settings.model_copy(update={"api_keys": "required"})
    way = f"/privacy/personas/{NAME}"
    with served(Serving((), store=store), settings) as client:
        for answer in (client.get(f"{way}/export"), client.delete(way)):
            assert answer.status_code == 401
        client.headers["X-API-Key"] = few
        for answer in (client.get(f"{way}/export"), client.delete(way)):
            assert answer.status_code == 403
            assert "admin" in answer.text
        client.headers["X-API-Key"] = admin
        assert client.delete(f"{way}?models=burn").status_code == 422
        assert client.get("/privacy/personas/nobody/export").status_code == 404
        answer = client.get(f"{way}/export")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert len(archive.read("executions.jsonl").splitlines()) == 4
        dry = client.delete(f"{way}?dry_run=true").json()
        assert dry["id"] is None
        assert dry["tables"]["deleted"]["executions"] == 4
        done = client.delete(f"{way}?models=retire")
    assert done.status_code == 200
    assert done.json()["left"] == {}
    assert done.json()["retired"] >= 2
    assert marked_rows(store) == {}
