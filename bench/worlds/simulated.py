"""A year of the simulated log through all of Runlore: ingest, training, stored slices, verdicts.

The log is `runlore simulate`'s, with spells of failure, degraded hosts, bursts of repeats, hours of
each actor and a weekly rhythm; the champion learns from its first half-year as it was known then.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd

from runlore import registry, simulate
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.log import time_slices
from runlore.monitoring.actions import reference
from runlore.monitoring.actions.examining import Examiner
from runlore.monitoring.rules.trigger import JudgedWindow, decide
from runlore.records.mapping import declare
from runlore.settings import Settings
from runlore.simulate.log import SIMULATED_SOURCE
from runlore.specs.catalog import duration, failure_risk
from runlore.specs.model_spec import Gate, ModelSpec, Split
from runlore.store.engine import Store, open_store
from runlore.training.actions.training import train_spec

TAUGHT_DAYS, WATCHED_WEEKS, PER_DAY = 182, 52, 70
SPECS = (
    replace(
        failure_risk.SPEC,
        candidates=("baseline", "xgboost"),
        gates=(Gate("auc", "bound", 0.5),),
        split=Split(folds=2),
    ),
    replace(
        duration.SPEC,
        candidates=("baseline", "xgboost"),
        gates=(Gate("mae", "bound", 1e9),),
        split=Split(folds=2),
    ),
)


def a_year(seed: int, shifted_week: int | None = None) -> dict[str, tuple[list[int], list[int]]]:
    """Of each spec the weeks that read as drift, and those in which retraining was called for.

    shifted_week: before which the planted change sets in; None plants none.
    """
    days = TAUGHT_DAYS + 7 * WATCHED_WEEKS
    share = 1.0 if shifted_week is None else (TAUGHT_DAYS + 7 * shifted_week) / days
    log = simulate.simulate(
        simulate.Scenario(
            seed=seed, days=days, executions=PER_DAY * days, change_at=share, dirty_rows=0
        )
    )
    start = log.scenario.first.replace(hour=0, minute=0, second=0)
    learned = start + timedelta(days=TAUGHT_DAYS)
    known = pd.to_datetime(log.records["reported_at"], utc=True) <= learned
    with _home() as (home, store):
        models = registry.connect(Settings(home=home), store)
        _ingest(store, home / "early.csv", log.records[known])
        for spec in SPECS:
            train_spec(store, models, spec)
        _ingest(store, home / "late.csv", log.records[~known])
        return {spec.name: _watch(store, models, spec, learned) for spec in SPECS}


@contextmanager
def _home() -> Iterator[tuple[Path, Store]]:
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    try:
        with open_store(Settings(home=home, database_url=None)) as store:
            yield home, store
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _ingest(store: Store, path: Path, records: pd.DataFrame) -> None:
    records.to_csv(path, index=False)
    told = {name: each for name, each in simulate.mapping().items() if name != "source"}
    at = pd.Timestamp(records["reported_at"].max()).to_pydatetime()
    ingest_file(store, FileSource(path, "csv", SIMULATED_SOURCE, declare(told)), at)


def _watch(
    store: Store, models: registry.Registry, spec: ModelSpec, learned: pd.Timestamp
) -> tuple[list[int], list[int]]:
    ref = models.champion(spec.name)
    assert ref is not None
    champion = reference.load(models, ref)
    history: list[JudgedWindow] = []
    drifted, alarms = [], []
    examiner = Examiner(store, champion, spec, spec.drift.window_s)
    for week in range(WATCHED_WEEKS):
        at = learned + timedelta(days=7 * (week + 1))
        asked = time_slices.ending(at, spec.drift.window_s)
        verdict = examiner.examine(asked, at).verdict
        history.append(JudgedWindow("1", asked.begin, asked.end, verdict.answer, verdict.reasons))
        if verdict.answer == "drift":
            drifted.append(week)
        if decide(history, spec.drift, at).is_alarm:
            alarms.append(week)
    return drifted, alarms
