"""By what rule a spec's challengers climb, in the words of `runlore.rollout`."""

from runlore.experiments.rules.metric import Metric
from runlore.rollout.rules.policy import RampPolicy
from runlore.specs.model_spec import ModelSpec

LATENCY, ERRORS, REFUSALS = "latency_ms", "errors", "refusals"
RISES, FALLS = "prediction rises", "prediction falls"
TAIL = 0.9


def score_name(spec: ModelSpec) -> str:
    return "brier" if spec.is_probability else "absolute error"


def policy_of(spec: ModelSpec) -> RampPolicy:
    """The rule that a rollout of this spec is started with; it stays as it was written down."""
    told = spec.rollout
    return RampPolicy(
        metrics=_metrics(spec),
        steps=told.steps,
        alpha=told.alpha,
        promote_when=told.promote_when,
        least_units=told.least_units,
        least_time_s=told.least_time_s,
        least_known=told.least_known,
        freshest_s=told.freshest_s,
        most_pause_s=told.most_pause_s,
        narrowest_at_units=told.narrowest_at_units,
    )


def _metrics(spec: ModelSpec) -> tuple[Metric, ...]:
    """What is compared, score first.

    Whether the work fails, or how long it takes, explains most of how an answer's loss varies and
    is the same for both versions: as a covariate it saves most of the units (CUPED).
    """
    told = spec.rollout
    return (
        Metric(
            score_name(spec),
            "mean" if told.unit == "execution" else "ratio",
            "lower",
            "primary",
            told.score_loss,
            has_covariate=True,
        ),
        Metric(LATENCY, "quantile", "lower", "guardrail", told.latency_loss, quantile=TAIL),
        Metric(ERRORS, "proportion", "lower", "guardrail", told.error_share, "absolute"),
        Metric(REFUSALS, "proportion", "lower", "guardrail", told.refusal_share, "absolute"),
        Metric(RISES, "mean", "lower", "signal", told.prediction_shift, "absolute"),
        Metric(FALLS, "mean", "higher", "signal", told.prediction_shift, "absolute"),
    )
