"""The champions of a home, for a process that answers for long: each version is loaded once."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from runlore.kernel.errors import NoChampion, NotFound
from runlore.registry import Registry
from runlore.registry.champions import fetch_champion, load_files
from runlore.serving.actions import states
from runlore.serving.actions.prediction import Predictor
from runlore.store.engine import Store


class HomeChampions:
    """names: of the specs. folder: where versions lie. connect: opens the registry if needed."""

    def __init__(
        self,
        store: Store,
        names: frozenset[str],
        folder: Path,
        connect: Callable[[], Registry],
        *,
        has_tables: bool,
    ) -> None:
        self._store, self._names, self._folder = store, names, folder
        self._connect, self._has_tables = connect, has_tables
        self._lock = Lock()
        self._loaded: dict[tuple[str, str], Predictor] = {}

    def predictor(self, spec: str) -> Predictor:
        if spec not in self._names:
            known = ", ".join(sorted(self._names))
            raise NotFound(f"there is no spec {spec[:80]!r}; the specs are: {known}")
        with self._lock:
            return self._champion(spec)

    def _champion(self, spec: str) -> Predictor:
        files = fetch_champion(
            self._store, spec, self._folder, self._connect, has_tables=self._has_tables
        )
        if files is None:
            raise NoChampion(spec)
        key = (spec, files.digest)
        if key not in self._loaded:
            bundle = load_files(files)
            bundle.check_probe()
            states.activate(self._store, bundle.plan)
            self._loaded[key] = Predictor(bundle)
        return self._loaded[key]
