"""The decision: a contract and a batch in, what is wrong with it out.

A bound is what the weeks of training reached, a margin, and what chance adds in so few rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from runlore.kernel.durations import DAY_US
from runlore.quality.rules import rhythm
from runlore.quality.rules.batch import ExecutionBatch, has_value
from runlore.quality.rules.column import Column
from runlore.quality.rules.contract import Contract, UsualRange, seen_by
from runlore.quality.rules.portrait import ALL, Key, Portrait, portray
from runlore.quality.rules.verdict import Check, QualityFinding, QualityVerdict

LEAST_ROWS = 50  # Smaller batches say too little about shares and medians, and can do little harm

SIGMAS = 4.0
NO_USUAL = UsualRange(0.0, 0.0)

# How far a share may rise above its highest value in the weeks of training.
MARGIN: Mapping[Check, float] = {
    "types": 0.01,
    "nulls": 0.1,
    "range": 0.02,
    "words": 0.3,
    "order": 0.001,
    "future": 0.001,
    "duplicates": 0.05,
    "repeats": 0.3,
}

NEVER = 0.9  # A share that comes this near to 1 by itself is not checked: nothing would stand out

ALWAYS_SAME = 0.999
LEAST_EXPECTED = 200.0
# Times the lowest and the highest volume of the training's weeks, by the hour of the week.
LEAST_VOLUME, MOST_VOLUME = 0.25, 2.5

UNIT_TIMES = 5.0
LEAST_SHIFT_ROWS = 200
SHIFT_GAIN = 0.1
LEAST_OF_CLASS = 10.0
SIGNAL_TIMES = 2.0
GAP_TIMES = 3
SWAP_SHARE = 0.5

NULLS = "{name}: {value:.0%} of the rows say nothing; in training it was {high:.0%} at most"
TYPES = "{name}: {value:.0%} of the values are no numbers; in training it was {high:.0%} at most"
RANGE = "{name}: {value:.0%} of the values lie far outside of training's range"
WORDS = "{name}: {value:.0%} of the rows hold values unknown in training; {high:.0%} were usual"


@dataclass(frozen=True)
class CheckInput:
    """The batch to check. earlier: the executions that were there before it.

    since_us, until_us: the time that the batch should cover. at_us: now. must_be_fresh: the log
    is still being written, so its newest execution should be recent.
    """

    batch: ExecutionBatch
    earlier: ExecutionBatch
    since_us: int
    until_us: int
    at_us: int
    must_be_fresh: bool = False


def judge(contract: Contract, check_input: CheckInput) -> QualityVerdict:
    """Check a batch against its contract; per column, the most specific check comes first.

    Below `LEAST_ROWS` rows only volume and freshness are checked, and the note says so.
    """
    rows = len(check_input.batch)
    findings = [*_volume(contract, check_input), *_freshness(contract, check_input)]
    if rows < LEAST_ROWS:
        note = (
            f"Only {rows:,} rows: volume and freshness were checked; the rest needs {LEAST_ROWS}."
        )
        return QualityVerdict(rows, tuple(findings), note)
    seen = seen_by(check_input.batch, contract.columns, check_input.earlier)
    portrait = portray(check_input.batch, contract.columns, seen)
    findings += _schema(contract, check_input.batch, portrait)
    gone = {finding.subject for finding in findings if finding.check == "schema"}
    for column in contract.columns:
        if column.name not in gone:
            findings += _column(contract, check_input.batch, portrait, column)
    findings += _swapped(contract, check_input.batch, portrait)
    findings += _events(contract, check_input, portrait)
    findings += [
        *_clock(contract, check_input.batch),
        *_outcome(contract, check_input.batch, portrait),
    ]
    findings += _signal(contract, check_input.batch, portrait)
    return QualityVerdict(rows, tuple(findings))


def slack(share: float, rows: int) -> float:
    """How far a share may rise by chance in so many rows: `SIGMAS` standard errors."""
    return SIGMAS * float(np.sqrt(max(share * (1 - share), 0.25 / max(rows, 1)) / max(rows, 1)))


def _bound(contract: Contract, key: Key, rows: int) -> float:
    high = contract.usual.get(key, NO_USUAL).high
    return high + MARGIN[key[0]] + slack(high, rows)


def _over(
    contract: Contract, portrait: Portrait, key: Key, rows: int, words: str
) -> Iterator[QualityFinding]:
    value, bound = portrait.get(key, np.nan), _bound(contract, key, rows)
    if bound <= NEVER and value > bound:
        high = contract.usual.get(key, NO_USUAL).high
        yield QualityFinding(*key, value, bound, words.format(name=key[1], value=value, high=high))


def _schema(
    contract: Contract, batch: ExecutionBatch, portrait: Portrait
) -> Iterator[QualityFinding]:
    known = {column.name for column in contract.columns}
    new = [
        name
        for name in batch.table.columns
        if name not in known and has_value(batch.table[name]).mean() > MARGIN["nulls"]
    ]
    hint = f"; new is {', '.join(new)}: was it renamed?" if new else ""
    for column in contract.columns:
        usual = contract.usual.get(("nulls", column.name), NO_USUAL).high
        if portrait.get(("nulls", column.name)) == 1.0 and usual < NEVER:
            reason = f"{column.name} is missing from all {len(batch):,} rows{hint}"
            yield QualityFinding("schema", column.name, 1.0, usual, reason)


def _column(
    contract: Contract, batch: ExecutionBatch, portrait: Portrait, column: Column
) -> Iterator[QualityFinding]:
    rows, name = len(batch), column.name
    yield from _over(contract, portrait, ("types", name), rows, TYPES)
    yield from _over(contract, portrait, ("nulls", name), rows, NULLS)
    yield from _over(contract, portrait, ("words", name), rows, WORDS)
    yield from _constant(contract, portrait, column)
    levels = [*_level(contract, portrait, column)]
    yield from levels or _over(contract, portrait, ("range", name), rows, RANGE)


def _constant(contract: Contract, portrait: Portrait, column: Column) -> Iterator[QualityFinding]:
    value = portrait.get(("constant", column.name), np.nan)
    usual = contract.usual.get(("constant", column.name), UsualRange(1.0, 1.0)).high
    if usual <= NEVER and value >= ALWAYS_SAME:
        reason = f"{column.name} is always the same; in training at most {usual:.0%} of a week was"
        yield QualityFinding("constant", column.name, value, ALWAYS_SAME, reason)


def _level(contract: Contract, portrait: Portrait, column: Column) -> Iterator[QualityFinding]:
    """A median in the tails of training's values points to another unit or another column."""
    if column.kind != "number" or ("level", column.name) not in portrait:
        return
    value = portrait[("level", column.name)]
    weeks = contract.usual.get(("level", column.name), UsualRange(value, value))
    low, high = min(column.middle[0], weeks.low), max(column.middle[1], weeks.high)
    middle = (weeks.low + weeks.high) / 2
    if low <= value <= high or not _is_far(value, middle, high - low):
        return
    bound = low if value < low else high
    times = f" ({value / middle:,.3g} times)" if middle > 0 and value > 0 else ""
    reason = (
        f"{column.name}: half of the values are above {value:,.4g}{times}; in training nine of"
        f" ten lay within {low:,.4g} and {high:,.4g}: has its unit changed?"
    )
    yield QualityFinding("level", column.name, value, bound, reason)


