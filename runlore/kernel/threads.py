"""How the libraries' own threads behave."""

import os

# Waiting OpenMP threads sleep. If they spin, they starve other processes: a fit of one second took
# minutes beside other work. OpenBLAS's threads always spin, and our matrices are small: a second
# thread takes three times the CPU of a forecast and gains nothing.
CALM = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}


def calm_threads() -> None:
    """To be called before NumPy, scikit-learn or XGBoost is imported; a user's own value wins."""
    for name, value in CALM.items():
        os.environ.setdefault(name, value)
