"""The page of a simulated log has the numbers that are known to be true, and loads nothing."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from runlore.cli import main
from runlore.look.actions.looking import LookOptions, as_document, look_at_file
from runlore.look.actions.reading import LogChoice
from runlore.look.rules.findings import LookFindings, Measured, StandOut
from runlore.look.rules.standouts import hidden
from runlore.look.views.page import render_page
from runlore.look.views.picture import render_picture
from runlore.models.scores import auc
from runlore.simulate import Scenario, simulate
from runlore.simulate.files import write_csv
from runlore.simulate.log import SimulatedLog

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCENARIO = Scenario(seed=5, executions=1500, days=40, change_at=1.0, dirty_rows=7)


@pytest.fixture(scope="module")
def simulated() -> SimulatedLog:
    return simulate(SCENARIO)


@pytest.fixture(scope="module")
def file(simulated: SimulatedLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(simulated, tmp_path_factory.mktemp("look"))


@pytest.fixture(scope="module")
def findings(file: Path) -> LookFindings:
    return look_at_file(LogChoice(file), LookOptions(), NOW, lambda text: None)


@pytest.fixture(scope="module")
def page(findings: LookFindings) -> str:
    return render_page(findings, "2026-01-01")


def test_counts_are_those_of_the_simulation(
    findings: LookFindings, simulated: SimulatedLog
) -> None:
    known = simulated.records.drop_duplicates("id", keep="last")
    results = known["result"].value_counts()
    assert findings.file.runs == len(known)
    assert findings.file.rejected == len(simulated.dirt)
    assert findings.file.statuses["succeeded"] == results["ok"]
    assert findings.file.statuses["failed"] == results["failed"]
    assert sum(one.runs for one in findings.file.spans) == len(known)


def test_risk_is_no_better_than_the_truth_allows(
    findings: LookFindings, simulated: SimulatedLog
) -> None:
    """The probability with which each run was made to fail is the best that can be known."""
    work = simulated.executions
    failed = work["result"].ne("ok").to_numpy(dtype=np.float64)
    best = auc(failed, work["p_fail"].to_numpy())
    assert findings.failure is not None
    assert 0.5 < findings.failure.auc.value < best + 0.05
    assert findings.failure.auc.low <= findings.failure.auc.value <= findings.failure.auc.high
    late = failed[-findings.failure.test_rows :].mean()
    assert findings.failure.base_rate.value == pytest.approx(late, abs=0.03)


def test_the_gain_curve_goes_from_nothing_to_all_failures(findings: LookFindings) -> None:
    assert findings.failure is not None
    curve = findings.failure.gain
    for points in (curve.ours, curve.simple):
        assert (points[0], points[-1]) == (0.0, 1.0)
        assert list(points) == sorted(points)
    at = curve.shares.index(0.1)
    assert curve.ours[at] == findings.failure.top.value
    assert curve.simple[at] == findings.failure.top_simple.value


def test_every_number_has_its_runs_and_an_interval_around_it(findings: LookFindings) -> None:
    measured = [one for one in _measured(as_document(findings)) if one["low"] is not None]
    assert len(measured) > 20
    for one in measured:
        assert one["n"] > 0
        assert one["low"] <= one["high"]


def _measured(value: object) -> list[dict[str, float]]:
    if isinstance(value, dict):
        if value.keys() == {"value", "low", "high", "n"}:
            return [value]
        return [one for part in value.values() for one in _measured(part)]
    if isinstance(value, list):
        return [one for part in value for one in _measured(part)]
    return []


def test_the_same_file_gives_the_same_page_but_for_the_date(file: Path, page: str) -> None:
    later = datetime(2026, 3, 1, tzinfo=UTC)
    again = look_at_file(LogChoice(file), LookOptions(), later, lambda text: None)
    assert render_page(again, "2026-01-01") == page
    assert page.count("2026-01-01") == 1


class Parts(HTMLParser):
    """Collects what a document would load, and checks that its elements are closed."""

    VOID = ("meta", "link", "line", "rect", "circle", "polyline", "polygon")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{value}" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID or not self.get_starttag_text().endswith("/>"):
            self.open += [] if tag in ("meta", "link") else [tag]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass


def test_the_page_is_well_formed_and_loads_nothing(page: str) -> None:
    parts = Parts()
    parts.feed(page)
    assert parts.open == []
    assert parts.loads == ["data:,"]
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    assert re.search(r"url\(|@import", page) is None


def test_names_of_the_log_are_text_and_can_be_hidden(findings: LookFindings) -> None:
    odd = StandOut("actor", "<b>&ann", Measured(0.5, 0.4, 0.6, 99), 0.2, 0.01)
    shown = render_page(replace(findings, standouts=(odd,)), "2026-01-01")
    assert "&lt;b&gt;&amp;ann" in shown
    assert "<b>" not in shown
    assert "&lt;b&gt;" not in render_page(replace(findings, standouts=hidden((odd,))), "2026-01-01")


def test_the_picture_is_small_and_loads_nothing(findings: LookFindings) -> None:
    shown = replace(
        findings, standouts=(StandOut("actor", "ann", Measured(0.5, 0.4, 0.6, 99), 0.2, 0.01),)
    )
    picture = render_picture(shown, "a log")
    stored = (Path(__file__).parents[2] / "docs" / "look.svg").read_text()
    for drawn in (picture, stored):
        parts = Parts()
        parts.feed(drawn)
        assert (parts.open, parts.loads) == ([], [])
        assert len(drawn) < 200_000
    assert picture.count("http") == picture.count("http://www.w3.org/2000/svg") == 1


@pytest.fixture
def look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, str]]:
    """Runs `runlore look` in an empty folder; returns what it wrote to both streams."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path / "home"))

    def run(*arguments: object, code: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["runlore", "look", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == code
        captured = capsys.readouterr()
        return captured.out, captured.err

    return run


def small(folder: Path, rows: int = 60) -> Path:
    path = folder / "small.csv"
    lines = [f"{at},ann,2025-01-{1 + at // 24:02d}T{at % 24:02d}:00:00Z,ok" for at in range(rows)]
    path.write_text("id,user,queued_at,result\n" + "\n".join(lines) + "\n")
    return path


def test_a_short_log_gets_a_page_that_says_why_there_is_no_answer(
    look: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    out, err = look(small(tmp_path), "--json")
    document = json.loads(out)
    assert document["file"]["runs"] == 60
    assert document["failure"] is None
    assert "at least" in document["unanswered"]["failure-risk"]
    assert "learning who fails" in err
    page = tmp_path / document["page"]
    assert page.name == "small.look.html"
    assert "What cannot be predicted" in page.read_text()
    assert not (tmp_path / "home").exists()


def test_only_a_page_of_a_look_is_replaced(
    look: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    log, mine = small(tmp_path), tmp_path / "mine.html"
    mine.write_text("<p>mine</p>")
    _, err = look(log, "--output", mine, code=1)
    assert "--force" in err
    assert mine.read_text() == "<p>mine</p>"
    look(log, "--output", mine, "--force")
    look(log, "--output", mine)
    assert "runlore look" in mine.read_text()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02" * 50, "NUL"),
        (b"a,b,c\n1,2,3\n", "--map submitted=COLUMN"),
        (b"submitted,size\n2025-01-01,3\n", "--map status=COLUMN"),
        (b"\x1f\x8b\x08broken", "gzip"),
        (b"PAR1broken", "Parquet"),
        (b"[{]", ""),
        (b"; UnixStartTime: 0\n1 2 3\n", "no run"),
        (b"JobID|State\n1|COMPLETED\n", ""),
        (b"submitted,status\nsoon,ok\n", "is not an instant"),
    ],
)
def test_a_broken_file_is_one_clear_sentence(
    content: bytes, words: str, look: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    out, err = look(path, code=1)
    assert out == ""
    assert words in err
    assert "Traceback" not in err
    assert "should not happen" not in err
    assert list(tmp_path.glob("*.html")) == []


def test_a_missing_file_and_a_wrong_format_are_named(
    look: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    assert "no such file" in look(tmp_path / "none.csv", code=1)[1]
    assert "'excel' is none of" in look(small(tmp_path), "--format", "excel", code=1)[1]
