"""The figures as a page with two plots."""

from pathlib import Path
from typing import Any

from matplotlib import rc_context

from runlore.plots import style

Results = dict[str, dict[str, Any]]
CONNECTIONS = (1, 16, 64)
PERCENTILES = ("p50", "p95", "p99", "p99.9")
OURS = ("stateless", "ledger", "features")
CPU = {
    "CPU ms per answer (16)": "cpu_ms_per_answer",
    "PostgreSQL CPU ms": "postgres_cpu_ms_per_answer",
    "CPU s of other processes": "others_cpu_s",
}
SHADES = (style.PALE, style.SKY, style.BLUE)
MARKS = {"p50": "o", "p95": "s", "p99": "D", "p99.9": "^"}


def write(folder: Path, results: Results, about: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    done = {name: found for name, found in results.items() if "failed" not in found}
    page = folder / "serving.md"
    plots = []
    if done:
        for name, draw in (("serving-throughput", throughput), ("serving-latency", latency)):
            with rc_context({"svg.hashsalt": name}):  # the same figures make the same file
                draw(done).savefig(folder / f"{name}.svg", metadata={"Date": None})
        plots = [
            "![Answers per second, by server and connections](serving-throughput.svg)",
            "![Percentiles of latency at half load](serving-latency.svg)",
        ]
    parts = [
        *head(about),
        *table("Answers per second, closed loop", *rates(done)),
        *plots[:1],
        *table("Latency at half load, ms, constant rate", *percentiles(done, "half_load")),
        *plots[1:],
        *[
            part
            for n in CONNECTIONS
            for part in table(
                f"Latency at {counted(n)}, ms, closed loop", *percentiles(done, f"closed_{n}")
            )
        ],
        *table("Memory and start", *footprint(done)),
        *unmeasured(results),
        *table("Versions", *versions(done)),
    ]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def head(about: dict[str, Any]) -> list[str]:
    workers = f" --workers {about['workers']}" if about["workers"] > 1 else ""
    command = f"python bench/serving.py --seconds {about['seconds']:g}{workers} --report FOLDER"
    return [
        "# Serving speed, compared with other servers",
        f"Reproduce this page with `{command}`; it needs `wrk` (`apt-get install wrk`).",
        "Every server runs the same ensemble and gets one row per request, with"
        f" {about['workers']} worker process{'es' if about['workers'] > 1 else ''}."
        f" Servers and client share {about['cpus']} CPUs, with Python {about['python']}. Each load"
        f" runs for {about['seconds']:g} s, half load five times as long. With fewer than 1,000"
        " answers, p99.9 is close to the slowest answer.",
    ]


def table(title: str, names: list[str], rows: list[list[str]]) -> list[str]:
    aligned = ["---:" if title != "Versions" else "---"] * (len(names) - 1)
    lines = [names, ["---", *aligned], *rows]
    return [f"## {title}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]


def counted(connections: int) -> str:
    return f"{connections} connection{'s' if connections > 1 else ''}"


def rates(done: Results) -> tuple[list[str], list[list[str]]]:
    names = ["server", *map(counted, CONNECTIONS), *CPU]
    rows = []
    for found in ordered(done).values():
        values = [shown(found[f"closed_{n}"], "rps", ",.0f") for n in CONNECTIONS]
        used = found["closed_16"]
        spent = [style.number(used.get(each, 0.0)) for each in CPU.values()]
        rows.append([found["title"], *values, *spent])
    return names, rows


def percentiles(done: Results, load: str) -> tuple[list[str], list[list[str]]]:
    counts = {"answers": "answers", "errors": "errors"}
    if load == "half_load":
        counts["sent over 2 ms late"] = "late"
    names = ["server", "answers/s", *PERCENTILES, *counts]
    rows = [
        [
            found["title"],
            shown(found[load], "rps", ",.0f"),
            *(shown(found[load], each, ".2f") for each in PERCENTILES),
            *(f"{found[load][each]:,}" for each in counts.values()),
        ]
        for found in ordered(done).values()
    ]
    return names, rows


def shown(figure: dict[str, Any], name: str, form: str) -> str:
    return format(figure[name], form) if figure["is_valid"] else "failed"


def footprint(done: Results) -> tuple[list[str], list[list[str]]]:
    names = ["server", "first answer after, s", "PSS, MB", "RSS, MB", "processes", "PostgreSQL, MB"]
    rows = []
    for found in done.values():
        used = found["memory"]
        sizes = [str(used[each]) for each in ("pss_mb", "rss_mb", "processes")]
        postgres = str(used.get("postgres_pss_mb", ""))
        rows.append([found["title"], f"{found['cold_start_s']:.1f}", *sizes, postgres])
    return names, rows


def versions(done: Results) -> tuple[list[str], list[list[str]]]:
    rows = [
        [found["title"], ", ".join(f"{k} {v}" for k, v in found["versions"].items())]
        for found in done.values()
    ]
    return ["server", "versions"], rows


def unmeasured(results: Results) -> list[str]:
    lines = [
        f"- {found['title']}: {' '.join(found['failed'].split())}"
        for found in results.values()
        if "failed" in found
    ]
    return ["## Not measured", "\n".join(lines)] if lines else []


def ordered(done: Results) -> Results:
    return dict(sorted(done.items(), key=lambda each: -each[1]["closed_16"]["rps"]))


def throughput(done: Results) -> Any:
    shown_last = dict(reversed(ordered(done).items()))
    made, (axes,) = style.figure(
        "Answers per second",
        "Closed loop, one row a request, the same ensemble; logarithmic axis.",
        height_in=0.62 * len(done) + 0.8,
    )
    for at, (connections, shade) in enumerate(zip(CONNECTIONS, SHADES, strict=True)):
        places = [place + 0.26 * (1 - at) for place in range(len(shown_last))]
        values = [found[f"closed_{connections}"]["rps"] for found in shown_last.values()]
        bars = axes.barh(places, values, 0.24, color=shade, label=counted(connections))
        axes.bar_label(
            bars,
            [style.number(value) for value in values],
            padding=3,
            fontsize=8.5,
            color=style.INK,
        )
    named(axes, shown_last)
    axes.set_xscale("log")
    axes.set_xlabel("answers per second")
    axes.margins(x=0.12)
    style.as_count(axes.xaxis)
    style.legend(axes)
    return made


def latency(done: Results) -> Any:
    shown_last = dict(reversed(ordered(done).items()))
    made, (axes,) = style.figure(
        "Latency at half load",
        "Each server at half of what it answered at 16 connections, at a constant rate.",
        height_in=0.5 * len(done) + 0.8,
    )
    for place, (name, found) in enumerate(shown_last.items()):
        values = [found["half_load"][each] for each in PERCENTILES]
        colour = style.BLUE if name in OURS else style.GREY
        axes.plot(values, [place] * len(values), color=colour, linewidth=1.2, alpha=0.5)
        for each, value in zip(PERCENTILES, values, strict=True):
            label = each if place == 0 else None
            axes.plot(value, place, MARKS[each], color=colour, markersize=6.5, label=label)
    named(axes, shown_last)
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds")
    style.as_count(axes.xaxis)
    style.legend(axes)
    return made


def named(axes: Any, done: Results) -> None:
    axes.set_yticks(range(len(done)), [found["title"] for found in done.values()])
    axes.grid(visible=False, axis="y")
