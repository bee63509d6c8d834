"""Builds in the nested JSON of Jenkins, each as one flat object."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

Object = Mapping[str, Any]
PARAMETER = "param."
CONFIDENTIAL = r"(?i)passw|secret|token|credential|private|api_?key"
BUILD_LISTS = ("allBuilds", "builds")
CAUSES = (
    ("UserId", "user"),
    ("TimerTrigger", "timer"),
    ("SCMTrigger", "scm"),
    ("Upstream", "upstream"),
    ("Branch", "branch"),
    ("Replay", "replay"),
    ("Push", "push"),
    ("Remote", "remote"),
)
SAID = (
    ("started by user", "user"),
    ("timer", "timer"),
    ("scm change", "scm"),
    ("upstream", "upstream"),
    ("branch", "branch"),
    ("replay", "replay"),
    ("push", "push"),
    ("remote", "remote"),
)


def flat_builds(item: Object, folder: str = "") -> Iterator[Object]:
    """The builds of a job, of a folder's jobs, or the build itself.

    folder: the names of the folders around it, with a slash between them.
    """
    lists = [item[name] for name in BUILD_LISTS if isinstance(item.get(name), list)]
    jobs = item.get("jobs")
    if not lists and not isinstance(jobs, list):
        if "number" in item or "timestamp" in item:
            yield _flat(item, folder)
        return
    path = _path(item, folder)
    for build in max(lists, key=len, default=[]):
        if isinstance(build, Mapping) and "timestamp" in build:
            yield _flat(build, path)
    for job in jobs if isinstance(jobs, list) else []:
        if isinstance(job, Mapping):
            yield from flat_builds(job, path)


def _path(item: Object, folder: str) -> str:
    if isinstance(item.get("fullName"), str):
        return str(item["fullName"])
    if isinstance(item.get("name"), str):
        return f"{folder}/{item['name']}" if folder else str(item["name"])
    return _of_address(str(item.get("url", ""))) or folder


def _of_address(url: str) -> str:
    """The job's path out of an address such as …/job/folder/job/name/12/."""
    segments = urlsplit(url).path.split("/")
    if "job" not in segments:
        return ""
    names, at = [], segments.index("job")
    while at + 1 < len(segments) and segments[at] == "job":
        names.append(unquote(segments[at + 1]))
        at += 2
    return "/".join(names)


def _flat(build: Object, job: str) -> Object:
    actions = [action for action in build.get("actions") or () if isinstance(action, Mapping)]
    causes = [cause for action in actions for cause in action.get("causes") or ()]
    name = job or _of_address(str(build.get("url") or "")) or _of_title(build)
    return {
        **build,
        "actions": None,
        "job": name,
        "user": _user(causes) or build.get("user"),
        "cause": _cause(causes) or build.get("cause"),
        "queuingDurationMillis": next(
            (action[key] for action in actions for key in action if key == "queuingDurationMillis"),
            None,
        ),
        **_parameters(actions),
    }


def _of_title(build: Object) -> str:
    title = re.sub(r" #\d+$", "", str(build.get("fullDisplayName") or ""))
    return title.replace(" » ", "/")


def _user(causes: list[Object]) -> str | None:
    """The user, or the project whose build caused this one."""
    for key in ("userId", "userName", "upstreamProject"):
        for cause in causes:
            if isinstance(cause.get(key), str):
                return str(cause[key])
    return None


def _cause(causes: list[Object]) -> str | None:
    """The first cause as one word."""
    for cause in causes:
        kind = str(cause.get("_class", "")).rpartition(".")[2]
        said = str(cause.get("shortDescription", "")).lower()
        words = [word for part, word in CAUSES if part in kind]
        words += [word for part, word in SAID if part in said]
        return words[0] if words else "other"
    return None


def _parameters(actions: list[Object]) -> Object:
    """The parameters that are text, numbers or booleans and do not sound like secrets."""
    return {
        f"{PARAMETER}{parameter['name']}": parameter["value"]
        for action in actions
        for parameter in action.get("parameters") or ()
        if isinstance(parameter, Mapping)
        and isinstance(parameter.get("value"), str | int | float | bool)
        and not re.search(CONFIDENTIAL, str(parameter.get("name")))
    }
