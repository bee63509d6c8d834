"""A/B tests to begin with, and what is seen of them."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from runlore.experiments.actions import lifecycle, unit_intake
from runlore.experiments.actions.lifecycle import Attribution, SeenUnit
from runlore.experiments.actions.plan import Plan
from runlore.store.engine import Store

AT = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = Attribution("ann", AT)
SUCCESS = {"name": "success", "event": "conversion"}


def plan(**changes: Any) -> Plan:
    given = {
        "name": "one",
        "variants": [{"name": "a"}, {"name": "b"}],
        "control": "a",
        "metrics": [SUCCESS],
        "rule": {"least_units": 50, "least_time_h": 1},
        "window_s": 3600,
    }
    return Plan.model_validate({**given, **changes})


def running(store: Store, **changes: Any) -> str:
    chosen = plan(**changes)
    lifecycle.create(store, chosen, ANN)
    lifecycle.start(store, chosen.name, ANN)
    return chosen.name


def given(store: Store, units: Mapping[str, str], **changes: Any) -> str:
    """A test whose units come with their variants, all at its start."""
    name = running(store, units="given", **changes)
    lifecycle.sight(
        store, name, [SeenUnit(unit, variant, AT) for unit, variant in units.items()], AT
    )
    return name


def send(store: Store, name: str, *events: Mapping[str, Any], at: datetime = AT + HOUR) -> Any:
    return unit_intake.record(store, name, json.dumps(events, default=str).encode(), at)


def event(key: str, unit: str, value: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"id": key, "unit": unit, "event": "conversion", "value": value, **more}


def wait_until(is_so: Callable[[], bool], patience_s: float = 120.0) -> None:
    """Wait for a condition of a test that runs on the clock, such as the end of a window."""
    until = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.1)


def alerts(store: Store) -> list[tuple[str, str, str, bool]]:
    with store.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT kind, subject, severity, resolved_at IS NULL FROM runlore.anomalies "
                "ORDER BY id"
            )
        )
        return [tuple(row) for row in rows]
