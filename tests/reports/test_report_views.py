"""A report as page, PDF and tables: escaped, self-contained, from templates of ours or the user."""

import csv
import io
import re
import shlex
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from runlore.kernel.errors import Misconfigured, NotFound
from runlore.kernel.json_values import as_json
from runlore.reports.actions import making, wishes
from runlore.reports.actions.composing import compose
from runlore.reports.rules import again
from runlore.reports.rules.change import Compared, DailyValues, verdicts
from runlore.reports.rules.period import week_of
from runlore.reports.rules.period_forecast import forecast_next
from runlore.reports.rules.request import ReportPrices
from runlore.reports.views import report_pdf
from runlore.reports.views.report_page import PageOptions, render_report
from runlore.reports.views.report_pdf import render_pdf
from runlore.reports.views.report_tables import TABLES, table_csv
from runlore.settings import Settings
from runlore.specs.catalog import failure_risk
from runlore.store.engine import Store
from tests.reports.report_log import announce, answer, request, simulated, write
from tests.tables import empty_tables

SPECS = (failure_risk.SPEC,)
FIRST = datetime(2026, 8, 31, tzinfo=UTC)
WEEK = week_of(date(2026, 11, 23))
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def document(database: Store) -> dict[str, Any]:
    """Rendered by most tests; made once, because that takes longest."""
    empty_tables(database)
    return made(database)


def made(store: Store) -> dict[str, Any]:
    frame = simulated(FIRST, 91, 20)
    frame.loc[frame.index % 3 == 0, "actor"] = EVIL
    write(store, frame)
    announce(store, FIRST)
    week = frame[frame["submitted"] >= WEEK.starts_at]
    answer(store, week, np.linspace(0, 1, len(week)))
    prices = ReportPrices(hour=2.5, currency="EUR")
    stored = making.make_report(store, SPECS, request(WEEK, prices=prices), "ann")
    return dict(stored.document)


def test_each_number_is_had_again_by_its_route_and_its_command(store: Store) -> None:
    document = made(store)
    for row in document["figures"]:
        address = urlsplit(again.route(document, row["name"]))
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        words = shlex.split(again.command(document, row["name"]))
        assert words[:2] == ["runlore", "report"]
        options = dict(zip(words[2:-1:2], words[3:-1:2], strict=True))
        wish = {name.removeprefix("--").replace("-", "_"): text for name, text in options.items()}
        assert wish == query, "both ask for the same"
        figure = query.pop("figure")
    asked = wishes.read_request(query, Settings(), datetime(2030, 1, 1, tzinfo=UTC))
    write(store, simulated(FIRST, 91, 3, seed=5))  # facts that came since are not counted
    found = as_json(compose(store, SPECS, asked))
    assert figure == document["figures"][-1]["name"]
    assert found["figures"] == document["figures"]
    assert as_json(making.repeat_report(store, SPECS, 1))["figures"] == document["figures"]


def test_the_page_loads_nothing_and_runs_nothing(document: dict[str, Any]) -> None:
    page = render_report(document, PageOptions(3, "https://x.example/console/reports/3"))
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert re.findall(r"(?:src|@import|url\()", page) == []
    assert re.findall(r'href="(?!data:,)([^"]+)"', page) == ["https://x.example/console/reports/3"]
    assert page.count("<svg") >= 4
    assert render_report(document, PageOptions(3, "https://x.example/console/reports/3")) == page


def test_the_page_says_what_is_known_and_what_is_not(document: dict[str, Any]) -> None:
    page = render_report(document)
    assert "23 to 29 November 2026: all work" in page
    assert "EUR" in page
    assert "runlore report --from 2026-11-23 --to 2026-11-29" in page
    assert "no change shown" in page


def test_a_pdf_is_written_and_its_first_page_is_for_executives(document: dict[str, Any]) -> None:
    pdf = render_pdf(document)
    assert pdf.startswith(b"%PDF-")
    assert len(pdf) > 20_000


def test_without_weasyprint_the_error_names_the_remedy(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(Misconfigured, match=r"pip install 'runlore\[all\]'.*--html"):
        render_pdf(document)


def test_paper_loads_nothing() -> None:
    with pytest.raises(report_pdf.NotFetched):
        report_pdf._refuse("file:///etc/passwd")


def test_tables_are_safe_in_spreadsheets_and_hold_all_rows(document: dict[str, Any]) -> None:
    for name in TABLES:
        rows = list(csv.DictReader(io.StringIO(table_csv(document, name))))
        assert len(rows) == len(document[name])
    actors = csv.DictReader(io.StringIO(table_csv(document, "groups")))
    assert "'=cmd" in {row["name"] for row in actors}
    with pytest.raises(NotFound, match="a report has figures, days"):
        table_csv(document, "secrets")


def test_the_users_own_template_takes_the_place_of_ours(
    document: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text("{{ report.period.name }} {{ report.groups[0].name }}")
    page = render_report(document, PageOptions(templates=tmp_path))
    assert page.startswith("23 to 29 November 2026")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a\n{% if %}\n", r"report\.html, line 2: .*mend the template"),
        ("a\nb\n{{ report.nothing.at_all }}", r"report\.html, line 3: .*no attribute"),
        ("{{ ''.__class__.__mro__ }}", r"report\.html, line 1: .*unsafe"),
        ("{% include 'x.html' %}", r"x\.html"),
        ("\n{{ 1 / 0 }}", r"report\.html, line 2: division by zero"),
        ("{{ range(10 ** 9) | list }}", r"report\.html, line 1: .*[Rr]ange"),
    ],
)
def test_a_broken_template_is_named_with_its_line(
    document: dict[str, Any], tmp_path: Path, template: str, said: str
) -> None:
    (tmp_path / "report.html").write_text(template)
    with pytest.raises(Misconfigured, match=said):
        render_report(document, PageOptions(templates=tmp_path))


def test_a_folder_of_templates_that_is_not_there_is_named(
    document: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured, match=r"RUNLORE_REPORT_TEMPLATES: .* is no folder"):
        render_report(document, PageOptions(templates=tmp_path / "gone"))


def test_noise_is_seldom_called_a_change() -> None:
    """400 pairs of weeks without a change, whose days share good and bad times (SE: 1 point)."""
    rng = np.random.default_rng(3)
    false = 0
    for _ in range(400):
        count = rng.poisson(80, (14, 7)).astype(float)
        rate = np.clip(0.2 + rng.normal(0, 0.04, (14, 7)), 0, 1)
        failed = rng.binomial(count.astype(int), rate).astype(float)
        pairs = [
            Compared(DailyValues(count[-1]), DailyValues(count[-2]), tuple(count[:-2].mean(1))),
            Compared(
                DailyValues(failed[-1], count[-1]),
                DailyValues(failed[-2], count[-2]),
                tuple(failed[:-2].sum(1) / count[:-2].sum(1)),
            ),
        ]
        false += any(change in ("up", "down") for change, _, _ in verdicts(pairs))
    assert false / 400 < 0.06


def test_a_forecast_holds_as_often_as_it_says_on_series_that_are_alike() -> None:
    rng = np.random.default_rng(4)
    inside, told = 0, 0
    for _ in range(400):
        rates = rng.gamma(20, 5, 14)
        forecast = forecast_next(list(rates[:-1]), 1)
        if not forecast.unknown:
            told += 1
            inside += forecast.low <= rates[-1] <= forecast.high
    assert told > 300
    assert 0.74 < inside / told < 0.95
