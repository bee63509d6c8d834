"""How soon each page of the console is painted, how large it is, and what browsing costs.

    make bench BENCH=console_paint      # a small demo home is made first: about five minutes
    python bench/console_paint.py --url http://127.0.0.1:3000 --seconds 10

Each page that links lead to is opened several times in Chromium, after a first time that warms the
service; its first contentful paint is read from the browser. Then predictions are sent one after
the other, in turns with and without a browser that walks through all pages. With --url the service
must ask for no key (RUNLORE_API_KEYS=off).
"""

import argparse
import html
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from runlore.stack.tcp_ports import free_port

CHROMIUM = "/usr/bin/chromium"
IS_PAGE = re.compile(r"/console/(?!static|log(?:in|out))")
MOST_OF_A_KIND = 2
RUNS, TURNS = 5, 4
SECONDS = 10.0
EXECUTIONS = 5_000
MOST_MS, LARGEST_KB = 300.0, 300.0
PAINT = """() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"""
ASK = {"actor": "user-01", "kind": "report", "scope": "node-1", "inputs": {"size_gb": 12.0}}


def pages(client: httpx.Client) -> dict[str, int]:
    """Addresses of pages with their sizes in bytes: at most some of one kind."""
    waiting, sizes, kinds = ["/"], {}, {}
    while waiting:
        path = waiting.pop(0)
        kind = re.sub(r"(/console/[^/?]+/)[^?]+", r"\1*", path.partition("?")[0])
        if path in sizes or kinds.get(kind, 0) >= MOST_OF_A_KIND:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = client.get(path, follow_redirects=True)
        answer.raise_for_status()
        sizes[path] = len(answer.content)
        links = [html.unescape(link) for link in re.findall(r'href="([^"#]+)', answer.text)]
        waiting += [link for link in links if IS_PAGE.match(link)]
    return sizes


def paints(browser: Any, base: str, paths: list[str]) -> dict[str, list[float]]:
    """Milliseconds until the first content of each page, by page."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    measured: dict[str, list[float]] = {path: [] for path in paths}
    for run in range(RUNS + 1):
        for path in paths:
            page.goto(base + path, wait_until="load")
            page.wait_for_function(f"() => ({PAINT})() !== null")
            if run:
                measured[path].append(float(page.evaluate(PAINT)))
    context.close()
    return measured


def predictions(base: str, seconds: float) -> list[float]:
    """Milliseconds of single predictions, one after the other."""
    took = []
    with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            began = time.perf_counter()
            client.post("/predict/failure-risk", json=ASK).raise_for_status()
            took.append((time.perf_counter() - began) * 1e3)
    return took


def turns(browser: Any, base: str, paths: list[str], seconds: float) -> dict[str, list[float]]:
    """Times of predictions without and with someone who browses, in turns."""
    took: dict[str, list[float]] = {"alone": [], "browsed": []}
    context = browser.new_context()
    page = context.new_page()
    for _ in range(TURNS):
        took["alone"] += predictions(base, seconds)
        mine: list[float] = []
        asking = threading.Thread(target=lambda into=mine: into.extend(predictions(base, seconds)))
        asking.start()
        while asking.is_alive():
            for path in paths:
                page.goto(base + path, wait_until="load")
                if not asking.is_alive():
                    break
        asking.join()
        took["browsed"] += mine
    context.close()
    return took


def report(sizes: dict[str, int], measured: dict[str, list[float]]) -> Iterator[dict[str, Any]]:
    for path, values in measured.items():
        yield {
            "bench": "console_paint",
            "page": path[:80],
            "ours": round(statistics.median(values), 1),
            "max": round(max(values), 1),
            "kb": round(sizes[path] / 1e3, 1),
            "unit": f"ms to the first paint, median of {len(values)}",
        }
    medians = [statistics.median(values) for values in measured.values()]
    yield {
        "bench": "console_paint",
        "pages": len(measured),
        "ours": round(max(medians), 1),
        "largest_kb": round(max(sizes.values()) / 1e3, 1),
        "limits": {"ms": MOST_MS, "kb": LARGEST_KB},
        "unit": "ms, the slowest page's median",
    }


@contextmanager
def demo_service() -> Iterator[str]:
    """A service over a home that `runlore demo` has filled."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        port = free_port()
        chosen = {"HOME": folder, "SERVE_PORT": str(port), "API_KEYS": "off"}
        chosen |= {"PREFECT_PORT": str(free_port()), "MLFLOW_PORT": str(free_port())}
        env = os.environ | {f"RUNLORE_{name}": value for name, value in chosen.items()}
        cli = [sys.executable, "-m", "runlore.cli"]
        made = [*cli, "demo", "--executions", str(EXECUTIONS)]
        subprocess.run(made, env=env, check=True, stdout=sys.stderr)
        with subprocess.Popen([*cli, "serve"], env=env) as process:
            try:
                yield _ready(f"http://127.0.0.1:{port}")
            finally:
                process.terminate()


def _ready(base: str) -> str:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx.get(f"{base}/readyz", trust_env=False).status_code == 200:
                return base
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{base} is not ready after 120 s")


def measure(base: str, seconds: float) -> None:
    from playwright.sync_api import sync_playwright

    with httpx.Client(base_url=base, timeout=60, trust_env=False) as client:
        sizes = pages(client)
    paths = list(sizes)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for line in report(sizes, paints(browser, base, paths)):
            print(json.dumps(line))
        took = turns(browser, base, paths, seconds)
        browser.close()
    p99 = {name: float(np.percentile(values, 99)) for name, values in took.items()}
    p50 = {name: float(np.percentile(values, 50)) for name, values in took.items()}
    print(
        json.dumps(
            {
                "bench": "console_paint.predictions",
                "ours": round(p99["browsed"], 2),
                "theirs": {"nobody browses": round(p99["alone"], 2)},
                "ratio": round(p99["browsed"] / p99["alone"], 2),
                "p50": {name: round(value, 2) for name, value in p50.items()},
                "n": {name: len(values) for name, values in took.items()},
                "unit": "ms, p99 of a prediction while someone walks through all pages",
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a service that is up, which asks for no key")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each turn")
    options = parser.parse_args()
    if not Path(CHROMIUM).exists():
        print(f"console_paint: {CHROMIUM} is not installed", file=sys.stderr)
        return
    if options.url:
        measure(options.url.rstrip("/"), options.seconds)
        return
    with demo_service() as base:
        measure(base, options.seconds)


if __name__ == "__main__":
    main()
