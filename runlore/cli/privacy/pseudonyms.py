"""`runlore privacy rotate`."""

from runlore.cli.output import Json, echo, emit_json


def rotate(json: Json = False) -> None:
    """Replace the secret of pseudonyms: old ones can be linked to nobody afterwards.

    Example: runlore privacy rotate
    """
    from runlore.app import open_app
    from runlore.privacy.actions.pseudonyms import rotate_pseudonyms

    with open_app(delivers=False) as app:
        path = rotate_pseudonyms(app.settings)
    if json:
        emit_json({"file": str(path), "is_rotated": True})
    else:
        echo(f"{path} holds a new secret. Copies of the old one, as in backups, still link.")
