"""Versions that learned from a persona's rows, and those whose files name it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.privacy.actions.erasing_files import file_mentions, files_of
from runlore.privacy.queries.persona_rows import PersonaExtent
from runlore.privacy.rules.mentions import Mentions
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry

EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class TaughtVersion:
    """A version that saw rows of the persona in its log, or whose files mention it.

    names_it: such a version is always deleted; the others stay unless they are to be retired.
    """

    spec: str
    version: str
    aliases: tuple[str, ...]
    names_it: bool


@dataclass(frozen=True)
class TaughtModels:
    """versions: newest first. runs: of MLflow without a version, whose files mention it."""

    versions: tuple[TaughtVersion, ...]
    runs: tuple[str, ...]


def find_taught(
    registry: "Registry", artifacts: Path | None, extent: PersonaExtent, what: Mentions
) -> TaughtModels:
    """artifacts: the folder of MLflow's files; None: they are on a server, and not searched."""
    naming = set() if artifacts is None else _naming(artifacts, what)
    taught, of_versions = [], set()
    for spec in registry.registered():
        saw = _saw(registry, spec, extent)
        for ref in registry.versions(spec):
            places = {ref.run_id, Path(ref.source).name}
            places |= {Path(ref.source).parent.name}
            of_versions |= places
            names_it = bool(places & naming)
            if names_it or ref.version in saw:
                taught.append(TaughtVersion(spec, ref.version, ref.aliases, names_it))
    return TaughtModels(tuple(taught), tuple(sorted(naming - of_versions)))


def retire_version(store: Store, registry: "Registry", one: TaughtVersion, reason: str) -> None:
    """Delete it with its files and its run; where it answered, nothing answers until a training."""
    with alias_history.writing(store) as history:
        for alias in registry.retire(one.spec, one.version):
            history.add(Change(one.spec, alias, None, "retire", "privacy", reason))


def _saw(registry: "Registry", spec: str, extent: PersonaExtent) -> set[str]:
    if extent.first_seq is None:
        return set()
    trainings = registry.trainings(spec)
    return {one.version for one in trainings if one.saw(extent.first_seq, EVER)}


def _naming(artifacts: Path, what: Mentions) -> set[str]:
    """The ids of runs and models whose files mention the persona."""
    by_id: dict[str, list[Path]] = defaultdict(list)
    for path in files_of(artifacts):
        match path.relative_to(artifacts).parts:
            case (_, "models", name, _, *_) | (_, name, _, *_):
                by_id[name].append(path)
    return {name for name, paths in by_id.items() if any(file_mentions(p, what) for p in paths)}
