"""The model specs, series specs, maintenance specs and objectives that the settings name."""

from importlib import import_module
from typing import TypeVar

from runlore.kernel.errors import Misconfigured, NotFound, one_line
from runlore.settings import Settings
from runlore.specs.catalog import engagement_success
from runlore.specs.maintenance_spec import MaintenanceSpec
from runlore.specs.model_spec import ModelSpec
from runlore.specs.objective_spec import ObjectiveSpec
from runlore.specs.series_spec import SeriesSpec

Declared = TypeVar("Declared", SeriesSpec, ObjectiveSpec, MaintenanceSpec)

FORMER_CATALOG, CATALOG = "runlore.models.catalog.", "runlore.specs.catalog."
SUCCESS = "engagement-success"
# The ready specs by their names, which may stand in the setting.
READY = {
    name: f"{CATALOG}{name.replace('-', '_')}:SPEC"
    for name in (
        *("failure-risk", "duration", "peak-memory", "wait"),
        *("engagement", "engagement-success"),
    )
}


def every(settings: Settings) -> tuple[ModelSpec, ...]:
    """All specs, in the order of the setting; two of one name are refused."""
    loaded = (_load(where) for where in settings.specs)
    specs = tuple(_with_threshold(spec, settings) for spec in loaded)
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise Misconfigured(f"RUNLORE_SPECS: two specs are named {name!r}; rename one")
    return specs


def _with_threshold(spec: ModelSpec, settings: Settings) -> ModelSpec:
    """The ready spec of a post's success, for the threshold of the settings."""
    if spec.name != SUCCESS or settings.engagement_success_percent == engagement_success.THRESHOLD:
        return spec
    is_ready = spec == engagement_success.SPEC
    return (
        engagement_success.success_spec(settings.engagement_success_percent) if is_ready else spec
    )


def find(settings: Settings, name: str) -> ModelSpec:
    specs = every(settings)
    for spec in specs:
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in specs)
    ready = f"; {name!r} is ready to be added to RUNLORE_SPECS" if name in READY else ""
    raise NotFound(f"no model spec is named {name!r}; there are: {known}{ready}")


def every_series_spec(settings: Settings) -> tuple[SeriesSpec, ...]:
    """All series specs, in the order of the setting; two of one name are refused."""
    specs = _load_all("RUNLORE_SERIES_SPECS", settings.series_specs, SeriesSpec)
    if both := {spec.name for spec in every(settings)} & {spec.name for spec in specs}:
        raise Misconfigured(
            f"RUNLORE_SERIES_SPECS: a model spec is named {min(both)!r}, too; rename one"
        )
    return specs


def every_objective(settings: Settings) -> tuple[ObjectiveSpec, ...]:
    """All service objectives, in the order of the setting; two of one name are refused."""
    return _load_all("RUNLORE_OBJECTIVES", settings.objectives, ObjectiveSpec)


def every_maintenance_spec(settings: Settings) -> tuple[MaintenanceSpec, ...]:
    """All maintenance specs, in the order of the setting; two of one name are refused."""
    setting = "RUNLORE_MAINTENANCE_SPECS"
    return _load_all(setting, settings.maintenance_specs, MaintenanceSpec)


def _load_all(
    setting: str, places: tuple[str, ...], wanted: type[Declared]
) -> tuple[Declared, ...]:
    specs = tuple(_load_declared(setting, where, wanted) for where in places)
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names):
        raise Misconfigured(f"{setting}: two of {', '.join(names)} have one name")
    return specs


def _load_declared(setting: str, where: str, wanted: type[Declared]) -> Declared:
    module, _, name = where.partition(":")
    try:
        spec = getattr(import_module(module), name or "SPEC")
    except (ImportError, AttributeError, ValueError) as error:
        raise Misconfigured(
            f"{setting}: {where!r} cannot be loaded ({one_line(error)}); write it as module:NAME"
        ) from error
    if not isinstance(spec, wanted):
        kind = type(spec).__name__
        raise Misconfigured(f"{setting}: {where!r} is {_a(kind)}, not {_a(wanted.__name__)}")
    return spec


def _a(noun: str) -> str:
    return f"{'an' if noun[:1] in 'AEIOUaeiou' else 'a'} {noun}"


def _load(where: str) -> ModelSpec:
    module, _, name = READY.get(where, where).partition(":")
    if module.startswith(FORMER_CATALOG):
        module = CATALOG + module.removeprefix(FORMER_CATALOG)
    try:
        spec = getattr(import_module(module), name or "SPEC")
    except (ImportError, AttributeError) as error:
        raise Misconfigured(
            f"RUNLORE_SPECS: {where!r} cannot be loaded ({one_line(error)}); write it as"
            f" module:NAME, or name a ready one: {', '.join(READY)}"
        ) from error
    if not isinstance(spec, ModelSpec):
        raise Misconfigured(f"RUNLORE_SPECS: {where!r} is a {type(spec).__name__}, not a ModelSpec")
    return spec
