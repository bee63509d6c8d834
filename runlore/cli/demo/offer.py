"""The end of the demo: the console, filled, and what to look at first."""

import time
from contextlib import suppress
from dataclasses import dataclass
from json import dumps
from typing import Any

from runlore.cli.demo.tour import Tour
from runlore.cli.output import echo, emit_secret
from runlore.cli.stack import ended_by_signals
from runlore.kernel.json_values import as_json


@dataclass(frozen=True)
class Sight:
    """A page of the console, and what there is to see on it."""

    path: str
    what: str


SIGHTS = (
    Sight("/", "what needs a decision of yours, and how good each prediction is"),
    Sight("/console/specs/failure-risk", "the planted change: drift, retraining, who answers"),
    Sight("/console/predict/failure-risk", "ask for a prediction, and move a slider"),
    Sight("/console/alerts", "what was noticed, and who looks after it"),
    Sight("/console/experiments", "one A/B test that is decided, one that goes on"),
    Sight("/console/log", "rejected rows, each kind with its fix"),
    Sight("/console/executions", "one execution: facts, predictions, outcome, like ones"),
    Sight("/console/ledger", "every answer that was given"),
    Sight("/console/incidents", "two series of one scope that deviate together"),
    Sight("/console/signals", "each series with its anomalies, and its forecast"),
    Sight("/console/advice", "a host that fails more: advice, followed, and what came of it"),
    Sight("/console/maintenance", "pumps that wear: which to visit when"),
    Sight("/console/security", "failed logins of one address, then one that succeeds"),
    Sight("/console/content", "posts of four personas: best times, and what would help"),
    Sight("/console/reports", "the last week in figures, for those who decide"),
    Sight("/console/live", "what happens now"),
)


def sights() -> tuple[Sight, ...]:
    """Those whose pages stand."""
    from bentos.console.frame.discovery import find_pages

    paths = {page.path for page in find_pages()} | {"/console/specs/failure-risk"}
    return tuple(sight for sight in SIGHTS if _stands(sight.path, paths))


def document() -> dict[str, Any]:
    """For machines: how to open the console, and what is on it."""
    return {
        "start": "runlore up",
        "open": "runlore console",
        "look_at": [as_json(sight) for sight in sights()],
    }


def keep_open(tour: Tour, *, json: bool) -> None:
    """Print a link to the console, and keep the services running until Ctrl-C or SIGTERM."""
    from runlore.kernel.instants import now
    from runlore.web.console_link import make_link

    with ended_by_signals(), suppress(KeyboardInterrupt):
        address = make_link(tour.settings.home, now()).address(tour.settings.serve_url)
        if json:
            emit_secret(dumps(as_json(tour.seen | {"console": document() | {"url": address}})))
        else:
            _print_offer(address, tour.settings.serve_url)
        while True:
            time.sleep(1.0)
    echo("stopping; `runlore up` brings the pages back, with the same data", err=json)


def print_way_back(tour: Tour) -> None:
    echo(
        f"\nTo see it in a browser: `runlore up` (or `make up`), which starts the pages for"
        f" {tour.settings.home}, then `runlore console`."
    )


def _print_offer(address: str, url: str) -> None:
    echo("\n== The console\n")
    emit_secret(
        f"Open it, signed in (once, within five minutes; then `runlore login`):\n\n  {address}"
    )
    echo("\nLook at first:\n")
    for sight in sights():
        echo(f"  {url}{sight.path}\n      {sight.what}")
    echo("\nCtrl-C ends it; `runlore up` brings it back with the same data.")


def _stands(path: str, paths: set[str]) -> bool:
    return path in paths or any(path.startswith(f"{one}/") for one in paths if one != "/")
