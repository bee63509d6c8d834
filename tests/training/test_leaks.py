"""Inputs that give the outcome away are named; strong honest predictors are not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.records import measured_afterwards
from runlore.records.execution import NO_INSTANT
from runlore.training.rules.leaks import values
from runlore.training.rules.leaks.cells import InputCells
from runlore.training.rules.leaks.check import find_leaks
from runlore.training.rules.leaks.leak import LeakKind, LeakSample
from tests.training import leaky


@pytest.mark.parametrize("case", leaky.LEAKS)
def test_a_planted_leak_is_found(case: str) -> None:
    work = leaky.work()
    name, column = leaky.LEAKS[case](work)
    leaks = leaky.leaks_of(work, column, name, leaky.CHANGED.get(case, (0, 0)))
    assert [leak.input for leak in leaks] == [name]


FINISHES = {
    "the instant of the finish": "is the instant of the finish",
    "the submission and the duration": "counted from the submission",
    "an id that is given at the end": "follows the order of finishing",
}


@pytest.mark.parametrize("case", FINISHES)
def test_the_evidence_says_how_an_input_follows_the_finish(case: str) -> None:
    work = leaky.work()
    name, column = leaky.LEAKS[case](work)
    (leak,) = leaky.leaks_of(work, column, name)
    assert leak.kind == LeakKind.FINISH
    assert leak.evidence.startswith(FINISHES[case])


def test_a_machine_that_breaks_all_its_work_is_honest_where_nothing_else_fails() -> None:
    work = leaky.work()
    broken = replace(work, failed=(work.host == "node7").astype(float))
    assert leaky.leaks_of(broken, broken.host.astype(object), "node") == ()


@pytest.mark.parametrize("case", leaky.CLEAN)
def test_a_strong_honest_predictor_is_not_accused(case: str) -> None:
    work = leaky.work()
    name, column = leaky.CLEAN[case](work)
    assert leaky.leaks_of(work, column, name, (12, 3000)) == ()


def test_there_are_enough_of_each() -> None:
    assert len(leaky.LEAKS) >= 20
    assert len(leaky.CLEAN) >= 20


def sticky() -> leaky.Work:
    """Work that fails for weeks once it has begun to."""
    work = leaky.work()
    flips = np.random.default_rng(4).random(work.n) < 0.004
    return replace(work, failed=np.cumsum(flips) % 2.0)


def test_the_last_outcome_is_honest_where_failures_come_in_long_rows() -> None:
    work = sticky()
    last = leaky.previous(work, work.failed, np.zeros(work.n))
    assert values.auc(InputCells("last", pd.Series(last)), work.failed) > values.LEAST_AUC
    assert leaky.leaks_of(work, last, "last") == ()
    (leak,) = leaky.leaks_of(work, work.failed, "verdict")
    assert leak.kind == LeakKind.VALUE


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([np.exp, np.cbrt, np.negative, lambda x: 3 * x - 8, np.arctan]),
)
@settings(max_examples=20)
def test_any_monotone_function_of_the_duration_is_found(seed: int, function: Any) -> None:
    work = leaky.work(400, 7)
    scaled = work.duration_s / work.duration_s.max()
    order = np.random.default_rng(seed).random(work.n) < 0.9
    column = np.where(order, function(scaled), np.nan)
    assert [leak.kind for leak in leaky.leaks_of(work, column)] == [LeakKind.DURATION]


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.floats(0, 0.9))
@settings(max_examples=60)
def test_chance_is_never_accused(seed: int, levels: int, missing: float) -> None:
    random = np.random.default_rng(seed)
    work = leaky.work(400, 7)
    column = random.integers(levels, size=work.n).astype(float)
    column[random.random(work.n) < missing] = np.nan
    assert leaky.leaks_of(work, column) == ()
    assert leaky.leaks_of(work, leaky.texts([f"w{cell:.0f}" for cell in column])) == ()


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.002))
@settings(max_examples=30)
def test_codes_of_failures_are_found_whatever_they_are(seed: int, errors: float) -> None:
    random = np.random.default_rng(seed)
    work = leaky.work(3000, 8)
    codes = random.integers(-300, 300, size=9)
    failed = np.where(random.random(work.n) < errors, 1 - work.failed, work.failed)
    column = np.where(failed == 1, codes[1:][random.integers(8, size=work.n)], codes[0])
    column = column + 1000.0 * (failed == 1)
    assert [leak.input for leak in leaky.leaks_of(work, column)] == ["x"]


def test_evidence_names_figures_and_no_values_of_the_input() -> None:
    work = leaky.work()
    for make in leaky.LEAKS.values():
        name, column = make(work)
        words = {str(cell) for cell in column[:50] if isinstance(cell, str) and len(cell) > 3}
        for leak in leaky.leaks_of(work, column, name, (400, 800)):
            assert not any(word in leak.evidence for word in words)


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("exit_code", True), ("ExitCode", True), ("exitStatus", True), ("max_rss_mb", True),
        ("MaxRSS", True), ("elapsed-seconds", True), ("peak_vmem", True), ("realtime", True),
        ("resources_used.walltime", True), ("completedAt", True), ("errorMessage", True),
        ("previous_exit_code", False), ("last_error_message", False), ("walltime", False),
        ("requested_memory", False), ("time_limit", False), ("expected_duration", False),
        ("priority", False), ("created_at", False), ("max_retries", False), ("", False),
    ],
)  # fmt: skip
def test_names_of_what_is_measured_afterwards(name: str, is_known: bool) -> None:
    assert (measured_afterwards.origin(name) is not None) is is_known


def hpc_log(folder: Path, name: str) -> LeakSample:
    jobs = pd.read_csv(folder / f"{name}.swf.gz", sep=r"\s+", comment=";", header=None)
    jobs = jobs.replace(-1, np.nan).iloc[:60_000]
    inputs = jobs[[4, 7, 8]].set_axis(["processors", "requested", "requested_time_s"], axis=1)
    parts = jobs[[11, 13, 14]].astype(str).set_axis(["actor", "kind", "scope"], axis=1)
    submitted = (jobs[1] * 1e6).astype(np.int64).to_numpy()
    return LeakSample(
        inputs=inputs,
        parts=parts.astype(object),
        labels={"failed": (jobs[10] != 1).to_numpy(dtype=float)},
        measures={"duration_s": jobs[3].to_numpy()},
        submitted_us=submitted,
        finished_us=submitted + (jobs[[2, 3]].sum(axis=1) * 1e6).astype(np.int64).to_numpy(),
        changes={},
    )


@pytest.mark.parametrize(
    ("name", "leaks"),
    [("CTC-SP2-1996-3.1-cln", []), ("SDSC-BLUE-2000-4.2-cln", ["processors"])],
)
def test_of_real_logs_of_jobs_only_what_failed_jobs_lack_is_accused(
    shared_data: Path, name: str, leaks: list[str]
) -> None:
    assert [leak.input for leak in find_leaks(hpc_log(shared_data / "hpc", name))] == leaks


def test_the_failure_modes_of_machines_leak(shared_data: Path) -> None:
    """RNF is 1 in 19 of 10,000 rows, of which one failed: it is no leak in these data."""
    table = pd.read_csv(shared_data / "maintenance" / "ai4i2020.csv.gz")
    failed = table.pop("Machine failure").to_numpy(dtype=float)
    none = np.full(len(table), NO_INSTANT)
    parts = pd.DataFrame({"actor": "", "kind": table["Type"], "scope": ""}, dtype=object)
    submitted = np.arange(len(table)) * 60_000_000
    sample = LeakSample(table, parts, {"failed": failed}, {}, submitted, none, {})
    assert [leak.input for leak in find_leaks(sample)] == ["HDF", "OSF", "PWF", "TWF"]
