"""Orders on the spec's pages: about its rollout, and about inputs that look like leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from bentos.console.frame.page import Moved, PageRequest
from runlore.rollout.actions import rollout_state
from runlore.specs.model_spec import ModelSpec

PATH = "/console/specs"
HOME = "/"
OrderName = Literal["hold", "resume", "stop", "promote"]


@dataclass(frozen=True)
class RolloutControl:
    """A rollout that goes on, as its buttons need it. share: percent of units."""

    spec: str
    challenger: str
    share: int
    unit: str
    is_held: bool


def control_of(request: PageRequest, spec: str) -> RolloutControl | None:
    """None where no rollout goes on."""
    state = rollout_state.newest(request.store, spec)
    if state is None or state.is_over:
        return None
    of = state.rollout
    return RolloutControl(spec, of.challenger, state.step, of.unit, state.paused_by is not None)


def hold_rollout(request: PageRequest) -> Moved:
    """Keep the share as it is until somebody resumes; a broken guardrail still rolls back."""
    return _ordered(request, "hold", "stays as it is until you resume")


def resume_rollout(request: PageRequest) -> Moved:
    return _ordered(request, "resume", "goes on by itself")


def stop_rollout(request: PageRequest) -> Moved:
    """Let the champion answer everything again."""
    return _ordered(request, "stop", "is over: the champion answers everything")


def promote_rollout(request: PageRequest) -> Moved:
    """Make the challenger of the rollout the champion, whatever the evidence says."""
    return _ordered(request, "promote", "is over: the challenger is the champion")


def accept_leak(request: PageRequest) -> Moved:
    """Let the next training read an input that looks like the outcome, for a reason on record."""
    from runlore.training.actions import leak_check

    spec, why = request.spec(request.path["spec"]), request.why()
    name = request.line("input")
    leak_check.accept(request.store, spec, {name: why.reason}, why.actor, request.at)
    notice = f"{spec.name}: the next training may read {name}."
    return Moved(f"{PATH}/{quote(spec.name)}#inputs", notice)


def withdraw_leak(request: PageRequest) -> Moved:
    """Let the check decide again about an input."""
    from runlore.training.actions import leak_check

    spec, name = request.spec(request.path["spec"]), request.line("input")
    leak_check.withdraw(request.store, spec.name, [name], request.actor(), request.at)
    notice = f"{spec.name}: the next training decides about {name} by its check."
    return Moved(f"{PATH}/{quote(spec.name)}#inputs", notice)


def _ordered(request: PageRequest, name: OrderName, after: str) -> Moved:
    from runlore.rollout.actions import steps
    from runlore.rollout.actions.steps import RolloutContext
    from runlore.rollout.rules.ramp import ManualOrder

    spec, why = request.spec(request.path["spec"]), request.why()
    context = RolloutContext(
        request.store, request.registry, request.product.settings.home / "serving"
    )
    if name == "resume":
        steps.resume(context, spec, request.at, why)
    else:
        steps.order(context, spec, ManualOrder(why.actor, why.reason, name), request.at)
    return Moved(_back(request, spec), f"{spec.name}: the rollout {after}.")


def _back(request: PageRequest, spec: ModelSpec) -> str:
    """The page that the form was on."""
    is_home = request.form.get("back") == HOME
    return HOME if is_home else f"{PATH}/{quote(spec.name)}#rollout"


@dataclass(frozen=True)
class JudgedInput:
    """An input that looks like the outcome, or that somebody accepted all the same.

    evidence: empty where the version that answers did not judge it. accepted_by: empty: nobody.
    """

    name: str
    evidence: str
    accepted_by: str = ""
    reason: str = ""


def judged_inputs(
    request: PageRequest, spec: str, description: Mapping[str, Any]
) -> Sequence[JudgedInput]:
    """What the training of a version left out, and what somebody accepted since or before."""
    from runlore.training.actions import leak_check

    leaks = (description.get("inputs") or {}).get("leaks") or []
    evidence = {leak["input"]: str(leak["evidence"]) for leak in leaks}
    accepted = {one.input: one for one in leak_check.acceptances(request.store, spec)}
    judged = [
        JudgedInput(name, evidence.get(name, ""), one.actor, one.reason)
        for name, one in accepted.items()
    ]
    return judged + [
        JudgedInput(name, why) for name, why in evidence.items() if name not in accepted
    ]
