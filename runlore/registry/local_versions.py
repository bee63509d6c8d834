"""The versions that a process has brought to its machine for its own use: each one once."""

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runlore.models.bundle import Bundle

VersionKey = tuple[str, str, str]  # spec, version, and the digest that its bundle must have


class LocalVersions:
    """A folder of downloads that lasts until `clear`, and the bundles that were loaded from it.

    Versions never change, so a bundle that was loaded once is loaded for good. Safe to use from
    several threads.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._bundles: dict[VersionKey, Bundle] = {}
        self._folder: weakref.finalize[..., LocalVersions] | None = None
        self._path = Path()

    def folder(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._path = Path(tempfile.mkdtemp(prefix="runlore-versions-"))
                self._folder = weakref.finalize(self, shutil.rmtree, self._path, True)
            return self._path

    def bundle(self, key: VersionKey, load: Callable[[], "Bundle"]) -> "Bundle":
        """The bundle of a version; `load` is called for the first who asks for it."""
        with self._lock:
            if key not in self._bundles:
                self._bundles[key] = load()
            return self._bundles[key]

    def clear(self) -> None:
        """Forget the bundles and remove the folder."""
        with self._lock:
            self._bundles.clear()
            if self._folder is not None:
                self._folder()
                self._folder = None
