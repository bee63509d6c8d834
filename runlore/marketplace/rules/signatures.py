"""Ed25519 signatures of publishers, and the statement by which a key is rotated."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runlore.kernel.errors import BadInput, Refused
from runlore.marketplace.rules.manifest import Name, canonical_json, read_canonical

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
SignatureHex = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
PACKAGE_PURPOSE = b"runlore package manifest 1\n"
ROTATION_PURPOSE = b"runlore key rotation 1\n"


class PackageSignature(BaseModel):
    """Over the bytes of the manifest. Both fields in hexadecimal."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    public_key: Key
    signature: SignatureHex


class KeyRotation(BaseModel):
    """serial: one more than that of the key that it replaces; the first key has 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_: Annotated[Literal["runlore.rotation/1"], Field(alias="schema")]
    publisher: Name
    serial: Annotated[int, Field(ge=2, le=1_000_000)]
    old_key: Key
    new_key: Key


@dataclass(frozen=True)
class SignedRotation:
    """statement: canonical JSON of a KeyRotation, signed by the old key and by the new one."""

    statement: bytes
    old_signature: str
    new_signature: str


def new_private_key() -> str:
    """A new private key in hexadecimal."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes_raw().hex()


def public_key_of(private_key: str) -> str:
    return _private(private_key).public_key().public_bytes_raw().hex()


def sign_manifest(private_key: str, manifest: bytes) -> bytes:
    """The content of the package's signature file."""
    signature = _private(private_key).sign(PACKAGE_PURPOSE + manifest).hex()
    return canonical_json({"public_key": public_key_of(private_key), "signature": signature})


def check_signature(content: bytes, manifest: bytes) -> str:
    """Return the public key that signed the manifest. Raises BadInput, and Refused."""
    read_canonical(content, "signature.json")
    try:
        signature = PackageSignature.model_validate_json(content)
    except ValidationError as error:
        raise BadInput(
            "signature.json: give public_key and signature in hexadecimal", "signature"
        ) from error
    if not _is_signed(signature.public_key, signature.signature, PACKAGE_PURPOSE + manifest):
        raise Refused(
            "wrong signature: the manifest is not what the holder of key"
            f" {signature.public_key[:16]}… signed"
        )
    return signature.public_key


def sign_rotation(
    publisher: str, serial: int, old_private: str, new_private: str
) -> SignedRotation:
    """serial: that of the new key."""
    statement = canonical_json(
        {
            "schema": "runlore.rotation/1",
            "publisher": publisher,
            "serial": serial,
            "old_key": public_key_of(old_private),
            "new_key": public_key_of(new_private),
        }
    )
    message = ROTATION_PURPOSE + statement
    return SignedRotation(
        statement,
        _private(old_private).sign(message).hex(),
        _private(new_private).sign(message).hex(),
    )


def check_rotation(signed: SignedRotation) -> KeyRotation:
    """Raises BadInput, and Refused where one of the two keys did not sign it."""
    read_canonical(signed.statement, "statement")
    try:
        rotation = KeyRotation.model_validate_json(signed.statement)
    except ValidationError as error:
        raise BadInput("statement: is no statement of a key's rotation", "statement") from error
    if rotation.old_key == rotation.new_key:
        raise BadInput("statement: the new key is the old one", "statement")
    message = ROTATION_PURPOSE + signed.statement
    for which, key, signature in (
        ("old", rotation.old_key, signed.old_signature),
        ("new", rotation.new_key, signed.new_signature),
    ):
        if not _is_signed(key, signature, message):
            raise Refused(f"wrong signature: the {which} key did not sign this rotation")
    return rotation


def _is_signed(public_key: str, signature: str, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private(text: str) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))
    except ValueError as error:
        raise BadInput("key: is no private key of 64 hexadecimal digits", "key") from error
