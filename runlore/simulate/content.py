"""Simulated posts with planted truth: for the demo and for tests, never for conclusions."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CONTENT_SOURCE = "simulated-content"
PLATFORMS = ("instagram", "tiktok", "twitter")
CONTENT_KINDS = ("image", "video", "text", "story")
TAGS = ("travel", "food", "fitness", "music", "art", "games", "pets", "fashion", "tech", "sale")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
COMPLEXITY = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
CONTENT_INPUTS = (
    *("content_length", "hashtag_count", "hashtags", "has_media", "has_call_to_action"),
    *("prompt_length", "complexity", "state", "confidence", "is_assigned", "has_validation"),
    *("timezone", "follower_count"),
)
CONTENT_OUTCOME = (
    *("engagement_rate", "impressions", "engagements", "user_count", "bot_count", "age_h"),
)
AGES_H = (1.0, 24.0, 168.0)
HOURS_OF_WEEK = 168


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentScenario:
    """The same scenario gives the same posts.

    posts_per_day: of each persona. first: local midnight of a Monday.
    persona_sd, platform_sd, kind_sd, tag_sd: standard deviations of effects on the logarithm of the
    engagement rate. hour_effect: amplitude over the week. media, call_to_action: effects of having
    them. noise: standard deviation of what nothing explains. 0 everywhere plants nothing.
    confounded: 0..1, how much a persona's level decides its hours, media and tags.
    zoned: whether personas' audiences live in different time zones; else all in UTC.
    """

    seed: int = 7
    personas: int = 6
    days: int = 120
    posts_per_day: float = 1.5
    first: datetime = datetime(2025, 6, 2, tzinfo=UTC)
    base_percent: float = 4.0
    persona_sd: float = 0.4
    platform_sd: float = 0.2
    kind_sd: float = 0.2
    hour_effect: float = 0.35
    tag_sd: float = 0.2
    media: float = 0.3
    call_to_action: float = 0.12
    noise: float = 0.3
    confounded: float = 0.0
    zoned: bool = True

    def __post_init__(self) -> None:
        for name in ("personas", "days"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name}: {getattr(self, name)} is too few; give 1 or more", name)
        if not 0 <= self.confounded <= 1:
            raise BadInput(f"confounded: {self.confounded} is not in 0 .. 1", "confounded")


@dataclass(frozen=True, eq=False)
class ContentTruth:
    """Planted effects on the logarithm of the engagement rate.

    persona: (personas,); platform, kind: (3,), (4,); hour: (personas, 168), by local hour of week,
    with mean 0; tag: (tags,), each tag of a post adds its own.
    """

    base: float
    persona: Floats
    platform: Floats
    kind: Floats
    hour: Floats
    tag: Floats
    media: float
    call_to_action: float

    def expected_rate(self, posts: pd.DataFrame) -> Floats:
        """(n,): percent without noise, for posts with the columns of `SimulatedContent.posts`."""
        who, hour = (posts[name].to_numpy(dtype=np.int64) for name in ("who", "hour_of_week"))
        tags = np.stack(posts["tags"].to_list()) if len(posts) else np.zeros((0, len(TAGS)))
        rates: Floats = np.exp(
            self.base
            + self.persona[who]
            + self.platform[posts["where"].to_numpy(dtype=np.int64)]
            + self.kind[posts["what"].to_numpy(dtype=np.int64)]
            + self.hour[who, hour]
            + tags @ self.tag
            + self.media * posts["has_media"].to_numpy(dtype=np.float64)
            + self.call_to_action * posts["has_call_to_action"].to_numpy(dtype=np.float64)
        )
        return rates


@dataclass(frozen=True, eq=False)
class SimulatedContent:
    """Simulated, no real data.

    posts: a row per post, by publication: `id`, `who`, `where`, `what` (numbers of the persona, the
    platform, the kind), `persona`, `platform`, `kind`, `published` (UTC), `hour_of_week` (local),
    `tags` (an array of 0 and 1 over TAGS), CONTENT_INPUTS, `expected_rate` (percent, without noise)
    and `final_rate` (as measured at the last age).
    records: text and numbers as in the CSV, a row per post and age, in the order they became known.
    """

    scenario: ContentScenario
    truth: ContentTruth
    posts: pd.DataFrame
    records: pd.DataFrame

    def facts(self) -> pa.Table:
        """The records with EXECUTION_COLUMNS: instants are int64 microseconds."""
        records = self.records
        at_us, known_us = (
            pd.to_datetime(records[name], utc=True, format="ISO8601")
            .dt.as_unit("us")
            .astype("int64")
            for name in ("published", "measured")
        )
        columns = {
            "source": [CONTENT_SOURCE] * len(records),
            "source_id": records["id"],
            "actor": records["persona"],
            "kind": records["kind"],
            "scope": records["platform"],
            "inputs": _json(records, CONTENT_INPUTS),
            **dict.fromkeys(("submitted", "started", "finished"), at_us),
            "status": ["succeeded"] * len(records),
            "outcome": _json(records, CONTENT_OUTCOME),
            "submission_known_at": at_us,
            "known_at": known_us,
        }
        return pa.table({name: pa.array(values) for name, values in columns.items()})


def simulate_content(scenario: ContentScenario) -> SimulatedContent:
    for_truth, for_posts, for_counts = np.random.default_rng(scenario.seed).spawn(3)
    truth = _draw_truth(scenario, for_truth)
    posts = _draw_posts(scenario, truth, for_posts)
    posts["expected_rate"] = truth.expected_rate(posts)
    records = _measured(scenario, posts, for_counts)
    final = records[records["age_h"] == AGES_H[-1]].set_index("id")["engagement_rate"]
    posts["final_rate"] = final.reindex(posts["id"]).to_numpy()
    return SimulatedContent(scenario, truth, posts, records)


def content_mapping() -> dict[str, Any]:
    """How `runlore ingest csv --mapping` reads the records."""
    return {
        "source": CONTENT_SOURCE,
        "columns": {
            "source_id": "id",
            "actor": "persona",
            "kind": "kind",
            "scope": "platform",
            **dict.fromkeys(("submitted", "started", "finished"), "published"),
            "known_at": "measured",
        },
        "constants": {"status": "succeeded"},
        "inputs": list(CONTENT_INPUTS),
        "outcome": list(CONTENT_OUTCOME),
    }


def write_content(content: SimulatedContent, folder: Path) -> tuple[Path, Path]:
    """Write `content.csv` and `content-mapping.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, mapping = folder / "content.csv", folder / "content-mapping.json"
    content.records.to_csv(rows, index=False, lineterminator="\n")
    mapping.write_text(json.dumps(content_mapping(), indent=1) + "\n", encoding="utf-8")
    return rows, mapping


def _draw_truth(scenario: ContentScenario, rng: np.random.Generator) -> ContentTruth:
    hours = np.arange(HOURS_OF_WEEK)
    peaks = rng.uniform(8, 22, scenario.personas)
    daily = np.cos((hours[None, :] % 24 - peaks[:, None]) * 2 * np.pi / 24)
    weekend = 0.4 * rng.choice([-1.0, 1.0], scenario.personas)[:, None] * (hours // 24 >= 5)
    hour = scenario.hour_effect * (daily + weekend)
    return ContentTruth(
        base=float(np.log(scenario.base_percent)),
        persona=rng.normal(0, scenario.persona_sd, scenario.personas),
        platform=rng.normal(0, scenario.platform_sd, len(PLATFORMS)),
        kind=rng.normal(0, scenario.kind_sd, len(CONTENT_KINDS)),
        hour=hour - hour.mean(axis=1, keepdims=True),
        tag=rng.normal(0, scenario.tag_sd, len(TAGS)),
        media=scenario.media,
        call_to_action=scenario.call_to_action,
    )


def _draw_posts(
    scenario: ContentScenario, truth: ContentTruth, rng: np.random.Generator
) -> pd.DataFrame:
    n = max(1, round(scenario.personas * scenario.days * scenario.posts_per_day))
    who = rng.integers(scenario.personas, size=n)
    level = _spread(truth.persona)[who] * scenario.confounded
    zones = np.array(ZONES if scenario.zoned else ZONES[:1], dtype=object)
    zone = zones[who % len(zones)]
    local_h = (24 * rng.integers(scenario.days, size=n) + _hours(level, rng)).astype(np.int64)
    tags = rng.random((n, len(TAGS))) < np.clip(0.3 + 0.15 * level, 0.02, 0.9)[:, None]
    local = pd.Timestamp(scenario.first).tz_localize(None) + pd.to_timedelta(
        local_h + rng.random(n), unit="h"
    )
    posts = pd.DataFrame(
        {
            "who": who,
            "where": rng.integers(len(PLATFORMS), size=n),
            "what": rng.integers(len(CONTENT_KINDS), size=n),
            "published": _utc(local, zone),
            "hour_of_week": local_h % HOURS_OF_WEEK,
            "hashtag_count": tags.sum(axis=1).astype(np.float64),
            "hashtags": [" ".join(np.array(TAGS, dtype=object)[row]) for row in tags],
            "has_media": rng.random(n) < np.clip(0.6 + 0.3 * level, 0.05, 0.95),
            "timezone": zone,
            "follower_count": (2_000 * (1 + who) * rng.uniform(0.9, 1.1, n)).round(),
            **_texts(n, rng),
        }
    )
    posts["tags"] = list(tags.astype(np.float64))
    posts["persona"] = [f"persona-{number + 1:02}" for number in who]
    posts["platform"] = np.array(PLATFORMS, dtype=object)[posts["where"]]
    posts["kind"] = np.array(CONTENT_KINDS, dtype=object)[posts["what"]]
    posts = posts.sort_values("published", kind="stable", ignore_index=True)
    posts.insert(0, "id", [f"post-{number + 1:06}" for number in range(n)])
    return posts


def _texts(n: int, rng: np.random.Generator) -> dict[str, Any]:
    """Inputs that say how the posts were made; none but the call to action has an effect."""
    return {
        "content_length": rng.lognormal(5.2, 0.7, n).round().clip(10, 2200),
        "has_call_to_action": rng.random(n) < 0.4,
        "prompt_length": rng.lognormal(4.5, 0.5, n).round(),
        "complexity": np.array(COMPLEXITY, dtype=object)[rng.integers(4, size=n)],
        "state": "approved",
        "confidence": rng.uniform(0.3, 1.0, n).round(2),
        "is_assigned": rng.random(n) < 0.8,
        "has_validation": rng.random(n) < 0.7,
    }


def _measured(
    scenario: ContentScenario, posts: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """A record per post and age: counts grow, and those who see a post first like it more."""
    n = len(posts)
    noise = rng.normal(0, scenario.noise, n) - scenario.noise**2 / 2
    rate = np.clip(posts["expected_rate"].to_numpy() * np.exp(noise) / 100, 0.0, 0.9)
    impressions = (posts["follower_count"] * rng.lognormal(0, 0.3, n)).round().astype(np.int64)
    engaged = rng.binomial(impressions, rate)
    bot_share = rng.beta(1.0, 12.0, n)
    records = []
    for age_h in AGES_H:
        seen = 1.0 if age_h == AGES_H[-1] else 1 - np.exp(-age_h / 30)
        reach = np.maximum((impressions * seen).round(), 1).astype(np.int64)
        early = engaged if seen == 1.0 else rng.binomial(engaged, min(1.0, 1.5 * seen))
        users = np.minimum(early, reach)
        measured = posts["published"] + pd.to_timedelta(age_h, unit="h")
        counts = {
            "measured": measured,
            "engagement_rate": (100 * users / reach).round(4),
            "impressions": reach,
            "engagements": users,
            "user_count": users,
            "bot_count": (users * bot_share / (1 - bot_share)).round().astype(np.int64),
            "age_h": age_h,
        }
        names = ["id", "persona", "platform", "kind", "published", *CONTENT_INPUTS]
        records.append(posts[names].assign(**counts))
    every = pd.concat(records).sort_values(["measured", "id"], kind="stable", ignore_index=True)
    for name in ("published", "measured"):
        every[name] = every[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return every


def _spread(values: Floats) -> Floats:
    """In standard deviations; 0 where all are equal."""
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def _hours(level: Floats, rng: np.random.Generator) -> Floats:
    """Local hours of the day: more in the evening the higher the level."""
    return np.floor(np.clip(rng.normal(14 + 3 * level, 5.5), 0, 23.999))


def _utc(local: pd.DatetimeIndex, zone: NDArray[np.object_]) -> "pd.Series[Any]":
    """Instants of local times; those that a clock change skips move forward."""
    at = pd.Series(pd.NaT, index=range(len(zone)), dtype="datetime64[us, UTC]")
    for name in np.unique(zone.astype(str)):
        rows = np.flatnonzero(zone == name)
        zoned = local[rows].tz_localize(name, nonexistent="shift_forward", ambiguous=True)
        at.iloc[rows] = zoned.tz_convert("UTC").as_unit("us").floor("s")
    return at


def _json(records: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    return [json.dumps(row) for row in records[list(names)].to_dict("records")]
