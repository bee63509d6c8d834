"""Metrics: time series that come in beside the executions."""

# Columns of a frame of metric points: instants as int64 microseconds, `value` as float64. `(source,
# name, scope, at)` names a point; another value for it is a correction, kept beside the first with
# a later `known_at`.
METRIC_COLUMNS = ("source", "name", "scope", "at", "value", "known_at")
EXECUTION_SOURCE = "executions"  # of points made from executions; nobody sends points of it
