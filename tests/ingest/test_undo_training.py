"""A training after an undo is the training of a home that never saw the ingest."""

import uuid
from dataclasses import replace

import pytest

from runlore import simulate
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.ingest.actions.sources import list_sources
from runlore.ingest.actions.trained_versions import trained_on
from runlore.ingest.actions.undo import UndoReason, UndoTarget, undo_ingest
from runlore.kernel.instants import now, parse
from runlore.log.reader import read_log
from runlore.models import bundle
from runlore.quality.actions import contract
from runlore.records.mapping import declare
from runlore.registry import connect
from runlore.settings import Settings
from runlore.training.actions import bundle_files
from runlore.training.actions.extraction import extract
from runlore.training.actions.training import train_spec
from runlore.training.rules import fitting
from tests.flows import quick_specs
from tests.tables import empty_tables

pytestmark = pytest.mark.slow

WHY = UndoReason("ada", "the wrong file")


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """A log in two files: its even lines, and its odd ones."""
    folder = tmp_path_factory.mktemp("halves")
    scenario = simulate.Scenario(
        executions=2400, days=60, end=parse("2026-06-01T00:00:00Z"), change_at=1.0
    )
    files = simulate.write(simulate.simulate(scenario), folder)
    header, *lines = files.executions.read_text().splitlines(keepends=True)
    paths = folder / "a.csv", folder / "b.csv"
    for at, path in enumerate(paths):
        path.write_text(header + "".join(lines[at::2]))
    return paths


def ingest(store, path):
    mapping = {k: v for k, v in simulate.mapping().items() if k != "source"}
    ingest_file(store, FileSource(path, "csv", path.stem, declare(mapping)), now())


def number_of(store, name):
    return next(s.ingests[0].ingest for s in list_sources(store) if s.source == name)


def trained_digest(store, folder, *, with_contract=True):
    """The digest of a version's bundle, as `conclude` seals it."""
    extracted = extract(store, quick_specs.RISK)
    trained = fitting.fit(extracted.spec, extracted.data, extracted.plan)
    bundle_files.write(folder, trained)
    if with_contract:
        contract.keep(folder, extracted.contract)
    return bundle.seal(folder)


def test_it_has_the_digest_of_a_training_that_never_saw_the_undone_ingest(store, halves, tmp_path):
    ours, theirs = halves
    ingest(store, ours)
    expected = trained_digest(store, tmp_path / "never")
    empty_tables(store)

    ingest(store, ours)
    ingest(store, theirs)
    both = trained_digest(store, tmp_path / "both")
    undo_ingest(store, UndoTarget(ingest_id=number_of(store, "b")), WHY)

    assert both != expected
    assert trained_digest(store, tmp_path / "undone") == expected


def test_facts_that_came_after_the_undone_ones_give_the_same_model(store, halves, tmp_path):
    ours, theirs = halves
    ingest(store, ours)
    expected = trained_digest(store, tmp_path / "never", with_contract=False)
    empty_tables(store)

    ingest(store, theirs)
    ingest(store, ours)
    undo_ingest(store, UndoTarget(source="b"), WHY)

    assert trained_digest(store, tmp_path / "undone", with_contract=False) == expected


def test_versions_that_saw_the_facts_are_named_and_later_ones_are_not(
    store, database, halves, tmp_path
):
    registry = connect(Settings(home=tmp_path, mlflow_tracking_uri=None), database)
    spec = replace(quick_specs.RISK, name=f"risk-{uuid.uuid4().hex[:10]}")
    ours, theirs = halves
    ingest(store, ours)
    train_spec(store, registry, spec)
    ingest(store, theirs)
    train_spec(store, registry, replace(spec, candidates=("baseline", "naive-bayes")))

    done = undo_ingest(store, UndoTarget(ingest_id=number_of(store, "b")), WHY)
    named = trained_on(store, registry, [spec.name], done.withdrawal)
    train_spec(store, registry, spec)
    later = trained_on(store, registry, [spec.name], done.withdrawal)

    assert [(training.version, training.aliases) for training in named] == [("2", ())]
    assert [training.version for training in later] == ["2"]
    both = undo_ingest(store, UndoTarget(ingest_id=number_of(store, "a")), WHY)
    of_all = trained_on(store, registry, [spec.name], both.withdrawal)
    assert "champion" in of_all[-1].aliases
    assert read_log(store).facts.empty
