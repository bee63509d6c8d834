"""The README's first commands, in their order, on a log of the name that they speak of."""

import gzip
import random
import shlex
import sys
from pathlib import Path

import pytest

from runlore.cli import main
from runlore.registry import connect
from runlore.settings import read
from runlore.specs.catalog import duration, failure_risk
from runlore.store.engine import Store
from runlore.training.actions.training import train_spec
from tests.cli.time_limits import without_time_limits

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
JOBS = 1_500
HOUR_S = 3_600


def jobs() -> str:
    """A log whose failures and run times follow from user and processors."""
    rng = random.Random(5)  # noqa: S311
    lines = ["; UnixStartTime: 1770000000", "; MaxJobs: 1500"]
    for number in range(1, JOBS + 1):
        user = rng.choice((404, 17, 11, 3))
        processors = rng.choice((1, 8, 64))
        run_s = round(60 * (user % 7 + 1) * processors**0.5 * rng.lognormvariate(0, 0.2))
        is_too_large = user in (17, 404) and processors > 1
        status = 0 if rng.random() < (0.8 if is_too_large else 0.03) else 1
        submit_s, wait_s = number * HOUR_S, rng.randint(0, 60)
        memory_kb, requested_s = 100_000 * processors, 6 * HOUR_S
        lines.append(
            f"{number} {submit_s} {wait_s} {run_s} {processors} {run_s} {memory_kb} {processors}"
            f" {requested_s} -1 {status} {user} 1 11 1 1 -1 -1"
        )
    return "\n".join(lines) + "\n"


def command(beginning: str) -> list[str]:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    return shlex.split(next(line for line in lines if line.strip().startswith(beginning)))


def test_a_log_becomes_a_page_a_gate_and_a_limit(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(beginning: str) -> int:
        monkeypatch.setattr(sys, "argv", command(beginning))
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    log = tmp_path / command("runlore look")[2]
    log.write_bytes(gzip.compress(jobs().encode()))
    monkeypatch.chdir(tmp_path)
    without_time_limits(monkeypatch)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))
    monkeypatch.delenv("RUNLORE_MLFLOW_TRACKING_URI", raising=False)

    assert run("runlore look") == 0
    assert list(tmp_path.glob("*.html"))
    assert run("runlore ingest swf") == 0
    settings = read()
    for spec in (failure_risk.SPEC, duration.SPEC):
        outcome = train_spec(store, connect(settings, store), spec)
        assert outcome.alias == "champion", outcome.reasons
    assert run("runlore gate failure-risk") == 0
    capsys.readouterr()
    assert run("runlore limit duration") == 0
    assert capsys.readouterr().out.startswith("--time=")
