"""The login that MLflow's client brings to a server, when that is the home's own.

For any other server the client reads `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`
itself; nothing here touches what a user has set.
"""

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from runlore.settings import ANYWHERE, Settings
from runlore.web.login import Login, login_file, read_login

USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
LOCAL = ("127.0.0.1", "localhost", "::1")
SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTEN = "0A"  # the state of a listening socket in these files
LOCAL_ADDRESS, STATE, UID = 1, 3, 7  # columns of these files

_provided: list[Login] = []  # the login that this process has put into its environment, if any


def provide(settings: Settings) -> None:
    """Put the home's login into this process's environment, or take it out again.

    MLflow's client reads the environment with every request. A login of the user stays as it is,
    and the home's login is never sent to a server that is not the home's.
    """
    if os.environ.get(USERNAME) and not _is_provided():
        return
    for name in (USERNAME, PASSWORD):
        os.environ.pop(name, None)
    _provided.clear()
    if is_own_server(settings) and login_file(settings.home).exists():
        login = read_login(settings.home)
        os.environ.update({USERNAME: login.user, PASSWORD: login.password})
        _provided.append(login)


def is_own_server(settings: Settings) -> bool:
    """Whether the tracking address is that of the home's `runlore up`, and nobody else's.

    Another user of this machine may listen on the port while ours is down: whoever listens must
    have this process's user id, where the kernel tells it.
    """
    if settings.mlflow_tracking_uri is None:
        return False
    uri = urlsplit(settings.mlflow_url)
    with suppress(ValueError):
        names = LOCAL if settings.host in ANYWHERE else (*LOCAL, settings.host)
        is_here = uri.hostname in names and uri.port == settings.mlflow_port
        return is_here and uri.username is None and listens_as(settings.mlflow_port, os.getuid())
    return False


def listens_as(port: int, uid: int) -> bool:
    """Whether somebody listens on a TCP port of this machine, and all who do have this user id.

    True where the kernel does not tell.
    """
    files = [file for file in SOCKETS if file.exists()]
    owners = set()
    for file in files:
        for line in file.read_text().splitlines()[1:]:
            columns = line.split()
            number = int(columns[LOCAL_ADDRESS].rpartition(":")[2], 16)
            if columns[STATE] == LISTEN and number == port:
                owners.add(int(columns[UID]))
    return owners == {uid} or not files


def _is_provided() -> bool:
    mine = [(login.user, login.password) for login in _provided]
    return (os.environ.get(USERNAME), os.environ.get(PASSWORD)) in mine
