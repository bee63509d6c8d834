"""What a process serves: its database and, of each spec, the version that answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from bentos.predict.group_commit import GroupCommit
from bentos.predict.request_schema import Clock, RequestSchema, inputs_of, request_schema_of
from runlore.experiments.rules.assignment import fraction
from runlore.features import fold
from runlore.features.keys import KeyParts
from runlore.kernel.errors import (
    BrokenChampion,
    NoChampion,
    NotFound,
    Refused,
    Tampered,
    Unavailable,
)
from runlore.models.bundle import DIGEST_LABEL, Bundle
from runlore.serving.actions.broken_versions import BrokenVersion
from runlore.serving.actions.prediction import Predictor
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION, Arms
from runlore.store.engine import Store

T = TypeVar("T")

PROBE = KeyParts("", "", "", {})
PROBE_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class Live:
    """A version that answers, with the requests that it understands. Never changed."""

    predictor: Predictor
    schema: RequestSchema

    @property
    def bundle(self) -> Bundle:
        return self.predictor.bundle

    @property
    def unit(self) -> str:
        return self.bundle.unit


@dataclass(frozen=True)
class Challenge:
    """A challenger with what it answers. Never changed."""

    live: Live
    arms: Arms

    def takes(self, spec: str, unit: str) -> bool:
        """Whether a unit is the challenger's: always the same answer for the same version.

        A larger share takes those of a smaller one, and more. A unit without a name is nobody's.
        """
        if not unit or not self.arms.share:
            return False
        return fraction(f"{spec}\x1f{self.live.bundle.digest}", unit) < self.arms.share


@dataclass
class Serving:
    """names: of the specs. live, challenges: replaced as a whole, never changed in place.

    is_standalone: there is no database on purpose; every actor looks new.
    has_ledger: answers and refusals are written down before they are given.
    broken: spec -> its champion, where that could not be loaded; a former version may answer.
    unread: why nobody knows yet which version is the champion; empty: the aliases were read.
    """

    names: tuple[str, ...]
    clock: Clock = "wall"
    is_standalone: bool = False
    has_ledger: bool = True
    store: Store | None = None
    live: Mapping[str, Live] = field(default_factory=lambda: MappingProxyType({}))
    challenges: Mapping[str, Challenge] = field(default_factory=lambda: MappingProxyType({}))
    schemas: Mapping[str, RequestSchema] = field(default_factory=lambda: MappingProxyType({}))
    broken: Mapping[str, BrokenVersion] = field(default_factory=lambda: MappingProxyType({}))
    unread: str = ""
    commits: GroupCommit = field(init=False)
    _extended: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        store = None if self.is_standalone else self.database
        self.commits = GroupCommit(store, has_ledger=self.has_ledger)

    def champion(self, name: str) -> Live:
        """Raises NotFound for an unknown spec; when no version of it answers, BrokenChampion,
        NoChampion, or Unavailable while nobody knows which of the two."""
        self.check(name)
        live = self.live.get(name)
        if live is not None:
            return live
        if broken := self.broken.get(name):
            raise BrokenChampion(name, broken.version, broken.reason)
        if self.unread:
            raise Unavailable(f"which version of {name!r} answers is not known yet: {self.unread}")
        raise NoChampion(name)

    def schema(self, name: str) -> RequestSchema:
        """What a request may say: see `extend_schema`."""
        return self.schemas.get(name) or self.champion(name).schema

    def extend_schema(self, name: str, champion: Live | None, others: Iterable[Live]) -> None:
        """Let requests say what any of these versions knows, so that none is refused because
        another one takes the champion's place."""
        plans = {version.bundle.digest: version.bundle.plan for version in others}
        digest = "" if champion is None else champion.bundle.digest
        if self._extended.get(name) == (digest, *plans):
            return
        self._extended[name] = (digest, *plans)
        more = None
        if champion is not None:
            known = inputs_of(champion.bundle.plan)
            further = [plan for plan in plans.values() if inputs_of(plan) - known]
            more = (
                request_schema_of(name, champion.bundle.plan, self.clock, further)
                if further
                else None
            )
        self.schemas = put_in(self.schemas, name, more)

    def version(self, name: str, number: str) -> Live:
        """Champion or challenger, by its number. Refused when it is neither any more."""
        champion, challenge = self.live.get(name), self.challenges.get(name)
        for live in (champion, None if challenge is None else challenge.live):
            if live is not None and live.bundle.version == number:
                return live
        raise Refused(f"version {number} of {name} does not answer here any more")

    def check(self, name: str) -> None:
        if name not in self.names:
            known = ", ".join(self.names)
            raise NotFound(f"no model spec is named {name!r}; there are: {known}")

    def database(self) -> Store:
        if self.is_standalone:
            raise Unavailable("this service has no database; set RUNLORE_DATABASE_URL for it")
        if self.store is None:
            raise Unavailable("the database has not answered yet; try again")
        return self.store

    def answering(self) -> Store | None:
        """The store that predictions read; None when there is none on purpose."""
        return None if self.is_standalone else self.database()

    def why_not_ready(self) -> str:
        """Why requests should go elsewhere; empty when they can be answered.

        A spec that has no champion yet stops nothing; one whose champion is broken does, unless a
        former version answers.
        """
        if self.is_standalone:
            return "" if self.live else "no version is loaded"
        try:
            with self.database().begin():
                pass
        except Unavailable as error:
            return str(error)
        if self.unread:
            return f"which versions answer is not known yet: {self.unread}"
        silent = [broken for name, broken in self.broken.items() if name not in self.live]
        return "; ".join(
            f"{broken.spec} version {broken.version} cannot answer: {broken.reason}"
            for broken in silent
        )

    def put(self, name: str, version: Live | None, challenge: Challenge | None = None) -> None:
        """Let versions answer from now on: requests see the old ones or the new ones, whole."""
        self.challenges = put_in(self.challenges, name, challenge)
        self.live = put_in(self.live, name, version)

    def versions(self) -> dict[str, dict[str, str]]:
        """Spec -> arm -> the version that answers."""
        answering = {
            name: {CHAMPION: live.bundle.version or ""} for name, live in self.live.items()
        }
        for name, challenge in self.challenges.items():
            answering.setdefault(name, {})[CHALLENGER] = challenge.live.bundle.version or ""
        return answering


