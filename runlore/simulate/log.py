"""The simulated log: records in the order they became known, dirty lines and metrics."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from runlore.kernel.instants import to_us
from runlore.simulate.scenario import Scenario
from runlore.simulate.work import draw_executions
from runlore.simulate.world import Floats, Spells, World, draw_world

SIMULATED_SOURCE = "simulated"
INSTANTS = ["submitted_at", "started_at", "finished_at", "reported_at"]
INPUTS = ["size_gb", "files", "priority", "retries_allowed"]
COLUMNS = ["id", "user", "job_type", "host", *INSTANTS, "result", *INPUTS, "cost_usd"]
DIRT: tuple[tuple[str, dict[str, str]], ...] = (
    ("bad timestamp", {"submitted_at": "2025-13-45T99:00:00Z"}),
    ("negative duration", {"started_at": "{finished_at}", "finished_at": "{submitted_at}"}),
    ("unknown status", {"result": "???"}),
    ("missing timestamp", {"submitted_at": ""}),
    ("too few columns", {}),
)


@dataclass(frozen=True, slots=True)
class SimulatedLog:
    """Simulated, no real data.

    executions: the truth, a row per execution: what `draw_executions` returns, with an `id`.
    records: text and numbers as in the file, without the dirt, in the order they became known;
        an execution whose first report was wrong has two, one not known by the end has none.
    dirt: `line` (1-based; the header is line 1), `reason` and `text` of each dirty line.
    metrics: name, scope (a host), at, value.
    planted: the facts to be found, ready for JSON.
    """

    scenario: Scenario
    executions: pd.DataFrame
    records: pd.DataFrame
    dirt: pd.DataFrame
    metrics: pd.DataFrame
    planted: dict[str, Any]


def simulate(scenario: Scenario) -> SimulatedLog:
    for_world, for_work, for_dirt, for_metrics = np.random.default_rng(scenario.seed).spawn(4)
    world = draw_world(scenario, for_world)
    executions = draw_executions(scenario, world, for_work)
    executions.insert(0, "id", [f"sim-{i + 1:07}" for i in range(len(executions))])
    reports = _reports(scenario, world, executions)
    known = reports[reports["reported"] <= scenario.span_s]
    return SimulatedLog(
        scenario=scenario,
        executions=executions,
        records=known.sort_values("reported", kind="stable", ignore_index=True)[COLUMNS],
        dirt=_dirt(scenario, reports, len(known), for_dirt),
        metrics=_metrics(scenario, world, executions, for_metrics),
        planted=_planted(scenario, world),
    )


def events(log: SimulatedLog, since: datetime | None = None) -> pd.DataFrame:
    """`at_us`, `what` (submission or outcome) and `row` of `log.records`, in the order to replay.

    At one instant outcomes come first, since what is known at an instant counts for it.
    A correction is one more outcome of the same id.
    """
    records = log.records
    first = (~records["id"].duplicated()).to_numpy().nonzero()[0]
    submitted, reported = (
        pd.to_datetime(records[name], utc=True).dt.as_unit("us").astype("int64").to_numpy()
        for name in ("submitted_at", "reported_at")
    )
    outcomes = pd.DataFrame({"at_us": reported, "what": "outcome", "row": np.arange(len(records))})
    submissions = pd.DataFrame({"at_us": submitted[first], "what": "submission", "row": first})
    ordered = pd.concat([outcomes, submissions]).sort_values(
        ["at_us", "what", "row"], kind="stable", ignore_index=True
    )
    if since is None:
        return ordered
    return ordered[ordered["at_us"] >= to_us(since)].reset_index(drop=True)


def _reports(scenario: Scenario, world: World, executions: pd.DataFrame) -> pd.DataFrame:
    """Reports of all executions with the columns of the file, corrections after the rest."""
    is_wrong = executions["corrected"].notna()
    wrong = executions["result"].map({"ok": "failed", "failed": "ok"})
    first = executions.assign(result=executions["result"].mask(is_wrong, wrong))
    second = executions[is_wrong].assign(reported=lambda second: second["corrected"])
    reports = pd.concat([first, second], ignore_index=True)
    for name in INSTANTS:
        reports[name] = _iso(scenario, reports[name.removesuffix("_at")].to_numpy())
    return reports.assign(
        user=world.actors["name"].to_numpy()[reports["actor"]],
        job_type=world.kinds["name"].to_numpy()[reports["kind"]],
        host=_host_names(scenario)[reports["host"]],
    )


def _dirt(
    scenario: Scenario, reports: pd.DataFrame, clean: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Dirty lines to insert at random places, each broken in one way."""
    picked = reports[COLUMNS].iloc[rng.integers(len(reports), size=scenario.dirty_rows)].astype(str)
    lines = np.sort(rng.choice(clean + scenario.dirty_rows, scenario.dirty_rows, replace=False)) + 2
    dirt = []
    for i, cells in enumerate(picked.to_numpy().tolist()):
        reason, spoilt = DIRT[i % len(DIRT)]
        row = dict(zip(COLUMNS, cells, strict=True)) | {"id": f"sim-bad-{i + 1:03}"}
        row |= {name: value.format(**row) for name, value in spoilt.items()}
        dirt.append((reason, ",".join(list(row.values())[: None if spoilt else 6])))
    frame = pd.DataFrame(dirt, columns=["reason", "text"])
    frame.insert(0, "line", lines)
    return frame


