"""Training as tasks: each step is seen, timed and retried on its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from getpass import getuser

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.app import App
from runlore.engagement.actions.consent import without_opted_out
from runlore.kernel.conclusion import NOTHING_TO_DO, Conclusion
from runlore.kernel.instants import now
from runlore.models.score_names import display
from runlore.quality.actions import contract
from runlore.quality.actions.contract import Acceptance, BatchCheck
from runlore.specs.model_spec import CandidateKind
from runlore.training import views
from runlore.training.actions import extraction, leak_check
from runlore.training.actions.extraction import TrainingExtract
from runlore.training.actions.training import TrainOutcome, conclude, train_spec
from runlore.training.rules import fitting
from runlore.training.rules.card_sections import PICTURES
from runlore.training.rules.gates import score_text
from runlore.training.rules.split import Division
from runlore.training.rules.trained import Candidate, Trained
from tasks import artifacts
from tasks.edge import task_app
from tasks.retry import RETRIES
from tasks.spans import task_span

HOUR_S = 3600
SHOWN_PICTURES = ("calibration", "gain", "residuals", "coverage", "score-over-time")


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="check data", timeout_seconds=HOUR_S)
def check_data(spec: str, accept: str | None, sources: Sequence[str] | None = None) -> BatchCheck:
    """Does what came in since the champion's training keep its contract? A table shows what not.

    accept: why a person lets it pass nevertheless. sources: whose executions; None: of the spec.
    """
    accepted = Acceptance(getuser(), accept) if accept else None
    with task_app() as app:
        checked = contract.check_new(
            app.store, app.registry, app.spec(spec).of_sources(sources or ()), now(), accepted
        )
    verdict = checked.verdict
    for reason in (*verdict.reasons, verdict.note):
        get_run_logger().info("%s: %s", spec, reason or f"{verdict.rows:,} new rows checked")
    artifacts.write_page(
        f"data-{spec}",
        f"New data of {spec}",
        _conclude_data(checked),
        [artifacts.bullets(verdict.reasons), artifacts.table(list(map(asdict, verdict.findings)))],
    )
    return checked


def _conclude_data(checked: BatchCheck) -> Conclusion:
    verdict = checked.verdict
    if not verdict.rows:
        return Conclusion(
            verdict.note or "no new data since the champion's training.", NOTHING_TO_DO
        )
    if verdict.passed:
        return Conclusion(
            f"{verdict.rows:,} new rows keep the contract.", verdict.note or NOTHING_TO_DO
        )
    accepted = checked.accepted
    if accepted is not None:
        done = f"Accepted by {accepted.actor}: {accepted.reason}"
    else:
        done = "Mend the data, or train with `accept_data` and a reason."
    return Conclusion(f"{verdict.rows:,} new rows break the contract.", done)


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="accept inputs", timeout_seconds=HOUR_S)
def accept_leaks(spec: str, reasons: Mapping[str, str]) -> None:
    """Keep that somebody accepts inputs in spite of what the check says, each for a reason."""
    with task_app() as app:
        leak_check.accept(app.store, app.spec(spec), reasons, getuser(), now())


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="extract features", timeout_seconds=HOUR_S)
def extract(
    spec: str, until_seq: int | None, checked: BatchCheck, sources: Sequence[str] | None = None
) -> TrainingExtract:
    """The data, with the spec as it is to be trained: of a successor, where there are news."""
    with task_app() as app:
        of_sources = without_opted_out(app.store, app.spec(spec).of_sources(sources or ()))
        to_train = of_sources.succeeding() if checked.has_news else of_sources
        extracted = extraction.extract(app.store, to_train, until_seq=until_seq)
    get_run_logger().info(
        "%s: %d executions, %d rows, %d features",
        spec,
        extracted.executions,
        len(extracted.data),
        len(extracted.plan.names),
    )
    for decision in extracted.inputs.leaks:
        what = (spec, decision.leak.input, decision.leak.evidence, decision.done)
        get_run_logger().warning("%s: %s %s: %s", *what)
    return extracted


@task(cache_policy=NO_CACHE, task_run_name="fit {kind}", timeout_seconds=HOUR_S)
def fit_candidate(
    extracted: TrainingExtract,
    division: Division,
    kind: CandidateKind,
    done: Mapping[CandidateKind, Candidate],
) -> Candidate:
    with task_span():
        fitted = fitting.fit_candidate(extracted.spec, extracted.data, division, kind, done)
    score = fitted.validation[extracted.spec.select_by]
    get_run_logger().info("%s: validation %s %.4g", kind, extracted.spec.select_by, score)
    return fitted


@task(cache_policy=NO_CACHE, task_run_name="choose, test and judge", timeout_seconds=HOUR_S)
def finish(
    extracted: TrainingExtract, division: Division, done: Mapping[CandidateKind, Candidate]
) -> Trained:
    """Choose a candidate, give it its interval, and test and judge it."""
    spec, data = extracted.spec, extracted.data
    chosen = fitting.choose(spec, done)
    with task_span():
        trained = fitting.finish(spec, data, extracted.plan, division, done, chosen)
    for reason in trained.verdict.reasons:
        get_run_logger().info("%s: %s", chosen, reason)
    return trained


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="record in MLflow", timeout_seconds=HOUR_S)
def record(extracted: TrainingExtract, trained: Trained, checked: BatchCheck) -> TrainOutcome:
    """Write the MLflow run, register what passed, and show both here."""
    with task_app() as app:
        outcome = conclude(app.store, app.registry, extracted, trained, checked)
        show(app, outcome)
    return outcome


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="train {spec}", timeout_seconds=HOUR_S)
def train_one(
    spec: str,
    accept: str | None = None,
    sources: Sequence[str] | None = None,
    leaks: Mapping[str, str] | None = None,
) -> TrainOutcome:
    """A whole training in one task, for many at once on a cluster."""
    logger = get_run_logger()
    with task_app() as app:
        leak_check.accept(app.store, app.spec(spec), leaks or {}, getuser(), now())
        outcome = train_spec(
            app.store,
            app.registry,
            without_opted_out(app.store, app.spec(spec).of_sources(sources or ())),
            lambda line: logger.info("%s: %s", spec, line),
            now(),
            Acceptance(getuser(), accept) if accept else None,
        )
        show(app, outcome)
    return outcome


def show(app: App, outcome: TrainOutcome) -> None:
    """Write a page for the Prefect UI: the verdict, the scores, the pictures, links."""
    artifacts.write_page(
        f"training-{outcome.spec}",
        outcome.spec,
        views.conclude(outcome.spec, outcome.as_json()),
        _parts(app, outcome),
    )


def _parts(app: App, outcome: TrainOutcome) -> Iterator[str]:
    yield f"Candidate: **{outcome.candidate}**, on the newest executions, which it never saw."
    yield artifacts.table(
        [
            {
                "score": display(name),
                "model": score_text(name, value, outcome.unit),
                "baseline": score_text(name, outcome.baseline[name], outcome.unit)
                if name in outcome.baseline
                else None,
            }
            for name, value in outcome.scores.items()
        ]
    )
    pictures = app.registry.pictures(outcome.run) if outcome.run else {}
    for name in SHOWN_PICTURES:
        yield artifacts.picture(PICTURES[name], pictures.get(name))
    yield artifacts.bullets(outcome.reasons)
    if outcome.inputs.leaks:
        yield "### Inputs that give the outcome away"
        yield artifacts.table(outcome.inputs.rows())
    yield artifacts.links_of_spec(app.settings.pages_within_prefect, outcome.spec, outcome.run)