def put_in(known: Mapping[str, T], name: str, value: T | None) -> Mapping[str, T]:
    others = {key: present for key, present in known.items() if key != name}
    return MappingProxyType(others if value is None else {**others, name: value})


def load(
    folder: Path, version: str | None, name: str, clock: Clock, digest: str | None = None
) -> Live:
    """Read a version and try it out; Refused when it does not answer as it must.

    digest: that its bundle must have, where somebody else than the bundle knows it.
    """
    fold.warm()
    predictor = Predictor(Bundle.load(folder, version, digest))
    bundle = predictor.bundle
    if bundle.spec != name:
        raise Refused(f"{folder}: holds a version of {bundle.spec!r}, not of {name!r}")
    row = predictor.reader.row(PROBE, PROBE_US, {})
    answer = bundle.predict(row[None, :])
    bundle.reasons(row)
    bundle.check_probe()
    if not np.isfinite(answer.prediction).all():
        raise Refused(f"{name} version {version}: answers {answer.prediction} when probed")
    return Live(predictor, request_schema_of(name, bundle.plan, clock))


def packaged_digest(package: Mapping[str, str], labels: Path) -> str:
    """What the bundle must be: as it was packaged, and as the Bento's label has it.

    Raises Tampered when the two differ.
    """
    import yaml

    digest = package["digest"]
    if labels.is_file():
        label = yaml.safe_load(labels.read_text(encoding="utf-8"))["labels"][DIGEST_LABEL]
        if not label or not digest.startswith(label):
            where = f"the label `{DIGEST_LABEL}` in {labels}"
            raise Tampered(package["spec"], package["version"], where, digest, label)
    return digest
