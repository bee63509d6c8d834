"""How the libraries' own threads behave."""

import os

# Waiting OpenMP threads sleep. If they spin, they starve other processes: a fit of one second took
# minutes beside other work.
CALM = {"OMP_WAIT_POLICY": "PASSIVE"}


def calm_threads() -> None:
    """To be called before scikit-learn or XGBoost is imported; a user's own value wins."""
    for name, value in CALM.items():
        os.environ.setdefault(name, value)
