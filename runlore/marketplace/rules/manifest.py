"""The manifest of a package: what it is, asks for and holds. It is what a publisher signs."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from runlore.agents.rules.registration import MAX_SLOTS, MAX_WORDS, AgentType
from runlore.kernel.errors import BadInput
from runlore.marketplace.rules.permissions import (
    MAX_PERMISSIONS,
    check_permissions,
    permission_of_address,
)
from runlore.marketplace.rules.versions import version_order

SCHEMA: Literal["runlore.package/1"] = "runlore.package/1"
MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "signature.json"
OWN_FILES = (MANIFEST_FILE, SIGNATURE_FILE)
MAX_MANIFEST_BYTES = 64 * 1024
MAX_FILES = 64
MAX_FILE_BYTES = 8 * 1024**2
FIRST_PARTY = "runlore"

PackageForm = Literal["remote", "mcp", "wasm", "builtin"]
Text = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=2, max_length=64)]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$")]
Path = Annotated[str, Field(max_length=200)]
PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", re.ASCII)


class _ManifestPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_name=True)


class PackageSkill(_ManifestPart):
    """A type of task that the agent does. tool: the tool of an MCP server that does it."""

    id: Word
    name: Line
    description: Text = ""
    tags: Annotated[list[Word], Field(max_length=MAX_WORDS)] = []
    tool: Word | None = None


class PackageCard(_ManifestPart):
    """What people read, and what the agent is registered with. title: such as TrendAnalyzer."""

    title: Line
    description: Text
    agent_type: AgentType = "custom"
    capabilities: Annotated[list[Word], Field(max_length=MAX_WORDS)] = []
    specializations: Annotated[list[Word], Field(max_length=MAX_WORDS)] = []
    skills: Annotated[list[PackageSkill], Field(max_length=MAX_WORDS)] = []
    max_concurrent_tasks: Annotated[int, Field(ge=1, le=MAX_SLOTS)] = 1


class WasmLimits(_ManifestPart):
    """For each task of a WASM package. fuel: roughly one unit per instruction."""

    fuel: Annotated[int, Field(ge=1, le=100_000_000_000)] = 1_000_000_000
    memory_bytes: Annotated[int, Field(ge=65_536, le=512 * 1024**2)] = 64 * 1024**2
    time_ms: Annotated[int, Field(ge=1, le=300_000)] = 10_000
    output_bytes: Annotated[int, Field(ge=1, le=256 * 1024)] = 256 * 1024


class PackageFile(_ManifestPart):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]


class Price(_ManifestPart):
    """It is shown; Runlore charges nothing. cents: per month, of the currency's hundredth."""

    cents: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"


class Manifest(_ManifestPart):
    """entry: `remote`: its A2A address; `mcp`: address of the server; `wasm`: a file.

    `builtin`: a name in Runlore's own code; only packages of Runlore itself have that form.
    files: SHA-256 and size by path; a file of the archive that is not listed is refused.
    """

    schema_: Annotated[Literal["runlore.package/1"], Field(alias="schema")]
    name: Name
    publisher: Name
    version: str
    form: PackageForm
    entry: Line
    card: PackageCard
    permissions: Annotated[list[str], Field(max_length=MAX_PERMISSIONS)] = []
    limits: WasmLimits | None = None
    price: Price = Price()
    changelog: Text = ""
    files: Annotated[dict[Path, PackageFile], Field(max_length=MAX_FILES)] = {}

    @model_validator(mode="after")
    def _check(self) -> "Manifest":
        version_order(self.version)
        if list(check_permissions(self.permissions)) != self.permissions:
            raise BadInput("permissions: list each once, in alphabetical order", "permissions")
        for path in self.files:
            check_path(path)
        if self.form in {"remote", "mcp"}:
            self._check_address()
        if self.form == "wasm" and self.entry not in self.files:
            raise BadInput(f"entry: {self.entry[:80]!r} is none of the package's files", "entry")
        if self.form == "builtin" and self.publisher != FIRST_PARTY:
            raise BadInput("form: only Runlore's own packages are built in", "form")
        return self

    def _check_address(self) -> None:
        parts = urlsplit(self.entry)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise BadInput("entry: give an address such as https://agents.example.org/…", "entry")
        needed = permission_of_address(self.entry)
        if needed not in self.permissions:
            raise BadInput(f"permissions: the address needs {needed}", "permissions")
        if self.form == "mcp" and self.tool is None:
            raise BadInput("card: an MCP server needs a skill with its tool", "card")

    @property
    def tool(self) -> str | None:
        """The tool of an MCP server that does the tasks."""
        return next((one.tool for one in self.card.skills if one.tool), None)

    @property
    def wasm_limits(self) -> WasmLimits:
        return self.limits or WasmLimits()


def check_path(path: str) -> None:
    """Raises BadInput for a path that could leave its folder, or that two systems read otherwise.

    >>> check_path("lib/agent.wasm")
    >>> check_path("../agent.wasm")
    Traceback (most recent call last):
    runlore.kernel.errors.BadInput: files: '../agent.wasm' is no plain relative path; use letters, \
digits, _ - . and /
    """
    if PATH.fullmatch(path) is None or path in OWN_FILES:
        raise BadInput(
            f"files: {path[:80]!r} is no plain relative path; use letters, digits, _ - . and /",
            "files",
        )


def canonical_json(value: object) -> bytes:
    """Keys in order, no blanks, UTF-8. For integers, texts and their lists as in RFC 8785.

    >>> canonical_json({"b": 1, "a": ["é"]})
    b'{"a":["\\xc3\\xa9"],"b":1}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def manifest_bytes(manifest: Manifest) -> bytes:
    return canonical_json(manifest.model_dump(mode="json", by_alias=True, exclude_none=True))


def read_manifest(content: bytes) -> Manifest:
    """Raises BadInput that names the field. Only canonical JSON is read: no key can stand twice."""
    if len(content) > MAX_MANIFEST_BYTES:
        raise BadInput(f"{MANIFEST_FILE}: more than {MAX_MANIFEST_BYTES:,} bytes", "manifest")
    value = read_canonical(content, MANIFEST_FILE)
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise BadInput(first_fault(error.errors()), "manifest") from error
    except BadInput as error:
        raise BadInput(f"{MANIFEST_FILE}: {error} ({_label(value)})", error.field) from error


def read_canonical(content: bytes, name: str) -> dict[str, Any]:
    """Raises BadInput unless the bytes are the canonical JSON of an object."""
    try:
        value = json.loads(content)
        is_canonical = isinstance(value, dict) and canonical_json(value) == content
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name}: is no JSON: {str(error)[:100]}", name) from error
    if not is_canonical:
        raise BadInput(
            f"{name}: is not canonical: write an object with keys in order, without blanks, each"
            " key once (`runlore marketplace pack` does)",
            name,
        )
    return dict(value)


def first_fault(faults: Sequence[Any]) -> str:
    fault = faults[0]
    where = ".".join(str(part) for part in fault["loc"])
    found = str(fault.get("input"))[:60]
    return f"{MANIFEST_FILE}: {where or 'manifest'}: {fault['msg']}; found {found!r}"


def _label(value: dict[str, Any]) -> str:
    return f"{str(value.get('name'))[:64]} {str(value.get('version'))[:40]}"
