"""Simulated logs as facts, cut into what taught and what came after; and ways to spoil it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from runlore import simulate
from runlore.features.log import Log, prepare
from runlore.kernel.instants import to_us
from runlore.quality.rules.batch import gather
from runlore.quality.rules.checks import CheckInput, judge
from runlore.quality.rules.contract import Contract, derive
from runlore.quality.rules.verdict import QualityVerdict
from runlore.records.execution import NO_INSTANT

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
END = datetime(2026, 3, 2, tzinfo=UTC)
INSTANTS = {"submitted": "submitted_at", "started": "started_at", "finished": "finished_at"}
STATUSES = {"ok": "succeeded", "failed": "failed", "cancelled": "cancelled"}

Spoil = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def simulated(**given: object) -> pd.DataFrame:
    """The records of a simulated log as facts, in the order they became known."""
    scenario = simulate.Scenario(**{"end": END, "executions": 9000, "days": 70, **given})
    records = simulate.simulate(scenario).records.reset_index(drop=True)
    inputs = records[["size_gb", "files", "priority", "retries_allowed"]]
    facts = pd.DataFrame(
        {
            "source": "simulated",
            "source_id": records["id"],
            "actor": records["user"],
            "kind": records["job_type"],
            "scope": records["host"],
            "inputs": [json.dumps(each) for each in inputs.to_dict("records")],
            **{name: _us(records[column]) for name, column in INSTANTS.items()},
            "status": records["result"].map(STATUSES),
            "outcome": [json.dumps({"cost_usd": cost}) for cost in records["cost_usd"]],
            "submission_known_at": _us(records["submitted_at"]),
            "known_at": _us(records["reported_at"]),
        }
    )
    facts["seq"] = np.arange(1, len(facts) + 1)
    facts["revision"] = facts.groupby("source_id").cumcount()
    return facts


def _us(column: "pd.Series[str]") -> "pd.Series[int]":
    at = pd.to_datetime(column, utc=True, format="ISO8601")
    us = at.dt.as_unit("us").astype("int64")
    return us.where(at.notna(), NO_INSTANT)


@dataclass(frozen=True)
class Parted:
    """Facts known by an instant teach; those of the days after it are the batch."""

    taught: pd.DataFrame
    batch: pd.DataFrame
    cut_us: int
    end_us: int


def part(facts: pd.DataFrame, days: float = 7, from_end: float = 7) -> Parted:
    """The batch: what became known within `days`, from so many days before the end on."""
    cut = to_us(END) - round(from_end * DAY_US)
    end = cut + round(days * DAY_US)
    known = facts["known_at"]
    return Parted(facts[known <= cut], facts[(known > cut) & (known <= end)], cut, end)


def contract_of(taught: pd.DataFrame) -> Contract:
    log = prepare(taught)
    found = derive(gather(log, np.arange(len(log.executions))), int(taught["seq"].max()))
    assert found is not None
    return found


def check(contract: Contract, parted: Parted, batch: pd.DataFrame) -> QualityVerdict:
    """Judge a batch as if it had come in after what taught."""
    taught = parted.taught
    batch = batch.assign(seq=np.arange(len(batch)) + int(taught["seq"].max()) + 1)
    log = prepare(pd.concat([taught, batch], ignore_index=True))
    return judge(contract, asked(log, contract, parted.end_us))


def asked(log: Log, contract: Contract, at_us: int) -> CheckInput:
    is_new = log.executions["seq"].to_numpy() > contract.until_seq
    new, old = (gather(log, np.flatnonzero(which)) for which in (is_new, ~is_new))
    newest = int(new.submitted_us[-1]) if len(new) else contract.last_us
    return CheckInput(new, old, contract.last_us, newest, at_us, must_be_fresh=True)


def with_inputs(
    batch: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    told = change(pd.DataFrame([json.loads(each) for each in batch["inputs"]]).astype(object))
    rows = told.where(told.notna(), None).to_dict("records")
    return batch.assign(inputs=[json.dumps(row) for row in rows])


def shifted(batch: pd.DataFrame, by_us: int) -> pd.DataFrame:
    moved = {
        name: batch[name].where(batch[name] == NO_INSTANT, batch[name] + by_us)
        for name in ("submitted", "started", "finished", "submission_known_at", "known_at")
    }
    return batch.assign(**moved)


def renamed(batch: pd.DataFrame, mark: str = "again") -> pd.DataFrame:
    return batch.assign(source_id=[f"{mark}-{name}" for name in batch["source_id"]])


def flooded(
    inputs: pd.DataFrame, name: str, share: float, rng: np.random.Generator
) -> pd.DataFrame:
    return inputs.assign(**{name: inputs[name].mask(rng.random(len(inputs)) < share)})


def dealt_anew(batch: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Each execution gets the length, status and costs of another one."""
    order = rng.permutation(len(batch))
    other = batch.iloc[order].reset_index(drop=True)
    run = (other["finished"] - other["started"].where(other["started"] != NO_INSTANT)).to_numpy()
    mine = batch.reset_index(drop=True)
    took = np.where(np.isfinite(run), run, 0).astype(np.int64)
    start = mine["started"].where(mine["started"] != NO_INSTANT, mine["submitted"])
    finished = start + took
    return mine.assign(
        started=start,
        finished=finished,
        known_at=finished,
        status=other["status"],
        outcome=other["outcome"],
    )


