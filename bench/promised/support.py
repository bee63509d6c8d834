"""What lies outside of the training's support carries no estimate: words unknown in training.

500 rows of three numbers and a kind are compared with 5,000 rows of training. Before, a code was
taken as a number, and -1, the code of any unknown word, lay inside the margin of the range.
"""

from collections.abc import Callable, Iterator

import numpy as np
from promised.row import Row

from runlore.performance.rules.assumption import Assumption
from runlore.performance.rules.feature_support import is_supported

NAMES = ("inputs.size", "inputs.files", "scope.load", "kind")
TAUGHT, ANSWERED = 5_000, 500


def rows(rng: np.random.Generator, n: int, unknown: float, kinds: int = 8) -> np.ndarray:
    kind = np.where(rng.random(n) < unknown, -1, rng.integers(0, kinds, n))
    return np.column_stack([rng.normal(size=(n, 3)), kind]).astype(np.float32)


def now(window: np.ndarray, taught: np.ndarray) -> Assumption:
    return is_supported(window, taught, NAMES, ("kind",))


def before(window: np.ndarray, taught: np.ndarray) -> Assumption:
    """Every column a number."""
    return is_supported(window, taught, NAMES)


RULES: dict[str, Callable[[np.ndarray, np.ndarray], Assumption]] = {"before": before, "now": now}


def withdrawn(rule: str, worlds: int, unknown: float, in_training: float) -> float:
    count = 0
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        taught, window = rows(rng, TAUGHT, in_training), rows(rng, ANSWERED, unknown)
        count += RULES[rule](window, taught).holds is False
    return count / worlds


def run(worlds: int) -> Iterator[Row]:
    for unknown, in_training, promise in (
        (1.0, 0.0, "withdrawn"),
        (0.2, 0.0, "withdrawn"),
        (0.05, 0.0, "stands"),
        (0.1, 0.1, "stands"),
    ):
        world = f"{unknown:.0%} of rows hold an unknown word, {in_training:.0%} in training"
        for rule in RULES:
            yield Row(world, rule, withdrawn(rule, worlds, unknown, in_training), worlds, promise)
