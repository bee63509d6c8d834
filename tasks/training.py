"""Training as tasks: each step is seen, timed and retried on its own."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from getpass import getuser

from prefect import get_run_logger, task
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from runlore.kernel.instants import now
from runlore.quality.actions import contract
from runlore.quality.actions.contract import Acceptance, BatchCheck
from runlore.specs.model_spec import CandidateKind
from runlore.training.actions import extraction, leak_check
from runlore.training.actions.extraction import TrainingExtract
from runlore.training.actions.training import TrainOutcome, conclude, train_spec
from runlore.training.rules import fitting
from runlore.training.rules.split import Division
from runlore.training.rules.trained import Candidate, Trained
from tasks.edge import task_app
from tasks.retry import RETRIES
from tasks.spans import task_span

HOUR_S = 3600


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
    create_table_artifact(
        [asdict(finding) for finding in verdict.findings],
        key=f"data-{spec}",
        description=f"{'Passed' if verdict.passed else 'Refused'}: {verdict.rows:,} new rows",
    )
    return checked


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
        of_sources = app.spec(spec).of_sources(sources or ())
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
    show(outcome)
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
            app.spec(spec).of_sources(sources or ()),
            lambda line: logger.info("%s: %s", spec, line),
            now(),
            Acceptance(getuser(), accept) if accept else None,
        )
    show(outcome)
    return outcome


def show(outcome: TrainOutcome) -> None:
    """Artifacts for the Prefect UI: the scores, and the way to the MLflow run."""
    rows = [
        {"score": name, outcome.candidate: value, "baseline": outcome.baseline.get(name)}
        for name, value in outcome.scores.items()
    ]
    create_table_artifact(
        rows,
        key=f"scores-{outcome.spec}",
        description=f"{'Passed' if outcome.passed else 'Refused'}: {'; '.join(outcome.reasons)}",
    )
    if outcome.inputs.leaks:
        create_table_artifact(
            outcome.inputs.rows(),
            key=f"leaks-{outcome.spec}",
            description="Inputs that give the outcome away",
        )
    create_link_artifact(outcome.page, key=f"run-{outcome.spec}", link_text="the run in MLflow")