def _is_far(value: float, middle: float, width: float) -> bool:
    """Several times as much or as little; numbers of things that are counted up move on slowly."""
    if value > 0 and middle > 0:
        return max(value / middle, middle / value) >= UNIT_TIMES
    return abs(value - middle) > width


def _swapped(
    contract: Contract, batch: ExecutionBatch, portrait: Portrait
) -> Iterator[QualityFinding]:
    """Two columns are swapped when each looks like the other in training, not like itself."""
    moved = [
        column for column in contract.columns if _has_moved(contract, column, portrait, len(batch))
    ]
    for one, other in combinations(moved, 2):
        if one.kind != other.kind:
            continue
        own = portrait[("swapped", one.name)] + portrait[("swapped", other.name)]
        cross = one.distance(batch.table[other.name]) + other.distance(batch.table[one.name])
        if cross < SWAP_SHARE * own:
            reason = f"{one.name} holds what {other.name} held in training, and the reverse"
            yield QualityFinding("swapped", one.name, cross, SWAP_SHARE * own, reason)


def _has_moved(contract: Contract, column: Column, portrait: Portrait, rows: int) -> bool:
    key: Key = ("swapped", column.name)
    usual = contract.usual.get(key, NO_USUAL).high
    is_input = column.name.startswith("inputs.")
    return is_input and portrait.get(key, 0.0) > usual + slack(0.5, rows) / 2


