"""The sbatch wrapper, run as a person runs it, with a stub in place of Slurm's sbatch."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from runlore_sbatch import MEGABYTE, memory_bytes, seconds, work_of
from sbatch_options import JobOptions

from tests.integrations.conftest import RISK, answers
from tests.integrations.http_recorder import Recorder

FOLDER = Path(__file__).parents[2] / "integrations"
STUB = """#!/bin/sh
printf '%s\\0' "$#" "$@" >"$STUB_OUTPUT"
[ -t 0 ] || cat >"$STUB_OUTPUT.stdin"
exit "${STUB_EXIT:-0}"
"""
NOWHERE = "http://127.0.0.1:9"  # the port "discard", on which nothing listens

Sbatch = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The wrapper and its modules in one folder, as its README says, and a stub in another."""
    wrapper, slurm = tmp_path / "wrapper", tmp_path / "slurm"
    wrapper.mkdir()
    slurm.mkdir()
    for name in ("slurm/sbatch", "slurm/runlore_sbatch.py", "slurm/sbatch_options.py"):
        shutil.copy(FOLDER / name, wrapper)
    shutil.copy(FOLDER / "client" / "runlore_http.py", wrapper)
    (slurm / "sbatch").write_text(STUB)
    (slurm / "sbatch").chmod(0o755)
    (wrapper / "python3").symlink_to(sys.executable)
    return tmp_path


@pytest.fixture
def sbatch(installed: Path) -> Sbatch:
    def run(
        *arguments: str | bytes, url: str = NOWHERE, text: bytes = b"", **named: str
    ) -> subprocess.CompletedProcess[bytes]:
        path = f"{installed / 'wrapper'}:{installed / 'slurm'}:/usr/bin:/bin"
        environment = {"PATH": path, "RUNLORE_URL": url, "STUB_OUTPUT": str(installed / "output")}
        return subprocess.run(
            ["sbatch", *arguments],
            env=environment | named,
            cwd=installed,
            input=text,
            capture_output=True,
            check=False,
        )

    return run


def submitted(installed: Path) -> list[bytes]:
    count, *arguments, _ = (installed / "output").read_bytes().split(b"\0")
    assert len(arguments) == int(count)
    return arguments


def script(installed: Path, *directives: str) -> str:
    lines = [f"#SBATCH {directive}" for directive in directives]
    (installed / "job.sh").write_text("\n".join(["#!/bin/sh", *lines, "hostname", ""]))
    return "job.sh"


def test_a_limit_is_added_where_the_job_has_none(
    sbatch: Sbatch, installed: Path, recorder: Recorder
) -> None:
    recorder.replies = answers(0.314, duration=5656.0, peak_memory=1.5 * MEGABYTE)
    job = script(installed, "--partition=debug", "--job-name='my job'")
    done = sbatch("-n1", "--qos", "high", job, "a b", url=recorder.url, RUNLORE_KEY="rl_k")
    assert done.returncode == 0
    assert submitted(installed) == [
        *(b"-n1", b"--qos", b"high"),
        *(b"--time=95", b"--mem=2M", b"job.sh", b"a b"),
    ]
    assert done.stderr.decode() == (
        "Runlore: 31 % risk of failure (inputs.gpus: +21 points); --time=95 and --mem=2M added,"
        " as 99 of 100 such jobs need less.\n"
    )
    asked = recorder.requests[0]
    assert recorder.paths()[1:] == [
        "/predict/duration?quantiles=0.99",
        "/predict/peak-memory?quantiles=0.99",
    ]
    assert asked.headers["Authorization"] == "Bearer rl_k"
    assert (asked.body["kind"], asked.body["scope"]) == ("my job", "debug")
    assert asked.body["inputs"] == {"cpus": 1, "nodes": 1, "qos": "high"}


def test_the_jobs_own_limits_stay(sbatch: Sbatch, installed: Path, recorder: Recorder) -> None:
    recorder.replies = answers(duration=60.0, peak_memory=MEGABYTE)
    job = script(installed, "--time=2:00:00")
    sbatch("--mem-per-cpu=1G", job, url=recorder.url)
    assert submitted(installed) == [b"--mem-per-cpu=1G", b"job.sh"]


