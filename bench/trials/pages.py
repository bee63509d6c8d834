"""The page that `bench/rollout.py --report` writes, with its figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context

from runlore.plots import style

HEAD = """# Error rates of rollouts and A/B tests

Reproduce this page with `python bench/rollout.py --report FOLDER`. Simulated units run through the
product's own rules, which are evaluated after every batch. [The page on
rollouts](../rollout.md#measured-error-rates) explains the numbers.

| what | Runlore | compared with | more |
|---|---|---|---|
"""
COLOURS = (style.BLUE, style.SKY, style.GREEN, style.VERMILION, style.INK, style.GREY, "#CC79A7")


@dataclass(frozen=True)
class Part:
    """What one job found: figures to print, and what to draw."""

    figures: dict[str, Any]
    to_draw: dict[str, Any] = field(default_factory=dict)

    def drawn(self, **values: Any) -> "Part":
        return Part(self.figures, values)


def write_page(folder: Path, parts: Sequence[Part]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row(part.figures) for part in parts if "ours" in part.figures]
    page = HEAD + "\n".join(rows) + "\n"
    by_name = {part.figures["bench"]: part for part in parts}
    peeking = draw_peeking(by_name["rollout.peeking"])
    covered = draw_coverage([part for part in parts if "held" in part.to_draw])
    for name, title, made in (
        ("peeking", "A/A tests with a winner, by units", peeking),
        ("coverage", "Streams whose interval has always held the truth, by units", covered),
    ):
        with rc_context({"svg.hashsalt": name}):  # the same figures make the same file
            made.savefig(folder / f"{name}.svg", metadata={"Date": None})
        page += f"\n![{title}]({name}.svg)\n"
    cats = by_name.get("rollout.cookie_cats")
    if cats:
        page += told(cats.figures)
    (folder / "calibration.md").write_text(page, encoding="utf-8")


def row(figures: dict[str, Any]) -> str:
    beside = ", ".join(f"{name} {style.percent(v)}" for name, v in figures["theirs"].items())
    known = {"bench", "ours", "theirs", "ratio", "unit"}
    more = "; ".join(
        f"{k.replace('_', ' ')} {text(v)}" for k, v in figures.items() if k not in known
    )
    return f"| {figures['unit']} | {style.percent(figures['ours'])} | {beside} | {more} |"


def text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {held}" for key, held in value.items())
    return style.percent(value) if isinstance(value, float) else f"{value:,}"


def told(figures: dict[str, Any]) -> str:
    """The public test, as the product answers it."""
    lines = [
        f"- {name}: {each['gate_30']:.2%} with gate_30, {each['gate_40']:.2%} with gate_40, "
        f"p = {each['p']:.2g}"
        for name, each in figures.items()
        if name.startswith("retention")
    ]
    answer = f"- the answer is “{figures['answer']}”: {figures['sample_ratio']}"
    return "\n## A public test: Cookie Cats\n\n" + "\n".join([*lines, answer]) + "\n"


def draw_peeking(part: Part) -> Any:
    of = part.to_draw
    ours, theirs = part.figures["ours"], part.figures["theirs"]["z-test at every look"]
    made, [axes] = style.figure(
        f"Looked at all the time, a z-test finds a winner in {style.percent(theirs)} of A/A tests",
        f"Nothing differs, so every winner is wrong. Runlore finds one in {style.percent(ours)}; "
        "5 % are allowed, however often one looks.",
        height_in=3.6,
    )
    units = np.unique(of["ours"][of["ours"] <= of["most"]].tolist() + of["theirs"].tolist())
    units = units[units <= of["most"]]
    for name, colour in (("theirs", style.VERMILION), ("ours", style.BLUE)):
        label = {"theirs": "z-test at every look", "ours": "Runlore"}[name]
        share = (of[name][:, np.newaxis] <= units).mean(axis=0)
        axes.plot(units, share, color=colour, linewidth=2, label=label, drawstyle="steps-post")
    axes.axhline(0.05, color=style.GREY, linestyle=style.DASHES, linewidth=1.2)
    axes.set_xlabel("units so far")
    axes.set_ylabel("tests with a winner")
    style.as_percent(axes.yaxis)
    style.as_count(axes.xaxis)
    style.legend(axes)
    return made


def draw_coverage(parts: Sequence[Part]) -> Any:
    worst = min(part.figures["ours"] for part in parts)
    made, panels = style.figure(
        f"Intervals hold at every look at once: in {style.percent(worst)} of streams or more",
        "Streams whose interval has held the truth at every look so far; 95 % are promised. Above, "
        "b gets half of the units; below, a tenth.",
        height_in=6.0,
        heights=(1.0, 1.0),
    )
    for axes, share in zip(panels, (0.5, 0.1), strict=True):
        chosen = [part.to_draw for part in parts if part.to_draw["share"] == share]
        for of, colour in zip(chosen, COLOURS, strict=True):
            so_far = np.logical_and.accumulate(of["held"], axis=1).mean(axis=0)
            axes.plot(of["looks"], so_far, color=colour, linewidth=1.8, label=of["label"])
        axes.axhline(0.95, color=style.GREY, linestyle=style.DASHES, linewidth=1.2)
        axes.set_xscale("log")
        axes.set_ylim(0.94, 1.002)
        axes.set_ylabel("always held so far")
        style.as_percent(axes.yaxis)
        style.as_count(axes.xaxis)
    panels[1].set_xlabel("units so far")
    style.legend(panels[1], "lower right", columns=2)
    return made
