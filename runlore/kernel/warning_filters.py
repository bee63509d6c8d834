"""Filters of warnings that the threads of a library cannot take away."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class LastingFilters(list[object]):
    """Filters that ignore being changed in place. A copy, `filters[:]`, is a list as any other."""

    def __setitem__(self, *_: object) -> None:
        """Ignored, as are the others."""

    def __delitem__(self, *_: object) -> None: ...

    def insert(self, *_: object) -> None: ...

    def append(self, *_: object) -> None: ...

    def remove(self, *_: object) -> None: ...


@contextmanager
def lasting_filters() -> Iterator[None]:
    """Fit within this what scikit-learn fits in threads of its own.

    Each of its threads empties the filters of the process and puts back what it found. Two at once
    leave other filters behind, or none, for good. Within this they change copies only.
    """
    with warnings.catch_warnings():
        warnings.filters = LastingFilters(warnings.filters)  # type: ignore[assignment]
        yield
