"""The columns of a judged window beside those of the training, from the counts that are stored."""

import json
from collections.abc import Sequence
from functools import lru_cache, reduce
from pathlib import Path

from runlore.kernel.instants import to_us
from runlore.log import time_slices
from runlore.log.time_slices import SliceRange
from runlore.models.learned_ranges import PROFILE
from runlore.monitoring.actions.counting import counter_key
from runlore.monitoring.queries import histograms
from runlore.monitoring.queries.drift_results import ComparedWindow
from runlore.monitoring.rules.before_after import BeforeAfter, before_after
from runlore.monitoring.rules.histogram import Profile
from runlore.monitoring.rules.verdict import Words
from runlore.store.engine import Store

PROFILES = 4  # kept in memory, a few hundred KiB each


def compared_columns(
    store: Store,
    window: ComparedWindow,
    bundle: tuple[Path, str],
    names: Sequence[str],
    words: Words,
) -> list[BeforeAfter]:
    """Read these columns; those that were never counted are left out.

    bundle: the folder of the version that the window was compared with, and its digest.
    """
    folder, digest = bundle
    if not (folder / PROFILE).is_file():
        return []
    reference = _read_profile(folder, digest)
    counted = _counted(store, window, reference, digest, names)
    before = {column.name: column for column in reference.columns}
    columns = [] if counted is None else counted.columns
    return [before_after(before[c.name], c, words.get(c.name, ())) for c in columns]


@lru_cache(maxsize=PROFILES)
def _read_profile(folder: Path, _digest: str) -> Profile:
    """The training's counts, which never change while the digest of the bundle is the same."""
    text = (folder / PROFILE).read_text(encoding="utf-8")
    return Profile.from_json(json.loads(text))


def _counted(
    store: Store, window: ComparedWindow, reference: Profile, digest: str, names: Sequence[str]
) -> Profile | None:
    """The sum of the window's slices; None where none is stored."""
    length_s = (window.window_to - window.window_from).total_seconds()
    grid = time_slices.grid_of(length_s)
    first, last = (to_us(at) // grid.length_us for at in (window.window_from, window.window_to))
    starts = [grid.begin(number) for number in SliceRange(grid, first, last).numbers]
    key = counter_key((window.spec, window.version, digest), reference.bins, grid)
    bins = [column for column in reference.bins if column.name in names]
    with store.begin() as connection:
        profiles = histograms.read(connection, key, bins, starts)
    return reduce(Profile.merged, profiles.values()) if profiles else None
