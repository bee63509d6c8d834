"""`runlore predict` and `runlore gate` in one home with two champions."""

import json
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from handmade import SPECS, register, write_bundle
from typer.testing import CliRunner, Result

from runlore.cli import app
from runlore.cli.serving.time_limit import time_limit
from runlore.kernel.errors import BadInput, Unavailable
from runlore.registry import connect
from runlore.serving.actions import promotion
from runlore.settings import Settings
from runlore.store.engine import open_store
from tests.cli.time_limits import without_time_limits

pytestmark = pytest.mark.slow
ANN = ("--actor", "ann", "--kind", "build", "--input", "nodes=4", "--input", "queue=long")
RISK = "failure-risk"
DOCUMENT = Path(__file__).parents[2] / "docs" / "before-a-run.md"


@pytest.fixture(scope="module")
def home() -> Iterator[Settings]:
    """A home whose server runs meanwhile, with a champion of each spec."""
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    settings = Settings(home=folder, database_url=None, mlflow_tracking_uri=None)
    with open_store(settings) as store:
        registry = connect(settings, store)
        for name in SPECS:
            made = write_bundle(folder / "made" / name, name, has_quantiles=name == "duration")
            ref = register(registry, made)
            promotion.announce(store, registry, ref, promotion.ChangeReason("ann", "passed"))
        yield settings
    rmtree(folder, ignore_errors=True)


@pytest.fixture
def here(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RUNLORE_{name.upper()}", raising=False)
    monkeypatch.delenv("RUNLORE_URL", raising=False)
    monkeypatch.setenv("RUNLORE_HOME", str(home.home))
    without_time_limits(monkeypatch)
    return home


def run(*arguments: str, code: int = 0, stdin: str | None = None) -> Result:
    done = CliRunner().invoke(app, list(arguments), input=stdin)
    assert done.exit_code == code, (done.output, done.exception)
    return done


def answers_to(*arguments: str, **chosen: Any) -> list[dict[str, Any]]:
    return json.loads(run("predict", *arguments, "--json", **chosen).stdout)["answers"]


def gated(*arguments: str, code: int) -> dict[str, Any]:
    result = json.loads(run("gate", *arguments, "--json", code=code).stdout)
    assert result["exit_code"] == code
    return result


def test_several_specs_answer_at_once_and_are_on_the_ledger(here: Settings) -> None:
    risk, duration = answers_to(RISK, "duration", *ANN, "--execution", "job-1")
    assert (risk["spec"], risk["unit"], risk["version"]) == (RISK, "probability", "1")
    assert (duration["spec"], duration["unit"]) == ("duration", "s")
    assert duration["low"] <= duration["prediction"] <= duration["high"]
    assert len(risk["reasons"]) == 3
    assert risk["support"] == "little"
    rows = json.loads(run("ledger", "show", "--execution", "job-1", "--json").stdout)["rows"]
    assert {row["id"] for row in rows} == {risk["id"], duration["id"]}
    assert {row["arm"] for row in rows} == {"champion-batch"}


def test_text_for_people_begins_with_the_prediction(here: Settings) -> None:
    first, *others = run("predict", RISK, *ANN).stdout.splitlines()
    assert first.startswith("failure-risk: ")
    assert first.endswith(" %")
    assert any(line.startswith("  support: little; version 1") for line in others)


def test_requests_of_a_file_or_of_standard_input_are_answered_in_their_order(
    here: Settings, tmp_path: Path
) -> None:
    bodies = [{"actor": name, "kind": "build", "inputs": {"nodes": 4}} for name in ("ann", "zed")]
    file = tmp_path / "requests.jsonl"
    file.write_text("\n".join(map(json.dumps, bodies)))
    of_file = answers_to(RISK, "--file", str(file))
    of_stdin = answers_to(RISK, "--file", "-", stdin=json.dumps(bodies))
    assert [a["prediction"] for a in of_file] == [a["prediction"] for a in of_stdin]
    assert [a["support"] for a in of_file] == ["little", "none"]
    assert "request 2:" in run("predict", RISK, "--file", str(file)).stdout


def test_an_input_that_looks_like_a_number_may_be_a_word(here: Settings) -> None:
    [typed] = answers_to(RISK, "--actor", "ann", "--kind", "b", "--input", "queue=7")
    [quoted] = answers_to(RISK, "--actor", "ann", "--kind", "b", "--input", 'queue="7"')
    assert typed["prediction"] == quoted["prediction"]
    [part] = [part for part in typed["unknown"] if part["field"] == "inputs.queue"]
    assert part["text"].startswith("inputs.queue: '7' was never seen")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--kind", "build"), "actor"),
        ((*ANN, "--input", "nodes"), "input"),
        ((*ANN, "--input", "nodes=many"), "inputs.nodes"),
        ((*ANN, "--input", "colour=red"), "inputs.colour"),
        ((*ANN, "--input", "nodes=1e400"), "inputs.nodes"),
        (("--actor", "a\x00b", "--kind", "build"), "actor"),
        (("--actor", "a" * 9_999, "--kind", "build"), "actor"),
        (("--file", "/nowhere.json"), "file"),
        ((*ANN, "--file", "-"), "file"),
    ],
)
def test_what_is_wrong_is_named(here: Settings, arguments: tuple[str, ...], field: str) -> None:
    error = run("predict", RISK, *arguments, code=1).exception
    assert isinstance(error, BadInput)
    assert str(error).startswith(f"{field}: ")


