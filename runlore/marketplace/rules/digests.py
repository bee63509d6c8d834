"""Digests of packages."""

import hashlib

from runlore.marketplace.rules.manifest import Manifest, manifest_bytes


def manifest_digest(manifest: Manifest) -> str:
    """SHA-256 of a manifest: the digest of a package that is built in and has no archive."""
    return hashlib.sha256(manifest_bytes(manifest)).hexdigest()
