"""A window's features, predictions and labels against those that the champion learned from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from runlore.log import windows as window
from runlore.log.windows import SliceRange
from runlore.monitoring.actions import reference
from runlore.monitoring.actions.champion import Champion
from runlore.monitoring.actions.counting import Counting, CountRequest, counter_of
from runlore.monitoring.actions.material import NO_SLICE, Material
from runlore.monitoring.actions.reference import Reference
from runlore.monitoring.queries import slices
from runlore.monitoring.rules.sample import Sample
from runlore.monitoring.rules.usual import UsualDistances, usual
from runlore.monitoring.rules.verdict import Background, WindowVerdict, judge
from runlore.specs.model_spec import DriftPolicy, ModelSpec
from runlore.store.engine import Store

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
    """Judges windows of one length for one version, out of what has been counted of them.

    What is usual is worked out once, from windows of the training, at most the newest
    MOST_WINDOWS; and so is the log read once, where anything is missing.
    """

    store: Store
    champion: Champion
    spec: ModelSpec
    window_s: float

    _held: list[Material] = field(default_factory=list, init=False, repr=False)

    def _read(self) -> Material:
        """The log; once, while no facts come in."""
        if self._held:
            with self.store.begin() as connection:
                if slices.is_whole(connection, self._held[0].watermark):
                    return self._held[0]
        grid = window.grid_of(self.window_s)
        self._held[:] = [Material.read(self.store, self.champion, self.spec, grid)]
        return self._held[0]

    @cached_property
    def _reference(self) -> Reference:
        return self.champion.reference or _recalled(self._read())

    @cached_property
    def _names(self) -> tuple[str, ...]:
        left_out = window.incomparable(self.champion.plan, self.window_s)
        return tuple(name for name in self._reference.names if name not in left_out)

    @cached_property
    def _policy(self) -> DriftPolicy:
        return replace(self.spec.drift, window_s=self.window_s)

    @cached_property
    def _training(self) -> tuple[SliceRange, ...]:
        return tuple(window.within(self.window_s, *self.champion.trained_us, MOST_WINDOWS))

    @cached_property
    def _counting(self) -> Counting:
        bins = self._reference.profile.bins
        counter = counter_of(self.champion, bins, self.spec, window.grid_of(self.window_s))
        return Counting(self.store, counter, bins, self._read)

    def examine(self, asked: SliceRange, at: datetime) -> WindowComparison:
        """Judge a window on all its rows."""
        wanted = CountRequest((*self._training, asked), asked, self._policy.report_rows)
        self._counting.bring_up_to_date(wanted, at)
        seen = self._usual
        (counted,) = self._counting.profiles([asked])
        background = Background(self.champion.words, self.champion.importance, seen)
        reference = self._reference.profile.only(self._names)
        verdict = judge(reference, counted.only(self._names), self._policy, background)
        if verdict.answer == "not enough data":
            return WindowComparison(verdict, "")
        left_out = window.incomparable(self.champion.plan, self.window_s)
        return WindowComparison(verdict, _note(self.champion, left_out, seen), self._drawn(asked))

    @cached_property
    def _usual(self) -> UsualDistances:
        """Once the windows of the training have been counted."""
        windows = self._counting.profiles(self._training) if self._training else []
        return usual([each.only(self._names) for each in windows], self._policy)

    def _drawn(self, asked: SliceRange) -> DrawnSamples:
        """Both samples in the columns that are compared and can be drawn."""
        most, held = self._policy.report_rows, self._counting.drawn
        shown = tuple(name for name in self._names if name in held)
        sample = self._counting.sample(asked, most)
        columns = [held.index(name) for name in shown]
        current = replace(sample, values=sample.values[:, columns])
        return DrawnSamples(shown, self._reference.drawn(shown, most), current)


def examine(
    store: Store, champion: Champion, spec: ModelSpec, asked: SliceRange, at: datetime
) -> WindowComparison:
    return Examiner(store, champion, spec, asked.length_s).examine(asked, at)


def _note(champion: Champion, left_out: Sequence[str], seen: UsualDistances) -> str:
    notes = (
        "" if champion.reference else RECALLED,
        PARTIAL.format(", ".join(left_out)) if left_out else "",
        "" if seen.is_known else UNUSUAL,
    )
    return " ".join(each for each in notes if each)


def _recalled(material: Material) -> Reference:
    """The features of the training rows, as of their submission, out of the log again."""
    champion, as_of_us = material.champion, material.log.as_of_us
    first, last = champion.trained_us
    taught = (material.slice != NO_SLICE) & (as_of_us >= first) & (as_of_us <= last)
    return reference.make(material.rows[taught], champion.plan.names, tuple(champion.words))
