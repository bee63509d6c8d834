"""Versions and aliases: registered once, named once, by however many processes."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, event

from runlore.kernel.errors import NotFound
from runlore.registry.packaging import NEEDS


def registered(registry, release):
    with registry.training_run(release.spec) as run:
        return registry.register(run, release)


def pointed(registry, spec, alias):
    found = registry.aliases([spec])[spec].get(alias)
    return found and found.version


def test_what_was_never_registered_has_no_champion_and_no_versions(registry, spec):
    assert registry.champion(spec) is None
    assert pointed(registry, spec, "champion") is None
    assert registry.versions(spec) == ()


def test_an_alias_that_points_nowhere_is_none_beside_one_that_does(registry, release):
    registry.announce(registered(registry, release))
    assert registry.champion(release.spec).version == "1"
    assert pointed(registry, release.spec, "champion") == "1"
    assert registry.alias(release.spec, "shadow") is None
    assert pointed(registry, release.spec, "shadow") is None


def test_the_first_version_becomes_champion_and_the_next_challenger(registry, release, other):
    first = registry.announce(registered(registry, release))
    assert (first.alias, first.version, first.previous) == ("champion", "1", None)
    second = registry.announce(registered(registry, other))
    assert (second.alias, second.version, second.previous) == ("challenger", "2", None)
    third = registry.announce(registered(registry, replace(release, digest="third")))
    assert (third.alias, third.version, third.previous) == ("challenger", "3", "2")
    assert registry.champion(release.spec).version == "1"
    assert registry.champion(release.spec).digest == release.digest


def test_a_champion_announced_again_stays_champion_alone(registry, release):
    ref = registered(registry, release)
    registry.announce(ref)
    assert registry.announce(ref) is None
    assert registry.version(ref.spec, ref.version).aliases == ("champion",)


def test_the_same_bundle_again_is_the_same_version(registry, release, client):
    first = registered(registry, release)
    again = registered(registry, release)
    assert again == first
    assert len(registry.versions(release.spec)) == 1
    assert client.get_model_version(release.spec, "1").run_id == first.run_id


def test_training_cut_off_before_the_alias_is_completed_by_the_next(
    registry, script, spec, release
):
    process = script(
        """
with registry.training_run(spec) as run:
    registry.register(run, release)
    go()
"""
    )
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    assert registry.champion(spec) is None
    change = registry.announce(registered(registry, release))
    assert (change.alias, change.version) == ("champion", "1")
    assert [ref.version for ref in registry.versions(spec)] == ["1"]


@pytest.mark.slow
def test_two_processes_registering_the_same_bundle_at_once_make_one_version(registry, script, spec):
    code = """
go()
with registry.training_run(spec) as run:
    ref = registry.register(run, release)
print(ref.version, registry.announce(ref), flush=True)
"""
    processes = [script(code) for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [out.split()[0] for out, _ in outputs] == ["1", "1"], outputs
    assert [ref.aliases for ref in registry.versions(spec)] == [("champion",)]


@pytest.mark.slow
def test_of_two_processes_registering_at_once_one_makes_the_champion(registry, script, spec):
    code = """
go()
with registry.training_run(spec) as run:
    ref = registry.register(run, replace(release, digest=NAME))
