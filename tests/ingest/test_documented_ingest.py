"""The commands that README.md and docs/custom-specs.md show, on the log that they speak of."""

import json
import random
import re
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runlore.cli import main
from runlore.features import matrix
from runlore.log.executions import read_facts
from runlore.registry import connect
from runlore.settings import read
from runlore.specs import loading
from runlore.specs.catalog import duration, failure_risk
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store
from runlore.training.actions.extraction import members
from runlore.training.actions.targets import target_of
from runlore.training.actions.training import train_spec

ROOT = Path(__file__).parents[2]
README, CUSTOM_SPECS = ROOT / "README.md", ROOT / "docs" / "custom-specs.md"
HEADER = "build,who,queued_at,began_at,ended_at,result,branch,files,price_usd\n"
WHO = ("ann", "bob", "cem", "dee")
Run = Callable[[str], None]


def builds(count: int) -> str:
    """Builds whose price follows their files, their branch and who pays for large machines."""
    rng = random.Random(7)  # noqa: S311
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    rows = [HEADER]
    for number in range(count):
        who, branch = rng.choice(WHO), rng.choice(("main", "next"))
        files = rng.randint(1, 200)
        queued = begin + timedelta(minutes=20 * number)
        began = queued + timedelta(seconds=rng.randint(1, 60))
        ended = began + timedelta(seconds=30 + 2 * files * rng.lognormvariate(0, 0.3))
        price = 0.02 * files * (1 + WHO.index(who)) * (2 if branch == "main" else 1)
        cells = (
            *(f"b-{number}", who, queued.isoformat(), began.isoformat(), ended.isoformat()),
            *(rng.choice(("ok", "ok", "failed")), branch, files),
            f"{price * rng.lognormvariate(0, 0.2):.4f}",
        )
        rows.append(",".join(map(str, cells)) + "\n")
    return "".join(rows)


def commands(page: Path, beginning: str) -> list[list[str]]:
    """Commands of a document that begin so, with their continued lines."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line.strip().startswith(beginning)]


@pytest.fixture
def run(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a page's first command that begins so, in a folder with the log, on the tests' store."""
    (tmp_path / "builds.csv").write_text(builds(1200))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))
    monkeypatch.delenv("RUNLORE_MLFLOW_TRACKING_URI", raising=False)

    def run(page: Path, beginning: str) -> None:
        monkeypatch.setattr(sys, "argv", commands(page, beginning)[0])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code

    return run


def measured(store: Store, spec: ModelSpec) -> set[float]:
    """What came of the executions that a spec could learn from; one value for each of them."""
    log = matrix.prepare(read_facts(store))
    found = target_of(log, spec)[members(log, spec)]
    assert len(found) == 1200
    return set(found.tolist())


def test_the_log_of_the_readme_teaches_both_ready_specs(run: Run, store: Store) -> None:
    run(README, "runlore ingest csv")
    assert measured(store, failure_risk.SPEC) == {0.0, 1.0}
    assert len(measured(store, duration.SPEC)) > 100
    facts = read_facts(store)
    assert set(facts["kind"]) == {"build"}
    assert set(json.loads(facts["inputs"].iloc[0])) == {"branch", "files"}


def test_compose_takes_the_same_log(run: Run) -> None:
    [inside] = commands(README, "docker compose exec worker runlore ingest csv")
    [outside] = commands(README, "runlore ingest csv")
    assert inside[4:] == outside


@pytest.mark.slow
def test_a_custom_spec_is_trained_as_documented(
    run: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CUSTOM_SPECS.read_text(encoding="utf-8")
    [module] = re.findall(r"```python\n(# my_specs\.py\n.*?)```", text, re.DOTALL)
    [setting] = re.findall(r"export RUNLORE_SPECS='(.*?)'", text, re.DOTALL)
    (tmp_path / "my_specs.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("RUNLORE_SPECS", setting)
    run(CUSTOM_SPECS, "runlore ingest csv")
    settings = read()
    assert [spec.name for spec in loading.every(settings)] == ["cost", "failure-risk", "duration"]
    cost = loading.find(settings, "cost")

    found = train_spec(store, connect(settings, store), cost)

    assert (found.passed, found.alias) == (True, "champion")
    assert found.rows == 1_199, "the newest of 1,200 is too young to be tested"
    assert found.scores["mae"] < 0.7 * found.baseline["mae"]


def test_names_of_baselines_that_are_documented_are_features() -> None:
    text = CUSTOM_SPECS.read_text(encoding="utf-8")
    [module] = re.findall(r"```python\n(# my_specs\.py\n.*?)```", text, re.DOTALL)
    made: dict[str, ModelSpec] = {}
    exec(module, made)  # noqa: S102  (the document's own example)
    known = {name for each in made["COST"].features.histories for name in each.feature_names}
    named = re.findall(r"^    (actor\S+)", text, re.MULTILINE)
    assert len(named) == 3
    assert set(named) <= known
