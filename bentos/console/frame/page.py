"""What a page of the console declares, what it gets of a request, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from bentos.http.routing import Scope
from bentos.predict.live_versions import Serving
from runlore.app import App
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.kernel.page_links import PageLinks
from runlore.planning.actions.estimates import EstimatorCache
from runlore.serving.actions.promotion import ChangeReason
from runlore.serving.queries.api_keys import ApiKey
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry

LONGEST_NAME, LONGEST_REASON = 100, 500
LARGEST_ID = 2**63 - 1
NO_REGISTRY = "a packaged version knows no registry; ask the service of `runlore serve`"


@dataclass(frozen=True)
class PageRequest:
    """What a view gets. It runs in a thread: it may wait for the database.

    path, query, form: parameters by name. key: None: the request needed none and brought none.
    host: the name by which the browser came. estimators: what was learned of kinds of tasks.
    """

    product: App
    serving: Serving
    at: datetime
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    key: ApiKey | None = None
    host: str = ""
    estimators: EstimatorCache | None = None

    @property
    def links(self) -> PageLinks:
        """Addresses of pages of MLflow and Prefect, under the name by which the browser came."""
        return self.product.settings.pages(self.host)

    @property
    def store(self) -> Store:
        return self.serving.database()

    @property
    def registry(self) -> "Registry":
        """Raises Refused in a Bento, which has none."""
        try:
            return self.product.registry
        except ModuleNotFoundError as error:
            raise Refused(NO_REGISTRY) from error

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        """The specs that this service serves, in the order of the setting."""
        return tuple(spec for spec in self.product.specs if spec.name in self.serving.names)

    def spec(self, name: str) -> ModelSpec:
        """Raises NotFound for a name that no spec has."""
        self.serving.check(name)
        return next((spec for spec in self.specs if spec.name == name), self.product.spec(name))

    def number(self, name: str) -> int:
        """A parameter of the path that is the number of something."""
        text = self.path[name]
        if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) > 0):
            raise NotFound(f"{text[:80]!r} is not the number of anything")
        return min(int(text), LARGEST_ID)

    def actor(self) -> str:
        """Who sends a form: the owner of the key, else the typed name."""
        return self.key.name if self.key is not None else self.line("actor", LONGEST_NAME)

    def why(self) -> ChangeReason:
        """Who changes something, and the reason of the form."""
        return ChangeReason(self.actor(), self.line("reason"))

    def line(self, name: str, longest: int = LONGEST_REASON) -> str:
        """A field of the form that must hold one line of text."""
        text = self.form.get(name, "").strip()
        if not text or len(text) > longest or not text.isprintable():
            raise BadInput(f"{name}: write one line of 1 to {longest} characters", name)
        return text


@dataclass(frozen=True)
class Shown:
    """A page: a template below `bentos/console`, and what it shows.

    status: 422 for a form that is to be corrected.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Moved:
    """Go to another page, which shows a notice once."""

    path: str
    notice: str = ""


@dataclass(frozen=True)
class PageFile:
    """A file to show or to save. It may run nothing and load nothing."""

    body: bytes
    media_type: str
    name: str


View = Callable[[PageRequest], Shown | Moved | PageFile]


@dataclass(frozen=True)
class PageRoute:
    """One address. GET shows, POST takes a form; `scope` is what a key must allow."""

    method: Literal["GET", "POST"]
    path: str
    view: View
    scope: Scope = "read"


@dataclass(frozen=True)
class ConsolePage:
    """A subject's page: the module `page.py` of its folder has one as PAGE.

    title: in the navigation, which is sorted by `order`. path: where the navigation leads.
    group: its pages are one link at the top, and a row of their own on each of them.
    """

    title: str
    order: int
    path: str
    routes: tuple[PageRoute, ...]
    is_listed: bool = True
    group: str = ""
