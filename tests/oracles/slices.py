"""What a slice of time holds, fact by fact: slow, and plain to read."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from runlore.records.execution import OPEN_STATUSES


@dataclass(frozen=True)
class Outcome:
    known_us: int
    value: float


def label_values(facts: pd.DataFrame, begin_us: int, end_us: int) -> list[float]:
    """The durations, in seconds, of the work whose outcome first became known after `begin_us`,
    until `end_us`, as they were known at `end_us`; sorted."""
    told: dict[tuple[object, ...], list[Outcome]] = defaultdict(list)
    submitted: dict[tuple[object, ...], int] = {}
    for fact in facts.sort_values("seq").to_dict("records"):
        name = (fact["source"], fact["source_id"], fact["submitted"])
        submitted.setdefault(name, fact["submission_known_at"])
        if fact["status"] in OPEN_STATUSES:
            continue
        duration_s = (fact["finished"] - fact["started"]) / 1e6
        known_us = max(fact["known_at"], submitted[name])
        told[name].append(Outcome(known_us, duration_s))
    found = []
    for outcomes in told.values():
        first = min(each.known_us for each in outcomes)
        if begin_us < first <= end_us:
            known = [each for each in outcomes if each.known_us <= end_us]
            found.append(float(np.float32(max(known, key=lambda each: each.known_us).value)))
    return sorted(found)


def executions_in(facts: pd.DataFrame, begin_us: int, end_us: int) -> int:
    first = facts.sort_values("seq").drop_duplicates(["source", "source_id", "submitted"])
    known = first["submission_known_at"]
    return int(((known > begin_us) & (known <= end_us)).sum())
