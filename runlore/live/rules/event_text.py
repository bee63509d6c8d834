"""What an event says, in a sentence for people. Clients show it as it is."""

from collections.abc import Callable, Mapping
from typing import Any

from runlore.kernel.readable import readable_number, readable_share
from runlore.store.live_outbox import Topic

Data = Mapping[str, Any]
MOST_SPECS = 5  # named in one sentence


def describe_event(topic: str, subject: str, data: Data) -> str:
    """One sentence without a stop; an event of another form is described by its fields.

    >>> describe_event("trainings", "risk", {"event": "started", "training": 3, "reason": "drift"})
    'risk: training 3 started (drift)'
    >>> describe_event("agents", "ann", {"load": 0.5})
    'ann: load 0.5'
    """
    describe = DESCRIPTIONS.get(topic)
    try:
        text = None if describe is None else describe(subject, data)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        text = None
    return text or _fields(subject, data)


def _fields(subject: str, data: Data) -> str:
    parts = ", ".join(f"{name} {value}" for name, value in data.items())
    return f"{subject}: {parts}" if subject else parts


def _predictions(_: str, data: Data) -> str:
    specs = sorted(data["specs"].items(), key=lambda item: -item[1]["answered_per_s"])
    named = [f"{name} {readable_number(rate['answered_per_s'])}" for name, rate in specs]
    shown = ", ".join(named[:MOST_SPECS]) + (", …" if len(named) > MOST_SPECS else "")
    refused = sum(rate["refused_per_s"] for _, rate in specs)
    parts = [shown] if shown else []
    parts += [f"refused {readable_number(refused)}"] if refused else []
    total = f"{readable_number(data['answered_per_s'])} predictions a second"
    return f"{total} ({'; '.join(parts)})" if parts else total


def _scores(subject: str, data: Data) -> str:
    text = f"{subject} version {data['version']}: {data['score']} {_number(data['value'])}"
    if data.get("low") is not None and data.get("high") is not None:
        text += f" ({_number(data['low'])} to {_number(data['high'])})"
    return f"{text}, {data['source']}, {data['labelled']:,} of {data['answers']:,} outcomes known"


def _number(value: float) -> str:
    return f"{value:.3g}"


def _anomalies(subject: str, data: Data) -> str:
    if "incident" in data:
        return f"incident {data['incident']} {data['event']}: {data['what']}"
    columns = ", ".join(data["columns"])
    return f"{subject} version {data['version']}: {columns} drifted"


def _alerts(subject: str, data: Data) -> str:
    return f"{data['severity']} {data['kind']} of {subject} {data['event']}: {data['what']}"


def _rollouts(subject: str, data: Data) -> str:
    if "rollout" not in data:
        return _alias(subject, data)
    reasons = "; ".join(data["reasons"])
    share = readable_share(data["share"])
    text = f"{subject}: {data['event']}, version {data['challenger']} answers {share}"
    return f"{text} ({reasons})" if reasons else text


def _alias(subject: str, data: Data) -> str:
    target = "no version" if data["version"] is None else f"version {data['version']}"
    return f"{subject}: {data['event']} by {data['actor']}, {target} is @{data['alias']}"


def _trainings(subject: str, data: Data) -> str:
    if "alias" in data:
        return _alias(subject, data)
    return f"{subject}: training {data['training']} {data['event']} ({data['reason']})"


def _ingests(subject: str, data: Data) -> str:
    is_finished = data["event"] == "finished"
    done = "" if not data["total"] else f"{readable_share(data['done'] / data['total'])} of "
    state = "is in the log" if is_finished else "is being read"
    text = f"{subject}: {'' if is_finished else done}{data['path']} {state}"
    return f"{text}, {data['new']:,} new rows, {data['rejected']:,} rejected"


DESCRIPTIONS: Mapping[str, Callable[[str, Data], str]] = {
    Topic.PREDICTIONS: _predictions,
    Topic.SCORES: _scores,
    Topic.ANOMALIES: _anomalies,
    Topic.ALERTS: _alerts,
    Topic.ROLLOUTS: _rollouts,
    Topic.INGESTS: _ingests,
    Topic.TRAININGS: _trainings,
}
