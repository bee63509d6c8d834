"""The page of a backtest, made of what each run left behind."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runlore.models.score_names import display
from runlore.plots.style import score as rounded

HEAD = """# Backtest: does the loop earn its keep?

Public logs replayed as they happened, by four ways to retrain. The first version of all four is
trained when 30 % of the rows have been submitted; from then on each window of seven days is
answered by what served when it began. An outcome is known when the log came to know it. `static`
never retrains; `weekly` does every seven days; `drift` when monitoring says so, with cooldown and
budget; `loop` also when a score lies wholly below its floor, and then the data must keep the
champion's contract, and the new version must beat the old one, with an interval above 0, on the
newest 500 rows so old that nine in ten outcomes are known; it learns from what was known before
them. Gates and the ramp are left out.

Gains are those of the score that the spec selects by, over all rows of the replay; above 0 is
better for every score; 95 % intervals are block bootstraps over time. CPU seconds are those of
training, of the first version too; monitoring and comparing are not in them. The baseline is the
spec's own, calibrated like any candidate: the actor's recent failure rate, the mean of the actor's
last two runs, or, of electricity, the same as last time.

One kind of candidate is trained each time, on one thread. Each section says which, how many of the
log's newest executions are replayed (the histories remember all of it), and how many of the newest
known rows teach.

Each section ends its first paragraph with its own command. All sections: `python
bench/live/backtest.py DATA docs/backtest.md`, which replays all of each log, of SDSC-BLUE the
newest 80,000 executions, and teaches the newest 15,000 known rows to gradient boosting, for
durations to XGBoost fitted twice (`xgboost-modal`), as `docs/results.md` has it. DATA is a folder
with `hpc/CTC-SP2-1996-3.1-cln.swf.gz` and `hpc/SDSC-BLUE-2000-4.2-cln.swf.gz`, both of the Parallel
Workloads Archive, and `drift/electricity.csv.gz`, the series Elec2. A model that is worse than the
naive baseline would not serve in life: its spec's gates refuse it.

The command writes this page, its plots and `backtest/*.json`, which hold each retraining with its
reasons. For a log of your own, after `runlore ingest`: `runlore backtest failure-risk --candidate
gradient-boosting --max-rows 15000`.

## In short

"""
POLICIES = ("baseline", "static", "weekly", "drift", "loop")


def write_page(page: Path, folder: Path) -> None:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    parts = [HEAD, *(f"- {verdict(each)}\n" for each in found), *map(section, found)]
    page.write_text("".join(parts), encoding="utf-8")


def verdict(found: dict[str, Any]) -> str:
    """Plainly, whichever way it turned out."""
    gains = found["standings"]["loop"]["gains"][found["select_by"]]
    costs = {name: each["cpu_s"] for name, each in found["policies"].items()}
    static, weekly = gains["static"], gains["weekly"]
    share = costs["loop"] / costs["weekly"]
    promoted = sum(e["outcome"] == "promoted" for e in found["policies"]["loop"]["history"])
    if static["low"] > 0 and weekly["low"] > 0:
        word = "**yes**, better than both"
    elif static["low"] > 0:
        word = f"**yes over static**; {beside(weekly)} weekly"
    else:
        word = f"**no**: {beside(static)} static, {beside(weekly)} weekly"
    times = "once" if promoted == 1 else f"{promoted} times"
    return (
        f"{found['log']}, {found['spec']}: {word}, at {share:.0%} of weekly's training; promoted"
        f" {times}. Over static {told(static)}, over weekly {told(weekly)}"
        f" ({display(found['select_by'])}). {beside(gains['baseline']).capitalize()} the naive"
        " baseline."
    )


def beside(gain: dict[str, float]) -> str:
    if gain["low"] > 0:
        return "better than"
    return "worse than" if gain["high"] < 0 else "not to be told from"


def told(each: dict[str, float] | None) -> str:
    if not each:
        return ""
    return f"{rounded(each['value'])} ({rounded(each['low'])} to {rounded(each['high'])})"


def section(found: dict[str, Any]) -> str:
    return "\n".join(lines(found)) + "\n"


def lines(found: dict[str, Any]) -> Iterator[str]:
    log, spec = found["log"], found["spec"]
    yield f"\n## {log}, {spec}\n"
    limits = f" --rows {found['newest']}" if found["newest"] else ""
    limits += f" --max-rows {found['max_rows']} --candidate {found['candidate']}"
    newest = f"the newest {found['newest']:,}" if found["newest"] else "all"
    yield (
        f"Of {newest} executions {found['rows']:,} are replayed, in {found['windows']} windows from"
        f" {found['replay_from'][:10]} to {found['to'][:10]}; the newest {found['max_rows']:,}"
        f" known rows teach {found['candidate']}. {found['wall_s']:.0f} s, of which"
        f" {found['cpu_s']:.0f} s of CPU, on"
        f" {found['cores']} busy cores. Again:"
        " `python bench/live/backtest.py DATA docs/backtest.md"
        f" --only {log}:{spec}{limits}`.\n"
    )
    scores = list(found["standings"]["static"]["scores"])
    accuracy = ["accuracy"] if found["accuracy"] else []
    head = ["policy", *(display(s) for s in scores), *accuracy]
    head += ["over static", "over weekly", "over baseline", "retrainings", "promoted", "CPU s"]
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for name in POLICIES:
        yield f"| {' | '.join(row(found, name, scores))} |"
    yield ""
    if log == "electricity":
        yield (
            "Published prequential accuracy on this series: static naive Bayes 0.703, best"
            " retrained 0.866, same as last time 0.853.\n"
        )
    yield from reasons(found)
    yield f"![{log}, {spec}: score over time](backtest/{log}-{spec}-over-time.png)\n"
    yield f"![{log}, {spec}: score by cost](backtest/{log}-{spec}-by-cost.png)"


def row(found: dict[str, Any], name: str, scores: list[str]) -> Iterator[str]:
    standing, policy = found["standings"][name], found["policies"].get(name)
    yield name
    yield from (rounded(standing["scores"][score]["value"]) for score in scores)
    if found["accuracy"]:
        yield rounded(found["accuracy"][name])
    gains = standing["gains"][found["select_by"]]
    yield from (told(gains.get(other)) for other in ("static", "weekly", "baseline"))
    yield str(policy["retrainings"]) if policy else ""
    promoted = sum(each["outcome"] == "promoted" for each in policy["history"]) if policy else 0
    yield str(promoted) if name == "loop" else ""
    yield f"{policy['cpu_s']:.1f}" if policy else ""


def reasons(found: dict[str, Any]) -> Iterator[str]:
    """What became of each retraining that the loop asked for."""
    counts: dict[str, int] = {}
    for each in found["policies"]["loop"]["history"]:
        counts[each["outcome"]] = counts.get(each["outcome"], 0) + 1
    said = ", ".join(f"{many} {outcome}" for outcome, many in sorted(counts.items()))
    yield f"What became of the loop's retrainings: {said or 'it asked for none'}.\n"
