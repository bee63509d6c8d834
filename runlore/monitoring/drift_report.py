"""The HTML report: the verdict on all rows, and Evidently's plots of a sample.

The only module that imports Evidently.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from runlore.kernel.telemetry import silence_telemetry
from runlore.monitoring.rules.measures import PREDICTION, DriftMeasure
from runlore.monitoring.rules.sample import Sample, readable
from runlore.monitoring.rules.verdict import ColumnVerdict, WindowVerdict, Words

MOST_PLOTS = 25
HEAD = "<head>"
ANSWERS = {"drift": "Drift", "no drift": "No drift", "not enough data": "Not enough data"}
LABELS = {
    "ks": "Kolmogorov-Smirnov",
    "wasserstein": "Wasserstein",
    "jensen_shannon": "Jensen-Shannon",
}
# Names and words come from logs and stand inside a script: none of their tags may count.
PLAIN = str.maketrans({"<": "‹", ">": "›"})


@dataclass(frozen=True)
class ReportSubject:
    """The subject of the page. note: anything that a reader must know about the window."""

    spec: str
    version: str
    window_from: datetime
    window_to: datetime
    note: str = ""

    @property
    def title(self) -> str:
        return f"{self.spec}, version {self.version}"

    @property
    def window(self) -> str:
        return f"{self.window_from:%Y-%m-%d %H:%M} to {self.window_to:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, eq=False)
class ReportSamples:
    """The rows to draw, in columns of these names."""

    names: tuple[str, ...]
    reference: Sample
    current: Sample
    words: Words


def write(
    path: Path, subject: ReportSubject, verdict: WindowVerdict, samples: ReportSamples
) -> None:
    """Write one self-contained HTML file, as a whole or not at all."""
    page = render(subject, verdict, samples)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)


def render(subject: ReportSubject, verdict: WindowVerdict, samples: ReportSamples) -> str:
    reference, current = _frames(samples)
    columns = _drawable(_in_reading_order(verdict.columns), reference, current)[:MOST_PLOTS]
    with _silenced():
        from evidently.core.metric_types import render_widgets
        from evidently.legacy.renderers.html_widgets import group_widget

        widgets = [
            *_head(subject, verdict, samples),
            *_tables(verdict, _plots(columns, samples, reference, current)),
        ]
        page = str(render_widgets([group_widget(title="", widgets=widgets)]))
    return page.replace(HEAD, f"{HEAD}<title>Drift: {_plain(subject.title)}</title>", 1)


@contextmanager
def _silenced() -> Iterator[None]:
    """Evidently's imports use what numpy and litestar have deprecated; nothing of ours does."""
    silence_telemetry()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _plain(text: str) -> str:
    return text.translate(PLAIN)


def _frames(samples: ReportSamples) -> tuple[pd.DataFrame, pd.DataFrame]:
    words = {name: [_plain(word) for word in of] for name, of in samples.words.items()}
    frames = readable(samples.reference, samples.current, samples.names, words)
    return frames[0].rename(columns=_plain), frames[1].rename(columns=_plain)


def _in_reading_order(columns: Sequence[ColumnVerdict]) -> list[ColumnVerdict]:
    """The prediction first, then the most drifted."""
    return sorted(columns, key=lambda column: column.name != PREDICTION)


def _drawable(
    columns: Sequence[ColumnVerdict], reference: pd.DataFrame, current: pd.DataFrame
) -> list[ColumnVerdict]:
    """Those with a value in both samples; labels are in neither."""
    held = reference.notna().any() & current.notna().any()
    return [column for column in columns if held.get(_plain(column.name), False)]


def _head(subject: ReportSubject, verdict: WindowVerdict, samples: ReportSamples) -> list[Any]:
    from evidently.legacy.renderers.html_widgets import CounterData, counter

    title = CounterData(_plain(f"{subject.title}: {subject.window}"), ANSWERS[verdict.answer])
    facts = [
        CounterData(
            f"columns drifted ({verdict.drifted_share:.0%} of the features by weight; "
            f"{verdict.threshold:.0%} make a drift)",
            f"{len(verdict.drifted)} of {len(verdict.columns)}",
        ),
        CounterData("rows in the window", f"{verdict.rows_current:,}"),
        CounterData("rows in the training reference", f"{verdict.rows_reference:,}"),
    ]
    return [
        counter(counters=[title]),
        counter(counters=facts),
        _explained(subject, verdict, samples),
    ]


