"""The options of sbatch, as Slurm itself reads them."""

import shutil
import subprocess
from pathlib import Path

import pytest
from sbatch_options import (
    SHORT,
    WITH_VALUE,
    WITHOUT_VALUE,
    CommandLine,
    NotUnderstood,
    job_options,
    parse_arguments,
    parse_script,
)


@pytest.mark.parametrize(
    ("words", "options", "script"),
    [
        ("job.sh", {}, 0),
        ("", {}, None),
        ("-n4 -t 10 job.sh -t 5", {"ntasks": "4", "time": "10"}, 3),
        ("-Hn4 --mem=2G job.sh", {"hold": "", "ntasks": "4", "mem": "2G"}, 2),
        ("--time=1 --time 2 job.sh", {"time": "2"}, 3),
        ("--part debug --job-n x", {"partition": "debug", "job-name": "x"}, None),
        ("--exclusive job.sh", {"exclusive": ""}, 1),
        ("--exclusive=user --nice job.sh", {"exclusive": "user", "nice": ""}, 2),
        ("job.sh -n1 : -n2", {}, 0),
        ("-p debug -- -odd.sh", {"partition": "debug"}, 3),
        ("--wrap=hostname", {"wrap": "hostname"}, None),
        ("--parsable -Q -W job.sh", {"parsable": "", "quiet": "", "wait": ""}, 3),
    ],
)
def test_a_command_line_is_divided(words: str, options: dict[str, str], script: int) -> None:
    assert parse_arguments(words.split()) == CommandLine(options, script)


@pytest.mark.parametrize(
    "words", ["-n1 : -n2 job.sh", "--brand-new x", "--exclu=a", "-t", "-y 3", "--mem"]
)
def test_what_cannot_be_told_for_sure_is_not_guessed(words: str) -> None:
    with pytest.raises(NotUnderstood):
        parse_arguments(words.split())


def test_directives_end_at_the_first_command() -> None:
    text = """#!/bin/bash -l
#SBATCH --time=2:00:00   # two hours
#SBATCH -J "my job" --mem 4G

# a comment
##SBATCH --partition=off
#SBATCH -p debug
srun hostname
#SBATCH --qos=late
"""
    assert parse_script(text) == {
        "time": "2:00:00",
        "job-name": "my job",
        "mem": "4G",
        "partition": "debug",
    }


@pytest.mark.parametrize("line", ["#SBATCH hetjob", "#PBS -l walltime=1", '#SBATCH -J "open'])
def test_scripts_with_other_rules_are_left_alone(line: str) -> None:
    with pytest.raises(NotUnderstood):
        parse_script(f"#!/bin/sh\n{line}\n")


def test_the_command_line_counts_before_the_environment_and_that_before_the_script() -> None:
    arguments = ["--time=3", "job.sh"]
    environment = {"SBATCH_TIMELIMIT": "2", "SBATCH_QOS": "high", "SBATCH_PARTITION": ""}
    text = "#SBATCH -t 1 --qos=low -p debug\n"
    job = job_options(parse_arguments(arguments), arguments, environment, text)
    assert job.options == {"time": "3", "qos": "high", "partition": "debug"}
    assert (job.script, job.is_whole) == ("job.sh", True)


def test_a_script_that_cannot_be_read_may_have_any_option() -> None:
    assert not job_options(parse_arguments([]), [], {}, None).is_whole
    assert job_options(parse_arguments(["--wrap", "x"]), ["--wrap", "x"], {}, None).is_whole


def test_the_options_are_those_of_a_real_sbatch(tmp_path: Path) -> None:
    """Whether an option takes a value decides which argument is the script."""
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        pytest.skip("Slurm is not installed (Debian: apt-get install slurm-client)")
    (tmp_path / "slurm.conf").write_text(
        "ClusterName=test\nSlurmctldHost=localhost\nAuthType=auth/none\n"
        "NodeName=localhost CPUs=1\nPartitionName=debug Nodes=ALL Default=YES\n"
    )

    def says(option: str) -> str:
        environment = {"SLURM_CONF": str(tmp_path / "slurm.conf"), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sbatch, option], env=environment, input="", capture_output=True, text=True, check=False
        )
        return done.stderr

    long = {f"--{name}": name in WITH_VALUE for name in WITH_VALUE | WITHOUT_VALUE}
    short = {f"-{letter}": name in WITH_VALUE for letter, name in SHORT.items()}
    replies = {option: says(option) for option in long | short}
    known = {option: text for option, text in replies.items() if "unrecognized" not in text}
    assert len(known) > 100
    takes = {option: "requires an argument" in text for option, text in known.items()}
    assert takes == {option: (long | short)[option] for option in known}
