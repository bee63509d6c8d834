"""What another version of a package would change, and whether that is let through."""

from collections.abc import Collection
from dataclasses import dataclass

from runlore.marketplace.rules.manifest import Manifest, WasmLimits

SHOWN = ("form", "entry", "card", "price")


@dataclass(frozen=True)
class FieldChange:
    """before, after: as text; None: was not there, or is no more."""

    what: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class VersionDifference:
    """asks: what it asks for in addition: permissions, and `limit:NAME` for a raised limit."""

    before: str
    after: str
    asks: tuple[str, ...]
    gives_up: tuple[str, ...]
    fields: tuple[FieldChange, ...]
    files: tuple[FieldChange, ...]


@dataclass(frozen=True)
class UpdateDecision:
    """reasons: why it is stopped; empty: it may go on."""

    difference: VersionDifference
    reasons: tuple[str, ...]


def difference(before: Manifest, after: Manifest) -> VersionDifference:
    """Compare the manifests; files by their SHA-256."""
    had, wants = set(before.permissions), set(after.permissions)
    return VersionDifference(
        before.version,
        after.version,
        (*sorted(wants - had), *_raised_limits(before, after)),
        tuple(sorted(had - wants)),
        _changed_fields(before, after),
        _changed_files(before, after),
    )


def decide_update(
    before: Manifest, after: Manifest, granted: Collection[str], accepted: Collection[str]
) -> UpdateDecision:
    """granted: permissions of the installation. accepted: those that a person adds to them now.

    A person can accept more permissions, and raised limits. Nobody can accept another form or
    another publisher: that is another package.
    """
    found = difference(before, after)
    raised = [one for one in found.asks if one.startswith("limit:")]
    asked = [*sorted(set(after.permissions) - set(granted)), *raised]
    missing = [one for one in asked if one not in accepted]
    reasons = []
    if missing:
        reasons.append(f"it asks for more: {', '.join(missing)}")
    for name in ("publisher", "form"):
        if getattr(before, name) != getattr(after, name):
            reasons.append(f"its {name} is another: {getattr(after, name)}")
    return UpdateDecision(found, tuple(reasons))


def describe_difference(found: VersionDifference) -> str:
    """On one line, for messages.

    >>> none = VersionDifference("1.0.0", "1.0.0", (), (), (), ())
    >>> describe_difference(none)
    'no difference in the manifest'
    """
    parts = [f"asks for {one}" for one in found.asks]
    parts += [f"gives up {one}" for one in found.gives_up]
    parts += [f"{one.what}: {_short(one.before)} -> {_short(one.after)}" for one in found.fields]
    parts += [
        f"file {one.what}: {_short(one.before)} -> {_short(one.after)}" for one in found.files
    ]
    return "; ".join(parts) or "no difference in the manifest"


def _raised_limits(before: Manifest, after: Manifest) -> tuple[str, ...]:
    had, wants = before.wasm_limits, after.wasm_limits
    names = WasmLimits.model_fields
    return tuple(f"limit:{name}" for name in names if getattr(wants, name) > getattr(had, name))


def _changed_fields(before: Manifest, after: Manifest) -> tuple[FieldChange, ...]:
    old, new = _fields(before), _fields(after)
    names = sorted(old.keys() | new.keys())
    return tuple(
        FieldChange(name, old.get(name), new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    )


def _fields(manifest: Manifest) -> dict[str, str]:
    flat = {"publisher": manifest.publisher, "limits": str(manifest.wasm_limits.model_dump())}
    for name, value in manifest.model_dump(mode="json", include=set(SHOWN)).items():
        inner = value if isinstance(value, dict) else {"": value}
        flat.update({f"{name}.{key}".rstrip("."): str(one) for key, one in inner.items()})
    return flat


def _changed_files(before: Manifest, after: Manifest) -> tuple[FieldChange, ...]:
    old = {path: one.sha256 for path, one in before.files.items()}
    new = {path: one.sha256 for path, one in after.files.items()}
    return tuple(
        FieldChange(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    )


def _short(text: str | None) -> str:
    if text is None:
        return "nothing"
    return text if len(text) <= 40 else f"{text[:24]}…"
