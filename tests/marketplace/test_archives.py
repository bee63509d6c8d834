"""Archives and manifests: whatever is wrong with them, they are refused with a reason."""

import io
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput, RunloreError
from runlore.marketplace.rules.archives import verify_archive
from runlore.marketplace.rules.manifest import manifest_bytes, read_manifest
from runlore.marketplace.rules.names import names_of, near_keys
from runlore.marketplace.rules.versions import version_order
from tests.marketplace.packed import CODE, manifest, packed

ARCHIVE = packed()
GOOD = verify_archive(ARCHIVE)


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(ARCHIVE) - 1), bits=st.integers(1, 255), cut=st.booleans())
def test_a_changed_archive_is_refused_or_holds_the_same_files(at: int, bits: int, cut: bool):
    changed = bytearray(ARCHIVE)
    changed[at] ^= bits
    try:
        found = verify_archive(bytes(changed[:at] if cut else changed))
    except RunloreError:
        return
    assert (found.manifest, found.files) == (GOOD.manifest, GOOD.files)
    assert found.digest != GOOD.digest  # so it is another archive under the same version


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(content: bytes):
    with pytest.raises(RunloreError):
        verify_archive(content)


def entries(*names: str, link: str = "", content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            if name == link:
                info.external_attr = 0o120777 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (entries("../a"), "no plain relative path"),
        (entries("/etc/passwd"), "no plain relative path"),
        (entries("a\\b"), "no plain relative path"),
        (entries("C:/a"), "no plain relative path"),
        (entries("a/../b"), "no plain relative path"),
        (entries("Code.wasm", "code.wasm"), "stands twice"),
        (entries("a", link="a"), "is a link"),
        (entries(*(f"f{n}" for n in range(70))), "files are more than"),
        (entries("a", content=bytes(9 << 20)), "zip bomb"),
        (entries("a"), "has no manifest.json"),
    ],
)
def test_a_zip_that_no_package_needs_is_refused(content: bytes, reason: str):
    with pytest.raises(BadInput, match=reason):
        verify_archive(content)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"acme"', b'"Acme"', "publisher"),
        (b'"name":"post-writer"', '"name":"p\u043est-writer"'.encode(), "name"),
        (b'"version":"1.0.0"', b'"version":"01.0.0"', "MAJOR.MINOR.PATCH"),
        (b'"permissions":[]', b'"permissions":["files"]', "permissions"),
        (b'"permissions":[]', b'"permissions":["net:*"]', "permissions"),
        (b'"form":"wasm"', b'"form":"builtin"', "built in"),
        (b'"form":"wasm"', b'"form":"pickle"', "form"),
        (b'"changelog":""', b'"changelog":"","changelog":""', "not canonical"),
        (b'"cents":0', b'"cents":NaN', "JSON"),
        (b'"currency":"USD"', b'"currency":"USD","rating":5', "rating"),
    ],
)
def test_a_wrong_manifest_is_refused_and_its_field_named(old: bytes, new: bytes, reason: str):
    content = manifest_bytes(manifest())
    assert content.count(old) == 1
    with pytest.raises(BadInput, match=reason):
        read_manifest(content.replace(old, new))


ORDER = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.2.0 1.10.0 2.0.0"  # noqa: E501


@given(st.permutations(ORDER.split()))
def test_versions_are_ordered_as_semver_says(versions: Sequence[str]):
    assert sorted(versions, key=version_order) == ORDER.split()


@given(st.from_regex(r"[a-z]{8,14}", fullmatch=True), st.data())
def test_a_name_with_one_letter_changed_looks_like_it(name: str, data: st.DataObject):
    at = data.draw(st.integers(0, len(name) - 1))
    other = data.draw(st.sampled_from(["", name[at] + name[at], "z"]))
    changed = name[:at] + other + name[at + 1 :]
    assert set(near_keys([name])) & set(near_keys([changed, CODE.hex()]))
    assert set(near_keys(names_of(manifest(name)))) >= set(near_keys([name]))
