"""Will this post reach the threshold of engagement? Calibrated probability at its submission."""

from dataclasses import replace

from runlore.kernel.errors import BadInput
from runlore.specs.catalog.engagement import FEATURES, LEAKS, MATURE, SPLIT
from runlore.specs.model_spec import Gate, ModelSpec, Probability

THRESHOLD = 5.0  # percent


def success_spec(threshold: float = THRESHOLD) -> ModelSpec:
    """The spec for a threshold in percent of impressions. Raises BadInput outside of 0 .. 100."""
    if not 0 < threshold < 100:
        raise BadInput(
            f"threshold: {threshold:g} % cannot be; give more than 0, and less than 100",
            "threshold",
        )
    reached = f"{MATURE}>={threshold:g}"
    own = replace(FEATURES.histories[0], values=(reached, MATURE))
    return ModelSpec(
        name="engagement-success",
        question=Probability(of=reached),
        features=replace(FEATURES, histories=(own, *FEATURES.histories[1:])),
        candidates=(
            "baseline",
            "linear",
            "random-forest",
            "boosted-trees",
            "xgboost",
            "blend",
        ),
        select_by="log_loss",
        gates=(Gate("auc", "baseline's value"), Gate("brier", "baseline")),
        baseline=(f"actor.{reached}_mean_last20", f"actor.{reached}_mean_30d", "majority"),
        split=SPLIT,
        leaks=LEAKS,
    )


SPEC = success_spec()
