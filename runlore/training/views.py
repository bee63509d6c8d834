"""What `runlore train` says first: is there a new version, how good is it, and what comes next."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from runlore.kernel.conclusion import Conclusion
from runlore.models.score_names import display
from runlore.training.rules.gates import score_text

MAIN_SCORES = ("auc", "relative_accuracy", "mae")  # the one that people know best comes first


def conclude(spec: str, outcome: Mapping[str, Any]) -> Conclusion:
    """outcome: of the spec, as `TrainOutcome.as_json` has it."""
    alias = outcome["alias"]
    if not outcome["passed"]:
        return _refused(spec, outcome)
    headline = f"Version {outcome['version']} is @{alias}{_score(outcome)}."
    if alias is None:
        again = f"Version {outcome['version']} is registered already{_score(outcome)}."
        return Conclusion(again, "The same data gives the same version. Nothing to do.")
    if alias == "challenger":
        start = f'`runlore rollout start {spec} --reason "WHY"`'
        return Conclusion(headline, f"The champion still answers; try the new version: {start}.")
    return Conclusion(headline, "It answers from now on, wherever `runlore up` or `serve` runs.")


def _refused(spec: str, outcome: Mapping[str, Any]) -> Conclusion:
    reason = "; ".join(outcome["reasons"]).removeprefix(f"{spec}: ") or "no reason is known"
    if not outcome["candidate"]:
        return Conclusion(
            f"Nothing is trained: {reason}.", "Ingest more history: `runlore ingest`."
        )
    return Conclusion(
        f"Refused: {outcome['candidate']}{_score(outcome)} does not pass: {reason}.",
        "Nothing changes for predictions; with more history it may pass: docs/training.md.",
    )


def _score(outcome: Mapping[str, Any]) -> str:
    """The score that people know best, beside the baseline's."""
    scores, baseline = outcome["scores"], outcome["baseline"]
    name = next((score for score in MAIN_SCORES if score in scores), "")
    if not name:
        return ""
    shown = partial(score_text, name, unit=outcome["unit"])
    beside = f" (baseline {shown(baseline[name])})" if name in baseline else ""
    return f": {display(name)} {shown(scores[name])}{beside}"
