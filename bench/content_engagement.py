"""Engagement of published content on a public table, beside the mean and a plain forest.

    python bench/content_engagement.py FOLDER

FOLDER holds OnlineNewsPopularity*.csv(.gz) (UCI; Fernandes et al. 2015). Another table:

    python bench/content_engagement.py posts.csv --target likes --time published --success 100

The first 70 % by time teach and choose; the last 30 % are looked at once. No outcome of one row is
a feature of another, as many tables say nothing of when outcomes became known.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from runlore.features.declaration import FeatureSet
from runlore.features.log import prepare
from runlore.kernel.instants import now
from runlore.log.parsed_facts import facts_of
from runlore.models import scores
from runlore.specs.model_spec import Gate, ModelSpec, Probability, Quantity, Split
from runlore.training.actions.extraction import TrainingExtract, extract_log
from runlore.training.rules import fitting
from runlore.training.rules.split import divide
from runlore.training.rules.trained import Trained

Floats = NDArray[np.float64]

NEWS = {"target": "shares", "order": "-timedelta", "text": ["url"], "success": 1400.0}
SECOND_US, DAY_US = 1_000_000, 86_400_000_000
START_US = 1_500_000_000 * SECOND_US
CANDIDATES: Any = (
    *("baseline", "linear", "random-forest", "gradient-boosting", "boosted-trees"),
    *("xgboost", "blend"),
)


def main() -> None:
    asked = _arguments()
    table = _read(asked)
    facts = facts_of([_facts(table, asked)], now())
    log = prepare(facts)
    print(f"{len(table):,} rows, {table.shape[1]} columns, target {asked.target}")
    done = {}
    for spec in _specs(asked, has_time=asked.time is not None):
        began = time.process_time()
        extracted = extract_log(log, spec)
        trained = fitting.fit(extracted.spec, extracted.data, extracted.plan, None)
        took = time.process_time() - began
        for leak in extracted.inputs.leaks:
            print(f"left out as a leak: {leak.leak.input} {leak.leak.evidence}")
        print(
            f"{spec.name}: {trained.kind}, {len(extracted.data.names)} features, {took:.0f} s CPU"
        )
        shown = {kind: f"{of[spec.select_by]:.4f}" for kind, of in trained.validation.items()}
        print(f"  validation {spec.select_by} {shown}; hashed texts {extracted.inputs.hashed}")
        if not asked.choose_only:
            report = _success if spec.is_probability else _rate
            done[spec.name] = report(extracted, trained)
    if asked.json:
        print(json.dumps(done))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("where", type=Path, help="a folder with the UCI file, or a CSV")
    parser.add_argument("--target", help="column of the engagement, not below 0")
    parser.add_argument("--time", help="column of the publication")
    parser.add_argument("--order", help="column to sort by; -NAME for descending")
    parser.add_argument("--success", type=float, help="from which on a row is a success")
    parser.add_argument("--text", action="append", help="columns of words; an address is split")
    parser.add_argument("--drop", action="append", default=[], help="columns to leave out")
    parser.add_argument("--choose-only", action="store_true", help="do not look at the last 30 %%")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.where.is_dir():
        found = sorted(asked.where.glob("OnlineNewsPopularity*.csv*"))
        if not found:
            sys.exit(f"no OnlineNewsPopularity*.csv in {asked.where}")
        asked.where = found[0]
        for name, value in NEWS.items():
            setattr(asked, name, getattr(asked, name) or value)
    if asked.target is None:
        sys.exit("name the column of the engagement: --target")
    return asked


def _read(asked: argparse.Namespace) -> pd.DataFrame:
    """Ordered by time, without what is not to be known."""
    table = pd.read_csv(asked.where, skipinitialspace=True)
    table.columns = table.columns.str.strip()
    if asked.time:
        table[asked.time] = pd.to_datetime(table[asked.time], utc=True, errors="coerce")
        table = table[table[asked.time].notna()]
    by = asked.time or (asked.order or "").lstrip("-")
    if by:
        ascending = not (asked.order or "").startswith("-")
        table = table.sort_values(by, kind="stable", ascending=ascending)
    table[asked.target] = pd.to_numeric(table[asked.target], errors="coerce")
    table = table[table[asked.target] >= 0]
    for name in asked.text or ():
        table[name] = [" ".join(_words(text)) for text in table[name].fillna("").astype(str)]
    dropped = [*asked.drop, *([asked.order.lstrip("-")] if asked.order else [])]
    return table.drop(columns=dropped).reset_index(drop=True)


def _words(text: str) -> Iterator[str]:
    """The words of a text; of an address those of its last part."""
    last = text.rstrip("/").rpartition("/")[2] if "://" in text else text
    yield from last.replace("-", " ").replace("_", " ").split()


def _facts(table: pd.DataFrame, asked: argparse.Namespace) -> pa.Table:
    n = len(table)
    if asked.time:
        at = table[asked.time].dt.as_unit("us").astype("int64").to_numpy()
        at = np.maximum.accumulate(at + np.arange(n))  # no two at one instant
    else:
        at = START_US + np.arange(n) * SECOND_US
    inputs = table.drop(columns=[asked.target, *([asked.time] if asked.time else [])])
    target = table[asked.target].to_numpy(dtype=np.float64)
    outcome = [
        json.dumps({"engagement": y, "success": bool(y >= (asked.success or np.median(target)))})
        for y in target.tolist()
    ]
    rows = inputs.astype(object).where(inputs.notna(), None).to_dict("records")
    columns = {
        "source": ["table"] * n,
        "source_id": [str(number) for number in range(n)],
        **dict.fromkeys(("actor", "kind", "scope"), [""] * n),
        "inputs": [json.dumps({k: v for k, v in row.items() if v is not None}) for row in rows],
        **dict.fromkeys(("submitted", "started", "finished", "submission_known_at"), at),
        "status": ["succeeded"] * n,
        "outcome": outcome,
        "known_at": at + 1,
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def _specs(asked: argparse.Namespace, *, has_time: bool) -> Iterator[ModelSpec]:
    features = FeatureSet(histories=(), has_calendar=has_time)
    split = Split(test_share=0.3, least_rows=50)
    yield ModelSpec(
        name="success",
        question=Probability("outcome.success"),
        features=features,
        candidates=CANDIDATES,
        select_by="auc",
        gates=(Gate("auc", "baseline"), Gate("brier", "baseline")),
        baseline="majority",
        split=split,
    )
    yield ModelSpec(
        name="rate",
        question=Quantity("outcome.engagement", unit="", coverage=0.95),
        features=features,
        candidates=CANDIDATES,
        select_by="mae",
        gates=(Gate("mae", "baseline"), Gate("coverage", "within", 0.9, 1.0)),
        baseline="median",
        split=split,
    )


def _success(extracted: TrainingExtract, trained: Trained) -> dict[str, Any]:
    data, division = extracted.data, divide(extracted.spec, extracted.data)
    plain = _forest(data.rows[division.train], data.target[division.train], is_class=True)
    forest = plain.predict_proba(_filled(data.rows[division.test]))[:, 1]
    actual = data.target[division.test]
    told = {name: str(score) for name, score in trained.evidence.candidate.items()}
    beside = {name: scores.measure(name, actual, forest) for name in ("auc", "brier")}
    accuracy = float(np.mean((trained.test.prediction >= 0.5) == (actual == 1)))
    print(f"  success: {actual.mean():.1%} of {len(actual):,} test rows; accuracy {accuracy:.3f}")
    print(f"  ours          {told}")
    print(f"  plain forest  AUC {beside['auc']:.4f}, Brier {beside['brier']:.4f}")
    print(f"  gates: {'passed' if trained.verdict.passed else trained.verdict.reasons}")
    return {"ours": told, "forest": beside, "accuracy": accuracy, "kind": trained.kind}


def _rate(extracted: TrainingExtract, trained: Trained) -> dict[str, Any]:
    data, division = extracted.data, divide(extracted.spec, extracted.data)
    actual, learned = (np.log1p(data.target[part]) for part in (division.test, division.train))
    plain = _forest(data.rows[division.train], learned, is_class=False)
    answers = {
        "ours": np.log1p(np.maximum(trained.test.prediction, 0.0)),
        "mean": np.full(len(actual), learned.mean()),
        "median": np.full(len(actual), np.median(learned)),
        "plain forest": plain.predict(_filled(data.rows[division.test])),
    }
    measured = {name: _log_scores(actual, answer) for name, answer in answers.items()}
    for name, (mae, r2) in measured.items():
        print(f"  {name:13} log MAE {mae:.4f}, R² {r2:+.4f}")
    coverage = trained.evidence.candidate["coverage"]
    print(f"  95 % intervals cover {coverage}")
    print(f"  gates: {'passed' if trained.verdict.passed else trained.verdict.reasons}")
    return {"log": measured, "coverage": str(coverage), "kind": trained.kind}


def _log_scores(actual: Floats, answer: Floats) -> tuple[float, float]:
    rest = float(np.sum((actual - answer) ** 2))
    whole = float(np.sum((actual - actual.mean()) ** 2))
    return float(np.mean(np.abs(actual - answer))), 1 - rest / whole


def _forest(rows: Any, target: Floats, *, is_class: bool) -> Any:
    """scikit-learn's own, as it comes, with 100 trees."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    learner = RandomForestClassifier if is_class else RandomForestRegressor
    return learner(n_estimators=100, random_state=0).fit(_filled(rows), target)


def _filled(rows: Any) -> Any:
    return np.nan_to_num(rows, nan=-1.0)


if __name__ == "__main__":
    main()
