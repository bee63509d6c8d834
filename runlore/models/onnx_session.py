"""Running an ONNX graph: `features` (n, F) float32 in; `raw` (n, 1), `shares` (n, K) or both."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

INPUT, OUTPUT, SHARES = "features", "raw", "shares"


def session(graph: bytes | Path) -> "InferenceSession":
    """An onnxruntime session that uses one thread: many requests share the cores, not one."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    source = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(onnx_session: "InferenceSession", rows: Rows) -> Floats:
    """(n,): the graph's answer for each row."""
    (raw,) = onnx_session.run([OUTPUT], {INPUT: np.ascontiguousarray(rows, dtype=np.float32)})
    return np.asarray(raw, dtype=np.float64)[:, 0]


def has_shares(onnx_session: "InferenceSession") -> bool:
    return any(output.name == SHARES for output in onnx_session.get_outputs())


def run_shares(
    onnx_session: "InferenceSession", rows: Rows, *, has_answer: bool
) -> tuple[Floats | None, Floats]:
    """(n,) answers, None from a graph without any, and (n, K) shares of classes."""
    outputs = [SHARES, OUTPUT] if has_answer else [SHARES]
    values = {INPUT: np.ascontiguousarray(rows, dtype=np.float32)}
    shares, *answers = onnx_session.run(outputs, values)
    raw = np.asarray(answers[0], dtype=np.float64)[:, 0] if answers else None
    return raw, np.asarray(shares, dtype=np.float64)
