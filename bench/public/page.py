"""The page of results."""

from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any

SHOWN = ("auc", "brier", "calibration_error", "relative_accuracy", "mae", "coverage")
HIGHER = ("auc", "relative_accuracy")
HEAD = """# Results on public logs

What Runlore's specs reach on public logs, beside their baseline, a constant and what others
published.
Reproduce a row with `python bench/public_logs.py FOLDER PAGE.md --only NAME`.

- **Runlore**: the chosen candidate, in brackets the 95 % interval.
- **Baseline**: the spec's own. **Constant**: the training median, or the training share.
- **Published**: what the source reports; its rows and its division often differ, so it is a guide.
"""
METHOD = """
## How it was measured

Logs with times are divided by time: the first 70 % by submission teach, with the outcomes known
by then. The rest tests, without executions younger, at the log's end, than nine in ten outcomes
need to become known. Intervals of scores are block bootstraps over time, those of
gains Student's t over blocks of days.

Logs without times, or with few rows, are cross-validated: everything is fitted and chosen anew
inside each training part. Intervals are those of the corrected resampled t (Nadeau & Bengio 2003;
Bouckaert & Frank 2004), and gates are judged by them.

| logs | read as |
|---|---|
| `hpc` | Standard Workload Format, specs `failure-risk` and `duration` |
| `ci` | builds of DL-CIBuild by the start of the build, spec `failure-risk`; no duration, no user |
| `effort` | PROMISE projects without times; no histories, the baseline is the median |
| `storypoints` | issues in the order of creation, as text; the source's test part |
| `engagement` | articles by date; popular means 1,400 shares or more |
| `maintenance` | machines without times; without the five failure modes, which are leaks |

Rows without an interval were measured by an earlier version; the date stands with the verdict.

Nothing is fitted to a test part, but those of `hpc` have been looked at over months. `hpc` has the
reference of Tsafrir, Etsion and Feitelson ("Backfilling using system-generated predictions rather
than user runtime estimates", IEEE TPDS 18(6), 2007): the mean of the user's last two finished runs.
"""


def write(results: Sequence[dict[str, Any]]) -> str:
    parts = [HEAD, *_summary(results), *_groups(results), *_verdicts(results), METHOD]
    return "\n".join(parts)


def _summary(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    passed = [one for one in results if one["passed"]]
    beaten = [_name(one) for one in passed if _is_beaten(one)]
    yield f"- {len(passed)} of {len(results)} specs pass their gates; the others would not serve."
    yield f"- Versions that pass although a constant is better: {', '.join(beaten) or 'none'}."
    missed = [_name(one) for one in results if _misses_coverage(one)]
    yield (
        "- Intervals meant to hold 90 % whose coverage lies surely elsewhere:"
        f" {', '.join(missed) or 'none'}."
    )


def _name(one: dict[str, Any]) -> str:
    return f"{one['log']} {one['spec']}"


def _is_beaten(one: dict[str, Any]) -> bool:
    return any(
        score in one["constant"] and one["constant"][score] < one["scores"][score]["value"]
        for score in ("mae", "brier")
        if score in one["scores"]
    )


def _misses_coverage(one: dict[str, Any]) -> bool:
    held = one["scores"].get("coverage")
    return bool(held and held["low"] is not None and not held["low"] <= 0.9 <= held["high"])


def _groups(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    for group in dict.fromkeys(one["log"].split("/")[0] for one in results):
        yield f"\n## {group}\n"
        yield "| log | spec | tested on | score | Runlore | baseline | constant | published |"
        yield "|---|---|---:|---|---:|---:|---:|---|"
        for one in results:
            if one["log"].startswith(f"{group}/"):
                yield from _rows(one)


def _rows(one: dict[str, Any]) -> Iterator[str]:
    for score in SHOWN:
        if score not in one["scores"]:
            continue
        ours = one["scores"][score]
        cells = (
            one["log"].split("/")[1],
            one["spec"],
            f"{one['tested']:,}" if one["tested"] else "",
            score.replace("_", " "),
            _with_interval(ours),
            number(one["baseline"].get(score)),
            number(one["constant"].get(score)),
            one["published"].get(score, ""),
        )
        yield f"| {' | '.join(cells)} |"


def _with_interval(score: dict[str, float | None]) -> str:
    value = number(score["value"])
    if score["low"] is None:
        return value
    return f"{value} ({number(score['low'])} to {number(score['high'])})"


def _verdicts(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "\n## Verdicts\n"
    for one in results:
        misses = [reason for reason in one["reasons"] if reason.endswith("no")]
        how = "passes its gates" if one["passed"] else f"is refused: {'; '.join(misses)}"
        yield (
            f"- {one['log']}, {one['spec']}: {one['candidate']} on {one['rows']:,} rows {how}"
            f" ({one['at']}, {one['seconds']} s)."
        )


def number(value: float | None) -> str:
    if value is None or isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
