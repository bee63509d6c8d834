"""The nextflow.config that is written: its limits, and its syntax by two other parsers.

Nextflow itself comes from its own site alone; the package of PyPI is only its launcher. So Groovy's
ConfigSlurper, on which Nextflow's configurations are built, evaluates the file, and RefTrace, a
linter for Nextflow, parses it.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from runlore_nextflow import MEGABYTE, ProcessLimits, main, read_processes, render

from runlore.records.formats import nextflow
from tests.integrations.conftest import answers
from tests.integrations.http_recorder import Recorder

TRACE = """task_id\thash\tname\tstatus\texit\tsubmit\tduration\trealtime\tcpus\tmemory\ttime\tqueue
1\ta/1\tRNASEQ:ALIGN (s1)\tCOMPLETED\t0\t2026-11-03 10:00:00.000\t5m\t4m\t2\t1 GB\t1h 30m\t-
2\ta/2\tRNASEQ:ALIGN (s2)\tCOMPLETED\t0\t2026-11-03 10:00:00.000\t5m\t4m\t4\t1.5 GB\t2h\tlong
3\ta/3\tINDEX\tCOMPLETED\t0\t2026-11-03 10:00:00.000\t5m\t4m\t1\t-\t-\t-
4\ta/4\tX' { evil() } (s3)\tCOMPLETED\t0\t2026-11-03 10:00:00.000\t5m\t4m\t1\t-\t-\t-
"""
LIMITS = [ProcessLimits("RNASEQ:ALIGN", 95, 2048), ProcessLimits("INDEX", 5, None)]
# Nextflow adds these units to numbers; Groovy's ConfigSlurper evaluates the rest.
EVALUATE = """
class Amount {
    def n; String unit
    Amount multiply(Number by) { new Amount(n: n * by, unit: unit) }
    String toString() { "$n $unit" }
}
Number.metaClass.getMin = { -> new Amount(n: delegate, unit: 'min') }
Number.metaClass.getMB = { -> new Amount(n: delegate, unit: 'MB') }
new ConfigSlurper().parse(new File(args[0]).text).process.each { name, directives ->
    directives.each { key, value ->
        def results = [[1, 137], [2, 1]].collect { attempt, exit ->
            if (!(value instanceof Closure)) return value
            value.delegate = [task: [attempt: attempt, exitStatus: exit]]
            value.resolveStrategy = Closure.DELEGATE_FIRST
            value()
        }
        println "$name|$key|${results.join('|')}"
    }
}
"""


@pytest.fixture
def trace(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNLORE_URL", recorder.url)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "trace.txt"
    path.write_text(TRACE)
    return path


def test_processes_are_those_that_an_ingest_of_the_trace_makes() -> None:
    works = read_processes(TRACE.splitlines(keepends=True))
    assert list(works) == ["RNASEQ:ALIGN", "INDEX"]
    header, _, rows = TRACE.encode().partition(b"\n")
    read = nextflow.layout(header + b"\n" + rows, "nextflow", "UTC").parse(rows, 2)

    row = read.records.to_pylist()[1]
    work = works["RNASEQ:ALIGN"]
    assert (work.actor, work.kind, work.scope) == (row["actor"], row["kind"], row["scope"])
    shared = {name: value for name, value in json.loads(row["inputs"]).items() if name != "tag"}
    assert dict(work.inputs) == shared | {"attempt": 1.0}
    assert dict(works["INDEX"].inputs) == {"cpus": 1.0, "attempt": 1.0}


def test_plain_numbers_are_those_of_a_raw_trace() -> None:
    raw = "process,cpus,memory,time\nALIGN,2,1024,90000\n"
    [work] = read_processes(raw.splitlines(keepends=True)).values()
    assert (work.inputs["memory_bytes"], work.inputs["timelimit_s"]) == (1024.0, 90.0)


def test_each_process_gets_its_limits(
    trace: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.replies = answers(duration=5656.0, peak_memory=2047.5 * MEGABYTE)
    assert main([str(trace), "--quantile", "0.95", "--retries", "2"]) == 0
    text = Path("runlore.config").read_text()
    assert text.count("time = { 95.min * task.attempt }") == 2
    assert text.count("memory = { 2048.MB * task.attempt }") == 2
    assert "evil" not in text
    assert "95 of 100" in text
    assert capsys.readouterr().err == "Runlore: limits of 2 processes in runlore.config\n"
    assert {got.path.partition("=")[2] for got in recorder.requests} == {"0.95"}


def test_without_an_answer_the_file_stays(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("runlore.config").write_text("// before\n")
    assert main([str(trace)]) == 1
    assert Path("runlore.config").read_text() == "// before\n"
    assert "no limits, so runlore.config is not written" in capsys.readouterr().err


def test_groovy_evaluates_the_file_and_later_attempts_get_more(tmp_path: Path) -> None:
    groovy, java = shutil.which("groovy"), shutil.which("java")
    if groovy is None or java is None:
        pytest.skip("Groovy is not installed (Debian: apt-get install groovy)")
    (tmp_path / "runlore.config").write_text(render(LIMITS, 0.99, 2))
    (tmp_path / "evaluate.groovy").write_text(EVALUATE)
    done = subprocess.run(
        [groovy, "evaluate.groovy", "runlore.config"],
        cwd=tmp_path,
        env=os.environ | {"JAVA_HOME": str(Path(java).resolve().parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "RNASEQ:ALIGN|time|95 min|190 min",
        "RNASEQ:ALIGN|memory|2048 MB|4096 MB",
        "RNASEQ:ALIGN|errorStrategy|retry|finish",
        "RNASEQ:ALIGN|maxRetries|2|2",
        "INDEX|time|5 min|10 min",
        "INDEX|errorStrategy|retry|finish",
        "INDEX|maxRetries|2|2",
    ]


def test_reftrace_parses_the_file(tmp_path: Path) -> None:
    python = os.environ.get("RUNLORE_TEST_REFTRACE_PYTHON")
    if not python:
        pytest.skip("RUNLORE_TEST_REFTRACE_PYTHON names no Python with reftrace")
    path = tmp_path / "runlore.config"
    path.write_text(render(LIMITS, 0.99, 2))
    script = (
        "import sys, reftrace; read = reftrace.ConfigFile.from_file(sys.argv[1]);"
        "print(read.error); [print(named.name, *sorted(d.name for d in named.directives))"
        " for scope in read.config_file.process_scopes for named in scope.named_scopes]"
    )
    done = subprocess.run(
        [python, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        "None",
        "RNASEQ:ALIGN errorStrategy maxRetries memory time",
        "INDEX errorStrategy maxRetries time",
    ], done.stderr


def test_a_real_service_is_asked(
    trace: Path, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its handmade models have no quantiles: it says so, and nothing is written."""
    monkeypatch.setenv("RUNLORE_URL", str(client.base_url))
    monkeypatch.setenv("RUNLORE_TIMEOUT_S", "30")
    assert main([str(trace)]) == 1
    assert not Path("runlore.config").exists()
