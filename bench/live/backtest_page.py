"""The page of a backtest, made of what each run left behind."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runlore.models.score_names import display
from runlore.plots.style import score as rounded

HEAD = """# Retraining policies compared on public logs

Does automatic retraining pay off? Four policies are replayed on three public data sets as they
happened. Run the comparison on your own log after `runlore ingest`:

    runlore backtest failure-risk --candidate gradient-boosting --max-rows 15000

| policy | retrains |
|---|---|
| `static` | never |
| `weekly` | every seven days |
| `drift` | when monitoring detects drift, within cooldown and budget |
| `loop` | also when a score is surely below its floor; a new version must beat the old one |

## In short

"""
METHOD = """
## How it works

All four policies train their first version when 30 % of the rows have been submitted. From then on,
each window of seven days is predicted by the version that serves when it begins. Outcomes become
known when the log came to know them.

In `loop`, the data must keep the champion's data contract. The new version is trained on what was
known before the newest 500 rows that are old enough for nine in ten outcomes to be known. It must
beat the champion on those rows, with an interval above 0. Gates and the rollout are left out.

One kind of candidate is trained each time, on one thread. Each section says which one, how many
executions are replayed, and how many rows are used for training. Histories cover all of the log.

Gains are in the score that the spec selects by, over all replayed rows. Above 0 is better for every
score. The 95 % intervals of scores are block bootstraps over time; those of gains are Student's t
over blocks of days. CPU seconds cover training, including the
first version, but not monitoring and comparing. The baseline is the spec's own, calibrated like any
candidate: the actor's recent failure rate, the mean of the actor's last two runs or, for
electricity, the same as last time. A model that is worse than the naive baseline would not serve in
the product: its spec's gates refuse it.

`python bench/live/backtest.py DATA docs/backtest.md` reproduces all sections. It writes this page,
its plots and `backtest/*.json`, which contain each retraining with its reasons. It replays each log
completely (SDSC-BLUE: the newest 80,000 executions) and trains on the newest 15,000 known rows:
gradient boosting, and for durations XGBoost fitted twice (`xgboost-modal`), as in
`docs/results.md`. DATA is a folder with `hpc/CTC-SP2-1996-3.1-cln.swf.gz` and
`hpc/SDSC-BLUE-2000-4.2-cln.swf.gz`, both of the Parallel Workloads Archive, and
`drift/electricity.csv.gz`, the series Elec2. Each section below has its own command.
"""
POLICIES = ("baseline", "static", "weekly", "drift", "loop")


def write_page(page: Path, folder: Path) -> None:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    summary = (f"- {verdict(each)}\n" for each in found)
    parts = [HEAD, *summary, METHOD, *map(section, found)]
    page.write_text("".join(parts), encoding="utf-8")


def verdict(found: dict[str, Any]) -> str:
    """The result in one sentence, good or bad."""
    gains = found["standings"]["loop"]["gains"][found["select_by"]]
    costs = {name: each["cpu_s"] for name, each in found["policies"].items()}
    static, weekly = gains["static"], gains["weekly"]
    share = costs["loop"] / costs["weekly"]
    promoted = sum(e["outcome"] == "promoted" for e in found["policies"]["loop"]["history"])
    if static["low"] > 0 and weekly["low"] > 0:
        word = "**better than static and weekly**,"
    elif static["low"] > 0:
        word = f"**better than static**, {beside(weekly)} weekly,"
    else:
        word = f"**{beside(static)} static**, {beside(weekly)} weekly,"
    times = "1 promotion" if promoted == 1 else f"{promoted} promotions"
    return (
        f"{found['log']}, {found['spec']}: `loop` is {word} at {share:.0%} of weekly's training"
        f" cost; {times}. Gain in {display(found['select_by'])} over static {told(static)}, over"
        f" weekly {told(weekly)}. {beside(gains['baseline']).capitalize()} the naive baseline."
    )


def beside(gain: dict[str, float]) -> str:
    if gain["low"] > 0:
        return "better than"
    return "worse than" if gain["high"] < 0 else "not clearly different from"


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
    newest = f"Of the newest {found['newest']:,} executions, " if found["newest"] else ""
    noun = "" if newest else " executions"
    yield (
        f"{newest}{found['rows']:,}{noun} are replayed, in {found['windows']} windows from"
        f" {found['replay_from'][:10]} to {found['to'][:10]}. {found['candidate']} is trained on"
        f" the newest {found['max_rows']:,} known rows. This took {found['wall_s']:.0f} s,"
        f" {found['cpu_s']:.0f} s of it CPU, on {found['cores']} busy cores. Reproduce it:"
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
    """How many retrainings of the loop had each outcome."""
    counts: dict[str, int] = {}
    for each in found["policies"]["loop"]["history"]:
        counts[each["outcome"]] = counts.get(each["outcome"], 0) + 1
    said = ", ".join(f"{many} {outcome}" for outcome, many in sorted(counts.items()))
    yield f"Retrainings of `loop`: {said or 'none requested'}.\n"
