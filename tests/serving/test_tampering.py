"""A version whose files or tag were changed is used for nothing, and somebody is told."""

import json
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from handmade import forge, register, stored, write_bundle
from mlflow import MlflowClient

from runlore.alerts.queries import anomalies
from runlore.kernel import instants
from runlore.kernel.errors import Tampered
from runlore.models import bundle
from runlore.registry import Registry, VersionRef, alias_history, connect
from runlore.registry.alias_history import Change
from runlore.registry.versions import DIGEST
from runlore.serving.actions import integrity, promotion
from runlore.serving.actions.promotion import ChangeReason
from runlore.settings import Settings
from runlore.store.engine import Store

NAME = "failure-risk"
ME = ChangeReason("me", "a test")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class World:
    """ours: the champion, with an untouched copy of its stored bundle. theirs: another version."""

    store: Store
    registry: Registry
    ours: VersionRef
    theirs: VersionRef
    copy: Path

    @property
    def bundle(self) -> Path:
        return stored(self.ours)

    def set_tag(self, digest: str) -> None:
        uri = self.registry.tracking_uri
        MlflowClient(uri, uri).set_model_version_tag(NAME, self.ours.version, DIGEST, digest)

    def restore(self) -> None:
        shutil.rmtree(self.bundle, ignore_errors=True)
        shutil.copytree(self.copy, self.bundle)
        self.set_tag(self.ours.digest)

    def again(self) -> VersionRef:
        return self.registry.version(NAME, self.ours.version)

    def audit(self) -> dict[str, integrity.VersionCheck]:
        found = integrity.audit(self.store, self.registry, [NAME], instants.now())
        return {each.version: each for each in found}

    def alerts(self) -> list[anomalies.Anomaly]:
        with self.store.begin() as connection:
            return anomalies.read_open(connection, integrity.KIND)


def fresh(registry: Registry, folder: Path) -> VersionRef:
    """A version that was never registered before: tests share MLflow's tables."""
    return register(registry, write_bundle(folder, NAME, uuid.uuid4().int % 2**32))


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    registry = connect(Settings(home=tmp_path), store)
    refs = [fresh(registry, tmp_path / name) for name in ("ours", "theirs")]
    for ref in refs:
        promotion.announce(store, registry, ref, ME)
    shutil.copytree(stored(refs[0]), tmp_path / "copy")
    yield World(store, registry, *refs, tmp_path / "copy")
    for alias in promotion.ALIASES:
        registry.remove_alias(NAME, alias)


def change_a_file(world: World) -> None:
    forge(world.bundle)


def change_a_file_and_the_tag(world: World) -> None:
    world.set_tag(forge(world.bundle))


def put_another_version_there(world: World) -> None:
    shutil.rmtree(world.bundle)
    shutil.copytree(stored(world.theirs), world.bundle)


def put_another_version_there_with_its_tag(world: World) -> None:
    put_another_version_there(world)
    world.set_tag(world.theirs.digest)


def delete_the_files(world: World) -> None:
    shutil.rmtree(world.bundle)


@pytest.mark.parametrize(
    "attack",
    [
        change_a_file,
        change_a_file_and_the_tag,
        put_another_version_there,
        put_another_version_there_with_its_tag,
        delete_the_files,
    ],
    ids=lambda attack: attack.__name__,
)
def test_what_was_changed_in_the_registry_is_refused_audited_and_told(
    world: World, attack: Callable[[World], None], tmp_path: Path
) -> None:
    attack(world)
    with pytest.raises(Tampered, match="is not what was registered") as refusal:
        world.registry.load(world.again(), tmp_path / "fetched")
    assert refusal.value.expected == world.ours.digest
    assert not list((tmp_path / "fetched").rglob("bundle.json"))
    checked = world.audit()
    assert "is not what was registered" in checked[world.ours.version].trouble
    assert checked[world.theirs.version].trouble == ""
    [alert] = world.alerts()
    assert (alert.subject, alert.severity) == (f"{NAME} version {world.ours.version}", "critical")
    assert alert.evidence["expected"] == world.ours.digest
    assert "runlore train" in alert.evidence["advice"]
    world.restore()
    assert not any(each.trouble for each in world.audit().values())
    assert world.alerts() == []
    world.registry.load(world.again(), tmp_path / "fetched").check_probe()


