"""Small flows for tests; workers and Dask import them by this name."""

import os

from prefect import flow, task


@flow
def add(left: int, right: int) -> int:
    return left + right


@task
def process_of(_number: int) -> int:
    return os.getpid()


@flow
def spread(tasks: int) -> set[int]:
    """The processes that the tasks ran in."""
    return set(process_of.map(range(tasks)).result())
