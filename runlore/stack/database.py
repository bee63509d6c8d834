"""The database as a service of the stack: held open by this process, not a child of it.

The embedded server outlives whoever started it and belongs to all processes of the home;
this one only makes sure that it runs, and that it runs again should it die.
"""

from datetime import datetime

from runlore.app import App
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.settings import Settings
from runlore.stack.child import ServiceEvent, ServiceState, Tell
from runlore.stack.environment import sqlite_file
from runlore.stack.services import DATABASE, Service
from runlore.store.engine import Store
from runlore.store.prefect_schema import prefect_variables
from runlore.store.tracking import tracking_url

CHECK_EVERY_S = 5.0
MLFLOW_TABLES = "MLFLOW_BACKEND_STORE_URI"


class Database:
    def __init__(self, settings: Settings, tell: Tell) -> None:
        self.state = ServiceState.WAITING
        self._tell = tell
        self._sqlite_file = sqlite_file(settings)
        self._app = App(settings)
        self._store: Store | None = None
        self._checked_at = instants.EPOCH

    def variables(self, service: Service) -> dict[str, str]:
        """The variables with the address of the tables that a service reads.

        They may hold a password.
        """
        if self._store is None or service.tables is None:
            return {}
        if service.tables == "mlflow":
            return {MLFLOW_TABLES: tracking_url(self._store)}
        if self._sqlite_file.exists():
            size = self._sqlite_file.stat().st_size
            detail = f"first copies its {size / 1e6:.0f} MB of SQLite records into PostgreSQL"
            self._tell(ServiceEvent(service.name, ServiceState.STARTING, detail))
        return prefect_variables(self._store)

    def start(self) -> None:
        """Make it run, with its tables up to date; raises when it cannot."""
        self._app.reopen()
        self._store = self._app.store
        where = self._store.engine.url.render_as_string(hide_password=True)
        self._change(ServiceState.HEALTHY, where)

    def tick(self, now: datetime) -> None:
        """Look whether it still answers, from time to time."""
        if self._store is None or (now - self._checked_at).total_seconds() < CHECK_EVERY_S:
            return
        self._checked_at = now
        try:
            with self._store.begin():
                pass
        except Unavailable as error:
            self._revive(str(error))

    def _revive(self, reason: str) -> None:
        if self.state is ServiceState.HEALTHY:
            self._change(ServiceState.RESTARTING, reason)
        try:
            self.start()
        except Unavailable:
            return

    def stop(self) -> None:
        """Let go of it; the last one of the home who does stops the embedded server."""
        self._app.close()
        if self._store is not None:
            self._store = None
            self._change(ServiceState.STOPPED, "")

    def _change(self, state: ServiceState, detail: str) -> None:
        self.state = state
        self._tell(ServiceEvent(DATABASE, state, detail))