@pytest.mark.parametrize("text", ["", "[]", "7", "[7]", "{", '{"actor": "a"}\nx', "[" * 100_000])
def test_a_file_that_is_no_request_is_refused(here: Settings, text: str) -> None:
    error = run("predict", RISK, "--file", "-", code=1, stdin=text).exception
    assert isinstance(error, BadInput)
    assert error.field is not None


def test_quantiles_of_a_quantity_are_given_with_the_prediction(here: Settings) -> None:
    [answer] = answers_to("duration", *ANN, "--quantile", "0.95", "--quantile", "0.5")
    assert list(answer["quantiles"]) == ["0.5", "0.95"]
    assert answer["quantiles"]["0.5"] < answer["quantiles"]["0.95"]
    assert " with 95 %" in run("predict", "duration", *ANN, "--quantile", "0.95").stdout
    error = run("predict", RISK, *ANN, "--quantile", "0.5", code=1).exception
    assert str(error).startswith("quantiles: failure-risk predicts a probability")


def limit_of(*arguments: str) -> float:
    return json.loads(run("limit", *arguments, "--json").stdout)["limit"]


def test_a_limit_is_printed_alone_in_the_syntax_of_a_tool(here: Settings) -> None:
    level = ("--quantile", "0.99")
    seconds = int(run("limit", "duration", *ANN, *level, "--format", "seconds").stdout)
    assert run("limit", "duration", *ANN, *level).stdout == f"{seconds}\n"
    slurm = run("limit", "duration", *ANN, *level, "--format", "slurm").stdout
    assert slurm == f"--time=00:{seconds // 60:02}:{seconds % 60:02}\n"
    github = run("limit", "duration", *ANN, *level, "--format", "github").stdout
    assert github == f"timeout-minutes: {-(-seconds // 60)}\n"


def test_a_limit_has_a_margin_and_bounds(here: Settings) -> None:
    plain = limit_of("duration", *ANN)
    assert limit_of("duration", *ANN, "--add", "10%") == pytest.approx(plain * 1.1)
    assert limit_of("duration", *ANN, "--add", "10m") == pytest.approx(plain + 600)
    assert limit_of("duration", *ANN, "--at-least", "1d") == 86_400
    assert limit_of("duration", *ANN, "--at-least", "1d", "--at-most", "2h") == 7_200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((RISK, *ANN), "quantiles: failure-risk predicts a probability"),
        (("duration", *ANN, "--quantile", "1"), "quantiles: "),
        (("duration", *ANN, "--quantile", "nan"), "quantiles: "),
        (("duration", *ANN, "--add", "much"), "add: "),
        (("duration", *ANN, "--at-most", "4GB"), "at-most: "),
        (("memory", *ANN), "no model spec is named 'peak-memory'"),
    ],
)
def test_what_is_no_limit_leaves_standard_output_empty(
    here: Settings, arguments: tuple[str, ...], message: str
) -> None:
    done = run("limit", *arguments, code=1)
    assert str(done.exception).startswith(message)
    assert done.stdout == ""


