"""New homes begin as copies of one, whose data were made and migrated once by this process.

That takes two seconds of computing time less than PostgreSQL's `initdb` and all migrations. Tests
of those take the fixture `from_nothing`.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from runlore.settings import Settings
from runlore.store.embedded import cluster
from runlore.store.embedded.account import ServerAccount
from runlore.store.embedded.binaries import Binaries
from runlore.store.embedded.layout import ServerPaths
from runlore.store.engine import open_store

initialise = cluster._initialise


def copy_template(layout: ServerPaths, account: ServerAccount, binaries: Binaries) -> None:
    """Stands in for `initialise`, which only the template itself goes through."""
    if layout.home == _home():
        initialise(layout, account, binaries)
        return
    made = _made()
    cluster._discard_unfinished(layout)
    subprocess.run(("cp", "-a", made, layout.unfinished), check=True)
    if made.stat().st_uid != account.uid:
        for path in (layout.unfinished, *layout.unfinished.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    layout.unfinished.rename(layout.data)


@cache
def _home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="rl-")).resolve()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


@cache
def _made() -> Path:
    """The folder of the data, whose server has ended."""
    with open_store(Settings(home=_home(), database_url=None)):
        pass
    return ServerPaths.of(_home()).data
