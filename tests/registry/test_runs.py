"""What a run of training leaves in MLflow, however it ends."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from runlore.kernel.errors import Refused
from runlore.registry import TrainingData
from runlore.registry.experiments import OLD_NOTE
from runlore.registry.runs import CARD

DATA = TrainingData(
    name="executions",
    digest="0123456789abcdef" * 4,
    rows=14_000,
    first=datetime(2026, 1, 1, tzinfo=UTC),
    last=datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
    target="failed",
    features=("actor.failed_mean_10d", "actor+kind.in_flight"),
)


def status_of(client, run_id: str) -> str:
    return client.get_run(run_id).info.status


def test_a_run_holds_parameters_scores_and_who_made_it_with_which_code(registry, client, spec):
    with registry.training_run(spec) as run:
        run.parameters({f"p{i}": i for i in range(150)})
        run.scores({"test/auc": 0.75, "slice/kind:etl/auc": 0.5})
    found = client.get_run(run.id)
    assert found.info.status == "FINISHED"
    assert len(found.data.params) == 150
    assert found.data.metrics == {"test/auc": 0.75, "slice/kind:etl/auc": 0.5}
    assert found.data.tags["runlore.spec"] == spec
    assert found.data.tags["runlore.code_version"].startswith("0.")
    assert found.data.tags["mlflow.source.name"] == f"runlore train {spec}"


def test_a_score_that_could_not_be_measured_is_absent_and_not_zero(registry, client, spec):
    with registry.training_run(spec) as run:
        run.scores({"test/auc": float("nan"), "test/brier": 0.1, "test/mae": float("inf")})
    assert client.get_run(run.id).data.metrics == {"test/brier": 0.1}


def test_data_is_named_by_its_digest(registry, client, spec):
    with registry.training_run(spec) as run:
        run.data(DATA)
    found = client.get_run(run.id)
    (used,) = found.inputs.dataset_inputs
    assert used.dataset.name == "executions"
    assert DATA.digest.startswith(used.dataset.digest)
    assert json.loads(used.dataset.profile)["num_rows"] == 14_000
    columns = [each["name"] for each in json.loads(used.dataset.schema)["mlflow_colspec"]]
    assert columns == ["actor.failed_mean_10d", "actor+kind.in_flight", "failed"]


def test_a_run_is_named_by_what_came_of_it_by_whom_and_when(registry, client, spec):
    with registry.training_run(spec) as run:
        at = f"{spec} {run.started_at:%Y-%m-%d %H:%M} UTC"
        assert client.get_run(run.id).info.run_name == f"training: {at}"
    run.rename("promoted", "gradient-boosting")
    assert client.get_run(run.id).info.run_name == f"promoted: gradient-boosting, {at}"


def test_a_run_that_has_ended_shows_no_tags_of_its_process(registry, client, spec):
    with registry.training_run(spec) as run:
        client.delete_tag(run.id, "runlore.host")
        assert "runlore.process" in client.get_run(run.id).data.tags
    tags = client.get_run(run.id).data.tags
    assert {name for name in tags if name.startswith("runlore.")} == {
        "runlore.spec",
        "runlore.code_version",
    }


def test_an_experiment_says_what_its_runs_are_and_an_older_text_is_replaced(registry, client, spec):
    with registry.training_run(spec) as run:
        pass
    note = client.get_experiment(run.experiment).tags["mlflow.note.content"]
    assert f"one training of the spec `{spec}`" in note
    assert "**promoted**" in note
    client.set_experiment_tag(run.experiment, "mlflow.note.content", OLD_NOTE)
    with registry.training_run(spec):
        pass
    assert client.get_experiment(run.experiment).tags["mlflow.note.content"] == note


def test_figures_tables_texts_and_files_become_artifacts(registry, client, spec, tmp_path):
    figure = Figure()
    figure.subplots().plot([1, 2])
    with registry.training_run(spec) as run:
        address = run.figure("calibration", figure)
        run.table("scores", [{"candidate": "a<b", "auc": 0.9}, {"candidate": "c", "auc": None}])
        run.table("slices", [{"slice": "kind"}])
    assert address == f"get-artifact?path=plots%2Fcalibration.png&run_uuid={run.id}"
    report = tmp_path / "drift.html"
    report.write_text("<html>drift</html>")
    registry.attach(run.id, report, "drift")
    paths = {
        found.path
        for folder in ("plots", "tables", "drift")
        for found in client.list_artifacts(run.id, folder)
    }
    assert paths == {
        "plots/calibration.png",
        "tables/scores.json",
        "tables/scores.html",
        "tables/slices.json",
        "tables/slices.html",
        "drift/drift.html",
    }
    table = Path(client.download_artifacts(run.id, "tables"))
    scores = json.loads((table / "scores.json").read_text())
    assert scores == {"columns": ["candidate", "auc"], "data": [["a<b", 0.9], ["c", None]]}
    assert "a&lt;b" in (table / "scores.html").read_text()
    shown = json.loads(client.get_run(run.id).data.tags["mlflow.loggedArtifacts"])
    assert [each["path"] for each in shown] == ["tables/scores.json", "tables/slices.json"]


def test_a_card_too_long_for_a_description_is_whole_as_a_file(registry, client, spec, tmp_path):
    card = "# Card\n" + "".join(f"\n## Section {i}\n{'text ' * 200}\n" for i in range(20))
    with registry.training_run(spec) as run:
        run.card(card)
    note = client.get_run(run.id).data.tags["mlflow.note.content"]
    assert len(note) <= 8000
    assert note.startswith("# Card\n\n## Section 0")
    assert note.endswith(f"\n\nThe rest is in artifact `{CARD}`.")
    path = client.download_artifacts(run.id, CARD, str(tmp_path))
    assert Path(path).read_text() == card


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (ValueError("bug"), "FAILED"),
        (Refused("the baseline wins"), "FINISHED"),
        (KeyboardInterrupt(), "KILLED"),
    ],
)
def test_a_run_is_closed_with_what_became_of_it(registry, client, spec, raised, status):
    with pytest.raises(type(raised)), registry.training_run(spec) as run:
        raise raised
    assert status_of(client, run.id) == status
    name = client.get_run(run.id).info.run_name
    word = {"FAILED": "failed", "KILLED": "interrupted"}.get(status, "training")
    assert name.startswith(f"{word}: {spec} ")


def test_a_run_whose_process_was_killed_is_closed_by_the_next_run(registry, client, spec, script):
    process = script(
        """
