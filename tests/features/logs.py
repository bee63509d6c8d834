"""Logs for tests: facts written by hand, and facts that Hypothesis draws."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from runlore.features.declaration import HistoryFeatures
from runlore.records.execution import EXECUTION_COLUMNS, NO_INSTANT

START_US = 1_700_000_000_000_000
SECOND = 1_000_000
COLUMNS = (*EXECUTION_COLUMNS, "seq", "revision")
INSTANTS = ("submitted", "started", "finished", "submission_known_at", "known_at")
INTEGERS = (*INSTANTS, "seq", "revision")
Row = dict[str, Any]


def fact(source_id: str, submitted_s: float = 0.0, **told: Any) -> Row:
    """One fact of an execution, instants in seconds after START_US; by default it is open.

    `known_s` is when it became known; `seq` is given by `frame`, in the order of the facts.
    """
    submitted = at(submitted_s)
    row = dict.fromkeys(("actor", "kind", "scope"), "")
    row |= {"source": "test", "source_id": source_id, "submitted": submitted}
    row |= {"status": "submitted", "started": NO_INSTANT, "finished": NO_INSTANT, "revision": 0}
    row |= {"submission_known_at": submitted, "known_at": at(told.pop("known_s", submitted_s))}
    for name in ("started", "finished"):
        if f"{name}_s" in told:
            row[name] = at(told.pop(f"{name}_s"))
    for name in ("inputs", "outcome"):
        row[name] = json.dumps(told.pop(name, {}))
    return row | told


def at(seconds: float) -> int:
    return START_US + round(seconds * SECOND)


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Facts as the store reads them; numbered in their order unless they have a `seq`."""
    numbered = [{"seq": i + 1, **row} for i, row in enumerate(rows)]
    return pd.DataFrame(
        {
            name: np.array(
                [row[name] for row in numbered], np.int64 if name in INTEGERS else object
            )
            for name in COLUMNS
        }
    )


WORDS = ["", "a", "b", "4", "4.0", "a=b", "a\x1fb", "\x1f", "\x1d1", "ünï☃", "x" * 300]
NUMBERS = [0, 4, 4.0, 0.5, -0.0, 2**53, 2**53 + 1, 10**30, 1e300, True, False]
SCALARS = st.sampled_from([None, *WORDS, *NUMBERS])
INPUTS = st.dictionaries(st.sampled_from(["p", "q", "q=", ""]), SCALARS, max_size=3)
COSTS = [0, -0.0, 1, 0.001, 12.5, -3.5, 1e6, 1e39, 10**400, True, "free", None]
STATUSES = ["succeeded", "failed", "cancelled", "partial", "unknown"]
HISTORIES = [
    (),
    ("actor",),
    ("kind", "actor"),
    ("scope",),
    ("inputs",),
    ("inputs.p",),
    ("inputs.absent",),
    ("actor", "inputs.p", "inputs.q"),
    ("kind", "inputs"),
]
VALUES = ("failed", "log_duration", "duration_s", "wait_s", "outcome.cost")


def histories(half_lives_s: tuple[float, ...]) -> st.SearchStrategy[HistoryFeatures]:
    values = st.lists(st.sampled_from(VALUES), unique=True, max_size=4).map(tuple)
    last = st.sampled_from([(), (2,), (5, 20)])
    parts = st.sampled_from(HISTORIES), values, st.just(half_lives_s), st.just(())
    return st.builds(HistoryFeatures, *parts, last)


@st.composite
def logs(
    draw: st.DrawFn,
    *,
    delays_s: Sequence[float] = (0, 0, 1, 5, 10, 60, 600, 3600),
    most_facts: int = 4,
    inputs: st.SearchStrategy[dict[str, Any]] = INPUTS,
) -> list[Row]:
    """Facts with ties, zero durations, corrections, open work, in any sequence."""
    n = draw(st.integers(0, 9))
    chains = [
        draw(_chain(f"e{i}", delays_s, draw(st.integers(1, most_facts)), draw(inputs)))
        for i in range(n)
    ]
    return draw(interleaved(chains))


@st.composite
def _chain(
    draw: st.DrawFn, name: str, delays_s: Sequence[float], facts: int, inputs: dict[str, Any]
) -> list[Row]:
    delay = st.sampled_from(delays_s)
    submitted = draw(st.sampled_from([0, 1, 5, 10, 60, 3000]))
    who = {part: draw(st.sampled_from(["a", "b", ""])) for part in ("actor", "kind", "scope")}
    known, chain = submitted, []
    for revision in range(facts):
        known += draw(delay)
        told: Row = {"known_s": known, "revision": revision, "inputs": inputs, **who}
        if draw(st.integers(0, 4)):
            told["status"] = draw(st.sampled_from(STATUSES))
            told["outcome"] = draw(
                st.dictionaries(st.just("cost"), st.sampled_from(COSTS), max_size=1)
            )
            if draw(st.integers(0, 3)):
                started = submitted + draw(delay)
                told |= {"started_s": started, "finished_s": started + draw(delay)}
        chain.append(fact(name, submitted, **told))
    return chain


@st.composite
def interleaved(draw: st.DrawFn, chains: list[list[Row]]) -> list[Row]:
    """All facts, numbered in an order that keeps each chain's."""
    turns = [i for i, chain in enumerate(chains) for _ in chain]
    parts = [iter(chain) for chain in chains]
    ordered = [next(parts[i]) for i in draw(st.permutations(turns))]
    return [row | {"seq": 10 + 3 * i} for i, row in enumerate(ordered)]


def busy_log(executions: int, seed: int = 5) -> list[Row]:
    """Two submissions a second by nine actors; many corrections, some work still open."""
    rng = np.random.default_rng(seed)
    facts = []
    for i in range(executions):
        submitted = known = float(i // 2)
        told: Row = {"actor": f"u{rng.integers(9)}", "kind": f"k{rng.integers(3)}"}
        told["inputs"] = {"p": int(rng.integers(3)), "q": rng.normal()}
        for revision in range(int(rng.integers(1, 4))):
            known += rng.exponential(100)
            told |= {"known_s": known, "revision": revision, "outcome": {"cost": rng.normal()}}
            told["status"] = str(rng.choice(["failed", "succeeded", "running"], p=[0.2, 0.7, 0.1]))
            started = submitted + rng.exponential(3)
            told |= {"started_s": started, "finished_s": started + rng.lognormal(3, 2)}
            facts.append(fact(f"e{i}", submitted, **told))
    return facts
