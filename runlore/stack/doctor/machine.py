"""Checks of this machine and this installation."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
import time
import zoneinfo
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from runlore.alerts.actions import disk_watch
from runlore.alerts.rules.disk_space import judge
from runlore.kernel import instants
from runlore.kernel.telemetry import TELEMETRY_OFF
from runlore.settings import Settings
from runlore.stack.doctor.finding import DoctorFinding, DoctorVerdict

TRUE = {"1", "true", "yes", "on"}
WHY = {
    "fastapi": "Prefect then answers 422 to every filter: the UI and the worker see nothing",
    "sqlalchemy": "Prefect's scheduler then stops: schedules look active and never create a run",
    "pandas": "Evidently is not ready for pandas 3",
}

EXTRAS = ("", "home", "all")  # what the services need; "" is the base


def python() -> Iterator[DoctorFinding]:
    version = ".".join(map(str, sys.version_info[:3]))
    required = importlib.metadata.metadata("runlore")["Requires-Python"]
    if SpecifierSet(required).contains(version):
        yield DoctorFinding("python", DoctorVerdict.OK, f"{version} in {sys.prefix}")
    else:
        yield DoctorFinding("python", DoctorVerdict.WRONG, version, f"install Python {required}")


def packages(requirements: list[str] | None = None) -> Iterator[DoctorFinding]:
    """Compare every requirement with the installed version."""
    lines = importlib.metadata.requires("runlore") if requirements is None else requirements
    wrong = [finding for line in lines or () for finding in _unmet(Requirement(line))]
    yield from wrong
    if not wrong:
        yield DoctorFinding("packages", DoctorVerdict.OK, "all in the ranges that work together")


def _unmet(requirement: Requirement) -> Iterator[DoctorFinding]:
    marker = requirement.marker
    if marker is not None and not any(marker.evaluate({"extra": one}) for one in EXTRAS):
        return
    remedy = f"pip install '{requirement.name}{requirement.specifier}'"
    try:
        installed = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        yield DoctorFinding(
            "packages", DoctorVerdict.WRONG, f"{requirement.name} is missing", remedy
        )
        return
    if not requirement.specifier.contains(installed, prereleases=True):
        why = WHY.get(requirement.name, "outside what was tested")
        what = f"{requirement.name} {installed}, wanted {requirement.specifier}: {why}"
        yield DoctorFinding("packages", DoctorVerdict.WRONG, what, remedy)


def bytecode() -> Iterator[DoctorFinding]:
    """Uncompiled packages make every process start two to three times slower."""
    spec = importlib.util.find_spec("prefect")
    if spec is None or spec.cached is None or Path(spec.cached).exists():
        yield DoctorFinding("bytecode", DoctorVerdict.OK, "packages are compiled")
        return
    yield DoctorFinding(
        "bytecode",
        DoctorVerdict.NOTE,
        "packages are not compiled: every process starts two to three times slower",
        f"{sys.executable} -m compileall -q {sys.prefix}",
    )


def home(place: Path) -> Iterator[DoctorFinding]:
    place = place.absolute()
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        remedy = f"make {there} writable, or set RUNLORE_HOME to another folder"
        yield DoctorFinding("home", DoctorVerdict.WRONG, f"{place}: not writable", remedy)
        return
    free = shutil.disk_usage(there).free
    yield DoctorFinding("home", DoctorVerdict.OK, f"{place}: {free / 1e9:.1f} GB free")


def disks(settings: Settings) -> Iterator[DoctorFinding]:
    """The file systems of the home and of the embedded database."""
    for space in disk_watch.look(settings):
        if finding := judge(space, disk_watch.limits_of(settings)):
            yield DoctorFinding("disk", DoctorVerdict.WRONG, finding.what, finding.advice)


def zones() -> Iterator[DoctorFinding]:
    """Schedules name time zones; a slim container knows none."""
    try:
        zoneinfo.ZoneInfo("Europe/Berlin")
    except zoneinfo.ZoneInfoNotFoundError:
        what = "no time zone database: schedules outside UTC fail"
        yield DoctorFinding("clock", DoctorVerdict.WRONG, what, "pip install tzdata")
        return
    utc = instants.now().isoformat(timespec="seconds")
    yield DoctorFinding("clock", DoctorVerdict.OK, f"{utc}, local zone {time.tzname[0]}")


def telemetry(environment: Mapping[str, str] = os.environ) -> Iterator[DoctorFinding]:
    """A user's own value wins, so it may be on."""
    on = [
        name
        for name, value in TELEMETRY_OFF.items()
        if (environment.get(name, value).lower() in TRUE) != (value.lower() in TRUE)
    ]
    if on:
        what = f"your environment turns it on: {', '.join(on)}"
        yield DoctorFinding("telemetry", DoctorVerdict.NOTE, what, f"unset {' '.join(on)}")
    else:
        yield DoctorFinding("telemetry", DoctorVerdict.OK, "off in every package")
