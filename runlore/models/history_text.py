"""What a feature of earlier runs says, as words."""

import math

from runlore.features.declaration import FIRST_COLUMNS, HistoryFeatures
from runlore.kernel.readable import (
    readable_duration,
    readable_number,
    readable_quantity,
    readable_share,
)
from runlore.models.explain import FeatureEffect

NEWEST = "last"  # before the number of outcomes that an average is over
LEAST_COUNT = 0.5  # a weighted number of outcomes that rounds to none


def describe(history: HistoryFeatures, effect: FeatureEffect, count: float | None) -> str:
    """The words of one feature. count: of the outcomes behind a mean, None where it is unknown."""
    column = effect.feature.removeprefix(f"{history.name}.")
    runs, value, usual = runs_of(history), effect.value, effect.reference
    if column in FIRST_COLUMNS:
        return _moment(column, runs, value, usual)
    if column.startswith("submissions_"):
        weight = _weight(column.removeprefix("submissions_"), _about(usual))
        return f"about {_counted(value, runs)} submitted lately {weight}"
    measured = measured_by(history, column)
    kind, _, age = column.removeprefix(f"{measured}_").partition("_")
    if kind == "count":
        outcomes = _counted(value, f"outcomes of {runs}")
        return f"about {outcomes} known {_weight(age, _about(usual))}"
    if kind in ("last", "last2"):
        return _last(kind, measured, runs, value, usual)
    if kind == "sd":
        return _spread(measured, runs, value, usual)
    return _mean(measured, runs, effect, age, count)


def runs_of(history: HistoryFeatures) -> str:
    """The runs of a key.

    >>> runs_of(HistoryFeatures(("actor", "kind"))), runs_of(HistoryFeatures(()))
    ('runs of this actor and kind', 'all runs')
    >>> runs_of(HistoryFeatures(("actor", "inputs"))), runs_of(HistoryFeatures(("inputs.gpus",)))
    ('runs of this actor with the same inputs', 'runs with the same gpus')
    """
    own = [part for part in history.keys if part in ("actor", "kind")]
    same = [part.removeprefix("inputs.") for part in history.keys if part.startswith("inputs")]
    words = ["runs" if history.keys else "all runs"]
    if own:
        words.append(f"of this {' and '.join(own)}")
    if "scope" in history.keys:
        words.append("in this scope")
    if same:
        words.append(f"with the same {' and '.join(same)}")
    return " ".join(words)


def measured_by(history: HistoryFeatures, column: str) -> str:
    """The value that a column is about: the longest name that it begins with."""
    names = [value for value in history.values if column.startswith(f"{value}_")]
    return max(names, key=len, default="")


def count_beside(history: HistoryFeatures, feature: str) -> str:
    """The name of the feature that counts the outcomes behind a mean; the empty text for none."""
    column = feature.removeprefix(f"{history.name}.")
    measured = measured_by(history, column)
    kind, _, age = column.removeprefix(f"{measured}_").partition("_")
    if kind != "mean" or not history.values:
        return ""
    return f"{history.name}.{history.values[0]}_count_{age}"


def _moment(column: str, runs: str, value: float | None, usual: float | None) -> str:
    if column == "in_flight":
        return f"{_counted(value, runs)} in flight (usually {_about(usual)})"
    what = "submission" if column == "since_submission_s" else "outcome"
    if value is None:
        return f"no earlier {what} of {runs}{_usually(usual, 's', after=' before')}"
    since = readable_duration(value)
    return f"last {what} of {runs} {since} before{_usually(usual, 's')}"


def _last(kind: str, measured: str, runs: str, value: float | None, usual: float | None) -> str:
    number = "" if kind == "last" else " two"
    which = f"the last{number} of {runs if runs.startswith('all') else f'the {runs}'}"
    if value is None:
        return f"no earlier outcome of {runs}"
    if measured != "failed":
        shown, expected = _measured(measured, value), _expected(measured, usual)
        return f"{which} {shown} (usually {expected})"
    if kind == "last":
        return f"{which} {'failed' if value >= 0.5 else 'succeeded'}"
    return f"{readable_share(value)} of {which} failed"