def test_the_gate_passes_below_its_limit_and_says_what_is_risky(here: Settings) -> None:
    [answer] = answers_to(RISK, *ANN)
    passed = gated(RISK, "--max", "1", *ANN, code=0)
    assert (passed["state"], passed["limit"]) == ("passes", 1.0)
    later = passed["answer"]["prediction"]  # the time since ann's last execution is a feature
    assert later == pytest.approx(answer["prediction"], abs=1e-4)
    risky = gated(RISK, "--max", f"{later - 1e-4}", *ANN, code=1)
    assert risky["state"] == "risky"
    assert gated(RISK, "--max", f"{later + 1e-4}", *ANN, code=0)["state"] == "passes"
    assert run("gate", RISK, "--max", "0%", *ANN, code=1).stdout.startswith("risky: failure-risk ")


def test_the_gate_takes_lengths_of_time_for_a_duration(here: Settings) -> None:
    assert gated("duration", "--max", "2h", *ANN, code=0)["limit"] == 7_200
    assert gated("duration", "--max", "00:00:00", *ANN, code=1)["limit"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-spec", "--max", "0.3", *ANN),
        (RISK, "--max", "lots", *ANN),
        (RISK, "--max", "7", *ANN),
        (RISK, "--max", "0.3", "--kind", "build"),
        (RISK, "--max", "0.3", *ANN, "--input", "nodes=many"),
        (RISK, "--max", "0.3", *ANN, "--url", "http://127.0.0.1:9"),
        (RISK, "--max", "0.3", *ANN, "--url", "not an address"),
        (RISK, "--max", "0.3", "--need-support", "--actor", "zed", "--kind", "zzz"),
    ],
)
def test_without_an_answer_the_gate_exits_with_2_or_lets_work_run(
    here: Settings, arguments: tuple[str, ...]
) -> None:
    result = gated(*arguments, code=2)
    assert result["state"] == "no answer"
    opened = run("gate", *arguments, "--fail-open")
    assert "warning: --fail-open" in opened.stderr


def test_without_a_database_there_is_no_answer(
    here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    assert gated(RISK, "--max", "0.3", *ANN, code=2)["why"].startswith("no answer: PostgreSQL")


def test_without_a_champion_there_is_no_answer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, store: Any
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    assert "no champion" in gated(RISK, "--max", "0.3", *ANN, code=2)["why"]


DOCUMENTED = re.findall(
    r"runlore ((?:predict|gate|limit) [^\n)&|`]+?)(?= &&|\)|$)",
    "\n".join(re.findall(r"^    (.+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)),
    re.MULTILINE,
)


def test_the_examples_are_read() -> None:
    assert {command.split()[0] for command in DOCUMENTED} == {"predict", "gate", "limit"}
    assert len(DOCUMENTED) >= 7


@pytest.mark.parametrize("command", DOCUMENTED)
def test_a_documented_command_answers(
    here: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "requests.jsonl").write_text('{"actor": "ann", "kind": "build"}')
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, shlex.split(command))
    assert done.exit_code in ((0, 1) if command.startswith("gate") else (0,)), done.exception
    assert done.stdout


def test_a_time_limit_ends_what_takes_too_long() -> None:
    with pytest.raises(Unavailable, match=r"no answer within 0.05 s"), time_limit(0.05, 2):
        time.sleep(60)
    with time_limit(60, 2):
        pass


def test_a_command_that_takes_no_signal_ends_all_the_same() -> None:
    code = (
        "import signal, time; from runlore.cli.serving import time_limit\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})\n"
        "time_limit.COMMAND_END_S = 0.1\n"
        "with time_limit.time_limit(0.1, 2): time.sleep(60)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (
        2,
        "runlore: no answer within 0.1 s; `--timeout` allows more\n",
    )
