"""An environment for each peer: made once, kept, made anew when it needs something else."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from peers.servers import Server, Unusable

ENVIRONMENTS = Path.home() / ".cache" / "runlore-bench"
MODEL_LIBRARIES = ("scikit-learn", "xgboost-cpu", "numpy", "joblib")
INSTALL_S = 900.0


def python_of(server: Server, say: Callable[[str], None]) -> str:
    """The interpreter of the server's environment, which is made when it is not there."""
    if not server.is_peer:
        return sys.executable
    folder = ENVIRONMENTS / server.name
    python, mark = folder / "bin" / "python", folder / "needs.json"
    needs = [*server.needs, *(f"{name}=={version(name)}" for name in MODEL_LIBRARIES)]
    if mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) == needs:
        return str(python)
    say(f"{server.name}: installing {', '.join(needs)}")
    install = [str(python), "-m", "pip", "install", "--quiet", "--compile", *needs]
    for command in ([sys.executable, "-m", "venv", str(folder)], install):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=INSTALL_S
            )
        except subprocess.TimeoutExpired as error:
            raise Unusable(f"not installed within {INSTALL_S:.0f} s") from error
        if done.returncode:
            wrong = [line for line in done.stderr.splitlines() if "ERROR" in line]
            raise Unusable(f"not installable: {' '.join(wrong or [done.stderr])[-400:]}")
    mark.write_text(json.dumps(needs), encoding="utf-8")
    return str(python)


def versions_of(server: Server, python: str) -> dict[str, str]:
    """Of what was named, as installed."""
    ours_named = () if server.is_peer else ("bentoml", "starlette", "uvicorn", "onnxruntime")
    named = [need.split(">")[0].split("[")[0] for need in server.needs] + list(ours_named)
    code = (
        "import importlib.metadata as m, json, sys;"
        "print(json.dumps({name: m.version(name) for name in sys.argv[1:]}))"
    )
    done = subprocess.run(
        [python, "-c", code, *named, *MODEL_LIBRARIES],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found