def _mean(measured: str, runs: str, effect: FeatureEffect, age: str, count: float | None) -> str:
    if effect.value is None:
        return f"no earlier outcome of {runs}"
    if age.startswith(NEWEST):
        return _mean_of_newest(measured, runs, effect, age.removeprefix(NEWEST))
    weight = _weight(age, _expected(measured, effect.reference))
    if measured != "failed":
        known = "" if count is None or count < LEAST_COUNT else "about "
        counted = _counted(count, runs) if known else runs
        return f"{known}{counted} {_measured(measured, effect.value)} on average {weight}"
    if count is None or count < LEAST_COUNT:
        return f"{readable_share(effect.value)} of {runs} failed, long ago {weight}"
    failed, known = round(effect.value * count), _counted(count, runs)
    counts = f"about {readable_number(failed)} of {known}" if failed else f"none of about {known}"
    return f"{counts} failed {weight}"


def _mean_of_newest(measured: str, runs: str, effect: FeatureEffect, number: str) -> str:
    """An average that fades by count, so that no exact count belongs to it."""
    which = f"the last {number} {runs.removeprefix('all ')}"
    usually = f"(usually {_expected(measured, effect.reference)})"
    value = effect.value or 0.0
    if measured == "failed":
        return f"about {readable_share(value)} of {which} failed {usually}"
    return f"{which} {_measured(measured, value)} on average {usually}"


def _spread(measured: str, runs: str, value: float | None, usual: float | None) -> str:
    is_duration = measured in ("duration_s", "log_duration")
    varies = f"durations of {runs} vary" if is_duration else f"{_name(measured)} of {runs} varies"
    if value is None:
        return f"no earlier outcome of {runs}"
    if measured == "log_duration":
        usually = "unknown" if usual is None else f"{math.exp(min(usual, 50)):.2g}"
        factor = f"{math.exp(min(value, 50)):.2g}"
        return f"{varies} by a factor of {factor} (usually {usually})"
    unit = "s" if measured.endswith("_s") else ""
    return f"{varies} by {readable_quantity(value, unit)}{_usually(usual, unit)}"


def _measured(measured: str, value: float) -> str:
    """What an outcome measured, as a verb with its value."""
    if measured == "log_duration":
        return f"took {readable_duration(math.expm1(min(value, 50)))}"
    if measured in ("duration_s", "wait_s"):
        verb = "took" if measured == "duration_s" else "waited"
        return f"{verb} {readable_duration(value)}"
    if measured == "failed":
        return readable_share(value)
    unit = "s" if measured.endswith("_s") else ""
    return f"had {_name(measured)} {readable_quantity(value, unit)}"


def _expected(measured: str, usual: float | None) -> str:
    """The usual value, without the verb.

    >>> _expected("duration_s", 4260.0), _expected("failed", 0.1), _expected("failed", None)
    ('71 min', '10 %', 'unknown')
    """
    if usual is None:
        return "unknown"
    words = _measured(measured, usual)
    for verb in ("took ", "waited ", f"had {_name(measured)} "):
        words = words.removeprefix(verb)
    return words


def _name(measured: str) -> str:
    named = measured.removeprefix("outcome.").partition("@")[0]
    return named.removesuffix("_s").replace("_", " ")


def _weight(age: str, usual: str) -> str:
    """How fast outcomes lose weight, and what is usual.

    >>> _weight("10min", "3")
    '(half-life 10 min; usually 3)'
    """
    digits = age.rstrip("dhmins")
    return f"(half-life {digits} {age.removeprefix(digits)}; usually {usual})"


def _usually(usual: float | None, unit: str, after: str = "") -> str:
    return "" if usual is None else f" (usually {readable_quantity(usual, unit)}{after})"


def _counted(count: float | None, what: str) -> str:
    """A weighted count with what it counts.

    >>> _counted(1.2, "runs of this kind"), _counted(12.0, "runs of this kind")
    ('1 run of this kind', '12 runs of this kind')
    """
    is_one = count is not None and round(count) == 1
    first, _, rest = what.partition(" ")
    return f"{_about(count)} {first.removesuffix('s') if is_one else first} {rest}"


def _about(count: float | None) -> str:
    """A weighted count as a whole number."""
    return "no" if count is None else readable_number(float(round(count)))
