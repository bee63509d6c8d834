"""A window's features, predictions and labels against those of the training, with a report."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.log import time_slices
from runlore.log.time_slices import SliceRange
from runlore.monitoring.actions import reference
from runlore.monitoring.actions.counting import (
    NO_SLICE,
    CountRequest,
    SliceCounting,
    VersionLog,
    counter_of,
)
from runlore.monitoring.actions.drift_history import Judgement
from runlore.monitoring.actions.reference import Champion, Reference
from runlore.monitoring.queries import drift_slices
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison
from runlore.monitoring.queries.drift_slices import Watermark
from runlore.monitoring.rules.sample import Sample
from runlore.monitoring.rules.usual import UsualDistances, usual
from runlore.monitoring.rules.verdict import VerdictContext, WindowVerdict, judge
from runlore.specs.model_spec import DriftPolicy, ModelSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry, VersionRef


RECALLED = (
    "The version was registered without a reference: its training rows were read from the log "
    "again, and predictions are not compared."
)
UNUSUAL = (
    "What is usual between windows of this length is not known: the training holds too few of them."
)
MOST_WINDOWS = 30
PARTIAL = "Not compared, because the window holds no whole weeks or days: {}."


@dataclass(frozen=True, eq=False)
class DrawnSamples:
    """Samples to draw, in columns of these names."""

    names: tuple[str, ...]
    reference: Sample
    current: Sample


@dataclass(frozen=True, eq=False)
class WindowComparison:
    """note: what a reader must know about the comparison. drawn: None without enough data."""

    verdict: WindowVerdict
    note: str
    drawn: DrawnSamples | None = None


@dataclass(frozen=True, eq=False)
class Examiner:
    """Judges windows of one length for one version, from their counts.

    What is usual is worked out once, from windows of the training, at most the newest
    MOST_WINDOWS; and so is the log read once, where anything is missing.
    """

    store: Store
    champion: Champion
    spec: ModelSpec
    window_s: float

    _held: list[VersionLog] = field(default_factory=list, init=False, repr=False)

    def _read(self) -> VersionLog:
        """Read the log, once while no facts come in."""
        if self._held:
            with self.store.begin() as connection:
                if drift_slices.is_whole(connection, self._held[0].watermark):
                    return self._held[0]
        grid = time_slices.grid_of(self.window_s)
        self._held[:] = [VersionLog.read(self.store, self.champion, self.spec, grid)]
        return self._held[0]

    @cached_property
    def _reference(self) -> Reference:
        return self.champion.reference or _recalled(self._read())

    @cached_property
    def _names(self) -> tuple[str, ...]:
        left_out = time_slices.incomparable(self.champion.plan, self.window_s)
        return tuple(name for name in self._reference.names if name not in left_out)

    @cached_property
    def _policy(self) -> DriftPolicy:
        return replace(self.spec.drift, window_s=self.window_s)

    @cached_property
    def _training(self) -> tuple[SliceRange, ...]:
        return tuple(time_slices.within(self.window_s, *self.champion.trained_us, MOST_WINDOWS))

    @cached_property
    def _counting(self) -> SliceCounting:
        bins = self._reference.profile.bins
        counter = counter_of(self.champion, bins, self.spec, time_slices.grid_of(self.window_s))
        return SliceCounting(self.store, counter, bins, self._read)

    def examine(self, window: SliceRange, at: datetime) -> WindowComparison:
        """Judge a window by all of its rows."""
        request = CountRequest((*self._training, window), window, self._policy.report_rows)
        self._counting.bring_up_to_date(request, at)
        seen = self._usual
        (counted,) = self._counting.profiles([window])
        background = VerdictContext(self.champion.words, self.champion.importance, seen)
        reference = self._reference.profile.only(self._names)
        verdict = judge(reference, counted.only(self._names), self._policy, background)
        if verdict.answer == "not enough data":
            return WindowComparison(verdict, "")
        left_out = time_slices.incomparable(self.champion.plan, self.window_s)
        return WindowComparison(verdict, _note(self.champion, left_out, seen), self._drawn(window))

    @cached_property
    def _usual(self) -> UsualDistances:
        """Once the windows of the training have been counted."""
        windows = self._counting.profiles(self._training) if self._training else []
        return usual([profile.only(self._names) for profile in windows], self._policy)

    def _drawn(self, window: SliceRange) -> DrawnSamples:
        """Both samples in the columns that are compared and can be drawn."""
        most, held = self._policy.report_rows, self._counting.drawn
        shown = tuple(name for name in self._names if name in held)
        sample = self._counting.sample(window, most)
        columns = [held.index(name) for name in shown]
        current = replace(sample, values=sample.values[:, columns])
        return DrawnSamples(shown, self._reference.drawn(shown, most), current)


def examine(
    store: Store, champion: Champion, spec: ModelSpec, window: SliceRange, at: datetime
) -> WindowComparison:
    """Compare a window with the champion's training data and judge the differences."""
    return Examiner(store, champion, spec, window.length_s).examine(window, at)


