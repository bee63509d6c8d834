"""Build a Bento out of a registered version: its files, this package, and a lock of its own."""

import json
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import bentoml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bentos
import runlore
from runlore.kernel.errors import NoChampion, Refused
from runlore.models.bundle import DESCRIPTION, DIGEST_LABEL, PACKAGE, SKOPS, Bundle
from runlore.registry import Registry, VersionRef

SERVICE = "bentos.packaged:PackagedPredictions"
LABEL_CHARACTERS = 63  # at most, in a label's value
# What a packaged version imports; the lock holds these with all that they need themselves.
NEEDS = (
    "alembic",
    "asyncpg",
    "bentoml",
    "httptools",
    "numba",
    "numpy",
    "onnxruntime",
    "pandas",
    "prometheus-client",
    "psycopg[binary]",
    "pyarrow",
    "pydantic",
    "pydantic-settings",
    "scipy",
    "sqlalchemy",
    "statsmodels",
    "uvicorn",
    "uvloop",
)

ENTRYPOINT = "env/docker/entrypoint.sh"
ITS_COMMAND = 'set -- bentoml serve "$@" "$BENTO_PATH"'
OUR_COMMAND = (
    'export PYTHONPATH="$BENTO_PATH/src"; '
    'set -- python -m bentos.server --host 0.0.0.0 ${PORT:+--port "$PORT"} "$@"'
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.nbi", "*.nbc")


@dataclass(frozen=True)
class Package:
    tag: str
    version: str
    path: Path


def package(registry: Registry, name: str, version: str | None = None) -> Package:
    """Build the Bento of a version; None: the champion. Built again, it replaces the first."""
    ref = _version(registry, name, version)
    with tempfile.TemporaryDirectory(prefix="runlore-package-") as folder:
        context = Path(folder)
        fetched = registry.download(ref, context / "fetched")
        _lay_out(context / "bento", fetched, ref, registry.expected_digest(ref))
        return build(context / "bento", ref)


def build(context: Path, ref: VersionRef) -> Package:
    """context: a folder as `_lay_out` leaves it."""
    tag = f"{ref.spec}:{ref.version}"
    _forget(tag)
    bundle = Bundle.load(context / "bundle", ref.version)
    labels = {
        "runlore.spec": ref.spec,
        "runlore.version": ref.version,
        "runlore.data_digest": bundle.data_digest,
        DIGEST_LABEL: bundle.digest,
    }
    bento = bentoml.build(
        SERVICE,
        name=ref.spec,
        version=ref.version,
        labels={key: value[:LABEL_CHARACTERS] for key, value in labels.items()},
        description=(context / "README.md").read_text(encoding="utf-8"),
        include=["bundle/**", "bentos/**", "runlore/**", "requirements.txt", "README.md"],
        python={"requirements_txt": "requirements.txt", "lock_packages": False},
        docker={"python_version": python(), "env": {"BENTOML_DO_NOT_TRACK": "True"}},
        build_ctx=str(context),
    )
    _set_entrypoint(Path(bento.path) / ENTRYPOINT)
    return Package(str(bento.tag), ref.version, Path(bento.path))


def _set_entrypoint(script: Path) -> None:
    """Let an image start our server, which opens no port beside its own."""
    text = script.read_text(encoding="utf-8")
    if ITS_COMMAND not in text:
        raise Refused(f"{script}: this BentoML starts its images in another way than 1.4 does")
    script.write_text(text.replace(ITS_COMMAND, OUR_COMMAND), encoding="utf-8")


def python() -> str:
    """Major and minor of this interpreter, for which the lock's versions are installed.

    >>> python().count(".")
    1
    """
    return ".".join(platform.python_version_tuple()[:2])


def lock(needs: tuple[str, ...] = NEEDS) -> list[str]:
    """`name==version` of these distributions and of all that they need, as installed here."""
    versions: dict[str, str] = {}
    waiting = [Requirement(text) for text in needs]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            installed = distribution(requirement.name)
        except PackageNotFoundError:  # its marker is for another platform
            continue
        versions[name] = installed.version
        waiting += _required(installed.requires or [], extras)
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def _required(texts: list[str], extras: frozenset[str]) -> Iterator[Requirement]:
    for requirement in map(Requirement, texts):
        marker = requirement.marker
        chosen = [{"extra": extra} for extra in extras] or [{"extra": ""}]
        if marker is None or any(marker.evaluate(one) for one in chosen):
            yield requirement


def _version(registry: Registry, name: str, version: str | None) -> VersionRef:
    ref = registry.champion(name) if version is None else registry.version(name, version)
    if ref is None:
        raise NoChampion(name)
    return ref


def _lay_out(context: Path, fetched: Path, ref: VersionRef, digest: str) -> None:
    """Everything that the Bento holds, in the places where it looks for it."""
    shutil.copytree(fetched, context / "bundle", ignore=shutil.ignore_patterns(SKOPS))
    description = {"spec": ref.spec, "version": ref.version, "digest": digest}
    (context / "bundle" / PACKAGE).write_text(json.dumps(description), encoding="utf-8")
    for module in (runlore, bentos):
        folder = Path(str(module.__file__)).parent
        shutil.copytree(folder, context / folder.name, ignore=LEFT_OUT)
    (context / "requirements.txt").write_text("\n".join(lock()) + "\n", encoding="utf-8")
    (context / "README.md").write_text(_readme(context, ref), encoding="utf-8")


def _readme(context: Path, ref: VersionRef) -> str:
    description = json.loads((context / "bundle" / DESCRIPTION).read_text(encoding="utf-8"))
    return (
        f"# {ref.spec}, version {ref.version}\n\n"
        f"A Runlore model ({description.get('candidate', 'unknown kind')}), learned from the data"
        f" with digest `{description['data_digest']}`.\n\n"
        f"`POST /predict/{ref.spec}` answers; the routes and their fields are at `/docs.json`.\n"
        "It needs no registry and no network. Set `RUNLORE_DATABASE_URL` to a Runlore database"
        " for histories and the ledger; without it every actor looks new, and answers say"
        ' `"history": "absent"`.\n\n'
        "Start it in its folder `src`, with the packages of `requirements.txt`:\n\n"
        "    python -m bentos.server --port 3000\n\n"
        "It listens on loopback, where nobody needs a key. With `--host 0.0.0.0` it asks for the"
        " key in `RUNLORE_API_KEY`; images made by `bentoml containerize` start like that.\n\n"
        f"`bentoml serve {ref.spec}:{ref.version}` answers the same, but BentoML's process manager"
        " then opens control ports on 127.0.0.1 that ask for no password: every local user can"
        " run programs as yours through them. Use it only where nobody else has an account.\n"
    )


def _forget(tag: str) -> None:
    try:
        bentoml.delete(tag)
    except bentoml.exceptions.NotFound:
        return
