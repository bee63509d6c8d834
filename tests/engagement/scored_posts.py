"""Posts whose engagement follows an input, with a version that reads it."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from handmade import write_bundle
from onnx import TensorProto, helper, numpy_helper
from sqlalchemy import insert

from runlore.engagement.queries.content_scores import ScoreRow, insert_score
from runlore.features.declaration import FeaturePlan, FeatureSet
from runlore.kernel.instants import now, to_us
from runlore.models import bundle as bundles
from runlore.models.bundle import Bundle
from runlore.specs.model_spec import Gate, ModelSpec, Quantity
from runlore.store import partitions, schema
from runlore.store.engine import Store

POSTS, HOURS_APART = 420, 4
NOW = now().replace(minute=0, second=0, microsecond=0)
START = NOW - timedelta(hours=HOURS_APART * POSTS)
TAUGHT = START + timedelta(days=7)
SPEC = ModelSpec(
    name="engagement",
    question=Quantity(of="outcome.engagement_rate", unit="%", coverage=0.9),
    features=FeatureSet(histories=()),
    candidates=("baseline", "linear"),
    select_by="mae",
    gates=(Gate("mae", "baseline"),),
    baseline="median",
)


def write_scored_posts(store: Store, first: str = "ann") -> np.ndarray:
    """One each four hours by `first`, bob and cem on two platforms, and `draft` of `first`.

    Measured for good after a week. Returns the qualities that the engagement follows.
    """
    rng = np.random.default_rng(5)
    quality = rng.lognormal(1, 0.5, POSTS)
    rates = quality * rng.lognormal(0, 0.4, POSTS)
    rows = [
        row
        for number in range(POSTS)
        for row in _rows(number, quality[number], rates[number], first)
    ]
    draft = _rows(POSTS, 9.0, 0.0, first)[0] | {
        "source_id": "draft",
        "status": "submitted",
        "digest": 10**6,
        "started": None,
        "finished": None,
        "outcome": {},
        "inputs": THUMB | {"quality": 9.0},
    }
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", START, NOW)
    with store.begin() as connection:
        connection.execute(insert(schema.executions), [*rows, draft])
    return quality


THUMB = {"hashtag_count": 7, "content_length": 900, "has_media": True, "timezone": "UTC"}


def _rows(number: int, quality: float, rate: float, first: str) -> list[dict]:
    at = START + timedelta(hours=HOURS_APART * number)
    post = {
        "source": "posts",
        "source_id": f"post-{number}",
        "submitted": at,
        "revision": 0,
        "actor": (first, "bob", "cem")[number % 3],
        "kind": "image",
        "scope": ("instagram", "tiktok")[number % 2],
        "inputs": {"quality": float(quality)},
        "started": at,
        "finished": at,
        "status": "succeeded",
        "outcome": {"engagement_rate": float(rate) / 3, "age_h": 1.0},
        "submission_known_at": at,
        "known_at": at,
        "digest": 2 * number,
    }
    known = at + timedelta(days=7)
    outcome = {"engagement_rate": float(rate), "age_h": 168.0}
    final = {"revision": 1, "outcome": outcome, "known_at": known, "digest": 2 * number + 1}
    return [post, post | final] if known < NOW else [post]


def quality_version(folder: Path) -> Path:
    """A version that answers the input `quality`, and has learned until `TAUGHT`."""
    plan = FeaturePlan(("quality",), (), (), has_calendar=False)
    nodes = [
        helper.make_node("IsNaN", ["features"], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", "features"], ["known"]),
        helper.make_node("Add", ["known", "one"], ["more"]),
        helper.make_node("Log", ["more"], ["raw"]),
    ]
    graph = helper.make_graph(
        nodes,
        "quality",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, [None, 1])],
        [
            numpy_helper.from_array(np.zeros(1, dtype=np.float32), "zero"),
            numpy_helper.from_array(np.ones(1, dtype=np.float32), "one"),
        ],
    )
    opset = helper.make_opsetid("", 17)
    written = helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()
    write_bundle(folder, SPEC.name, plan=plan, graph=written, has_quantiles=True, spec=SPEC)
    path = folder / bundles.DESCRIPTION
    description = json.loads(path.read_text())
    until = to_us(TAUGHT)
    description["training"] = {"test_us": until, "last_us": until - 1}
    description["digest"] = bundles.content_digest(description, [folder / bundles.MODEL])
    path.write_text(json.dumps(description))
    Bundle.load(folder)
    return folder


def record_scores(store: Store, quality: np.ndarray, persona: str) -> list[int]:
    """A score of each post of one persona, by its quality, an hour before publication; one more
    after it, which counts for nothing. Returns the posts that are final by now."""
    owner = ("ann", "bob", "cem").index(persona)
    final = []
    for number in range(owner, POSTS, 3):
        at = START + timedelta(hours=HOURS_APART * number)
        early = ScoreRow(
            at=at - timedelta(hours=1),
            source="posts",
            source_id=f"post-{number}",
            persona=persona,
            platform=("instagram", "tiktok")[number % 2],
            method="model",
            score=100 * float((quality < quality[number]).mean()),
            low=20.0,
            high=80.0,
            confidence="medium",
            top_fifth=0.4,
            success=None,
            level="persona",
            posts=200,
            prediction_id=None,
        )
        insert_score(store, early)
        insert_score(store, replace(early, at=at + timedelta(hours=1), score=0.0, top_fifth=0.9))
        if at + timedelta(days=7) < NOW:
            final.append(number)
    return final
