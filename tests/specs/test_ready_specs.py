"""The ready specs: named in the setting, and trained where the log has their value."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from runlore.cli import training
from runlore.features.log import Log, prepare
from runlore.kernel.errors import NotFound, NotInLog
from runlore.log import reader
from runlore.settings import Settings
from runlore.specs import loading
from runlore.specs.catalog import peak_memory, wait
from runlore.specs.model_spec import Split
from runlore.training.actions.extraction import extract_log, refuse_short
from runlore.training.rules.split import divide

SECOND = 1_000_000
MIB = 2**20


def log(*, has_memory: bool = True, executions: int = 60) -> Log:
    at = np.arange(executions) * 3600 * SECOND
    outcome = [f'{{"peak_memory_bytes": {MIB * (1 + n % 7)}}}' for n in range(executions)]
    facts = pd.DataFrame(
        {
            "source": "slurm",
            "source_id": [str(n) for n in range(executions)],
            "actor": [f"user{n % 3}" for n in range(executions)],
            "kind": "align",
            "scope": "long",
            "inputs": [f'{{"cpus": {1 + n % 4}}}' for n in range(executions)],
            "submitted": at,
            "started": at + (1 + np.arange(executions) % 5) * SECOND,
            "finished": at + 600 * SECOND,
            "status": "succeeded",
            "outcome": outcome if has_memory else ["{}"] * executions,
            "submission_known_at": at,
            "known_at": at + 600 * SECOND,
            "seq": np.arange(1, executions + 1),
            "revision": 0,
        }
    )
    return prepare(facts)


def test_ready_specs_are_switched_on_by_their_names():
    settings = Settings(specs=tuple(loading.READY))
    assert [spec.name for spec in loading.every(settings)] == list(loading.READY)


def test_the_threshold_of_success_is_that_of_the_settings():
    named = ("engagement-success",)
    chosen = loading.find(Settings(specs=named, engagement_success_percent=2.5), *named)
    assert chosen.question.of == "outcome.engagement_rate@168h>=2.5"
    usual = loading.find(Settings(specs=named), *named)
    assert usual.question.of == "outcome.engagement_rate@168h>=5"


def test_a_ready_spec_that_is_off_is_named_with_the_setting():
    with pytest.raises(NotFound, match="'wait' is ready to be added to RUNLORE_SPECS"):
        loading.find(Settings(), "wait")


@pytest.mark.parametrize(
    ("spec", "first"), [(peak_memory.SPEC, MIB), (wait.SPEC, 1.0)], ids=["peak-memory", "wait"]
)
def test_a_log_that_has_the_value_teaches_it(spec, first):
    few = replace(spec, split=Split(least_rows=20))
    extracted = extract_log(log(), few)
    assert extracted.data.target[0] == first
    last_two = extracted.data.column(spec.baseline)
    assert np.isnan(last_two[0])
    assert np.isfinite(last_two[3:]).all()
    assert len(divide(few, extracted.data).test)


def test_a_log_without_the_value_says_so_in_one_line():
    with pytest.raises(NotInLog) as refused:
        refuse_short(log(has_memory=False), peak_memory.SPEC)
    assert str(refused.value) == (
        "peak-memory: not in this log: no finished execution has outcome.peak_memory_bytes"
    )


def test_train_passes_over_what_the_log_lacks_unless_it_is_named(monkeypatch, capsys):
    specs = {
        "wait": replace(wait.SPEC, split=Split(least_rows=20)),
        "peak-memory": peak_memory.SPEC,
    }
    app = SimpleNamespace(store=None, spec=specs.__getitem__)
    monkeypatch.setattr(reader, "read_log", lambda store: log(has_memory=False))
    monkeypatch.setattr(
        training, "_recorded", lambda app, names, *_, **__: {name: {} for name in names}
    )
    names, options = [*specs], training.NO_OPTIONS
    passed_over = training._train_all(app, names, options, at_once=False, may_lack=True)
    assert list(passed_over) == ["wait"]
    assert "peak-memory: not in this log" in capsys.readouterr().err
    named = training._train_all(app, names, options, at_once=False, may_lack=False)
    assert named["peak-memory"]["passed"] is False
