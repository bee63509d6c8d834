"""The page of a spec: who answers, how good it is and was, what moved, and what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bentos.console.frame.charts import Chart
from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from bentos.console.spec import orders, pictures, versions
from bentos.console.spec.orders import PATH
from bentos.predict.live_versions import Live
from runlore.kernel.instants import from_us
from runlore.monitoring.actions import drift_history
from runlore.monitoring.actions.drift_history import WindowRecord
from runlore.registry import alias_history
from runlore.reports.actions import next_steps, overview
from runlore.reports.actions.overview import SpecOverview
from runlore.reports.rules.version_scores import plain_quality, question_text, version_scores
from runlore.serving.queries import workers
from runlore.specs.model_spec import ModelSpec

MOST_COLUMNS = 4  # drawn before and after
MOST_CHANGES, MOST_TRAININGS, MOST_WINDOWS = 50, 20, 12


@dataclass(frozen=True)
class ElsewhereLink:
    """A page of another service of the stack."""

    name: str
    address: str


def first_spec(request: PageRequest) -> Moved | Shown:
    """The page of the first spec; the others are one click away."""
    if not request.specs:
        return Shown("spec/none.html")
    return Moved(f"{PATH}/{quote(request.specs[0].name)}")


def show_spec(request: PageRequest) -> Shown:
    from runlore.retraining.actions import requests

    spec = request.spec(request.path["spec"])
    [standing] = overview.standing(request.store, [spec.name])
    watch = overview.watched(request.store, spec.name)
    live = request.serving.live.get(spec.name)
    description = live.bundle.description if live else {}
    scores = version_scores(description)
    unit = live.unit if live else ""
    records = drift_history.history(request.store, spec.name, MOST_WINDOWS)
    values = {
        "spec": spec,
        "specs": request.specs,
        "question": question_text(spec.question),
        "standing": standing,
        "live": live,
        "unit": unit,
        "scores": scores,
        "quality": plain_quality(scores[0], unit) if scores else "",
        "training": description.get("training"),
        "candidate": description.get("candidate", ""),
        "slices": description.get("slices") or [],
        "slice_score": scores[0].score if scores else "",
        "course": pictures.scores_over_time(watch, spec, unit),
        "coverage": pictures.coverage(description) or _reliability(request, spec, live),
        "importance": pictures.importance(description, spec),
        "changes": alias_history.entries(request.store, spec.name, MOST_CHANGES)[::-1],
        "workers": workers.alive(request.store),
        "windows": records,
        "drift_course": pictures.drift_over_time(records),
        "moved": _moved_columns(request, records, live),
        "trainings": requests.history(request.store, spec.name, MOST_TRAININGS),
        "next_step": next_steps.next_step(request.store, spec, standing, request.at),
        "elsewhere": _elsewhere(request, spec, standing, live),
        **_orders(request, spec, description),
        **_rollout(request, spec),
    }
    return Shown("spec/spec.html", values)


def _orders(
    request: PageRequest, spec: ModelSpec, description: Mapping[str, Any]
) -> dict[str, object]:
    """What a person may order here: about the rollout, and about inputs that are not read."""
    return {
        "control": orders.control_of(request, spec.name),
        "judged": orders.judged_inputs(request, spec.name, description),
        "texts": (description.get("inputs") or {}).get("texts") or [],
    }


def _reliability(request: PageRequest, spec: ModelSpec, live: Live | None) -> Chart | None:
    """How the probabilities of the version that answers came true."""
    from runlore.performance.actions.reliability import reliability

    if live is None:
        return None
    version, training = live.bundle.version or "", live.bundle.description.get("training")
    tested_from = from_us(training["test_us"]) if training else None
    groups = reliability(request.store, spec, version, request.at, tested_from)
    return pictures.reliability(groups)


def _moved_columns(
    request: PageRequest, records: Sequence[WindowRecord], live: Live | None
) -> list[Chart]:
    """The columns of the newest window that moved the most, before and after."""
    from runlore.monitoring.actions.compared_columns import compared_columns

    newest = records[0] if records else None
    if newest is None or live is None or live.bundle.folder is None:
        return []
    if newest.window.version != live.bundle.version:
        return []
    columns = newest.verdict.drifted or newest.verdict.columns
    names = [column.name for column in columns[:MOST_COLUMNS]]
    words = {category.name: category.words for category in live.bundle.plan.categories}
    bundle = live.bundle.folder, live.bundle.digest
    compared = compared_columns(request.store, newest.window, bundle, names, words)
    return pictures.before_after(sorted(compared, key=lambda column: names.index(column.name)))


def _rollout(request: PageRequest, spec: ModelSpec) -> dict[str, object]:
    """The newest rollout with its evidence; nothing where there never was one."""
    from runlore.rollout.actions import rollout_state, steps
    from runlore.rollout.views import report

    if rollout_state.newest(request.store, spec.name) is None:
        return {"rollout": None, "metrics": [], "spans": [], "ramp": None}
    look = steps.preview(request.store, spec, request.at)
    return {
        "rollout": report.conclude(look),
        "metrics": report.lines(look),
        "spans": report.spans(look.state.history)[::-1],
        "ramp": pictures.ramp(look.state.history),
    }


def _elsewhere(
    request: PageRequest, spec: ModelSpec, standing: SpecOverview, live: Live | None
) -> Sequence[ElsewhereLink]:
    """Pages of MLflow and Prefect; they ask for the login of the home."""
    to = request.links
    links = [ElsewhereLink("All versions in MLflow", to.model(spec.name))]
    if live is not None and (version := live.bundle.version) is not None:
        links.append(ElsewhereLink(f"Version {version} in MLflow", to.version(spec.name, version)))
    run = "" if standing.champion is None else str(standing.champion.evidence.get("run", ""))
    if run:
        links.append(ElsewhereLink("Its training run in MLflow", to.run(run)))
    links.append(ElsewhereLink("Its schedules in Prefect", to.deployments(spec.name)))
    return links


PAGE = ConsolePage(
    "Specs",
    10,
    PATH,
    (
        PageRoute("GET", PATH, first_spec),
        PageRoute("GET", f"{PATH}/{{spec}}", show_spec),
        PageRoute("GET", f"{PATH}/{{spec}}/versions/{{version}}", versions.show_version),
        PageRoute("POST", f"{PATH}/{{spec}}/hold", orders.hold_rollout, "train"),
        PageRoute("POST", f"{PATH}/{{spec}}/resume", orders.resume_rollout, "train"),
        PageRoute("POST", f"{PATH}/{{spec}}/stop", orders.stop_rollout, "train"),
        PageRoute("POST", f"{PATH}/{{spec}}/promote-now", orders.promote_rollout, "train"),
        PageRoute("POST", f"{PATH}/{{spec}}/accept-leak", orders.accept_leak, "train"),
        PageRoute("POST", f"{PATH}/{{spec}}/withdraw-leak", orders.withdraw_leak, "train"),
    ),
)