def test_a_copy_on_this_machine_that_vouches_for_itself_is_fetched_again(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cached = world.registry.download(world.ours, tmp_path / "cache")
    forge(cached)
    with caplog.at_level(logging.WARNING, "runlore.registry"):
        loaded = world.registry.load(world.ours, tmp_path / "cache")
    assert loaded.digest == world.ours.digest
    assert "its copy in" in caplog.text
    forge(cached)
    forge(world.bundle)
    with pytest.raises(Tampered):
        world.registry.load(world.ours, tmp_path / "cache")
    assert not cached.exists()


def test_a_false_tag_hides_no_good_files_and_is_told(world: World, tmp_path: Path) -> None:
    world.set_tag("f" * 64)
    assert world.registry.load(world.again(), tmp_path).digest == world.ours.digest
    assert "the tag `runlore.digest`" in world.audit()[world.ours.version].trouble
    promotion.promote(world.store, world.registry, NAME, ME)
    with pytest.raises(Tampered, match="tag"):
        promotion.rollback(world.store, world.registry, NAME, ME)
    with pytest.raises(Tampered, match="tag"):
        promotion.promote(world.store, world.registry, NAME, ME, world.ours.version)


def test_the_champion_before_is_audited_too(world: World) -> None:
    promotion.promote(world.store, world.registry, NAME, ME)
    forge(world.bundle)
    checked = world.audit()[world.ours.version]
    assert checked.role == "champion before"
    assert checked.trouble


def test_a_version_without_an_alias_is_on_record_before_anybody_promotes_it(
    world: World, tmp_path: Path
) -> None:
    third = fresh(world.registry, tmp_path / "third")
    promotion.record_registered(world.store, third, ME)
    promotion.record_registered(world.store, third, ME)
    entries = alias_history.entries(world.store, NAME)
    assert [e.action for e in entries].count("register") == 1
    assert set(promotion.as_of(world.store, NAME, instants.now())) == set(promotion.ALIASES)
    assert set(promotion.standing(world.store).newest) == set(promotion.ALIASES)
    assert promotion.audit(world.store) == []
    replace(world, ours=third).set_tag(forge(stored(third)))
    with pytest.raises(Tampered):
        promotion.promote(
            world.store, world.registry, NAME, ME, third.version, tmp_path / "fetched"
        )


def test_where_the_history_has_no_digest_the_tag_is_the_only_witness(
    world: World, tmp_path: Path
) -> None:
    old = fresh(world.registry, tmp_path / "old")
    with alias_history.writing(world.store) as history:
        history.add(Change(NAME, "champion", old.version, "found", "somebody", "of old"))
    world.registry.set_alias(NAME, "champion", old.version)
    assert world.audit()[old.version].witness == "registry"
    digest = forge(stored(old))
    with pytest.raises(Tampered):
        world.registry.load(old, tmp_path / "fetched")
    replace(world, ours=old).set_tag(digest)
    assert world.audit()[old.version].trouble == ""


def test_an_alias_that_was_moved_elsewhere_is_found_with_its_digest(
    world: World, tmp_path: Path
) -> None:
    foreign = fresh(world.registry, tmp_path / "foreign")
    world.registry.set_alias(NAME, "champion", foreign.version)
    promotion.reconcile(world.store, world.registry, NAME)
    replace(world, ours=foreign).set_tag(forge(stored(foreign)))
    assert world.audit()[foreign.version].witness == "history"
    assert world.audit()[foreign.version].trouble


def test_a_number_that_is_given_again_is_the_bundle_that_was_made_last(world: World) -> None:
    with alias_history.writing(world.store) as history:
        for action, digest in (("announce", "a"), ("promote", "b"), ("announce", "c")):
            of = {"digest": digest}
            history.add(Change(NAME, "champion", "7000", action, "me", "again", of))
        history.add(Change(NAME, "champion", "7000", "promote", "me", "again", {"digest": "d"}))
    assert alias_history.digest_of(world.store, NAME, "7000") == "c"
    assert alias_history.digest_of(world.store, NAME, "7001") is None


def test_a_version_without_any_digest_is_refused(world: World, tmp_path: Path) -> None:
    bare = fresh(world.registry, tmp_path / "bare")
    replace(world, ours=bare).set_tag("")
    with pytest.raises(Tampered, match="registered without a digest"):
        world.registry.load(world.registry.version(NAME, bare.version), tmp_path / "fetched")


@pytest.mark.parametrize("file", ["reference.json", "contract.json", "reference.parquet"])
def test_what_a_bundle_is_compared_with_cannot_be_changed_either(
    world: World, tmp_path: Path, file: str
) -> None:
    folder = write_bundle(tmp_path / "sealed", NAME, uuid.uuid4().int % 2**32)
    for name in ("reference.json", "contract.json"):
        (folder / name).write_text("{}")
    sealed = bundle.seal(folder)
    ref = register(world.registry, folder)
    assert ref.digest == sealed
    assert world.registry.load(ref, tmp_path / "one").digest == sealed
    (stored(ref) / file).write_text('{"other": 1}')
    with pytest.raises(Tampered):
        world.registry.load(ref, tmp_path / "two")


def test_every_way_to_a_registered_bundle_is_the_registrys_own() -> None:
    """Who loads a bundle by its folder trusts what it says of itself."""
    found = {
        str(path.relative_to(ROOT))
        for package in ("runlore", "bentos", "flows", "tasks")
        for path in (ROOT / package).rglob("*.py")
        if "Bundle.load(" in path.read_text(encoding="utf-8")
    }
    assert found == {
        "bentos/build.py",  # of a folder that was downloaded and checked just before
        "bentos/predict/live_versions.py",  # with the digest, where there is a registry
        "runlore/registry/champions.py",  # with the digest that the history has
        "runlore/registry/registry.py",
        "runlore/registry/served_pyfunc.py",  # MLflow's own clients
    }


def test_a_bundle_whose_files_were_changed_is_registered_anew(world: World, tmp_path: Path) -> None:
    forge(world.bundle)
    again = register(world.registry, world.copy)
    assert again.version != world.ours.version
    assert again.digest == world.ours.digest
    assert world.registry.load(again, tmp_path / "fetched").digest == again.digest
    assert register(world.registry, world.copy) == again


def test_forging_keeps_a_bundle_believable(world: World) -> None:
    """The attack is a real one: by its own digest nothing is wrong."""
    digest = forge(world.bundle)
    assert bundle.Bundle.load(world.bundle).digest == digest != world.ours.digest
    assert json.loads((world.bundle / bundle.DESCRIPTION).read_text())["digest"] == digest


def test_a_look_at_a_damaged_version_opens_no_alert(world: World) -> None:
    assert integrity.inspect(world.registry, NAME, world.ours.version) == ""
    forge(world.bundle)
    trouble = integrity.inspect(world.registry, NAME, world.ours.version)
    assert "is not what was registered" in trouble
    assert "is not" not in integrity.inspect(world.registry, NAME, world.theirs.version)
    assert integrity.inspect(world.registry, NAME, "99999")
    assert world.alerts() == []
