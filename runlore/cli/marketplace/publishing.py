"""`runlore marketplace key`, `pack`, `verify`, `publish` and `rotate`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json

if TYPE_CHECKING:
    from runlore.marketplace.rules.archives import VerifiedPackage

KeyFile = Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes.")]
Key = Annotated[Path, typer.Option("--key", help="The file of your private key.")]
NewKey = Annotated[Path, typer.Option("--new-key", help="The file of your new private key.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="With manifest.json and files.")]
Out = Annotated[Path, typer.Option("--out", help="The archive to write.")]
Archive = Annotated[Path, typer.Argument(metavar="ARCHIVE", help="As `pack` wrote it.")]
Publisher = Annotated[str, typer.Argument(metavar="PUBLISHER", help="Whose key it is.")]


def key(file: KeyFile, json: Json = False) -> None:
    """Make a key to sign packages with. Only you can read the file.

    Example: runlore marketplace key publisher.key
    """
    import os

    from runlore.kernel.errors import BadInput
    from runlore.marketplace.rules.signatures import new_private_key, public_key_of

    private = new_private_key()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadInput(f"FILE: {file}: {error.strerror}; choose another", "file") from error
    with os.fdopen(handle, "w", encoding="ascii") as opened:
        opened.write(private + "\n")
    public = public_key_of(private)
    if json:
        emit_json({"file": str(file), "public_key": public})
    else:
        echo(f"The private key is in {file}. The public key: {public}")


def pack(folder: Folder, key: Key, out: Out, json: Json = False) -> None:
    """Sign a folder with manifest.json and its files, and pack it.

    The SHA-256 of each file is put into the manifest.

    Example: runlore marketplace pack my-agent --key publisher.key --out my-agent.zip
    """
    from runlore.kernel.errors import BadInput
    from runlore.marketplace.rules.archives import verify_archive, write_archive
    from runlore.marketplace.rules.drafts import read_draft

    files = {
        path.relative_to(folder).as_posix(): _read(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    content = files.pop("manifest.json", None)
    if content is None:
        raise BadInput(f"FOLDER: {folder} has no manifest.json", "folder")
    archive = write_archive(
        read_draft(content, files), files, _read(key).decode("ascii", "replace")
    )
    package = verify_archive(archive)
    try:
        out.write_bytes(archive)
    except OSError as error:
        raise BadInput(f"--out: {out}: {error.strerror}", "out") from error
    _emit_package(package, f"{out} is written.", json)


def verify(archive: Archive, json: Json = False) -> None:
    """Check an archive's signature and the hash of each file. No service is needed.

    Example: runlore marketplace verify my-agent.zip
    """
    from runlore.marketplace.rules.archives import verify_archive

    _emit_package(verify_archive(_read(archive)), "The signature and all files are right.", json)


def publish(archive: Archive, json: Json = False) -> None:
    """Verify an archive, and add it to the marketplace.

    Example: runlore marketplace publish my-agent.zip
    """
    from runlore.app import open_app
    from runlore.marketplace.actions import publishing

    content = _read(archive)
    with open_app() as app:
        made = publishing.publish(app.store, content)
    if json:
        emit_json(asdict(made))
        return
    echo(f"{made.name} {made.version} by {made.publisher}: {made.status}")
    for flag in made.flags:
        echo(f"! {flag}")


def rotate(publisher: Publisher, key: Key, new_key: NewKey, json: Json = False) -> None:
    """Replace a publisher's key. The old key signs the change, and is refused from then on.

    Example: runlore marketplace rotate acme --key old.key --new-key new.key
    """
    from runlore.app import open_app
    from runlore.kernel.errors import NotFound
    from runlore.marketplace.actions.publishing import publisher_keys, rotate_key
    from runlore.marketplace.rules.signatures import sign_rotation

    old, new = (_read(path).decode("ascii", "replace") for path in (key, new_key))
    with open_app() as app:
        keys = publisher_keys(app.store, publisher)
        if not keys:
            raise NotFound(f"publisher {publisher[:64]!r} has published nothing")
        rotation = rotate_key(app.store, sign_rotation(publisher, len(keys) + 1, old, new))
    if json:
        emit_json(rotation.model_dump(mode="json", by_alias=True))
    else:
        echo(f"The key of {rotation.publisher} is now {rotation.new_key}.")


def _read(path: Path) -> bytes:
    from runlore.kernel.errors import BadInput

    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}", "file") from error


def _emit_package(package: "VerifiedPackage", text: str, json: bool) -> None:
    manifest = package.manifest
    if json:
        body = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
        emit_json({"manifest": body, "digest": package.digest, "key": package.key})
        return
    echo(f"{text} {manifest.name} {manifest.version} by {manifest.publisher}")
    echo(f"SHA-256 {package.digest}, signed by {package.key}")
