"""Objectives as a user declares them."""

from runlore.specs.objective_spec import CounterEvents, ExecutionEvents, ObjectiveSpec

BUILDS = ObjectiveSpec("builds", ExecutionEvents(kind="build"), target=0.98)
QUICK = ObjectiveSpec(
    "quick-deploys", ExecutionEvents(kind="deploy", good="duration", at_most_s=600), target=0.9
)
REQUESTS = ObjectiveSpec(
    "requests",
    CounterEvents(total="http_requests_total{*}", bad='http_requests_total{*code="5*'),
    target=0.999,
    description="Requests are answered",
)
ALL = ObjectiveSpec("all", ExecutionEvents(), target=0.9)
WRONG = {"name": "no spec"}
PLACES = tuple(f"tests.signals.declared_objectives:{name}" for name in ("BUILDS", "QUICK"))
