"""`runlore.open`: the whole way in one process, on one small simulated log."""

import doctest
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

import runlore
from runlore.api import home as home_module
from runlore.serving.actions.prediction import read_prediction
from runlore.simulate import SimulatedLog
from runlore.specs.model_spec import Population
from tests.api.quick_specs import RISK

NAMES = {"actor": "user", "kind": "job_type", "scope": "host"}


@pytest.fixture(scope="session")
def work(log: SimulatedLog) -> pd.DataFrame:
    return log.records.tail(40).set_index("id")


def test_every_example_of_the_docstrings_holds(
    home: runlore.Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"runlore": runlore, "pd": pd, "home": home, "folder": tmp_path / "home"}
    done = doctest.testmod(home_module, extraglobs=names)
    assert done.failed == 0
    assert done.attempted > 12
    assert (tmp_path / "calibration.png").stat().st_size > 10_000


def test_predictions_keep_the_index_and_have_their_intervals(
    home: runlore.Home, work: pd.DataFrame
) -> None:
    answers = home.predict(work, "duration", columns=NAMES)
    assert list(answers.index) == list(work.index)
    assert (answers["low"] <= answers["prediction"]).all()
    assert (answers["prediction"] <= answers["high"]).all()
    assert set(answers["unit"]) == {"s"}
    assert answers["id"].is_unique


def test_predictions_are_on_the_ledger_unless_they_need_not_be(
    home: runlore.Home, work: pd.DataFrame
) -> None:
    store = home._app.store
    written = home.predict(work.assign(execution=work.index), "failure-risk", columns=NAMES)
    row = read_prediction(store, UUID(written["id"].iloc[0]))
    assert row["prediction"] == written["prediction"].iloc[0]
    assert (row["source"], row["source_id"]) == ("api", work.index[0])
    trial = home.predict(work, "failure-risk", columns=NAMES, ledger=False)
    # Features age between the two calls, by seconds on a busy machine.
    np.testing.assert_allclose(trial["prediction"], written["prediction"], rtol=1e-3)
    with pytest.raises(runlore.NotFound):
        read_prediction(store, UUID(trial["id"].iloc[0]))


def test_what_is_missing_in_a_row_is_not_known(home: runlore.Home) -> None:
    work = pd.DataFrame(
        {"actor": [None, "ann"], "kind": "etl", "size_gb": [np.nan, 4], "colour": "red"}
    )
    answers = home.predict(work, "failure-risk", ledger=False)
    assert answers["prediction"].notna().all()


def test_quantiles_are_columns_and_never_cross(home: runlore.Home, work: pd.DataFrame) -> None:
    answers = home.predict(
        work, "duration", columns=NAMES, quantiles=[0.95, 0.5, 0.95], ledger=False
    )
    assert list(answers.columns[-2:]) == ["q0.5", "q0.95"]
    assert (answers["q0.5"] <= answers["q0.95"]).all()
    none = home.predict(work.head(0), "duration", columns=NAMES, quantiles=[0.5])
    assert "q0.5" in none.columns
    with pytest.raises(runlore.Refused, match="failure-risk"):
        home.predict(work, "failure-risk", columns=NAMES, quantiles=[0.5], ledger=False)


def test_no_rows_give_no_answers(home: runlore.Home, work: pd.DataFrame) -> None:
    answers = home.predict(work.head(0), "duration", columns=NAMES)
    assert list(answers.columns) == [
        "prediction",
        "low",
        "high",
        "unit",
        "support",
        "version",
        "id",
    ]
    assert answers.empty


def test_one_request_and_a_frame_are_explained_alike(
    home: runlore.Home, work: pd.DataFrame
) -> None:
    several = home.explain(work, "failure-risk", columns=NAMES, reasons=2)
    first = work.iloc[0]
    inputs = {name: first[name] for name in ("size_gb", "files", "priority", "retries_allowed")}
    alone = home.explain(
        {
            "actor": first["user"],
            "kind": first["job_type"],
            "scope": first["host"],
            "inputs": inputs,
        },
        "failure-risk",
        reasons=2,
    )
    assert set(several["row"]) <= set(work.index)
    of_first = several[several["row"] == work.index[0]]
    assert list(of_first["feature"]) == list(alone["feature"])
    np.testing.assert_allclose(of_first["effect"], alone["effect"], atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("failure-risk", ("importance", "candidates", "calibration")),
        ("duration", ("importance", "candidates", "residuals", "coverage")),
    ],
)
def test_figures_are_drawn_for_what_they_suit(
    home: runlore.Home, spec: str, names: tuple[str, ...]
) -> None:
    for name in ("importance", "candidates", "calibration", "residuals", "coverage"):
        draw = getattr(home, f"plot_{name}")
        if name in names:
            assert draw(spec).axes
        else:
            with pytest.raises(runlore.Refused, match=spec):
                draw(spec)


def test_the_plotted_test_part_is_that_of_the_training(home: runlore.Home) -> None:
    from runlore.api.figures import tested_answers
    from runlore.models.scores import measure

    bundle = home._champion("failure-risk")
    tested = tested_answers(home._app, bundle, home._spec("failure-risk"))
    auc = measure("auc", tested.target, tested.output.prediction)
    assert auc == pytest.approx(bundle.description["scores"]["candidate"]["auc"]["value"], abs=1e-4)


def test_the_same_rows_are_ingested_once(
    home: runlore.Home, log: SimulatedLog, mapped: dict[str, Any], tmp_path: Path
) -> None:
    again = home.ingest(log.records, source="simulated", **mapped)
    assert (again.new, again.known) == (0, len(log.records))
    path = tmp_path / "builds.csv"
    path.write_text("id,actor,kind,submitted,status\n1,ann,b,2025-01-01T00:00:00Z,ok\n")
    done = home.ingest(path)
    assert (done.source, done.new) == ("builds", 1)


@pytest.mark.parametrize(
    ("call", "kind", "field"),
    [
        (lambda h: h.ingest(pd.DataFrame({"id": [1]})), runlore.BadInput, "source"),
        (lambda h: h.ingest("/no/such/file.log"), runlore.BadInput, "format"),
        (lambda h: h.ingest(pd.DataFrame({"a": [1, "x"]}), source="s"), runlore.BadInput, "a"),
        (lambda h: h.predict(pd.DataFrame({"kind": ["b"]}), "duration"), runlore.BadInput, "actor"),
        (
            lambda h: h.predict(pd.DataFrame(), "duration", quantiles=[95]),
            runlore.BadInput,
            "quantiles",
        ),
        (lambda h: h.train("no-such"), runlore.NotFound, None),
        (lambda h: h.predict(pd.DataFrame(), "no-such"), runlore.NotFound, None),
    ],
)
def test_a_mistake_is_named(
    home: runlore.Home, call: Any, kind: type[Exception], field: str | None
) -> None:
    with pytest.raises(kind) as caught:
        call(home)
    assert getattr(caught.value, "field", None) == field


def test_a_spec_without_executions_is_refused_with_its_reason(home: runlore.Home) -> None:
    nobody = replace(RISK, name="nobody", population=Population(kinds=("no-such-kind",)))
    outcome = home.train(nobody)["nobody"]
    assert not outcome.passed
    assert "executions" in outcome.reasons[0]
    with pytest.raises(runlore.NoChampion):
        home.plot_importance("nobody")
