"""A log with honest inputs that predict well, and inputs that give the outcome away."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from runlore.training.rules.leaks.check import find_leaks
from runlore.training.rules.leaks.leak import Leak, LeakSample

ROWS = 4000
BEGIN_US = 1_750_000_000_000_000
Column = Any  # an array of n cells


@dataclass(frozen=True, eq=False)
class Work:
    """n executions with the truth about them."""

    rng: np.random.Generator
    actor: np.ndarray
    kind: np.ndarray
    host: np.ndarray
    request_s: np.ndarray
    size: np.ndarray
    gpus: np.ndarray
    risk: np.ndarray
    failed: np.ndarray
    duration_s: np.ndarray
    submitted_us: np.ndarray
    finished_us: np.ndarray

    @property
    def n(self) -> int:
        return len(self.failed)


@cache
def work(n: int = ROWS, seed: int = 0) -> Work:
    """Failures come from a bad host, from short requests, and from one user; runs from sizes."""
    rng = np.random.default_rng(seed)
    actor = rng.choice([f"user{i}" for i in range(12)], n)
    kind = rng.choice(["train", "evaluate", "export"], n, p=[0.5, 0.3, 0.2])
    host = rng.choice([f"node{i}" for i in range(12)], n)
    size = rng.lognormal(3, 1, n)
    duration = 20 * size * rng.lognormal(0, 0.3, n) + 5
    request = np.round(duration * rng.lognormal(0.5, 0.4, n) / 60 + 1) * 60
    gpus = np.where(kind == "train", rng.choice([1, 2, 4], n), 0)
    risk = 0.03 + 0.9 * (request < duration) + 0.4 * (actor == "user3")
    risk = np.where(host == "node7", 1.0, np.minimum(risk, 0.95))
    failed = (rng.random(n) < risk).astype(float)
    submitted = BEGIN_US + np.cumsum(rng.exponential(60e6, n)).astype(np.int64)
    wait = rng.exponential(40, n)
    finished = submitted + ((duration + wait) * 1e6).astype(np.int64)
    return Work(
        rng, actor, kind, host, request, size, gpus, risk, failed, duration, submitted, finished
    )


def sample(
    w: Work, changes: Mapping[str, tuple[int, int]] | None = None, **more: Column
) -> LeakSample:
    """The executions with their usual inputs and some more."""
    inputs = {
        "host": w.host.astype(object),
        "requested_time_s": w.request_s.astype(float),
        "size": w.size,
        "gpus": w.gpus.astype(float),
        **more,
    }
    parts = pd.DataFrame({"actor": w.actor, "kind": w.kind, "scope": ""}, dtype=object)
    return LeakSample(
        inputs=pd.DataFrame(inputs),
        parts=parts,
        labels={"failed": w.failed},
        measures={"duration_s": w.duration_s},
        submitted_us=w.submitted_us,
        finished_us=w.finished_us,
        changes=changes or {},
    )


def leaks_of(
    w: Work, column: Column, name: str = "x", changed: tuple[int, int] = (0, 0)
) -> tuple[Leak, ...]:
    """What the check says of a log with one more input."""
    return find_leaks(sample(w, {name: changed}, **{name: column}))


def texts(values: Any) -> np.ndarray:
    return np.asarray(values, dtype=object)


def pick(w: Work, words: list[Any], p: list[float] | None = None) -> np.ndarray:
    return texts(np.random.default_rng(5).choice(words, w.n, p=p))


def noise(w: Work, seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).random(w.n)


def previous(w: Work, values: np.ndarray, by: np.ndarray) -> np.ndarray:
    return pd.Series(values).groupby(by).shift().to_numpy(dtype=float)


def iso(us: np.ndarray) -> np.ndarray:
    return texts(pd.to_datetime(us, unit="us", utc=True).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def messages(w: Work) -> np.ndarray:
    """A last line of output, which is different each time."""
    number = np.random.default_rng(3).integers(10**6, size=w.n)
    return texts(
        [
            f"step {i} aborted: lost connection {i * 7}" if bad else f"wrote {i} rows, done {i * 3}"
            for i, bad in zip(number, w.failed, strict=True)
        ]
    )


# Each makes the name of an input and its cells.
LEAKS: dict[str, Callable[[Work], tuple[str, Column]]] = {
    "status code, 0 for success": lambda w: (
        "rc",
        np.where(w.failed == 1, np.random.default_rng(1).choice([1.0, 2, 137], w.n), 0.0),
    ),
    "negative and positive signals of failures": lambda w: (
        "sig",
        np.where(w.failed == 1, np.random.default_rng(1).choice([-9.0, -15, 1, 2], w.n), 0.0),
    ),
    "a number that is high for failures": lambda w: ("pressure", w.failed * 50 + noise(w)),
    "a number that is low for failures": lambda w: ("yield", (1 - w.failed) * 3 + noise(w)),
    "a number in the middle for failures": lambda w: (
        "level",
        np.where(
            w.failed == 1,
            0.5 + noise(w) / 9,
            np.where(noise(w, 2) < 0.5, 0.0, 1.0) * 2 + noise(w) / 9 - 0.5,
        ),
    ),
    "a boolean": lambda w: ("notified", w.failed.copy()),
    "the opposite boolean": lambda w: ("has_output", 1 - w.failed),
    "a boolean with one error in 500": lambda w: (
        "flag",
        np.where(noise(w) < 0.002, 1 - w.failed, w.failed),
    ),
    "a word for the end": lambda w: (
        "state",
        np.where(w.failed == 1, pick(w, ["ERROR", "OOM", "TIMEOUT"]), "OK").astype(object),
    ),
    "a message that is never the same": lambda w: ("last_line", messages(w)),
    "a text filled for failures only": lambda w: (
        "reason",
        np.where(w.failed == 1, pick(w, ["disk", "net"]), None).astype(object),
    ),
    "a number filled for some of the failures only": lambda w: (
        "dump_size",
        np.where((w.failed == 1) & (noise(w) < 0.2), 1 + noise(w, 4), np.nan),
    ),
    "filled for successes only": lambda w: (
        "rows_written",
        np.where((w.failed == 0) & (noise(w) < 0.8), noise(w, 4), np.nan),
    ),
    "missing for a fifth of the failures only": lambda w: (
        "processors",
        np.where((w.failed == 1) & (noise(w) < 0.2), np.nan, np.round(8 * noise(w, 4))),
    ),
    "a flag for one sort of failure": lambda w: (
        "heat",
        ((w.failed == 1) & (noise(w) < 0.1)).astype(float),
    ),
    "changed after the start": lambda w: ("progress", noise(w)),
    "measured afterwards, by its name": lambda w: ("peak_rss_mb", noise(w) * w.size),
    "the duration in minutes": lambda w: ("ran", np.round(w.duration_s / 60, 1)),
    "the duration as text": lambda w: (
        "took",
        texts([f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in w.duration_s.astype(int)]),
    ),
    "a monotone function of the duration": lambda w: ("billed", 7 - np.sqrt(w.duration_s)),
    "the instant of the finish": lambda w: ("stamp", iso(w.finished_us + 7_200_000_000)),
    "the finish in seconds since 1970": lambda w: ("epoch", np.round(w.finished_us / 1e6)),
    "the submission and the duration": lambda w: (
        "billed_until",
        iso(w.submitted_us + (w.duration_s * 1e6).astype(np.int64)),
    ),
    "an id that is given at the end": lambda w: (
        "archive_id",
        texts([f"arc-{i:06}" for i in np.argsort(np.argsort(w.finished_us))]),
    ),
}

CHANGED = {"changed after the start": (400, 800)}

CLEAN: dict[str, Callable[[Work], tuple[str, Column]]] = {
    "requested time": lambda w: ("requested_time", w.request_s.astype(float)),
    "expected duration, close to it": lambda w: (
        "expected_duration_s",
        w.duration_s * np.random.default_rng(2).lognormal(0, 0.1, w.n),
    ),
    "size, which decides the duration": lambda w: ("input_bytes", w.size * 1e6),
    "requested time by size": lambda w: ("request_ratio", w.request_s / w.size),
    "a host that breaks everything": lambda w: ("node", w.host.astype(object)),
    "a flag for the bad host and others of its rack": lambda w: (
        "rack",
        texts(["r" + h[-1] for h in w.host]),
    ),
    "an estimate of the risk": lambda w: ("risk_estimate", w.risk + 0.2 * noise(w)),
    "the last outcome of the user": lambda w: ("last_failed", previous(w, w.failed, w.actor)),
    "the last exit code of the user": lambda w: (
        "previous_exit_code",
        previous(w, w.failed, w.actor) * 137,
    ),
    "the last outcome of the host": lambda w: ("host_last_failed", previous(w, w.failed, w.host)),
    "the mean duration of the kind": lambda w: (
        "mean_duration_s",
        previous(w, w.duration_s, w.kind),
    ),
    "the number of this try": lambda w: (
        "attempt",
        1 + previous(w, w.failed, w.actor) * np.round(3 * noise(w)),
    ),
    "retries allowed": lambda w: ("max_retries", np.round(3 * w.risk + noise(w))),
    "priority": lambda w: ("priority", np.round(10 * w.risk + 3 * noise(w))),
    "a user who fails often": lambda w: ("owner", w.actor.astype(object)),
    "a number that only one kind has": lambda w: (
        "gpu_count",
        np.where(w.kind == "train", w.gpus, np.nan),
    ),
    "a tag of the bad host only": lambda w: (
        "firmware",
        np.where(w.host == "node7", "1.2b", None).astype(object),
    ),
    "an optional input of careful users": lambda w: (
        "checkpoint",
        np.where(w.risk + 0.3 * noise(w) < 0.2, noise(w, 2), np.nan),
    ),
    "a deadline after the end": lambda w: (
        "deadline",
        iso(w.submitted_us + (w.request_s * 1e6).astype(np.int64)),
    ),
    "a serial number by submission": lambda w: (
        "ticket",
        texts([f"job-{i:06}" for i in range(w.n)]),
    ),
    "the instant of the submission": lambda w: ("queued_at", iso(w.submitted_us - 3_600_000_000)),
    "a value corrected now and then": lambda w: ("branch", pick(w, ["main", "dev", "fix"])),
    "an input that is never filled": lambda w: ("unused", texts([None] * w.n)),
    "a text that says what is to be done": lambda w: (
        "title",
        texts(
            [f"{k} for {a}, run {i}" for i, (k, a) in enumerate(zip(w.kind, w.actor, strict=True))]
        ),
    ),
}
