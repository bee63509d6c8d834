"""Archives of packages: plain zip files, read with limits and never unpacked onto a disk."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from runlore.kernel.errors import BadInput, Refused
from runlore.marketplace.rules.manifest import (
    MANIFEST_FILE,
    MAX_FILE_BYTES,
    MAX_FILES,
    OWN_FILES,
    SIGNATURE_FILE,
    Manifest,
    PackageFile,
    check_path,
    manifest_bytes,
    read_manifest,
)
from runlore.marketplace.rules.signatures import check_signature, sign_manifest

MAX_ARCHIVE_BYTES = 8 * 1024**2
MAX_CONTENT_BYTES = 32 * 1024**2  # of all files together
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
SYMBOLIC_LINK = 0o120000
FILE_KIND = 0o170000
FIRST_DAY = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class VerifiedPackage:
    """What an archive's bytes hold. Only `verify_archive` makes one: load its files, no others.

    digest: SHA-256 of the archive. key: the public key that signed the manifest.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    digest: str
    key: str


def verify_archive(content: bytes) -> VerifiedPackage:
    """Read an archive, and check its signature and each file's hash.

    Raises BadInput for what is no package, and Refused for bytes that were not signed.
    """
    entries = read_entries(content)
    for name in OWN_FILES:
        if name not in entries:
            raise BadInput(f"archive: has no {name}", "archive")
    signed = entries.pop(MANIFEST_FILE)
    key = check_signature(entries.pop(SIGNATURE_FILE), signed)
    manifest = read_manifest(signed)
    _check_files(manifest, entries)
    return VerifiedPackage(manifest, entries, hashlib.sha256(content).hexdigest(), key)


def write_archive(manifest: Manifest, files: Mapping[str, bytes], private_key: str) -> bytes:
    """Sign and pack. The hashes of `files` replace those of the manifest.

    The same input gives the same bytes.
    """
    described = {path: _describe(content) for path, content in files.items()}
    signed = manifest_bytes(manifest.model_copy(update={"files": described}))
    read_manifest(signed)
    parts = {MANIFEST_FILE: signed, SIGNATURE_FILE: sign_manifest(private_key, signed)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in (parts | dict(sorted(files.items()))).items():
            archive.writestr(zipfile.ZipInfo(path, FIRST_DAY), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def read_entries(content: bytes) -> dict[str, bytes]:
    """The files of a zip by path. Raises BadInput for all that a plain zip does not need."""
    if len(content) > MAX_ARCHIVE_BYTES:
        raise BadInput(
            f"archive: {len(content):,} bytes are more than {MAX_ARCHIVE_BYTES:,}", "archive"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read_all(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise BadInput(f"archive: is no sound zip file: {str(error)[:100]}", "archive") from error


def _read_all(archive: zipfile.ZipFile) -> dict[str, bytes]:
    infos = archive.infolist()
    if len(infos) > MAX_FILES + len(OWN_FILES):
        raise BadInput(f"archive: {len(infos):,} files are more than {MAX_FILES}", "archive")
    if archive.comment:
        raise BadInput("archive: a package has no comment", "archive")
    entries: dict[str, bytes] = {}
    left = MAX_CONTENT_BYTES
    for info in infos:
        _check_entry(info, entries)
        entries[info.filename] = _read_entry(archive, info, min(left, MAX_FILE_BYTES))
        left -= len(entries[info.filename])
    return entries


def _check_entry(info: zipfile.ZipInfo, seen: Mapping[str, bytes]) -> None:
    if info.filename not in OWN_FILES:
        check_path(info.orig_filename)
    if info.filename.lower() in {name.lower() for name in seen}:
        raise BadInput(f"archive: {info.filename[:80]!r} stands twice", "archive")
    if (info.external_attr >> 16) & FILE_KIND == SYMBOLIC_LINK:
        raise BadInput(f"archive: {info.filename[:80]!r} is a link", "archive")
    if info.flag_bits & ENCRYPTED or info.compress_type not in METHODS:
        raise BadInput(
            f"archive: {info.filename[:80]!r} is encrypted, or packed in an unusual way", "archive"
        )


def _read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """Read at most `most` bytes, whatever the archive says of its size."""
    with archive.open(info) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise BadInput(
            f"archive: {info.filename[:80]!r} unpacks to more than the limit ({most:,} bytes left):"
            " a zip bomb, or a file too large",
            "archive",
        )
    return content


def _check_files(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    for path in sorted(files.keys() | manifest.files.keys()):
        listed = manifest.files.get(path)
        if listed is None:
            raise Refused(f"{path}: is in the archive, and the signed manifest does not list it")
        if path not in files:
            raise Refused(f"{path}: the signed manifest lists it, and the archive lacks it")
        if _describe(files[path]) != listed:
            raise Refused(f"{path}: the bytes are not those that the publisher signed (SHA-256)")


def _describe(content: bytes) -> PackageFile:
    return PackageFile(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
