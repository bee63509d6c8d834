"""Asks Runlore about a run of GitHub Actions before it builds, and says so on the pull request.

Everything comes from the environment, as `action.yml` sets it. The token goes to GITHUB_API_URL and
the key to RUNLORE_URL. Text of users is shown as it stands: it becomes no Markdown, no mention, and
no command of the workflow.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from runlore_http import (
    PlannedWork,
    PredictionService,
    RequestFailed,
    Value,
    exchange,
    is_unknown,
    percent,
    probability,
    reason_sentences,
    service_from_environment,
)

Environment = Mapping[str, str]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LEAST_MINUTES = 5  # A timeout below this saves nothing, and a slow runner breaks it.
MOST_PAGES = 10  # of 100 comments each
SHOWN_CHARACTERS = 200
UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+"
)
PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
BREAK = "\u200b"  # of no width: GitHub links `@name` and `#12` in rendered text, too
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Assessment:
    """What is known of a run before it builds.

    minutes: None where no duration was learned. is_unknown: no part of it was ever seen.
    """

    risk: float
    version: str
    reasons: tuple[str, ...] = ()
    minutes: int | None = None
    is_unknown: bool = False


def main(environment: Environment) -> int:
    level = share(environment, "QUANTILE", 0.99)
    try:
        found = assess(service_from_environment(environment), work_of(environment), level)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is no reason to fail a build)
        warn(f"Runlore has no answer: {error}")
        write_outputs(environment, None)
        return 0
    reasons = UNSEEN.sub(" ", "; ".join(found.reasons))
    print(f"Runlore: {percent(found.risk)} risk of failure. {reasons}")  # noqa: T201
    write_outputs(environment, found)
    body = comment_of(found, environment)
    append(environment.get("GITHUB_STEP_SUMMARY"), body)
    try:
        publish(body, environment)
    except Exception as error:  # noqa: BLE001  (as above)
        warn(f"The comment was not written: {error}")
    limit = share(environment, "FAIL_ABOVE", 1.0)
    if found.risk <= limit or found.is_unknown:
        return 0
    print(f"::error::{percent(found.risk)} risk is more than fail-above, {percent(limit)}")  # noqa: T201
    return 1


def assess(service: PredictionService, work: PlannedWork, level: float) -> Assessment:
    """The risk with its reasons, and a timeout. Raises RequestFailed without a risk."""
    answer = service.predict("failure-risk", work)
    try:
        duration_s = service.quantile("duration", work, level)
        minutes = max(math.ceil(duration_s / 60), LEAST_MINUTES)
    except (RequestFailed, OverflowError, ValueError):
        minutes = None
    reasons = tuple(reason_sentences(answer))
    version = str(answer.get("version"))
    return Assessment(probability(answer), version, reasons, minutes, is_unknown(answer))


def work_of(environment: Environment) -> PlannedWork:
    """The run as `runlore ingest github` reads it of GitHub later: the same names and id."""
    event = event_of(environment)
    pull = event.get("pull_request") or {}
    repository = environment.get("GITHUB_REPOSITORY", "")
    head = ((pull.get("head") or {}).get("repo") or {}).get("full_name") or repository
    attempt = environment.get("GITHUB_RUN_ATTEMPT") or "1"
    inputs: dict[str, Value | None] = {
        "event": environment.get("GITHUB_EVENT_NAME"),
        "attempt": float(attempt) if attempt.isdecimal() else 1.0,
        "actor_type": (event.get("sender") or {}).get("type"),
        "is_fork": head != repository,
        "repository": repository,
    }
    named = ("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR")
    return PlannedWork(
        actor=next((environment[name] for name in named if environment.get(name)), ""),
        kind=environment.get("GITHUB_WORKFLOW", ""),
        scope=environment.get("GITHUB_HEAD_REF") or environment.get("GITHUB_REF_NAME", ""),
        inputs={name: value for name, value in inputs.items() if value is not None},
        execution=f"run/{environment.get('GITHUB_RUN_ID', '')}/{attempt}",
    )


def comment_of(found: Assessment, environment: Environment) -> str:
    """Markdown. Its first line names the workflow, so that each has a comment of its own."""
    lines = [
        marker(environment),
        f"**{percent(found.risk)} risk of failure** for {plain(environment['GITHUB_WORKFLOW'])}",
        "",
        *(f"- {plain(reason)}" for reason in found.reasons),
    ]
    if found.is_unknown:
        lines += ["", "Nothing like this run has been seen before, so this says little."]
    if found.minutes is not None:
        level = 100 * share(environment, "QUANTILE", 0.99)
        lines += ["", f"{level:g} of 100 such runs end within {found.minutes} min."]
    lines += ["", f"<sub>Runlore, failure-risk version {plain(found.version)}</sub>", ""]
    return "\n".join(lines)


def marker(environment: Environment) -> str:
    name = hashlib.sha256(environment.get("GITHUB_WORKFLOW", "").encode("utf-8", "replace"))
    return f"<!-- runlore-risk {name.hexdigest()[:16]} -->"


def plain(text: str) -> str:
    """Text that GitHub shows as it stands, in one line.

    >>> plain("<b>*x*")
    '&#60;b&#62;&#42;x&#42;'
    """
    shown = UNSEEN.sub(" ", text)[:SHOWN_CHARACTERS]
    safe = PUNCTUATION.sub(lambda mark: f"&#{ord(mark[0])};", shown)
    return safe.replace("&#64;", "&#64;" + BREAK).replace("&#35;", "&#35;" + BREAK)


def publish(body: str, environment: Environment) -> None:
    """Write the comment of this workflow, or replace the one there. Raises RequestFailed."""
    pull = (event_of(environment).get("pull_request") or {}).get("number")
    wants = environment.get("COMMENT", "true").lower() == "true"
    if not wants or not isinstance(pull, int) or not environment.get("COMMENT_TOKEN"):
        return
    repository = environment.get("GITHUB_REPOSITORY", "")
    if not REPOSITORY.fullmatch(repository):
        raise RequestFailed(f"GITHUB_REPOSITORY {repository!r} is no repository")
    issues = f"/repos/{quote(repository)}/issues"
    known = _own_comment(f"{issues}/{pull}/comments", environment)
    if known is None:
        _github("POST", f"{issues}/{pull}/comments", environment, {"body": body})
    else:
        _github("PATCH", f"{issues}/comments/{known}", environment, {"body": body})


def _own_comment(path: str, environment: Environment) -> int | None:
    """The comment that an earlier run of this workflow wrote; those of other authors never are."""
    first, author = marker(environment), environment.get("COMMENT_AUTHOR", "github-actions[bot]")
    for page in range(1, MOST_PAGES + 1):
        comments = _github("GET", f"{path}?per_page=100&page={page}", environment)
        if not isinstance(comments, list):
            raise RequestFailed("GitHub's list of comments is no list")
        for comment in comments:
            is_own = (comment.get("user") or {}).get("login") == author
            if is_own and str(comment.get("body", "")).startswith(first):
                return int(comment["id"])
        if len(comments) < 100:
            return None
    return None


def _github(method: str, path: str, environment: Environment, body: Any = None) -> Any:  # noqa: ANN401
    url = environment.get("GITHUB_API_URL") or "https://api.github.com"
    address = urlsplit(url)
    if address.scheme != "https" and address.hostname not in LOOPBACK:
        raise RequestFailed(f"GITHUB_API_URL {url!r} is not https: the token is not sent there")
    headers = {
        "Authorization": f"Bearer {environment['COMMENT_TOKEN']}",
        "Accept": "application/vnd.github+json",
        "User-Agent": "runlore",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    return exchange(url, method, path, body, headers, timeout_s=10)


def write_outputs(environment: Environment, found: Assessment | None) -> None:
    minutes = None if found is None else found.minutes
    default = environment.get("TIMEOUT_DEFAULT", "360")
    verdict = "unknown"
    if found is not None and not found.is_unknown:
        verdict = "risky" if found.risk > share(environment, "RISKY_ABOVE", 0.5) else "ok"
    outputs = {
        "probability": "" if found is None else f"{found.risk:.6g}",
        "verdict": verdict,
        "timeout-minutes": str(minutes) if minutes else default if default.isdecimal() else "360",
    }
    text = "".join(f"{name}={value}\n" for name, value in outputs.items())
    append(environment.get("GITHUB_OUTPUT"), text)


def append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def event_of(environment: Environment) -> dict[str, Any]:
    path = environment.get("GITHUB_EVENT_PATH")
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        event = {}
    return event if isinstance(event, dict) else {}


def share(environment: Environment, name: str, otherwise: float) -> float:
    """A probability of the action's inputs. Ends the step for a text that is none."""
    text = environment.get(name)
    if not text:
        return otherwise
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise SystemExit(
            f"{name.lower().replace('_', '-')}: {text[:40]!r} is no number from 0 to 1"
        )
    return value


def warn(message: str) -> None:
    """A warning of the run; what could end the command or the line is written in percents."""
    safe = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::warning::{safe}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(os.environ))
