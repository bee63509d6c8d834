"""What the rest of Runlore asks of MLflow."""

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.kernel.errors import Tampered
from runlore.registry import downloads, publishing, retiring, runs, trainings, versions
from runlore.registry.local_versions import LocalVersions
from runlore.registry.packaging import ModelRelease
from runlore.registry.runs import TrainingRun
from runlore.registry.session import Session
from runlore.registry.trainings import VersionTraining
from runlore.registry.versions import DIGEST, AliasChange, DigestedVersion, VersionRef

if TYPE_CHECKING:
    from runlore.models.bundle import Bundle

CHAMPION = "champion"
CHALLENGER = "challenger"


class Registry:
    """Runs, versions and aliases. Safe to use from several threads and processes.

    Raises Unavailable when MLflow or its tables are away, NotFound for what does not exist.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._local = LocalVersions()

    @property
    def tracking_uri(self) -> str:
        """The address of MLflow; it may hold a password, never show it."""
        return self._session.uri

    def training_run(self, spec: str) -> AbstractContextManager[TrainingRun]:
        return runs.training_run(self._session, spec)

    def register(self, run: TrainingRun, release: ModelRelease) -> VersionRef:
        """Register a bundle once: the same one again gives the version that there is."""
        with self._session.watched():
            return publishing.publish(self._session, run, release)

    def champion(self, spec: str) -> VersionRef | None:
        return self.alias(spec, CHAMPION)

    def alias(self, spec: str, alias: str) -> VersionRef | None:
        """The version behind an alias; None when the alias points nowhere."""
        with self._session.watched():
            return versions.behind(self._session, spec, alias)

    def aliases(self, specs: Sequence[str]) -> dict[str, dict[str, DigestedVersion]]:
        """Spec -> alias -> version and digest: cheap enough to ask all the time."""
        from runlore.store import tracking

        aliases: dict[str, dict[str, DigestedVersion]] = {spec: {} for spec in specs}
        if self._session.tables is not None:
            for spec, alias, *named in tracking.aliases(self._session.tables, specs, DIGEST):
                aliases[spec][alias] = DigestedVersion(*named)
            return aliases
        for spec in specs:
            for alias in (CHAMPION, CHALLENGER):
                if ref := self.alias(spec, alias):
                    aliases[spec][alias] = DigestedVersion(ref.version, ref.digest)
        return aliases

    def version(self, spec: str, version: str) -> VersionRef:
        with self._session.watched():
            return versions.numbered(self._session, spec, version)

    def versions(self, spec: str) -> tuple[VersionRef, ...]:
        """All versions of a spec, newest first."""
        with self._session.watched():
            return versions.versions_of(self._session, spec)

    def trainings(self, spec: str) -> tuple[VersionTraining, ...]:
        """What all versions of a spec were trained on, newest first."""
        with self._session.watched():
            return trainings.trainings_of(self._session, spec)

    def set_alias(self, spec: str, alias: str, version: str) -> AliasChange:
        """Point an alias at a version, whatever it pointed at before."""
        with self._naming(spec), self._session.watched():
            return versions.point(self._session, spec, alias, version)

    def remove_alias(self, spec: str, alias: str) -> str | None:
        """Take an alias away; the version that it pointed at."""
        with self._naming(spec), self._session.watched():
            previous = versions.aliases_of(self._session, spec).get(alias)
            if previous is not None:
                self._session.client.delete_registered_model_alias(spec, alias)
            return previous

    def retire(self, spec: str, version: str) -> tuple[str, ...]:
        """Delete a version with its files and its run; returns the aliases that it had."""
        with self._session.watched(), self._naming(spec):
            return retiring.retire(self._session, spec, version)

    def registered(self) -> tuple[str, ...]:
        """The names of all specs of which versions were registered."""
        with self._session.watched():
            return retiring.registered(self._session)

    def delete_run(self, run_id: str) -> bool:
        """Delete the files of a run that made no version, and mark it as deleted."""
        with self._session.watched():
            return retiring.delete_run(self._session, run_id)

    def announce(self, ref: VersionRef) -> AliasChange | None:
        """Make a version the champion when there is none, else the challenger.

        None when it is the one or the other already. Of several at once, one becomes champion.
        """
        with self._naming(ref.spec), self._session.watched():
            aliases = versions.aliases_of(self._session, ref.spec)
            if ref.version in (aliases.get(CHAMPION), aliases.get(CHALLENGER)):
                return None
            alias = CHALLENGER if CHAMPION in aliases else CHAMPION
            return versions.point(self._session, ref.spec, alias, ref.version)

    def expected_digest(self, ref: VersionRef) -> str:
        """What the bundle of a version must be: as the audited history has it, and where that
        holds nothing of the version, as the registry's tag has it."""
        return self._session.history(ref.spec, ref.version) or ref.digest

    def check_tag(self, ref: VersionRef) -> None:
        """Raise Tampered when the registry names another bundle than the history."""
        expected = self.expected_digest(ref)
        if ref.digest != expected:
            where = f"the tag `{DIGEST}` in the registry"
            raise Tampered(ref.spec, ref.version, where, expected, ref.digest)

    def download(self, ref: VersionRef, folder: Path | None = None) -> Path:
        """The bundle of a version, in a folder of its own inside `folder`; fetched once.

        folder: None: one that lasts until `close`. Raises Tampered when the bundle is not the one
        that was registered.
        """
        expected = self.expected_digest(ref)
        with self._session.watched():
            return downloads.fetch(self._session, ref, folder or self._local.folder(), expected)

    def load(self, ref: VersionRef, folder: Path | None = None) -> "Bundle":
        """The bundle of a version, ready to answer: downloaded and loaded once.

        folder: of a copy that lasts, from which the bundle is loaded anew each time.
        """
        from runlore.models.bundle import Bundle

        expected = self.expected_digest(ref)

        def load() -> Bundle:
            return Bundle.load(self.download(ref, folder), ref.version, expected)

        if folder is not None:
            return load()
        return self._local.bundle((ref.spec, ref.version, expected), load)

    def close(self) -> None:
        """Remove what was downloaded for this registry alone; it can be used again."""
        self._local.clear()

    def attach(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Add a file to a run that has ended, such as a drift report to the champion's."""
        with self._session.watched():
            self._session.client.log_artifact(run_id, str(path), folder)

    def pictures(self, run_id: str) -> dict[str, bytes]:
        """The figures of a run, by their names."""
        with self._session.watched(), tempfile.TemporaryDirectory(prefix="runlore-") as folder:
            kept = self._session.client.download_artifacts(run_id, runs.PLOTS, folder)
            return {path.stem: path.read_bytes() for path in sorted(Path(kept).glob("*.png"))}

    def _naming(self, spec: str) -> AbstractContextManager[None]:
        return self._session.lock(f"aliases of {spec}")
