"""An answer as HTTP and the command line give it."""

from dataclasses import asdict
from typing import Any

from runlore.serving.actions.prediction import ServedPrediction


def answer_json(answer: ServedPrediction, unit: str) -> dict[str, Any]:
    """The answer as `schemas.Answer` describes it."""
    return {
        "id": answer.id,
        "spec": answer.spec,
        "version": answer.version,
        "prediction": answer.prediction,
        "low": answer.low,
        "high": answer.high,
        "unit": unit,
        "reasons": None if answer.reasons is None else [vars(reason) for reason in answer.reasons],
        "as_of": answer.as_of,
        "history": answer.history,
        "support": answer.support,
        "quantiles": answer.quantiles,
        "unknown": None if answer.unknown is None else [asdict(part) for part in answer.unknown],
    }
