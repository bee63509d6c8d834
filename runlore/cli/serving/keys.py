"""`runlore keys`: API keys of the prediction service."""

from json import dumps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_secret, emit_table

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.serving.actions.api_keys import NewKey
    from runlore.serving.queries.api_keys import ApiKey

group = typer.Typer(help="Manage the API keys of the prediction service.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the key: the part after `rl_`.")]
Days = Annotated[
    float | None,
    typer.Option(
        "--expires-days",
        min=0.001,
        max=36_500,
        help="Days until the key expires.  [default: never]",
    ),
]


@group.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Owner of the key.")],
    scope: Annotated[
        list[str],
        typer.Option(help="predict, record, read, train or admin (all); repeat for more."),
    ],
    expires_days: Days = None,
    json: Json = False,
) -> None:
    """Create a key. It is shown only once; it works within one second.

    Example: runlore keys create ci --scope predict --scope record --expires-days 90
    """
    from datetime import timedelta

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.serving.actions import api_keys

    at = instants.now()
    expires_at = None if expires_days is None else at + timedelta(days=expires_days)
    with open_app() as app:
        made = api_keys.create(app.store, name, scope, at, expires_at)
    _show_new_key(made, at, json=json)


@group.command()
def rotate(key_id: Id, expires_days: Days = None, json: Json = False) -> None:
    """Create a second key with the same rights.

    The first works until you revoke it.

    Example: runlore keys rotate 0a1b2c3d4e
    """
    from datetime import timedelta

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.serving.actions import api_keys

    at = instants.now()
    lasting = None if expires_days is None else timedelta(days=expires_days)
    with open_app() as app:
        made = api_keys.rotate(app.store, key_id, at, lasting)
    _show_new_key(made, at, json=json)


@group.command("list")
def list_keys(json: Json = False) -> None:
    """List all keys with their usage.

    Keys that no longer work are included.

    Example: runlore keys list
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.serving.queries import api_keys

    at = instants.now()
    with open_app() as app:
        keys = api_keys.every(app.store)
    if json:
        emit_json({"keys": [as_json(key, at) for key in keys]})
    elif keys:
        emit_table("Keys of the prediction service", [_row(key, at) for key in keys])
    else:
        echo("there are no keys; create one: runlore keys create NAME --scope predict")


@group.command()
def revoke(key_id: Id, json: Json = False) -> None:
    """Revoke a key. It stops working within two seconds.

    Example: runlore keys revoke 0a1b2c3d4e
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.serving.actions import api_keys

    at = instants.now()
    with open_app() as app:
        key = api_keys.revoke(app.store, key_id, at)
    if json:
        emit_json(as_json(key, at))
    else:
        echo(f"key {key.id} of {key.name} is revoked since {_shown(key.revoked_at)}")


def as_json(key: "ApiKey", at: "datetime") -> dict[str, Any]:
    """The key without its hash; `state` is its state at that time."""
    from runlore.serving.actions.api_keys import state

    times = ("created_at", "expires_at", "revoked_at", "last_used_at")
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "state": state(key, at),
        **{name: _iso(getattr(key, name)) for name in times},
        "uses": key.uses,
    }


def _show_new_key(made: "NewKey", at: "datetime", *, json: bool) -> None:
    if json:
        emit_secret(dumps(as_json(made.key, at) | {"key": made.text}))
        return
    key = made.key
    until = "until it is revoked" if key.expires_at is None else f"until {_shown(key.expires_at)}"
    echo(f"key {key.id} of {key.name} for {', '.join(key.scopes)}, {until}; copy it now:")
    emit_secret(made.text)


def _row(key: "ApiKey", at: "datetime") -> dict[str, object]:
    from runlore.serving.actions.api_keys import state

    return {
        "id": key.id,
        "name": key.name,
        "scopes": " ".join(key.scopes),
        "state": state(key, at),
        "expires": "" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d}",
        "last used": _shown(key.last_used_at),
        "uses": f"{key.uses:,}",
    }


def _iso(at: "datetime | None") -> str | None:
    return None if at is None else at.isoformat()


def _shown(at: "datetime | None") -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
