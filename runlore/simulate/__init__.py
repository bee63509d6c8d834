"""A simulated job log with known truth: for the demo and for tests, never for conclusions."""

from runlore.simulate.files import SimulatedFiles, counts, mapping, truth, write, write_csv
from runlore.simulate.log import SIMULATED_SOURCE, SimulatedLog, events, simulate
from runlore.simulate.scenario import Scenario

__all__ = [
    "SIMULATED_SOURCE",
    "Scenario",
    "SimulatedFiles",
    "SimulatedLog",
    "counts",
    "events",
    "mapping",
    "simulate",
    "truth",
    "write",
    "write_csv",
]
