"""Data frames in and out: rows become facts or requests, answers become rows."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from runlore.app import App
from runlore.features.declaration import FeaturePlan
from runlore.features.keys import KeyParts
from runlore.ingest.actions.files import IngestSummary, ingest_file
from runlore.ingest.actions.opening import FileSource, Format
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import now
from runlore.models.bundle import Bundle
from runlore.records.mapping import declare
from runlore.serving.actions.prediction import (
    MOST_REASONED,
    Predictor,
    Request,
    RequestBatch,
    ServedPrediction,
)
from runlore.serving.actions.prediction_commit import commit
from runlore.serving.actions.recording import SOURCE
from runlore.specs.model_spec import Quantity

if TYPE_CHECKING:
    from runlore.records.execution import Scalar

FORMATS: Mapping[str, Format] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".swf": "swf",
}
MOST_ROWS = 10_000  # that are answered together
ANSWER_COLUMNS = ("prediction", "low", "high", "unit", "support", "version", "id")
REASON_COLUMNS = ("row", "feature", "value", "reference", "effect", "text")


def ingest(
    app: App,
    data: pd.DataFrame | str | Path,
    source: str | None,
    file_format: Format | None,
    mapping: Mapping[str, Any],
) -> IngestSummary:
    if isinstance(data, pd.DataFrame):
        if source is None:
            raise BadInput(
                "source: name the log that this data frame is, source='builds'", "source"
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{source.replace('/', '-')}.parquet"
            pq.write_table(_table(data), path)
            return _ingest_file(app, path, source, "parquet", mapping)
    path = Path(data)
    name = path.name.removesuffix(".gz")
    chosen = file_format or FORMATS.get(Path(name).suffix.lower())
    if chosen is None:
        raise BadInput(f"format: say which format {path.name} has, format='slurm'", "format")
    return _ingest_file(app, path, source or Path(name).stem, chosen, mapping)


def _ingest_file(
    app: App, path: Path, source: str, file_format: Format, mapping: Mapping[str, Any]
) -> IngestSummary:
    settings = app.settings
    log = FileSource(
        path,
        file_format,
        source,
        declare(mapping),
        max_revisions=settings.max_revisions,
        clock_tolerance_s=settings.clock_tolerance_s,
    )
    return ingest_file(app.store, log, now())


def _table(data: pd.DataFrame) -> pa.Table:
    """Raises BadInput for a column whose values are of several types."""
    for name in data.columns:
        try:
            pa.Array.from_pandas(data[name])
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise BadInput(
                f"{name}: its values are of several types ({error}); convert the column, such as"
                f" by data[{name!r}].astype(str)",
                str(name),
            ) from error
    return pa.Table.from_pandas(data.rename(columns=str), preserve_index=False)


def as_frame(work: pd.DataFrame | Mapping[str, Any]) -> pd.DataFrame:
    """A data frame as it is; one request as a frame of one row, its inputs as columns."""
    if isinstance(work, pd.DataFrame):
        return work
    parts = dict(work)
    return pd.DataFrame([parts | dict(parts.pop("inputs", None) or {})])


def requests_of(work: pd.DataFrame, plan: FeaturePlan, columns: Mapping[str, str]) -> list[Request]:
    """A request for each row, with the inputs that the version knows."""
    frame = work.rename(columns={column: field for field, column in columns.items()})
    for field in ("actor", "kind"):
        if field not in frame.columns:
            raise BadInput(
                f"{field}: no column has this name; name the one that holds it,"
                f" columns={{{field!r}: 'COLUMN'}}",
                field,
            )
    inputs = [name for name in _inputs_of(plan) if name in frame.columns]
    values = _values(frame, inputs)
    names = {
        name: frame[name].fillna("").astype(str) if name in frame.columns else [""] * len(frame)
        for name in ("actor", "kind", "scope", "execution")
    }
    return [
        Request(
            KeyParts(
                actor,
                kind,
                scope,
                {n: v for n, v in zip(inputs, row, strict=True) if v is not None},
            ),
            SOURCE if execution else None,
            execution or None,
        )
        for actor, kind, scope, execution, row in zip(
            names["actor"], names["kind"], names["scope"], names["execution"], values, strict=True
        )
    ]


def _inputs_of(plan: FeaturePlan) -> list[str]:
    keyed = [name for history in plan.histories for name in history.keys]
    worded = [vocabulary.name for vocabulary in plan.categories]
    prefix = "inputs."
    named = [name.removeprefix(prefix) for name in (*keyed, *worded) if name.startswith(prefix)]
    return list(dict.fromkeys((*plan.inputs, *plan.others, *named)))


def _values(frame: pd.DataFrame, inputs: Sequence[str]) -> Iterator[tuple["Scalar", ...]]:
    """The rows of the inputs as Python has them; None where a value is missing."""
    if not inputs:
        return iter([()] * len(frame))
    plain = frame[list(inputs)].astype(object)
    return plain.where(plain.notna(), None).itertuples(index=False, name=None)


def levels_of(quantiles: Sequence[float]) -> tuple[float, ...]:
    """In ascending order, once each."""
    for level in quantiles:
        if not 0 < level < 1:
            raise BadInput(f"quantiles: {level} is not between 0 and 1, such as 0.95", "quantiles")
    return tuple(sorted({float(level) for level in quantiles}))


def answered(
    app: App,
    bundle: Bundle,
    requests: Sequence[Request],
    *,
    has_ledger: bool,
    reasons: int = 0,
    levels: Sequence[float] = (),
) -> list[ServedPrediction]:
    """Answers in the order of the requests, as the service gives them."""
    predictor = Predictor(bundle)
    most = MOST_REASONED if reasons else MOST_ROWS
    writes = has_ledger and app.settings.ledger == "on"
    answers: list[ServedPrediction] = []
    for first in range(0, len(requests), most):
        part = requests[first : first + most]
        batch = RequestBatch(predictor, part, now(), reasons=reasons, levels=tuple(levels))
        answers += commit(app.store, batch, has_ledger=writes)
    return answers


def frame_of(
    answers: Sequence[ServedPrediction],
    index: "pd.Index[Any]",
    bundle: Bundle,
    levels: Sequence[float],
) -> pd.DataFrame:
    question = bundle.question
    unit = question.unit if isinstance(question, Quantity) else "probability"
    rows = [(a.prediction, a.low, a.high, unit, a.support, a.version, str(a.id)) for a in answers]
    frame = pd.DataFrame(rows, index=index, columns=list(ANSWER_COLUMNS))
    for at, level in enumerate(levels):
        frame[f"q{level:g}"] = np.array([[*(a.quantiles or {}).values()][at] for a in answers])
    numbers = ["prediction", "low", "high"]
    return frame.astype(dict.fromkeys(numbers, np.float64))


def reasons_of(answers: Sequence[ServedPrediction], index: "pd.Index[Any]") -> pd.DataFrame:
    rows = [
        (name, reason.feature, reason.value, reason.reference, reason.effect, reason.text)
        for name, answer in zip(index, answers, strict=True)
        for reason in answer.reasons or ()
    ]
    frame = pd.DataFrame(rows, columns=list(REASON_COLUMNS))
    return frame.astype(dict.fromkeys(("value", "reference", "effect"), np.float64))
