"""The page is made by the real Evidently."""

import os
import re
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runlore.monitoring import drift_report
from runlore.monitoring.rules.histogram import count, reference_profile
from runlore.monitoring.rules.measures import PREDICTION
from runlore.monitoring.rules.sample import Sample, places
from runlore.monitoring.rules.verdict import VerdictContext, WindowVerdict, judge
from runlore.specs.model_spec import DriftPolicy

pytestmark = pytest.mark.slow

NAMES = ("inputs.size", "kind", "never known", "constant", "gone", PREDICTION)
EVIL = "</script><script>alert(1)</script>"
WORDS = {"kind": ("etl", "train", EVIL)}
SUBJECT = drift_report.ReportSubject(
    "failure-risk",
    "7",
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 8, tzinfo=UTC),
    "The log ends on 2026-01-08.",
)


def block(rows: int, shift: float) -> np.ndarray:
    rng = np.random.default_rng(rows)
    nothing = np.full(rows, np.nan)
    columns = [
        rng.lognormal(shift, 1, rows),
        rng.choice(3, rows, p=[0.5, 0.3, 0.2]),
        nothing,
        np.ones(rows),
        nothing if shift else rng.normal(size=rows),
        rng.beta(2 + shift, 5, rows),
    ]
    return np.column_stack(columns).astype(np.float32)


@pytest.fixture(scope="module")
def found() -> tuple[WindowVerdict, drift_report.ReportSamples]:
    reference, current = block(3_000, 0), block(1_111, 2)
    profile = reference_profile(reference, NAMES, ["kind"])
    verdict = judge(profile, count(profile.bins, current), DriftPolicy(), VerdictContext(WORDS))
    at_us = 1_767_225_600_000_000 + np.arange(1_111) * 500_000_000
    shown, drawn = places(3_000, 900), places(1_111, 900)
    samples = drift_report.ReportSamples(
        NAMES,
        Sample(reference[shown], 3_000),
        Sample(current[drawn], 1_111, at_us[drawn]),
        WORDS,
    )
    return verdict, samples


@pytest.fixture(scope="module")
def page(found: tuple[WindowVerdict, drift_report.ReportSamples]) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "socket", _Unconnected)
        return drift_report.render(SUBJECT, *found)


class _Unconnected(socket.socket):
    """Only for this thread: a server that another test has left up is watched from one of its
    own."""

    def connect(self, *address: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            self.close()
            raise AssertionError("the page was made over the network")
        super().connect(*address)


def test_the_page_says_what_was_compared_and_what_came_of_it(page: str) -> None:
    assert "<title>Drift: failure-risk, version 7</title>" in page
    for told in (
        "failure-risk, version 7: 2026-01-01 00:00 to 2026-01-08 00:00 UTC",
        '"value": "Drift"',
        "3 of 6",
        "Drift: 2 of 5 features drifted (40% by weight; 10% make a drift); the prediction has",
        "The log ends on 2026-01-08.",
    ):
        assert told in page


def test_the_page_says_that_it_draws_a_sample_and_that_the_verdict_does_not(page: str) -> None:
    assert (
        "The plots show a sample: 900 of 1,111 rows of the window and 900 of 3,000 rows of the "
        "reference. The verdict uses all rows." in page
    )


def test_every_column_is_told_and_those_with_values_are_drawn(
    page: str, found: tuple[WindowVerdict, drift_report.ReportSamples]
) -> None:
    for column in found[0].columns:
        assert f'"{column.name}", "{"drifted" if column.is_drifted else "no drift"}"' in page
    drawn = re.findall(
        r'"counters": \[\{"value": "([^"]+)", "label": "(?:drifted|no drift): ', page
    )
    assert drawn[0] == PREDICTION
    assert set(drawn) == {PREDICTION, "inputs.size", "kind", "constant"}


def test_evidentlys_method_and_threshold_are_the_ones_that_we_name(page: str) -> None:
    assert "Drift detection method" not in page, "its own counter gives way to our verdict"
    assert re.search(r"PSI \d+\.\d{3} over all rows, drifted from 0\.200", page)


def test_words_of_the_log_cannot_break_out_of_the_page(page: str) -> None:
    assert EVIL not in page
    assert "alert(1)" in page


def test_the_page_needs_nothing_from_elsewhere(page: str) -> None:
    assert not re.findall(r"<(?:script|img|iframe)[^>]+src=|<link[^>]+href=", page)


def test_telemetry_is_off_before_evidently_is_imported(page: str) -> None:
    assert page
    assert os.environ["DO_NOT_TRACK"]


def test_a_page_is_written_whole(
    tmp_path: Path, found: tuple[WindowVerdict, drift_report.ReportSamples]
) -> None:
    path = tmp_path / "failure-risk" / "drift.html"
    drift_report.write(path, SUBJECT, *found)
    assert [each.name for each in path.parent.iterdir()] == ["drift.html"]
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_more_columns_than_are_drawn_are_still_told() -> None:
    names = tuple(f"column {i}" for i in range(drift_report.MOST_PLOTS + 3))
    rows = np.random.default_rng(1).normal(size=(300, len(names))).astype(np.float32)
    profile = reference_profile(rows, names)
    verdict = judge(profile, profile, DriftPolicy())
    sample = Sample(rows, 300)
    page = drift_report.render(
        SUBJECT, verdict, drift_report.ReportSamples(names, sample, sample, {})
    )
    assert all(f'"{name}", "no drift"' in page for name in names)
    assert f"The {drift_report.MOST_PLOTS} most drifted of {len(names)} columns" in page
    assert page.count(f'"{verdict.columns[0].name}", "no drift"') == 2
    assert page.count(f'"{verdict.columns[-1].name}", "no drift"') == 1
    assert page.count("over all rows, drifted from") == drift_report.MOST_PLOTS
