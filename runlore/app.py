"""The product as one process sees it: settings, store, registry and specs.

An `App` is built once at the edge of a process (a command, a flow run, a worker of the prediction
service, a server) and passed down. Only this module reads the settings from the environment, opens
the store and connects to the registry.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runlore.alerts.actions.delivery import Attempt
    from runlore.models.bundle import Bundle
    from runlore.registry import Registry
    from runlore.registry.champions import ChampionFiles
    from runlore.settings import Settings
    from runlore.specs.maintenance_spec import MaintenanceSpec
    from runlore.specs.model_spec import ModelSpec
    from runlore.specs.objective_spec import ObjectiveSpec
    from runlore.specs.series_spec import SeriesSpec
    from runlore.store.engine import Store


class App:
    """Opens the store and the registry when they are first used, and never twice.

    Safe to use from several threads. Whoever builds one closes it; see `open_app`.
    store: one that somebody else has opened, and closes.
    """

    def __init__(self, settings: "Settings", store: "Store | None" = None) -> None:
        self.settings = settings
        self._opening = RLock()
        self._to_close = ExitStack()
        self._store = store
        self._registry: Registry | None = None

    @property
    def store(self) -> "Store":
        """The records. An embedded server runs at least until `close`.

        Raises Unavailable when the database cannot be reached; the next use tries again.
        """
        from runlore.store.engine import open_store

        with self._opening:
            if self._store is None:
                self._store = self._to_close.enter_context(open_store(self.settings))
            return self._store

    @property
    def registry(self) -> "Registry":
        """The registered versions. A machine that only fetches them needs no database."""
        from runlore import registry

        with self._opening:
            if self._registry is None:
                store = None if self._store is None and self._only_fetches() else self.store
                self._registry = registry.connect(self.settings, store)
                self._to_close.callback(self._registry.close)
            return self._registry

    @cached_property
    def specs(self) -> "tuple[ModelSpec, ...]":
        """All model specs, in the order of the setting."""
        from runlore.specs import loading

        return loading.every(self.settings)

    @cached_property
    def series_specs(self) -> "tuple[SeriesSpec, ...]":
        """All series specs, in the order of the setting."""
        from runlore.specs import loading

        return loading.every_series_spec(self.settings)

    @cached_property
    def objectives(self) -> "tuple[ObjectiveSpec, ...]":
        """All service objectives, in the order of the setting."""
        from runlore.specs import loading

        return loading.every_objective(self.settings)

    @cached_property
    def maintenance_specs(self) -> "tuple[MaintenanceSpec, ...]":
        """All maintenance specs, in the order of the setting."""
        from runlore.specs import loading

        return loading.every_maintenance_spec(self.settings)

    def spec(self, name: str) -> "ModelSpec":
        """Raises NotFound for a name that no spec has."""
        from runlore.specs import loading

        return loading.find(self.settings, name)

    def spec_named(self, name: str) -> "ModelSpec | SeriesSpec":
        """A spec of either sort. Raises NotFound for a name that none has."""
        named = (spec for spec in self.series_specs if spec.name == name)
        return next(named, None) or self.spec(name)

    def champion_files(self, spec: str) -> "ChampionFiles | None":
        """The files of the version that answers, fetched once; None: there is none."""
        from runlore.registry.champions import fetch_champion

        has_tables = self.settings.mlflow_tracking_uri is None
        folder = self.settings.home / "serving"
        return fetch_champion(
            self.store, spec, folder, lambda: self.registry, has_tables=has_tables
        )

    def champion_of(self, measure: str) -> "Bundle | None":
        """The version that answers for a quantity such as `duration_s`; None: there is none.

        Raises Tampered for a bundle that is not the one that was registered.
        """
        from runlore.registry.champions import load_files
        from runlore.specs.model_spec import Quantity

        for spec in self.specs:
            if isinstance(spec.question, Quantity) and spec.question.of == measure:
                files = self.champion_files(spec.name)
                if files is not None:
                    return load_files(files)
        return None

    def hold_embedded_server(self) -> None:
        """Have an embedded server run from now until `close`, for worker processes that come and
        go. A server of the settings runs anyway."""
        if self.settings.database_url is None:
            _ = self.store

    def reopen(self) -> None:
        """Open store and registry anew at their next use, because the database has died.

        What is in use elsewhere stays open until `close`.
        """
        with self._opening:
            self._store = self._registry = None

    def deliver_alerts(self) -> "list[Attempt]":
        """Deliver the alerts that were raised in this process, each channel by itself."""
        if self._store is None:
            return []
        from runlore.alerts.actions import delivery

        return delivery.deliver_own(self._store, self.settings.alert_channels)

    def close(self) -> None:
        with self._opening:
            self._store = self._registry = None
            self._to_close.close()

    def _only_fetches(self) -> bool:
        """Whether MLflow runs elsewhere and this machine has no database, not even its own."""
        from runlore.store import embedded

        settings = self.settings
        has_database = settings.database_url is not None or embedded.exists(settings.home)
        return settings.mlflow_tracking_uri is not None and not has_database


@contextmanager
def open_app(
    settings: "Settings | None" = None, store: "Store | None" = None, *, delivers: bool = True
) -> Iterator[App]:
    """An App for as long as the block runs; without settings, those of the environment.

    store: one that somebody else has opened, and closes. delivers: at the end, the alerts that were
    raised meanwhile; servers leave them to the dispatcher, `runlore alerts deliver`.
    """
    if settings is None:
        from runlore.settings import read

        settings = read()
    app = App(settings, store)
    try:
        yield app
    finally:
        try:
            if delivers:
                app.deliver_alerts()
        finally:
            app.close()


def home_app(home: Path | None) -> App:
    """An App of this home; None: of the environment's. Its other settings are the environment's.

    Whoever calls this closes it.
    """
    from runlore.settings import read

    settings = read()
    if home is not None:
        settings = settings.model_copy(update={"home": home.expanduser().absolute()})
    return App(settings)