def test_runlore_limit_lowers_a_limit_and_never_raises_one(
    sbatch: Sbatch, installed: Path, recorder: Recorder
) -> None:
    recorder.replies = answers(duration=3600.0, peak_memory=2048 * MEGABYTE)
    job = script(installed, "--time=2:00:00", "--mem=1G")
    sbatch("--runlore-limit", "-H", job, url=recorder.url)
    assert submitted(installed) == [b"-H", b"--time=60", b"job.sh"]


def test_limits_need_no_model_of_the_risk(
    sbatch: Sbatch, installed: Path, recorder: Recorder
) -> None:
    known = answers(duration=3600.0)
    none = {"detail": "no champion"}
    recorder.replies = lambda got: (503, none) if "failure-risk" in got.path else known(got)
    done = sbatch(script(installed), url=recorder.url)
    assert submitted(installed) == [b"--time=60", b"job.sh"]
    assert done.stderr.startswith(b"Runlore: no risk of failure: http://127.0.0.1:")
    assert b"503: no champion; --time=60 added" in done.stderr


def test_a_job_of_several_tasks_gets_no_memory(
    sbatch: Sbatch, installed: Path, recorder: Recorder
) -> None:
    """The measured peak is of one task, and the limit is for all on a node."""
    recorder.replies = answers(duration=3600.0, peak_memory=MEGABYTE)
    sbatch("-n8", script(installed), url=recorder.url)
    assert submitted(installed) == [b"-n8", b"--time=60", b"job.sh"]


def test_a_script_from_stdin_is_passed_on_and_gets_no_limit(
    sbatch: Sbatch, installed: Path, recorder: Recorder
) -> None:
    """Its own directives cannot be seen, and an added option would take their place."""
    recorder.replies = answers(duration=3600.0)
    text = b"#!/bin/sh\n#SBATCH --time=9\nhostname\n"
    assert sbatch("-n1", url=recorder.url, text=text).returncode == 0
    assert submitted(installed) == [b"-n1"]
    assert (installed / "output.stdin").read_bytes() == text


def test_a_risky_job_is_stopped_only_where_that_was_chosen(
    sbatch: Sbatch, installed: Path, recorder: Recorder
) -> None:
    recorder.replies = answers(0.9)
    job = script(installed)
    assert sbatch(job, url=recorder.url).returncode == 0
    (installed / "output").unlink()
    done = sbatch(job, url=recorder.url, RUNLORE_MAX_RISK="0.8")
    assert done.returncode == 1
    assert b"90 % risk of failure" in done.stderr
    assert not (installed / "output").exists()
    assert sbatch("--runlore-off", job, url=recorder.url, RUNLORE_MAX_RISK="0.8").returncode == 0
    recorder.replies = lambda _: (200, RISK | {"prediction": 0.9, "support": "none"})
    assert sbatch(job, url=recorder.url, RUNLORE_MAX_RISK="0.8").returncode == 0
    assert submitted(installed) == [b"job.sh"]


def test_the_exit_code_is_that_of_sbatch(sbatch: Sbatch, installed: Path) -> None:
    done = sbatch(script(installed), STUB_EXIT="7")
    assert done.returncode == 7
    assert b"does not answer" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_nothing_is_said_where_quiet_was_asked_for_or_no_job_is_submitted(
    sbatch: Sbatch, installed: Path
) -> None:
    for arguments in (["--quiet", script(installed)], ["--version"], ["--help"]):
        assert sbatch(*arguments).stderr == b""
        assert submitted(installed) == [os.fsencode(word) for word in arguments]


def test_the_job_is_submitted_when_python_is_broken(sbatch: Sbatch, installed: Path) -> None:
    (installed / "wrapper" / "runlore_http.py").write_text("raise SystemExit(3)")
    assert sbatch("--runlore-limit", "-n1", script(installed)).returncode == 0
    assert submitted(installed) == [b"-n1", b"job.sh"]
    (installed / "wrapper" / "python3").unlink()
    (installed / "wrapper" / "python3").write_text("#!/bin/sh\nexit 127\n")
    (installed / "wrapper" / "python3").chmod(0o755)
    assert sbatch("-n1", script(installed)).returncode == 0