def _note(champion: Champion, left_out: Sequence[str], seen: UsualDistances) -> str:
    notes = (
        "" if champion.reference else RECALLED,
        PARTIAL.format(", ".join(left_out)) if left_out else "",
        "" if seen.is_known else UNUSUAL,
    )
    return " ".join(part for part in notes if part)


def _recalled(material: VersionLog) -> Reference:
    """The features of the training rows, as of their submission, out of the log again."""
    champion, as_of_us = material.champion, material.log.as_of_us
    first, last = champion.trained_us
    taught = (material.slice != NO_SLICE) & (as_of_us >= first) & (as_of_us <= last)
    return reference.make(material.rows[taught], champion.plan.names, tuple(champion.words))


@dataclass(frozen=True, eq=False)
class WindowExaminer:
    """Examines windows of any length for the champion, with a report of each verdict that is new.

    files: the reports that were written. notes: what a reader must know, by window.
    """

    store: Store
    registry: "Registry"
    ref: "VersionRef"
    spec: ModelSpec
    at: datetime
    reports: Path
    files: list[Path] = field(default_factory=list, init=False)
    notes: dict[ComparedWindow, str] = field(default_factory=dict, init=False)
    _by_length: dict[float, Examiner] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def _champion(self) -> Champion:
        return reference.load(self.registry, self.ref)

    def examine(
        self, window: ComparedWindow, seen: Watermark, before: DriftComparison | None
    ) -> Judgement:
        """Judge a window by all facts of now. before: the verdict that stands, if any."""
        span = _span(window)
        if span.length_s not in self._by_length:
            self._by_length[span.length_s] = Examiner(
                self.store, self._champion, self.spec, span.length_s
            )
        comparison = self._by_length[span.length_s].examine(span, self.at)
        self.notes[window] = comparison.note
        judgement = Judgement(window, comparison.verdict, seen)
        if comparison.drawn is None:
            return judgement
        if before is not None and judgement.says_the_same(before):
            return replace(judgement, report=before.report)
        anew = "" if before is None else f"-facts-{seen.until_seq}"
        report = write_report(
            self.reports, window, self._champion, comparison, comparison.drawn, anew
        )
        self.files.append(report)
        return replace(judgement, report=str(report))


def _span(window: ComparedWindow) -> SliceRange:
    length_s = (window.window_to - window.window_from).total_seconds()
    return time_slices.ending(window.window_to, length_s)


def write_report(
    reports: Path,
    window: ComparedWindow,
    champion: Champion,
    finding: WindowComparison,
    drawn: DrawnSamples,
    suffix: str = "",
) -> Path:
    """The HTML page of a window, in a folder of the spec. suffix: of a later verdict's name."""
    from runlore.monitoring import drift_report

    ends = "-".join(f"{end:%Y%m%dT%H%M%S.%fZ}" for end in (window.window_from, window.window_to))
    path = reports / window.spec / f"drift-v{window.version}-{ends}{suffix}.html"
    subject = drift_report.ReportSubject(
        window.spec, window.version, window.window_from, window.window_to, finding.note
    )
    words = {name: of for name, of in champion.words.items() if name in drawn.names}
    samples = drift_report.ReportSamples(drawn.names, drawn.reference, drawn.current, words)
    drift_report.write(path, subject, finding.verdict, samples)
    return path
