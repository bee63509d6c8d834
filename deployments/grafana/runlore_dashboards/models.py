"""How good the champions are, and what changes about them."""

from runlore_dashboards.declaration import Annotation, Dashboard, Panel, PanelRow, Query, stat
from runlore_dashboards.promql import known, of, or_zero, product, quantile, rate, total

SCORE = ("spec", "score", "source")
CHANGES = (
    Annotation(
        "New champion",
        f"changes({of('runlore_champion_since_timestamp_seconds')}[2m]) > 0",
        "green",
    ),
    Annotation(
        "Training",
        f"increase({of('runlore_trainings_total')}[2m]) > 0",
        "blue",
    ),
    Annotation(
        "Rollout",
        f"changes({of('runlore_rollout_share_ratio')}[2m]) > 0",
        "purple",
    ),
)
NOW = PanelRow(
    "Now",
    (
        stat(
            "Specs with a champion",
            "Specs that a version answers.",
            f"count(count by (spec) ({of('runlore_champion_info')}))",
        ),
        stat(
            "Drifted",
            "Specs whose newest window drifted.",
            or_zero(f"sum(max by (spec) ({of('runlore_drift_detected')}))"),
            thresholds=((1, "orange"),),
        ),
        stat(
            "Open alerts",
            "Of all kinds; `runlore alerts list` shows them.",
            or_zero(f"sum(max by (kind, severity) ({of('runlore_open_alerts')}))"),
            thresholds=((1, "orange"),),
        ),
        stat(
            "Inference, p95",
            "95 of 100 predictions take at most this long, the database included.",
            known(quantile(0.95, "runlore_prediction_duration_seconds")),
            "s",
        ),
        Panel(
            "Champions",
            "The version that answers, and for how long.",
            (
                Query(
                    f"time() - max by (spec) ({of('runlore_champion_since_timestamp_seconds')})"
                    " + on (spec) group_right() 0 * max by (spec, version)"
                    f" ({of('runlore_champion_info')})",
                    "{{spec}} version {{version}}",
                ),
            ),
            "s",
            "table",
            width=24,
            height=6,
        ),
    ),
)
QUALITY = PanelRow(
    "How good",
    (
        Panel(
            "Score in service",
            "Of the champion's newest scored window, by outcomes that came. `estimated` is from"
            " before they came. Errors are in the unit of what is predicted. Empty until a window"
            " has been scored.",
            (Query(product("runlore_score", *SCORE), "{{spec}} {{score}} {{source}}"),),
        ),
        Panel(
            "Score in service, with its interval",
            "Ends of the 95 % interval of the same window, where it has one.",
            (
                Query(product("runlore_score_low", *SCORE), "{{spec}} {{score}} low"),
                Query(product("runlore_score_high", *SCORE), "{{spec}} {{score}} high"),
            ),
        ),
        Panel(
            "Score of training",
            "On the test part, of the model and of the simple baseline.",
            (
                Query(
                    product("runlore_trained_score", "spec", "score", "of"),
                    "{{spec}} {{score}} {{of}}",
                ),
            ),
        ),
        Panel(
            "Drift",
            "Share of drifted columns in the newest window, weighted by their importance;"
            " empty until the first one was checked.",
            (Query(product("runlore_drift_share_ratio", "spec"), "{{spec}}"),),
            "percentunit",
            low=0,
            high=1,
        ),
    ),
)
SERVED = PanelRow(
    "What is served",
    (
        Panel(
            "Predictions by version",
            "Answers, each row of a batch counted.",
            (
                Query(
                    total(rate("runlore_predictions_total", status="200"), "spec", "version"),
                    "{{spec}} version {{version}}",
                ),
            ),
            "ops",
        ),
        Panel(
            "Predictions by outcome",
            "Answers (200) and refusals: 422 the request, 503 no champion or no database.",
            (Query(total(rate("runlore_predictions_total"), "status"), "{{status}}"),),
            "ops",
            is_stacked=True,
        ),
        Panel(
            "Inference by spec",
            "Half, and 95 of 100, take at most this long, the database included.",
            (
                Query(quantile(0.5, "runlore_prediction_duration_seconds", "spec"), "{{spec}} p50"),
                Query(
                    quantile(0.95, "runlore_prediction_duration_seconds", "spec"),
                    "{{spec}} p95",
                    has_exemplars=True,
                ),
            ),
            "s",
            low=0,
        ),
        Panel(
            "Shadow's backlog",
            "Answers that the shadow did not repeat.",
            (Query(or_zero(total(rate("runlore_shadow_dropped_total"))), "not repeated"),),
            "ops",
        ),
    ),
)
CHANGE = PanelRow(
    "What changes",
    (
        Panel(
            "Challenger's share",
            "Of the newest rollout of a spec; empty while there was none.",
            (Query(product("runlore_rollout_share_ratio", "spec"), "{{spec}}"),),
            "percentunit",
            low=0,
            high=1,
        ),
        Panel(
            "Rollouts",
            "The newest rollout of each spec, and its last decision; empty while there was none.",
            (
                Query(
                    product("runlore_rollout_info", "spec", "challenger", "state"),
                    "{{spec}} version {{challenger}}: {{state}}",
                ),
            ),
        ),
        Panel(
            "Trainings",
            "Versions that were registered, and trainings that were refused or failed.",
            (Query(product("runlore_trainings_total", "spec", "outcome"), "{{spec}} {{outcome}}"),),
        ),
        Panel(
            "Open alerts",
            "By kind and severity; empty while none is open.",
            (Query(product("runlore_open_alerts", "kind", "severity"), "{{kind}} {{severity}}"),),
            is_stacked=True,
            low=0,
        ),
    ),
)
MODELS = Dashboard(
    "runlore-models",
    "Runlore: model statistics",
    "Champions, their scores and drift, rollouts and trainings.",
    (NOW, QUALITY, SERVED, CHANGE),
    CHANGES,
)
