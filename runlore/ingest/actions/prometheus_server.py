"""The past of series, read from a Prometheus server by range queries."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from runlore.ingest.actions.api_client import TIMEOUT_S, ApiClient, RateLimitWait
from runlore.ingest.actions.points import PointBounds, record_points
from runlore.ingest.rules.points.prometheus_query import parse_matrix, windows
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

PATH = "api/v1/query_range"
MOST_REQUESTS = 10_000


@dataclass(frozen=True)
class PrometheusQuery:
    """What is read. since, until: instants. step_s: seconds between points. token: bearer."""

    url: str
    query: str
    since: datetime
    until: datetime
    step_s: int
    source: str = "prometheus"
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class QueriedPoints:
    """rejects: points that were refused, by reason."""

    requests: int
    recorded: int
    known: int
    new_series: int
    rejects: dict[str, int]


def ingest_prometheus(
    store: Store,
    wanted: PrometheusQuery,
    max_series: int,
    shown: Callable[[int, int], None] = lambda done, of: None,
) -> QueriedPoints:
    """Read and record a range, window by window; again adds nothing.

    shown: is called with the requests done, and of how many. Raises BadInput for a wrong query or
    range, Unavailable where the server does not answer.
    """
    ranges = _ranges(wanted)
    headers = {"Authorization": f"Bearer {wanted.token}"} if wanted.token else {}
    base = wanted.url.rstrip("/") + "/"
    recorded = known = new_series = 0
    rejects: Counter[str] = Counter()
    with httpx.Client(base_url=base, headers=headers, timeout=TIMEOUT_S) as client:
        api = ApiClient(client, "Prometheus", RateLimitWait())
        for place, (first, last) in enumerate(ranges, start=1):
            batch = parse_matrix(_answer(api, wanted, first, last), wanted.query)
            bounds = PointBounds(max_series)
            done = record_points(store, wanted.source, batch, wanted.until, bounds, is_history=True)
            recorded, known = recorded + done.recorded, known + done.known
            new_series += done.new_series
            rejects.update({one.reason: one.points for one in done.rejects})
            shown(place, len(ranges))
    return QueriedPoints(len(ranges), recorded, known, new_series, dict(rejects))


def _ranges(wanted: PrometheusQuery) -> list[tuple[int, int]]:
    if wanted.step_s < 1:
        raise BadInput(f"step: {wanted.step_s} s is below 1 s", "step")
    if not wanted.url.startswith(("http://", "https://")):
        raise BadInput("url: an address like http://localhost:9090 is needed", "url")
    start_s, end_s = int(wanted.since.timestamp()), int(wanted.until.timestamp())
    ranges = list(windows(start_s, end_s, wanted.step_s))
    if not ranges:
        raise BadInput(f"since: no step of {wanted.step_s} s lies in the range", "since")
    if len(ranges) > MOST_REQUESTS:
        raise BadInput(f"step: {len(ranges):,} requests; take a longer step", "step")
    return ranges


def _answer(api: ApiClient, wanted: PrometheusQuery, first: int, last: int) -> object:
    params = {"query": wanted.query, "start": first, "end": last, "step": wanted.step_s}
    response = api.find(PATH, params)
    if response is None:
        raise BadInput(
            f"query: Prometheus at {api.client.base_url} refuses {wanted.query[:80]!r}",
            "query",
        )
    try:
        return response.json()
    except ValueError as error:
        raise BadInput(f"url: {api.client.base_url} does not answer in JSON", "url") from error
