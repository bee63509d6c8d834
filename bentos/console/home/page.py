"""The first page: what needs a decision, and a card for each spec."""

from dataclasses import dataclass
from urllib.parse import quote

from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from bentos.console.spec import orders
from bentos.console.spec.orders import RolloutControl
from bentos.predict.live_versions import Live
from runlore.alerts.actions import handling
from runlore.alerts.actions.handling import AlertView
from runlore.alerts.queries.alerts import AlertQuery
from runlore.alerts.rules import decision
from runlore.alerts.rules.finding import spec_of
from runlore.models.score_names import display
from runlore.performance.queries import PerformanceResult
from runlore.reports.actions import next_steps, overview
from runlore.reports.actions.next_steps import NextStep
from runlore.reports.actions.overview import SpecOverview, SpecWatch
from runlore.reports.rules.version_scores import (
    VersionScore,
    plain_quality,
    question_text,
    version_scores,
)
from runlore.specs.model_spec import ModelSpec, Quantity
from runlore.training.rules.gates import ScoreInterval, interval_text

BEST_KNOWN = ("mae", "auc", "relative_accuracy", "brier")
NO_DRIFT = {"drift": "bad", "no drift": "good", "not enough data": "warn"}


@dataclass(frozen=True)
class SpecCard:
    """What home says of one spec. live: the version that this service answers with, if any.

    control: of the rollout that goes on, if any.
    """

    spec: ModelSpec
    standing: SpecOverview
    watch: SpecWatch
    live: Live | None
    next_step: NextStep
    control: RolloutControl | None

    @property
    def question(self) -> str:
        return question_text(self.spec.question)

    @property
    def unit(self) -> str:
        return self.live.unit if self.live else ""

    @property
    def scores(self) -> tuple[VersionScore, ...]:
        return version_scores(self.live.bundle.description) if self.live else ()

    @property
    def quality(self) -> str:
        return plain_quality(self.scores[0], self.unit) if self.scores else ""

    @property
    def live_result(self) -> PerformanceResult:
        """Of the newest scored window, the score that people know best."""
        results = {result.score: result for result in self.watch.measured}
        return next(
            (results[name] for name in BEST_KNOWN if name in results), self.watch.measured[0]
        )

    @property
    def live_score(self) -> str:
        result = self.live_result
        estimated = "" if result.source == "realised" else " (estimated)"
        ends = (result.low, result.high)
        if None in ends:
            return f"{display(result.score)} {result.value:.3g}{estimated}"
        interval = ScoreInterval(result.value, *(end for end in ends if end is not None))
        return (
            f"{display(result.score)} {interval_text(result.score, interval, self.unit)}{estimated}"
        )

    @property
    def drift_class(self) -> str:
        return NO_DRIFT[self.watch.drift.answer] if self.watch.drift else ""


def show_home(request: PageRequest) -> Shown:
    names = [spec.name for spec in request.specs]
    standings = {row.spec: row for row in overview.standing(request.store, names)}
    cards = [_card(request, spec, standings[spec.name]) for spec in request.specs]
    alerts = handling.overview(request.store, AlertQuery(), request.at)
    values = {
        "cards": cards,
        "decisions": [view for view in alerts.alerts if view.alert.kind == decision.KIND],
        "alerts": [view for view in alerts.alerts if _needs_eyes(view)],
        "undelivered": alerts.trouble,
        "spec_of": spec_of,
        "questions": questions(request),
        "challenger_of": {
            name: row.challenger.version for name, row in standings.items() if row.challenger
        },
    }
    return Shown("home/home.html", values)


def questions(request: PageRequest) -> list[tuple[str, str]]:
    """What people want to know, each with the page that says it first."""
    names = [spec.name for spec in request.specs]
    spec = f"/console/specs/{quote(names[0])}" if names else "/console/specs"
    lengths = [s.name for s in request.specs if isinstance(s.question, Quantity)]
    limit = f"/console/predict/{quote(lengths[0])}" if lengths else "/console/predict"
    return [
        ("Which work will fail of what is open now?", "/console/executions/open"),
        ("Who fails most beyond chance?", "/console/executions/failures"),
        ("What did last week cost?", "/console/executions/costs"),
        ("Why was a job said to fail?", "/console/ledger"),
        ("Which limit should I set?", limit),
        ("Is the model still good?", f"{spec}#quality"),
        ("What changed in the data?", f"{spec}#drift"),
        ("Why did a version not take over?", f"{spec}#versions"),
        ("What was rejected, and how do I fix it?", "/console/log#rejected"),
        ("What happened, and who took care of it?", "/console/alerts?state=all"),
    ]


def start_rollout(request: PageRequest) -> Moved:
    """Give the waiting challenger its first share of the traffic."""
    from runlore.rollout.actions import steps
    from runlore.rollout.actions.steps import RolloutContext

    spec = request.spec(request.path["spec"])
    folder = request.product.settings.home / "serving"
    context = RolloutContext(request.store, request.registry, folder)
    state = steps.start(context, spec, request.at, request.why())
    of = state.rollout
    return Moved(
        "/", f"{spec.name}: version {of.challenger} has {state.step} % of every {of.unit}."
    )


def accept_data(request: PageRequest) -> Moved:
    """Train on data that breaks its contract, because a person says that it may teach."""
    from runlore.retraining.actions import requests

    spec, why = request.spec(request.path["spec"]), request.why()
    who = why.actor, why.reason
    made = requests.request_accepting(request.store, request.registry, spec, who, request.at)
    retraining = made.retraining
    state = f"training {retraining.id} is {retraining.state}: {retraining.reason}"
    return Moved("/", f"{spec.name}: {state}.")


def promote_challenger(request: PageRequest) -> Moved:
    """Make the challenger the champion, whatever the evidence says."""
    from runlore.serving.actions import promotion

    spec = request.spec(request.path["spec"])
    folder = request.product.settings.home / "serving"
    entry = promotion.promote(
        request.store, request.registry, spec.name, request.why(), None, folder
    )
    return Moved("/", f"{spec.name}: version {entry.version} is the champion.")


def _card(request: PageRequest, spec: ModelSpec, standing: SpecOverview) -> SpecCard:
    return SpecCard(
        spec=spec,
        standing=standing,
        watch=overview.watched(request.store, spec.name),
        live=request.serving.live.get(spec.name),
        next_step=next_steps.next_step(request.store, spec, standing, request.at),
        control=orders.control_of(request, spec.name),
    )


def _needs_eyes(view: AlertView) -> bool:
    """Whether nobody has taken it on yet; what waits for a decision stands above."""
    return view.alert.kind != decision.KIND and view.state == "open"


PAGE = ConsolePage(
    "Home",
    0,
    "/",
    (
        PageRoute("GET", "/", show_home),
        PageRoute("POST", "/console/specs/{spec}/rollout", start_rollout, "train"),
        PageRoute("POST", "/console/specs/{spec}/accept-data", accept_data, "train"),
        PageRoute("POST", "/console/specs/{spec}/promote", promote_challenger, "train"),
    ),
)