def _explained(subject: ReportSubject, verdict: WindowVerdict, samples: ReportSamples) -> Any:  # noqa: ANN401  (an Evidently widget)
    from evidently.legacy.renderers.html_widgets import text_widget

    drawn = [
        f"{len(sample.values):,} of {sample.of:,} rows of the {name}"
        for name, sample in (("window", samples.current), ("reference", samples.reference))
    ]
    lines = [
        f"{ANSWERS[verdict.answer]}: {verdict.reasons[0]}.",
        f"**The plots show a sample: {' and '.join(drawn)}. The verdict uses all rows.**",
        "Red is the window, grey the reference: what the champion was trained on. "
        "Far outliers are drawn at the edge of a plot, rare words as one.",
        "A column has drifted when its PSI over all rows reaches its threshold (the policy's; or, "
        "where that is more, what windows of the training reach when each is compared with the "
        "others, or what chance alone reaches once in a thousand times with as few rows), and when "
        f"its q, the risk of calling a quiet column drifted among so many, is {verdict.level:.2g} "
        "at most. Predictions and labels may reach it by Kolmogorov-Smirnov instead. A category "
        "has also drifted when too many rows hold words that were unknown in training.",
        _plain(subject.note),
    ]
    return text_widget(text="\n\n".join(line for line in lines if line))


def _tables(verdict: WindowVerdict, plots: Sequence[Any]) -> list[Any]:
    """The most drifted columns, their plots, and at the end all columns where there are more."""
    columns = verdict.columns
    if len(columns) <= MOST_PLOTS:
        return [_table("All columns, the most drifted first", columns), *plots]
    first = f"The {MOST_PLOTS} most drifted of {len(columns)} columns; all are below the plots"
    return [
        _table(first, columns[:MOST_PLOTS]),
        *plots,
        _table(f"All {len(columns)} columns, the most drifted first", columns),
    ]


def _table(title: str, columns: Sequence[ColumnVerdict]) -> Any:  # noqa: ANN401
    from evidently.legacy.renderers.html_widgets import table_data

    rows = [
        (
            _plain(column.name),
            "drifted" if column.is_drifted else "no drift",
            f"{column.psi.value:.3f}",
            f"{column.psi.threshold:.3f}",
            f"{column.q_value:.2g}",
            f"{column.weight:.2f}",
            _others(column),
            _plain(column.change),
        )
        for column in columns
    ]
    header = (
        *("column", "verdict", "PSI", "drifted from", "q", "weight"),
        *("other statistics", "what changed"),
    )
    return table_data(title=title, column_names=header, data=rows)


def _others(column: ColumnVerdict) -> str:
    others = (measure for measure in column.measures if measure.statistic != "psi")
    return ", ".join(_measure(measure) for measure in others)


def _measure(measure: DriftMeasure) -> str:
    if measure.statistic == "chi_square":
        return f"χ² {measure.value:,.0f}"
    if measure.statistic == "unknown_words":
        return f"words unknown in training {measure.value:.0%}"
    unit = " sd" if measure.statistic == "wasserstein" else ""
    return f"{LABELS[measure.statistic]} {measure.value:.2f}{unit}"


def _plots(
    columns: Sequence[ColumnVerdict],
    samples: ReportSamples,
    reference: pd.DataFrame,
    current: pd.DataFrame,
) -> list[Any]:
    """Evidently's plots of each column, each under our verdict on it."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    if not columns:
        return []
    names = [_plain(column.name) for column in columns]
    categories = [name for name in names if name in {_plain(word) for word in samples.words}]
    numbers = [name for name in names if name not in categories]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    metrics = [
        ValueDrift(column=name, method="psi", threshold=column.psi.threshold)
        for name, column in zip(names, columns, strict=True)
    ]
    report = Report(metrics).run(
        Dataset.from_pandas(current[names], data_definition=definition),
        Dataset.from_pandas(reference[names], data_definition=definition),
    )
    results = list(report.metric_results.values())
    widgets = []
    for column, result in zip(columns, results, strict=True):
        widgets += _column(column, float(result.value), result.widget)
    return widgets


def _column(column: ColumnVerdict, psi_of_sample: float, widgets: Sequence[Any]) -> list[Any]:
    """Our verdict instead of Evidently's counter, then its tabs, shares before counts."""
    from evidently.legacy.renderers.html_widgets import CounterData, counter

    said = "drifted" if column.is_drifted else "no drift"
    label = (
        f"{said}: PSI {column.psi.value:.3f} over all rows, drifted from {column.psi.threshold:.3f}"
        f" (the sample's, in bins of equal width: {psi_of_sample:.3f})"
    )
    tabs = [widget for widget in widgets if widget.type == "tabs"]
    for widget in tabs:
        widget.tabs.sort(key=lambda tab: tab.title != "DATA DISTRIBUTION")
        for tab in widget.tabs:
            _relabel(tab)
    return [counter(counters=[CounterData(label, _plain(column.name))]), *tabs]


def _relabel(tab: Any) -> None:  # noqa: ANN401  (an Evidently tab)
    if tab.title != "DATA DISTRIBUTION":
        tab.title = "OVER TIME"
        return
    tab.title = "DISTRIBUTION"
    for trace in tab.widget.params["data"]:
        trace["visible"] = not trace["visible"]
    layout = tab.widget.params["layout"]
    layout["yaxis"]["title"]["text"] = "percent of rows"
    for menu in layout["updatemenus"]:
        menu["active"] = 1