def _metrics(
    scenario: Scenario, world: World, executions: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Hourly load of each host: work running on it, more while it is degraded, and noise."""
    hours = np.arange(0, scenario.span_s, 3600.0)
    host, at = np.repeat(np.arange(scenario.hosts), hours.size), np.tile(hours, scenario.hosts)
    ran = executions[executions["started"].notna()]
    busy = Spells(*(ran[name].to_numpy() for name in ("host", "started", "finished")))
    load = 0.5 + busy.running(host, at) + 2.5 * world.degraded.running(host, at)
    return pd.DataFrame(
        {
            "name": "load",
            "scope": _host_names(scenario)[host],
            "at": _iso(scenario, at),
            "value": (load * rng.lognormal(0, 0.15, at.size)).round(3),
        }
    )


def _planted(scenario: Scenario, world: World) -> dict[str, Any]:
    hosts, failing = _host_names(scenario), world.failing
    names, kinds = world.actors["name"].to_numpy(), world.kinds["name"].to_numpy()
    actor, kind = np.divmod(failing.cell, scenario.kinds)
    broken = pd.DataFrame({"user": names[actor], "job_type": kinds[kind]})
    degraded = pd.DataFrame({"host": hosts[world.degraded.cell]})
    return {
        "change": {
            "at": scenario.instant(scenario.change_s),
            "job_types": kinds[world.changed].tolist(),
            "size_factor": scenario.change_size,
            "failure_log_odds": scenario.change_logit,
        },
        "degraded_hosts": _stretches(scenario, degraded, world.degraded),
        "failing": _stretches(scenario, broken, failing),
    }


def _stretches(scenario: Scenario, who: pd.DataFrame, spells: Spells) -> list[dict[Hashable, Any]]:
    since, until = _iso(scenario, spells.start_s), _iso(scenario, spells.stop_s)
    return who.assign(**{"from": since, "to": until}).to_dict("records")


def _host_names(scenario: Scenario) -> np.ndarray[Any, Any]:
    return np.array([f"node-{i + 1}" for i in range(scenario.hosts)], dtype=object)


def _iso(scenario: Scenario, second: Floats) -> np.ndarray[Any, Any]:
    """ISO 8601 text, to the second, in UTC; NaN becomes the empty text."""
    first = np.datetime64(scenario.first.replace(tzinfo=None), "s")
    is_known = ~np.isnan(second)
    offset = np.where(is_known, second, 0).astype("timedelta64[s]")
    text = np.char.add(np.datetime_as_string(first + offset), "Z").astype(object)
    return np.where(is_known, text, "")
