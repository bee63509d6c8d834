"""Requests, errors and latency of the HTTP service."""

from runlore_dashboards.declaration import Dashboard, Panel, PanelRow, Query, stat
from runlore_dashboards.promql import known, of, or_zero, quantile, rate, ratio, total

REQUESTS = "runlore_requests_total"
PREDICTION = "runlore_prediction_duration_seconds"
LEVELS = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
BAD_SHARE = ((0.001, "orange"), (0.01, "red"))
SERVER_ERRORS = total(rate(REQUESTS, status="500|501|502|503|504|507"))
ERRORS = ratio(SERVER_ERRORS, total(rate(REQUESTS)))


def _levels(histogram: str, *, has_exemplars: bool = False) -> tuple[Query, ...]:
    return tuple(
        Query(quantile(level, histogram), name, has_exemplars=has_exemplars and name == "p99")
        for level, name in LEVELS
    )


NOW = PanelRow(
    "Now",
    (
        stat("Requests", "Requests of all routes.", total(rate(REQUESTS)), "reqps"),
        stat(
            "Errors",
            "Share of requests that were answered with 500 or more.",
            or_zero(ERRORS),
            "percentunit",
            thresholds=BAD_SHARE,
        ),
        stat(
            "Prediction latency, p99",
            "99 of 100 predictions take at most this long.",
            known(quantile(0.99, PREDICTION)),
            "s",
            thresholds=((0.1, "orange"), (0.5, "red")),
        ),
        stat(
            "Predictions",
            "Answers, each row of a batch counted.",
            total(rate("runlore_predictions_total", status="200")),
            "ops",
        ),
    ),
)
TRAFFIC = PanelRow(
    "Traffic",
    (
        Panel(
            "Requests by route",
            "The ten busiest routes; the empty one is of addresses that do not exist.",
            (
                Query(
                    f"topk(10, {total(rate(REQUESTS), 'method', 'route')})", "{{method}} {{route}}"
                ),
            ),
            "reqps",
        ),
        Panel(
            "Requests by status",
            "HTTP status of the answers.",
            (Query(total(rate(REQUESTS), "status"), "{{status}}"),),
            "reqps",
            is_stacked=True,
        ),
        Panel(
            "Refused at the door",
            "Requests without a key (401), without the right (403) or over the limit (429).",
            (Query(or_zero(total(rate(REQUESTS, status="401|403|429"))), "refused"),),
            "reqps",
        ),
        Panel(
            "Server errors",
            "Answers with 500 or more.",
            (Query(or_zero(SERVER_ERRORS), "errors"),),
            "reqps",
        ),
    ),
)
LATENCY = PanelRow(
    "Latency",
    (
        Panel(
            "Prediction latency",
            "Of POST /predict/…; a diamond is one prediction, with its id on the ledger.",
            _levels(PREDICTION, has_exemplars=True),
            "s",
            low=0,
        ),
        Panel(
            "Prediction latency by spec, p95",
            "95 of 100 predictions take at most this long.",
            (Query(quantile(0.95, PREDICTION, "spec", "form"), "{{spec}} {{form}}"),),
            "s",
            low=0,
        ),
        Panel(
            "Request latency",
            "Of all routes.",
            _levels("runlore_request_duration_seconds"),
            "s",
            low=0,
        ),
        Panel(
            "Slowest routes, p95",
            "The ten routes whose 95 of 100 requests take longest.",
            (
                Query(
                    "topk(10, "
                    + quantile(0.95, "runlore_request_duration_seconds", "method", "route")
                    + ")",
                    "{{method}} {{route}}",
                ),
            ),
            "s",
            low=0,
        ),
    ),
)
PREDICTIONS = PanelRow(
    "Predictions",
    (
        Panel(
            "Predictions by status",
            "Answers (200) and refusals; each row of a batch counts.",
            (
                Query(
                    total(rate("runlore_predictions_total"), "spec", "status"),
                    "{{spec}} {{status}}",
                ),
            ),
            "ops",
        ),
        Panel(
            "Requests answered together",
            "Mean size of a group; at 64 the service is at its limit.",
            (
                Query(
                    ratio(
                        total(rate("runlore_commit_group_requests_sum")),
                        total(rate("runlore_commit_group_requests_count")),
                    ),
                    "requests per group",
                ),
            ),
            thresholds=((48, "red"),),
            low=0,
        ),
        Panel(
            "Workers that answer",
            "Processes by spec and version, of all services on this database.",
            (
                Query(
                    f"max by (spec, arm, version) ({of('runlore_serving_workers')})",
                    "{{spec}} {{arm}} {{version}}",
                ),
            ),
            low=0,
        ),
        Panel(
            "Answers that were not recorded",
            "The ledger did not take them, so they were refused.",
            (Query(or_zero(total(rate("runlore_ledger_write_failures_total"))), "not recorded"),),
            "ops",
        ),
    ),
)
API = Dashboard(
    "runlore-api",
    "Runlore: API",
    "Requests, errors and latency of the HTTP service.",
    (NOW, TRAFFIC, LATENCY, PREDICTIONS),
)
