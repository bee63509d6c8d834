"""`runlore ingest prometheus`: the past of series from a Prometheus server."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.ingest.actions.prometheus_server import QueriedPoints


def from_prometheus(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the server.")],
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to read, in PromQL.")],
    since: Annotated[
        str, typer.Option(metavar="ISO|SPAN", help="From when on: an instant, or 7d, 12h, 30m ago.")
    ] = "7d",
    step: Annotated[
        str, typer.Option(metavar="SPAN", help="Between two points: 15s, 1m, 1h.")
    ] = "1m",
    source: Annotated[str, typer.Option(help="Name of the source.")] = "prometheus",
    token: Annotated[
        str | None, typer.Option(envvar="PROMETHEUS_TOKEN", help="Sent as a bearer token.")
    ] = None,
    json: Json = False,
) -> None:
    """Import the past of series from a Prometheus server.

    The range is read in requests of at most 10,000 points a series. The same again adds nothing.

    Example: runlore ingest prometheus http://localhost:9090 node_load1 --since 30d --step 5m
    """
    from runlore.app import open_app
    from runlore.ingest.actions.prometheus_server import PrometheusQuery, ingest_prometheus
    from runlore.kernel import instants

    now = instants.now()
    wanted = PrometheusQuery(url, query, _start(since, now), now, _step_s(step), source, token)
    with open_app() as app:
        done = ingest_prometheus(app.store, wanted, app.settings.max_series)
    _show(done, json=json)


def _show(done: "QueriedPoints", *, json: bool) -> None:
    from dataclasses import asdict

    if json:
        emit_json(asdict(done))
        return
    echo(
        f"{done.recorded:,} points recorded, {done.known:,} known before,"
        f" {done.new_series:,} new series, in {done.requests:,} requests"
    )
    for reason, points in done.rejects.items():
        echo(f"{points:,} refused: {reason}")


def _start(since: str, now: "datetime") -> "datetime":
    from datetime import timedelta

    from runlore.kernel import instants

    span_s = _seconds(since)
    return instants.parse(since, "since") if span_s is None else now - timedelta(seconds=span_s)


def _step_s(step: str) -> int:
    from runlore.kernel.errors import BadInput

    step_s = _seconds(step)
    if step_s is None:
        raise BadInput(f"step: {step[:40]!r} is no span such as 15s, 1m, 1h", "step")
    return step_s


UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def _seconds(text: str) -> int | None:
    """The seconds of a span; None: it is none.

    >>> _seconds("5m"), _seconds("2026-01-01")
    (300, None)
    """
    number, unit = text[:-1], text[-1:]
    is_span = number.isascii() and number.isdigit() and len(number) < 8 and unit in UNITS
    return int(number) * UNITS[unit] if is_span else None
