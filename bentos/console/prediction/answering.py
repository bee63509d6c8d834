"""Answer the form: on the ledger where it counts, and what if one number were another."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.page import PageRequest
from bentos.console.prediction.request_form import INPUTS, FormField
from bentos.predict.live_versions import Live
from runlore.features.keys import KeyParts
from runlore.kernel.readable import scaled_quantity
from runlore.serving.actions import prediction
from runlore.serving.actions.prediction import UNDRAWN, RequestBatch, ServedPrediction
from runlore.serving.actions.prediction_commit import commit

REASONS = 5
POINTS, MOST_CHARTS, MOST_TRIED = 21, 4, 12
LEAST_SPAN = 0.02  # of the largest answer: what moves it less makes no picture
PROBABILITY = "probability"
LIMIT_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class WhatIf:
    """The answers when one number takes other values, all else the same."""

    field: FormField
    places: tuple[float, ...]
    answers: tuple[ServedPrediction, ...]

    @property
    def span(self) -> float:
        """By how much the number can move the answer."""
        values = [answer.prediction for answer in self.answers]
        return max(values) - min(values)

    @property
    def largest(self) -> float:
        return max(abs(answer.prediction) for answer in self.answers)


def subject_of(request: PageRequest, spec: str, body: dict[str, Any]) -> KeyParts:
    """A request, checked as HTTP checks it. Raises ValidationError."""
    schema = request.serving.schema(spec)
    return schema.subject(schema.request.model_validate_json(json.dumps(body)))


def answer(
    request: PageRequest, live: Live, subject: KeyParts, *, is_recorded: bool
) -> ServedPrediction:
    """The champion's answer with its reasons. is_recorded: it is on the ledger before it is shown.

    No draw chose between champion and challenger, so that no rollout counts it.
    """
    batch = replace(
        _batch(request, live, [subject]),
        reasons=REASONS,
        explains_support=True,
        levels=limit_levels(live),
        key_id=request.key.id if request.key else None,
    )
    has_ledger = is_recorded and request.serving.has_ledger
    [only] = commit(request.serving.answering(), batch, has_ledger=has_ledger)
    return only


def limit_levels(live: Live) -> tuple[float, ...]:
    """Of the limits that the page proposes; none for a probability or without a distribution."""
    has_limits = live.unit != PROBABILITY and live.bundle.distribution is not None
    return LIMIT_LEVELS if has_limits else ()


def what_if(
    request: PageRequest, live: Live, subject: KeyParts, fields: Sequence[FormField]
) -> list[WhatIf]:
    """The numbers that can move the answer most, over their ranges in training; not recorded."""
    sliding = [field for field in fields if field.is_sliding][:MOST_TRIED]
    places = [_places(field) for field in sliding]
    subjects = [
        replace(subject, inputs={**subject.inputs, field.name.removeprefix(INPUTS): place})
        for field, of_field in zip(sliding, places, strict=True)
        for place in of_field
    ]
    if not subjects:
        return []
    batch = _batch(request, live, subjects)
    answers = iter(commit(request.serving.answering(), batch, has_ledger=False))
    tried = [
        WhatIf(field, of_field, tuple(next(answers) for _ in of_field))
        for field, of_field in zip(sliding, places, strict=True)
    ]
    moving = [one for one in tried if one.span > LEAST_SPAN * one.largest]
    return sorted(moving, key=lambda one: -one.span)[:MOST_CHARTS]


def chart(tried: WhatIf, unit: str, now: float) -> Chart:
    """How the answer depends on one number. now: the answer to the form as it is."""
    size, shown = 1.0, unit
    if unit != PROBABILITY:
        size, shown = scaled_quantity(tried.largest, unit)
    has_interval = all(a.low is not None and a.high is not None for a in tried.answers)
    low = [(a.low or 0.0) / size for a in tried.answers] if has_interval else ()
    high = [(a.high or 0.0) / size for a in tried.answers] if has_interval else ()
    middle = [a.prediction / size for a in tried.answers]
    series = [ChartSeries("answer", tried.places, middle, low, high)]
    if (place := tried.field.number) is not None:
        series.append(
            ChartSeries("as in the form", [place], [now / size], style="points", colour=2)
        )
    return Chart(
        f"What if {tried.field.label} were another?",
        tried.field.label,
        shown,
        tuple(series),
        is_percent=unit == PROBABILITY,
    )


def _places(field: FormField) -> tuple[float, ...]:
    """Values over the range of a number; whole ones where its slider has whole steps."""
    places = np.linspace(field.low or 0.0, field.high or 0.0, POINTS)
    if float(field.step).is_integer():
        places = np.unique(places.round())
    return tuple(places.tolist())


def _batch(request: PageRequest, live: Live, subjects: Sequence[KeyParts]) -> RequestBatch:
    requests = [prediction.Request(subject) for subject in subjects]
    return RequestBatch(live.predictor, requests, request.at, arm=UNDRAWN)