with registry.training_run(spec) as run:
    model = registry._session.client.create_logged_model(
        run.experiment, "half", source_run_id=run.id)
    print(run.id, model.model_id, flush=True)
    go()
"""
    )
    run_id, model_id = process.stdout.readline().split()
    with registry.training_run(spec) as while_it_lives:
        assert status_of(client, run_id) == "RUNNING"
    process.kill()
    process.wait()
    assert status_of(client, run_id) == "RUNNING"
    with registry.training_run(spec) as run:
        assert status_of(client, run_id) == "KILLED"
        assert client.get_run(run_id).info.run_name.startswith(f"interrupted: {spec} ")
        assert status_of(client, run.id) == "RUNNING"
    assert status_of(client, while_it_lives.id) == "FINISHED"
    assert str(client.get_logged_model(model_id).status) == "FAILED"


@pytest.mark.parametrize(("host", "status"), [("this one", "KILLED"), ("elsewhere/1", "RUNNING")])
def test_only_runs_of_this_machine_are_closed(registry, client, spec, host, status):
    """Whether a process of another machine lives cannot be told here."""
    with registry.training_run(spec) as run:
        client.set_tag(run.id, "runlore.process", "1@a start that never was")
        if host != "this one":
            client.set_tag(run.id, "runlore.host", host)
        with registry.training_run(spec):
            assert status_of(client, run.id) == status


def test_an_experiment_deleted_in_the_ui_comes_back(registry, client, spec):
    with registry.training_run(spec) as run:
        pass
    client.delete_experiment(run.experiment)
    with registry.training_run(spec) as again:
        pass
    assert again.experiment == run.experiment
    assert client.get_experiment(run.experiment).lifecycle_stage == "active"


def test_the_page_of_a_run_is_in_mlflows_ui(registry, spec):
    with registry.training_run(spec) as run:
        pass
    path = f"experiments/{run.experiment}/runs/{run.id}"
    page = f"http://127.0.0.1:5000/#/{path}?workflowType=machine_learning"
    assert run.page == page
