"""Types of the Python API, as `mypy --strict` sees them; docs/python.md explains the calls."""

import asyncio
from pathlib import Path

import runlore


def before_a_build(client: runlore.Client, branch: str, files: int) -> bool:
    """Whether a build may start; it may when there is no answer."""
    work = runlore.Work(actor="ann", kind="build", inputs={"branch": branch, "files": files})
    answer = client.gate("failure-risk", max=0.3, fail_open=True, **work)
    if answer.prediction is not None:
        print(answer.prediction.prediction, answer.why)
    return answer.passes


def after_a_build(client: runlore.Client, build: str, *, is_ok: bool) -> None:
    try:
        recorded = client.record_outcome(build, "succeeded" if is_ok else "failed")
        print(recorded.revision, recorded.is_new)
    except runlore.BadInput as error:
        print(error.field, error)


async def many(url: str, actors: list[str]) -> list[float]:
    async with runlore.AsyncClient(url, key="rl_…", timeout_s=5.0) as client:
        asked = [client.predict("duration", actor=actor, kind="build") for actor in actors]
        answers: list[runlore.PredictionResponse] = await asyncio.gather(*asked)
    return [answer.prediction for answer in answers]


def learn(path: Path) -> dict[str, bool]:
    with runlore.open("runs") as home:
        ingested = home.ingest(path, inputs=["branch", "files"])
        print(ingested.new, ingested.rejected)
        outcomes: dict[str, runlore.TrainOutcome] = home.train()
        home.plot_importance("duration").savefig("importance.png")
        return {name: outcome.passed for name, outcome in outcomes.items()}