print(registry.announce(ref).alias, flush=True)
"""
    processes = [script(f"NAME = {name!r}" + code) for name in ("one", "other")]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120) for process in processes]
    assert sorted(out.strip() for out, _ in outputs) == ["challenger", "champion"], outputs
    assert sorted(ref.aliases for ref in registry.versions(spec)) == [
        ("challenger",),
        ("champion",),
    ]


def test_of_versions_announced_at_the_same_moment_one_becomes_champion(registry, release):
    refs = [registered(registry, replace(release, digest=f"digest-{at}")) for at in range(6)]
    barrier = Barrier(len(refs))

    def announce(ref):
        barrier.wait()
        return registry.announce(ref)

    with ThreadPoolExecutor(len(refs)) as pool:
        changes = list(pool.map(announce, refs))
    (first,) = (change for change in changes if change.alias == "champion")
    assert pointed(registry, release.spec, "champion") == first.version
    told = {change.version for change in changes} - {first.version}
    replaced = [change.previous for change in changes if change.alias == "challenger"]
    last = pointed(registry, release.spec, "challenger")
    assert sorted(filter(None, replaced)) == sorted(told - {last})


def test_pointing_an_alias_tells_where_it_pointed_before(registry, release, other):
    registry.announce(registered(registry, release))
    registered(registry, other)
    change = registry.set_alias(release.spec, "champion", "2")
    assert (change.version, change.previous) == ("2", "1")
    assert pointed(registry, release.spec, "champion") == "2"
    assert registry.remove_alias(release.spec, "champion") == "2"
    assert registry.remove_alias(release.spec, "champion") is None
    assert registry.champion(release.spec) is None


def test_an_alias_cannot_point_at_a_version_that_is_not_there(registry, release):
    registered(registry, release)
    with pytest.raises(NotFound, match="version"):
        registry.set_alias(release.spec, "champion", "7")
    with pytest.raises(NotFound, match="version"):
        registry.version(release.spec, "7")


def test_versions_come_newest_first_with_their_aliases(registry, release):
    for number in range(1, 12):
        registry.announce(registered(registry, replace(release, digest=f"digest-{number}")))
    refs = registry.versions(release.spec)
    assert [ref.version for ref in refs] == [str(number) for number in range(11, 0, -1)]
    assert refs[0].aliases == ("challenger",)
    assert refs[-1].aliases == ("champion",)
    assert refs[3].aliases == ()


def test_a_bundle_comes_back_as_it_was_registered(registry, release, tmp_path):
    ref = registered(registry, release)
    folder = registry.download(ref, tmp_path / "models")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in release.folder.iterdir()
    }


def test_a_bundle_is_fetched_once_also_by_several_at_once(registry, release, tmp_path):
    ref = registered(registry, release)
    found: list[Path] = []
    threads = [
        Thread(target=lambda: found.append(registry.download(ref, tmp_path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    shutil.rmtree(ref.source)
    assert registry.download(ref, tmp_path) == found[0]
    assert [path.name for path in (tmp_path / ref.spec).iterdir()] == [found[0].name]


def test_nothing_of_a_model_is_pickled_and_all_its_needs_have_versions(
    registry, release, registry_home
):
    ref = registered(registry, release)
    folder = Path(ref.source)
    assert folder.is_relative_to(registry_home / "artifacts")
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"MLmodel", "served_pyfunc.py", "artifacts/bundle/model.onnx"} <= names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib", ".pyc"))]
    assert "python_model.pkl" not in (folder / "MLmodel").read_text()
    needs = (folder / "requirements.txt").read_text().split()
    assert all("==" in need for need in needs), needs
    assert {need.partition("==")[0] for need in needs} == {"mlflow", *NEEDS}


def test_a_model_shows_its_origin_its_scores_and_what_it_reads(registry, release, client):
    ref = registered(registry, release)
    version = client.get_model_version(ref.spec, ref.version)
    assert version.description == "# A card"
    assert set(version.tags) == {"runlore.digest", "runlore.candidate", "runlore.code_version"}
    assert version.tags["runlore.candidate"] == "linear"
    (output,) = client.get_run(ref.run_id).outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert str(model.status) == "READY"
    assert {metric.key: metric.value for metric in model.metrics} == {"auc": 0.75}
    assert client.get_run(ref.run_id).data.metrics == {"auc": 0.75}
    assert client.get_registered_model(ref.spec).description == release.about


@pytest.mark.parametrize(
    ("before", "after"),
    [("Predicts x of an execution at its submission.", "Answers a question."), ("Ours.", "Ours.")],
)
def test_a_description_of_an_older_release_is_replaced_and_one_of_a_person_stays(
    registry, release, other, client, before, after
):
    registered(registry, release)
    client.update_registered_model(release.spec, before)
    registered(registry, other)
    assert client.get_registered_model(release.spec).description == after


def test_asking_for_an_aliass_version_is_one_statement(registry, release):
    registry.announce(registered(registry, release))
    said: list[str] = []

    def hear(_connection, _cursor, statement: str, *_more: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        assert pointed(registry, release.spec, "champion") == "1"
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert len(said) == 1