CORRUPTIONS: dict[str, tuple[Spoil, str]] = {
    "an input dropped": (
        lambda b, _: with_inputs(b, lambda i: i.drop(columns="size_gb")), "schema: inputs.size_gb"),
    "an input renamed": (
        lambda b, _: with_inputs(b, lambda i: i.rename(columns={"size_gb": "size"})),
        "schema: inputs.size_gb is missing from all .*; new is inputs.size: was it renamed"),
    "numbers turned into text": (
        lambda b, _: with_inputs(b, lambda i: i.assign(size_gb=i["size_gb"].map("{} GB".format))),
        "types: inputs.size_gb"),
    "a unit changed": (
        lambda b, _: with_inputs(b, lambda i: i.assign(size_gb=i["size_gb"].astype(float) * 1000)),
        "level: inputs.size_gb: .* has its unit changed"),
    "nulls flooded": (
        lambda b, rng: with_inputs(b, lambda i: flooded(i, "files", 0.4, rng)),
        "nulls: inputs.files: ..% of the rows say nothing"),
    "a column stuck": (
        lambda b, _: with_inputs(b, lambda i: i.assign(files=70)), "constant: inputs.files"),
    "rows duplicated": (
        lambda b, rng: pd.concat([b, renamed(b[rng.random(len(b)) < 0.3])], ignore_index=True),
        "duplicates: .* recorded twice"),
    "outcomes all of one class": (
        lambda b, _: b.assign(status="succeeded"), "outcome: all .* are succeeded"),
    "outcomes shuffled": (dealt_anew, "signal: duration_s does not depend"),
    "timestamps in the future": (
        lambda b, _: shifted(b, 3 * DAY_US), "future: .* by up to"),
    "a time zone lost": (
        lambda b, _: shifted(b, -5 * HOUR_US), "clock: .* moved by about .[56] h"),
    "a batch cut short": (
        lambda b, rng: b[rng.random(len(b)) < 0.15], "volume: .* submissions where"),
    "new categories flooded": (
        lambda b, rng: b.assign(actor=np.where(
            rng.random(len(b)) < 0.6, [f"u{n}" for n in rng.integers(0, 90, len(b))], b["actor"])),
        "words: actor: .* unknown in training"),
    "columns swapped": (
        lambda b, _: with_inputs(
            b, lambda i: i.rename(columns={"priority": "files", "files": "priority"})),
        "swapped: inputs.files holds what inputs.priority|swapped: inputs.priority holds"),
    "durations negative": (
        lambda b, _: b.assign(started=b["finished"], finished=b["started"]), "order: .* end"),
}  # fmt: skip
"""What to do to a batch, and what it must be refused for."""


def old_batch_again(parted: Parted) -> pd.DataFrame:
    """The week before, under new names and with this week's dates."""
    known = parted.taught["known_at"]
    week = parted.taught[known > parted.cut_us - 7 * DAY_US]
    return renamed(shifted(week, 7 * DAY_US))
