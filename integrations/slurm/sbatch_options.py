"""The options of a job: of the command line, the environment and the script's #SBATCH lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SHORT_NAMES = (
    "a=array A=account b=begin B=extra-node-info c=cpus-per-task C=constraint d=dependency D=chdir"
    " e=error F=nodefile G=gpus i=input J=job-name L=licenses m=distribution M=clusters n=ntasks"
    " N=nodes o=output p=partition q=qos S=core-spec t=time w=nodelist x=exclude h=help H=hold"
    " k=no-kill O=overcommit Q=quiet s=oversubscribe v=verbose V=version W=wait"
)
# A value of these stands in the same argument, after `=`, or nowhere.
NAMES_WITHOUT_VALUE = (
    "contiguous disable-stdout-job-summary exclusive get-user-env help hold ignore-pbs nice no-kill"
    " no-requeue overcommit oversubscribe parsable propagate quiet reboot requeue share spread-job"
    " stepmgr test-only usage use-min-nodes verbose version wait"
)
NAMES_WITH_VALUE = (
    "account acctg-freq array batch bb bbf begin chdir cluster cluster-constraint clusters comment"
    " constraint consolidate-segments container container-id core-spec cores-per-socket cpu-freq"
    " cpus-per-gpu cpus-per-task deadline delay-boot dependency distribution error exclude export"
    " export-file extra extra-node-info gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket"
    " gpus-per-task gres gres-flags hint input job-name kill-on-invalid-dep licenses mail-type"
    " mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus minnodes network nodefile"
    " nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket"
    " open-mode output partition power prefer priority profile qos reservation segment signal"
    " sockets-per-node switches tasks-per-node thread-spec threads-per-core time time-min tmp"
    " tres-bind tres-per-task uid wait-all-nodes wckey workdir wrap"
)
SHORT = dict(pair.split("=") for pair in SHORT_NAMES.split())
WITHOUT_VALUE = frozenset(NAMES_WITHOUT_VALUE.split())
WITH_VALUE = frozenset(NAMES_WITH_VALUE.split())
ENVIRONMENT = {
    "SBATCH_ACCOUNT": "account",
    "SBATCH_CONSTRAINT": "constraint",
    "SBATCH_GPUS": "gpus",
    "SBATCH_GPUS_PER_NODE": "gpus-per-node",
    "SBATCH_GPUS_PER_TASK": "gpus-per-task",
    "SBATCH_GRES": "gres",
    "SBATCH_JOB_NAME": "job-name",
    "SBATCH_MEM_PER_CPU": "mem-per-cpu",
    "SBATCH_MEM_PER_GPU": "mem-per-gpu",
    "SBATCH_MEM_PER_NODE": "mem",
    "SBATCH_PARTITION": "partition",
    "SBATCH_QOS": "qos",
    "SBATCH_RESERVATION": "reservation",
    "SBATCH_TIMELIMIT": "time",
    "SBATCH_WCKEY": "wckey",
}
OTHER_DIRECTIVES = re.compile(r"^#(PBS|BSUB)\s", re.MULTILINE)


class NotUnderstood(Exception):
    """Options that cannot be told from arguments for sure; the job is submitted as it is."""


@dataclass(frozen=True)
class CommandLine:
    """options: by long name; the last one counts. script: its position in the arguments."""

    options: Mapping[str, str]
    script: int | None = None


@dataclass(frozen=True)
class JobOptions:
    """All options of a job. is_whole: no option is set out of sight, as in a script from stdin."""

    options: Mapping[str, str] = field(default_factory=dict)
    script: str | None = None
    is_whole: bool = True

    def value(self, *names: str) -> str | None:
        return next((self.options[name] for name in names if name in self.options), None)


def parse_arguments(arguments: Sequence[str]) -> CommandLine:
    """Divide a command line into options and the script, as getopt_long does for sbatch.

    >>> parse_arguments(["-n4", "--time", "10", "job.sh", "-t", "5"])
    CommandLine(options={'ntasks': '4', 'time': '10'}, script=3)

    Raises NotUnderstood.
    """
    options: dict[str, str] = {}
    at = 0
    while at < len(arguments):
        word = arguments[at]
        if word == ":":
            raise NotUnderstood("a heterogeneous job")
        if word == "--":
            at += 1
            break
        if not word.startswith("-") or word == "-":
            break
        following = arguments[at + 1] if at + 1 < len(arguments) else None
        read = _long if word.startswith("--") else _short
        named, took_next = read(word, following)
        options.update(named)
        at += 2 if took_next else 1
    if ":" in arguments[at : at + 1]:
        raise NotUnderstood("a heterogeneous job")
    return CommandLine(options, at if at < len(arguments) else None)


def parse_script(text: str) -> dict[str, str]:
    """The options of #SBATCH lines, which end at the first command. Raises NotUnderstood."""
    if OTHER_DIRECTIVES.search(text):
        raise NotUnderstood("directives of another batch system")
    options: dict[str, str] = {}
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            break
        if not line.startswith("#SBATCH"):
            continue
        try:
            words = shlex.split(line[len("#SBATCH") :], comments=True)
        except ValueError as error:
            raise NotUnderstood("a quote that is not closed") from error
        if "hetjob" in words or "packjob" in words:
            raise NotUnderstood("a heterogeneous job")
        options.update(parse_arguments(words).options)
    return options


def job_options(
    line: CommandLine, arguments: Sequence[str], environment: Mapping[str, str], text: str | None
) -> JobOptions:
    """The command line counts before the environment, and that before the script.

    text: of the script; None when it cannot be read beforehand.
    """
    is_wrapped = "wrap" in line.options
    options = {} if is_wrapped or text is None else parse_script(text)
    options |= {name: environment[key] for key, name in ENVIRONMENT.items() if environment.get(key)}
    script = None if line.script is None else arguments[line.script]
    return JobOptions(options | dict(line.options), script, is_wrapped or text is not None)


def _long(word: str, following: str | None) -> tuple[dict[str, str], bool]:
    name, has_value, value = word[2:].partition("=")
    name = _whole_name(name)
    if has_value or name in WITHOUT_VALUE:
        return {name: value}, False
    if following is None:
        raise NotUnderstood(f"--{name} without a value")
    return {name: following}, True


def _whole_name(start: str) -> str:
    """An option's name may be cut short as long as it is the only one that begins so."""
    known = WITH_VALUE | WITHOUT_VALUE
    if start in known:
        return start
    begun = [name for name in known if name.startswith(start)]
    if len(begun) != 1:
        raise NotUnderstood(f"--{start}")
    return begun[0]


def _short(word: str, following: str | None) -> tuple[dict[str, str], bool]:
    """`-Hn4` is `-H -n 4`."""
    options: dict[str, str] = {}
    for at, letter in enumerate(word[1:], start=2):
        name = SHORT.get(letter)
        if name is None:
            raise NotUnderstood(f"-{letter}")
        if name in WITHOUT_VALUE:
            options[name] = ""
            if name == "no-kill" and word[at:]:
                return options, False
            continue
        if word[at:]:
            return options | {name: word[at:]}, False
        if following is None:
            raise NotUnderstood(f"-{letter} without a value")
        return options | {name: following}, True
    return options, False
