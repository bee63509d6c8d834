"""How the libraries' own threads behave."""

import os

CALM = {"OMP_WAIT_POLICY": "PASSIVE"}
"""OpenMP threads that wait sleep. Spinning, they starve whoever shares the cores: a fit of one
second took minutes beside other work."""


def calm_threads() -> None:
    """To be called before scikit-learn or XGBoost is imported; a user's own value wins."""
    for name, value in CALM.items():
        os.environ.setdefault(name, value)