def _events(
    contract: Contract, check_input: CheckInput, portrait: Portrait
) -> Iterator[QualityFinding]:
    rows, batch = len(check_input.batch), check_input.batch
    words: tuple[tuple[Check, str], ...] = (
        ("order", "{value:.1%} of the executions end before they start, or start before they"
                  " were submitted"),
        ("duplicates", "{value:.0%} of the executions are recorded twice under different names;"
                       " in training it was {high:.0%} at most"),
        ("repeats", "{value:.0%} of the executions went exactly as earlier ones, to the second;"
                    " in training it was {high:.0%} at most: an old batch again?"),
    )  # fmt: skip
    for check, text in words:
        yield from _over(contract, portrait, (check, ALL), rows, text)
    latest = np.maximum.reduce([batch.submitted_us, batch.finished_us, batch.known_us])
    late = float((latest > check_input.at_us).mean())
    if late > MARGIN["future"]:
        hours = (int(latest.max()) - check_input.at_us) / 3.6e9
        reason = f"{late:.0%} of the executions are in the future, by up to {hours:,.1f} h"
        yield QualityFinding("future", ALL, late, MARGIN["future"], reason)


def _volume(contract: Contract, check_input: CheckInput) -> Iterator[QualityFinding]:
    inside = (check_input.batch.submitted_us > check_input.since_us) & (
        check_input.batch.submitted_us <= check_input.until_us
    )
    usual = contract.usual.get(("volume", ALL))
    expected = rhythm.expected(contract.rhythm, check_input.since_us, check_input.until_us)
    if usual is None or expected < LEAST_EXPECTED:
        return
    rows = int(inside.sum())
    low, high = LEAST_VOLUME * usual.low * expected, MOST_VOLUME * usual.high * expected
    if low <= rows <= high:
        return
    reason = (
        f"{rows:,} submissions where {expected:,.0f} were to be expected at training's pace;"
        f" {low:,.0f} to {high:,.0f} would pass"
    )
    yield QualityFinding("volume", ALL, rows, low if rows < low else high, reason)


def _freshness(contract: Contract, check_input: CheckInput) -> Iterator[QualityFinding]:
    newest = max(
        int(batch.submitted_us[-1])
        for batch in (check_input.batch, check_input.earlier)
        if len(batch)
    )
    age = check_input.at_us - newest
    bound = GAP_TIMES * contract.gap_us + DAY_US
    if check_input.must_be_fresh and age > bound:
        reason = (
            f"the newest execution is {age / DAY_US:,.1f} days old; in training the longest pause"
            f" was {contract.gap_us / DAY_US:,.1f} days, and {bound / DAY_US:,.1f} would pass"
        )
        yield QualityFinding("freshness", ALL, age / DAY_US, bound / DAY_US, reason)


def _clock(contract: Contract, batch: ExecutionBatch) -> Iterator[QualityFinding]:
    whole_days = (int(batch.submitted_us[-1]) - int(batch.submitted_us[0])) >= 2 * DAY_US
    if len(batch) < LEAST_SHIFT_ROWS or not whole_days:
        return
    shift = rhythm.shift(contract.rhythm, batch.submitted_us)
    usual = contract.usual.get(("clock", ALL), NO_USUAL).high
    bound = usual + SHIFT_GAIN + slack(0.5, len(batch)) / 2
    if shift.hours and shift.gain > bound:
        reason = (
            f"the day's rhythm fits training's when moved by about {-shift.hours:+d} h: is the"
            " time zone right?"
        )
        yield QualityFinding("clock", ALL, shift.gain, bound, reason)


def _outcome(
    contract: Contract, batch: ExecutionBatch, portrait: Portrait
) -> Iterator[QualityFinding]:
    """All outcomes are the same, which training's failure rates make all but impossible."""
    share = portrait[("outcome", "failed")]
    usual = contract.usual.get(("outcome", "failed"))
    known = int(np.isfinite(batch.failed).sum())
    if usual is None or share not in (0.0, 1.0):
        return
    rarest = usual.low if share == 0 else 1 - usual.high
    if known * rarest >= LEAST_OF_CLASS:
        word = "failed" if share else "succeeded"
        reason = (
            f"all {known:,} outcomes are {word}; in training {usual.low:.1%} to {usual.high:.1%}"
            " of a week failed"
        )
        yield QualityFinding("outcome", "failed", share, 1 - rarest if share else rarest, reason)


def _signal(
    contract: Contract, batch: ExecutionBatch, portrait: Portrait
) -> Iterator[QualityFinding]:
    rows = int(np.isfinite(batch.failed).sum())
    if rows < max(LEAST_SHIFT_ROWS, contract.window_rows / 2):
        return
    chance = SIGMAS / np.sqrt(rows)
    for name in ("failed", "duration_s"):
        value = portrait[("signal", name)]
        usual = contract.usual.get(("signal", name), NO_USUAL).low
        if value < chance and usual > SIGNAL_TIMES * max(value, chance):
            reason = (
                f"{name} does not depend on who did what (correlation {value:.2f}, chance alone"
                f" {chance:.2f}); in training it did every week (at least {usual:.2f}): were"
                " outcomes shuffled?"
            )
            yield QualityFinding("signal", name, value, usual / SIGNAL_TIMES, reason)
