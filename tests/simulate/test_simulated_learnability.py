"""The log must reward history, inputs and the host's state, or the demo shows nothing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from runlore.simulate import Scenario, SimulatedLog, events, simulate

HALF_LIFE_US = 3 * 86_400e6
KEYS = (("user",), ("user", "job_type"), ("host",), ("job_type",))
INPUTS = ("size_gb", "files", "priority", "retries_allowed")


def rows_as_known(log: SimulatedLog) -> pd.DataFrame:
    """Inputs and decayed failure rates of each execution, from outcomes known when submitted."""
    records = log.records.to_dict("records")
    states: dict[tuple[str, ...], tuple[float, float, int]] = {}
    rows = {}
    for at, what, row in events(log).itertuples(index=False):
        record = records[row]
        keys = [(*names, *(record[name] for name in names)) for names in KEYS]
        decayed = []
        for key in keys:
            count, failures, before = states.get(key, (0.0, 0.0, at))
            kept = 0.5 ** ((at - before) / HALF_LIFE_US)
            decayed.append((count * kept, failures * kept))
        if what == "submission":
            rates = [(failures + 0.2) / (count + 1) for count, failures in decayed]
            rows[record["id"]] = [*(record[name] for name in INPUTS), *rates]
        elif record["result"] != "cancelled":
            for key, (count, failures) in zip(keys, decayed, strict=True):
                states[key] = (count + 1, failures + (record["result"] == "failed"), at)
    names = [*INPUTS, *("×".join(key) for key in KEYS)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


@pytest.fixture(scope="module", params=[7, 3])
def known(request: pytest.FixtureRequest) -> pd.DataFrame:
    log = simulate(Scenario(seed=request.param))
    truth = log.executions.set_index("id")[["actor", "kind", "result", "p_fail", "submitted"]]
    known = rows_as_known(log).join(truth).sort_values("submitted")
    known = known[known["result"] != "cancelled"]
    return known.assign(failed=known["result"] == "failed")


def auc_of_boosting(known: pd.DataFrame, columns: list[str]) -> float:
    cut = int(0.7 * len(known))
    train, test = known.iloc[:cut], known.iloc[cut:]
    model = HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.07, max_leaf_nodes=12, min_samples_leaf=40, random_state=0
    )
    with threadpool_limits(1):  # OpenMP threads spin for a minute when other tests hold the cores
        model.fit(train[columns], train["failed"])
    return float(roc_auc_score(test["failed"], model.predict_proba(test[columns])[:, 1]))


def test_history_with_inputs_clearly_beats_the_actors_own_rate(known):
    history = ["×".join(key) for key in KEYS]
    test = known.iloc[int(0.7 * len(known)) :]
    all_columns = auc_of_boosting(known, [*INPUTS, "kind", *history])
    recent_rate = roc_auc_score(test["failed"], test["user"])
    ceiling = roc_auc_score(test["failed"], test["p_fail"])
    assert 0.77 < all_columns < 0.84
    assert all_columns > recent_rate + 0.06
    assert all_columns > auc_of_boosting(known, [*INPUTS, "kind"]) + 0.05
    assert all_columns > auc_of_boosting(known, history) + 0.02
    assert ceiling > all_columns + 0.03


def test_what_this_actor_ran_of_this_kind_lately_tells_more_than_the_actor_alone(known):
    both, alone, host = (
        roc_auc_score(known["failed"], known[name]) for name in ("user×job_type", "user", "host")
    )
    assert both > alone + 0.02
    assert host > 0.53
    assert np.isfinite(known.select_dtypes("number")).all(axis=None)
