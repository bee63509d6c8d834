"""`runlore serve` and `runlore package`: predictions over HTTP, from here or from a Bento."""

import os
import sys
from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to bind to.  [default: RUNLORE_HOST]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port.  [default: RUNLORE_SERVE_PORT]")
    ] = None,
) -> None:
    """Serve predictions over HTTP until Ctrl-C.

    The @champion of each spec answers.

    Example: runlore serve --port 3001
    """
    from runlore.app import open_app
    from runlore.serving.queries import answering
    from runlore.stack.environment import of_child

    with open_app() as app:
        settings = app.settings
    answering.check(settings)
    where = host or settings.host
    listening = str(port or settings.serve_port)
    own = settings.home.absolute() / "bentoml" / listening
    own.mkdir(parents=True, exist_ok=True)
    address = "127.0.0.1" if where == "localhost" else where
    chosen = {
        "RUNLORE_HOST": address,
        "RUNLORE_HOME": str(settings.home.absolute()),
        "BENTOML_HOME": str(own),
    }
    command = (sys.executable, "-m", "bentos.server", "--host", address, "--port", listening)
    child = of_child(settings, chosen)
    os.chdir(own)
    os.execve(sys.executable, command, child)  # noqa: S606


def package(
    name: Annotated[str, typer.Argument(help="Name of a spec, such as failure-risk.")],
    version: Annotated[
        str | None, typer.Option(help="A registered version.  [default: the champion]")
    ] = None,
    json: Json = False,
) -> None:
    """Build a Bento that serves without registry and network.

    Example: runlore package failure-risk
    """
    from bentos import build
    from runlore.app import open_app

    with open_app() as app:
        built = build.package(app.registry, app.spec(name).name, version)
    if json:
        emit_json({"tag": built.tag, "version": built.version, "path": str(built.path)})
        return
    echo(f"built {built.tag} from version {built.version} of {name}: {built.path}")
    echo(f"serve it:        cd {built.path / 'src'} && python -m bentos.server")
    echo(f"or as an image:  bentoml containerize {built.tag}")
    echo(
        f"Avoid `bentoml serve {built.tag}` on a shared host: it opens control ports on loopback"
        " through which any local user can run programs as you."
    )