@pytest.mark.parametrize("reply", [(200, {}), (200, {"prediction": "high"}), (500, b"\xff")])
def test_an_answer_that_makes_no_sense_stops_no_job(
    sbatch: Sbatch, installed: Path, recorder: Recorder, reply: tuple[int, object]
) -> None:
    recorder.replies = lambda _: reply
    assert sbatch(script(installed), url=recorder.url).returncode == 0
    assert submitted(installed) == [b"job.sh"]


WORDS = st.one_of(
    st.sampled_from(["-n4", "--time", "--", ":", "-J", "--wrap=a 'b' $(c) `d`", "job.sh", "-x"]),
    st.binary(max_size=12).map(lambda word: os.fsdecode(word.replace(b"\0", b""))),
    st.text(alphabet="'\"\\ \n\t$`;&|*~#é", max_size=6),
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=st.lists(WORDS, max_size=6))
@example(arguments=["", "\n", "'\n", "\n\n"])
@example(arguments=["-J", os.fsdecode(b"\xff'$x"), "job.sh"])
def test_all_arguments_reach_sbatch_as_they_are(
    sbatch: Sbatch, installed: Path, arguments: list[str]
) -> None:
    done = sbatch(*arguments)
    assert done.returncode == 0
    assert submitted(installed) == [os.fsencode(word) for word in arguments]


@pytest.mark.parametrize(
    ("options", "inputs"),
    [
        ({}, {"cpus": 1, "nodes": 1}),
        ({"nodes": "2-4", "ntasks-per-node": "8"}, {"cpus": 16, "nodes": 2}),
        ({"ntasks": "3", "cpus-per-task": "4"}, {"cpus": 12, "nodes": 1}),
        ({"gpus": "a100:2"}, {"cpus": 1, "nodes": 1, "gpus": 2}),
        ({"gres": "gpu:v100:4(S:0),tmp:1", "nodes": "2"}, {"cpus": 2, "nodes": 2, "gpus": 8}),
        ({"gpus-per-task": "1", "ntasks": "4"}, {"cpus": 4, "nodes": 1, "gpus": 4}),
        ({"mem": "2G", "nodes": "2"}, {"cpus": 2, "nodes": 2, "memory_bytes": 2.0**32}),
        ({"mem-per-cpu": "512", "ntasks": "2"}, {"cpus": 2, "nodes": 1, "memory_bytes": 2.0**30}),
        ({"mem": "0", "time": "1:30"}, {"cpus": 1, "nodes": 1, "timelimit_s": 90.0}),
        ({"account": "bio", "constraint": "ssd"}, {"account": "bio", "constraints": "ssd"}),
    ],
)
def test_a_job_is_described_as_sacct_describes_it(
    options: dict[str, str], inputs: dict[str, object]
) -> None:
    work = work_of(JobOptions(options, "x/job.sh"), {})
    assert {name: work.inputs.get(name) for name in inputs} == inputs
    assert (work.kind, work.scope) == ("job.sh", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 300),
        ("5:10", 310),
        ("1:00:00", 3600),
        ("2-0", 172800),
        ("1-2:30", 95400),
        ("1-0:0:1", 86401),
        ("infinite", None),
        ("0", None),
        ("1:2:3:4", None),
        (None, None),
    ],
)
def test_time_limits_have_slurms_units(text: str | None, expected: float | None) -> None:
    assert seconds(text) == expected


def test_sizes_have_slurms_units() -> None:
    assert memory_bytes("1.5g") == 1.5 * 1024**3
    assert [memory_bytes(text) for text in ("1K", "2MB", "nan", "x", "")] == [
        *(1024.0, 2.0 * MEGABYTE),
        *(None, None, None),
    ]


def test_a_real_service_is_asked(sbatch: Sbatch, installed: Path, client: httpx.Client) -> None:
    done = sbatch("-n2", script(installed), url=str(client.base_url), RUNLORE_TIMEOUT_S="30")
    assert done.returncode == 0
    assert b"% risk of failure (" in done.stderr
    assert submitted(installed)[0] == b"-n2"
