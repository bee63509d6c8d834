"""A client of MLflow with an address of its own. No global is set: several can be open."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runlore.kernel.errors import Misconfigured, NotFound, Unavailable, one_line
from runlore.registry.credentials import PASSWORD, USERNAME

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    from runlore.store.engine import Store


@dataclass(frozen=True)
class Session:
    """uri: the tracking address; it may hold a password, never show it.

    artifacts: the folder for the files of new experiments; None: the server decides.
    pages: where a browser finds MLflow.
    lock: makes this process the only one at work on a subject.
    history: the digest of a version (spec, number) in the audited history; None: not there.
    tables: MLflow's tables themselves; None: there is a server between.
    """

    client: "MlflowClient"
    uri: str = field(repr=False)
    artifacts: str | None
    pages: str
    lock: Callable[[str], AbstractContextManager[None]] = field(repr=False)
    history: Callable[[str, str], str | None] = field(repr=False)
    tables: "Store | None" = field(repr=False)

    @property
    def is_direct(self) -> bool:
        """Straight on MLflow's tables, with no server of MLflow between."""
        return self.tables is not None

    def page(self, path: str) -> str:
        """The address of a page: MLflow opens as a tool for language models unless told."""
        return f"{self.pages}/#/{path}?workflowType=machine_learning"

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Tell what is away and what does not exist in our own words."""
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            where = "MLflow's tables" if self.is_direct else f"MLflow at {self.uri}"
            if _is_away(error):
                raise Unavailable(f"{where}: {one_line(error)}") from error
            if error.error_code == "UNAUTHENTICATED":
                raise Misconfigured(
                    f"{where} asks for a login: set {USERNAME} and {PASSWORD} to its own"
                ) from error
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise NotFound(f"{where}: {one_line(error)}") from error
            raise


def _is_away(error: "MlflowException") -> bool:
    """A request that failed before an answer came keeps requests' own error as its context."""
    if error.error_code == "TEMPORARILY_UNAVAILABLE":
        return True
    return error.error_code == "INTERNAL_ERROR" and isinstance(error.__context__, OSError)
