"""A window's features, predictions and labels against those that the champion learned from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from runlore.drift.sample import Sample
from runlore.drift.usual import Usual, usual
from runlore.drift.verdict import Background, WindowVerdict, judge
from runlore.models.spec import ModelSpec
from runlore.store.engine import Store
from runlore.usecases import reference, window
from runlore.usecases.champion import Champion
from runlore.usecases.counting import Counting, Wanted, counter_of
from runlore.usecases.material import NO_SLICE, Material
from runlore.usecases.reference import Reference
from runlore.usecases.window import Span

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
class Drawn:
    """Samples to draw, in columns of these names."""

    names: tuple[str, ...]
    reference: Sample
    current: Sample


@dataclass(frozen=True, eq=False)
class Finding:
    """note: what a reader must know about the comparison. drawn: None without enough data."""

    verdict: WindowVerdict
    note: str
    drawn: Drawn | None = None


def examine(
    store: Store,
    champion: Champion,
    spec: ModelSpec,
    asked: Span,
    at: datetime,
    read: Callable[[], Material] | None = None,
) -> Finding:
    """Judge a window on all its rows, out of what has been counted of it.

    What is usual is taken from windows of the training, at most the newest MOST_WINDOWS.
    read: gives the log as the champion sees it; who looks at many windows need read it only once.
    """
    read = read or cache(lambda: Material.read(store, champion, spec, asked.grid))
    known = champion.reference or _recalled(read())
    bins = known.profile.bins
    counter = counter_of(champion, bins, spec, asked.grid)
    counting = Counting(store, counter, bins, read)
    training = window.before(asked, *champion.trained_us, MOST_WINDOWS)
    counting.bring_up_to_date(Wanted((*training, asked), asked, spec.drift.report_rows), at)

    left_out = window.incomparable(champion.plan, asked.length_s)
    names = tuple(name for name in known.names if name not in left_out)
    *taught, current = (each.only(names) for each in counting.profiles([*training, asked]))
    policy = replace(spec.drift, window_s=asked.length_s)
    seen = usual(taught, policy)
    background = Background(champion.words, champion.importance, seen)
    verdict = judge(known.profile.only(names), current, policy, background)
    if verdict.answer == "not enough data":
        return Finding(verdict, "")
    most = policy.report_rows
    drawn = _drawn(known, counting.drawn, names, counting.sample(asked, most), most)
    return Finding(verdict, _note(champion, left_out, seen), drawn)


def _note(champion: Champion, left_out: Sequence[str], seen: Usual) -> str:
    notes = (
        "" if champion.reference else RECALLED,
        PARTIAL.format(", ".join(left_out)) if left_out else "",
        "" if seen.is_known else UNUSUAL,
    )
    return " ".join(each for each in notes if each)


def _drawn(
    known: Reference, held: Sequence[str], names: Sequence[str], sample: Sample, most: int
) -> Drawn:
    """Both samples in the columns that are compared and can be drawn."""
    shown = tuple(name for name in names if name in held)
    columns = [held.index(name) for name in shown]
    current = replace(sample, values=sample.values[:, columns])
    return Drawn(shown, known.drawn(shown, most), current)


def _recalled(material: Material) -> Reference:
    """The features of the training rows, as of their submission, out of the log again."""
    champion, as_of_us = material.champion, material.log.as_of_us
    first, last = champion.trained_us
    taught = (material.slice != NO_SLICE) & (as_of_us >= first) & (as_of_us <= last)
    return reference.make(material.rows[taught], champion.plan.names, tuple(champion.words))
