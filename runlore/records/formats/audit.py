"""Audit events in JSON lines: of Kubernetes, and in the Elastic Common Schema (ECS).

Kubernetes: `audit.k8s.io` events of the stage ResponseComplete, or Panic. ECS: what Auditbeat and
Elastic Agent write of auditd, with `@timestamp`, `event.action` and `event.outcome`.
Bodies of requests, annotations and messages are free text: left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records.formats import instants
from runlore.records.formats.auth_log import short
from runlore.records.formats.auth_messages import purposes
from runlore.records.formats.event_lines import EventObjects, read_page, text_of, whole_lines
from runlore.records.formats.parsed import Parsed, merged
from runlore.records.formats.row_ids import RowIds
from runlore.records.formats.tool_rows import ToolRows, checked
from runlore.records.validate import LATEST_US

Ints = NDArray[np.int64]
Event = Mapping[str, Any]

OTHER_STAGE = "events of a request that was not answered yet"
UNKNOWN_EVENT = (
    "the object is no audit event: it has neither auditID and verb (Kubernetes) nor @timestamp and"
    " event.action (ECS)"
)
FINAL_STAGES = ("ResponseComplete", "Panic", "")
VERBS = {
    "get": "read",
    "list": "read",
    "watch": "read",
    "create": "change",
    "update": "change",
    "patch": "change",
    "delete": "delete",
    "deletecollection": "delete",
}
COMMANDS = ("exec", "attach", "portforward", "proxy")
# Names that ECS sources give to actions -> kinds.
ACTIONS = {
    "user_login": "login",
    "logged-in": "login",
    "login": "login",
    "user-login": "login",
    "ssh_login": "login",
    "authenticated": "login",
    "logon-failed": "login",
    "logged-out": "logout",
    "executed": "command",
    "process_started": "command",
    "ran-command": "command",
    "exec": "command",
    "added-user-account": "user-created",
    "deleted-user-account": "user-deleted",
    "modified-user-account": "user-changed",
    "added-group-account-to": "group-created",
    "modified-group-account": "group-changed",
    "changed-password": "password-changed",
    "changed-role-to": "switch-user",
    "changed-audit-configuration": "audit-disabled",
    "auditing-stopped": "audit-disabled",
    "network_flow": "transfer",
    "deleted": "delete",
    "deletion": "delete",
    "updated": "change",
    "created": "change",
}
OUTCOMES = {"success": "succeeded", "failure": "failed"}


@dataclass(frozen=True)
class AuditLayout:
    """How the lines of a file are read: a JSON object in each."""

    source: str
    timezone: str
    now_us: int = LATEST_US
    ids: RowIds = field(default_factory=RowIds)
    counts_rows: bool = True

    def complete(self, data: bytes) -> int:
        return whole_lines(data)

    def parse(self, data: bytes, first_line: int) -> Parsed:
        page = read_page(data, first_line)
        read = [_reader(one) for one in page.objects]
        rows = np.array([at for at, one in enumerate(read) if one is not None], np.int64)
        is_open = np.array([_is_open(page.objects[row]) for row in rows], np.bool_)
        unknown = np.array([at for at, one in enumerate(read) if one is None], np.int64)
        taken = rows[~is_open]
        parsed = self._checked(page, taken, read)
        skipped = {OTHER_STAGE: int(is_open.sum())} if is_open.any() else {}
        refused = page.refused(unknown, UNKNOWN_EVENT)
        return replace(
            parsed, rejects=merged([page.rejects, refused, parsed.rejects]), skipped=skipped
        )

    def _checked(
        self, page: EventObjects, rows: Ints, read: list["Callable[[Event], Event] | None"]
    ) -> Parsed:
        events = [reader(page.objects[row]) for row in rows if (reader := read[row]) is not None]
        columns = {name: _column(events, name) for name in (*_FIELDS, *_INPUTS)}
        stamp = columns["at"]
        at = instants.microseconds(stamp, self.timezone, None)
        command = columns.pop("command")
        own = self.ids.assign([page.raw(rows)], rows.size)
        number = pc.cast(columns.pop("network_bytes"), pa.float64())
        inputs = {name: short(columns[name]) for name in _INPUTS if name in columns}
        executions = ToolRows(
            line=page.line[rows],
            raw=lambda wanted: page.raw(rows[wanted]),
            source_id=pc.coalesce(columns["id"], own),
            actor=short(pc.fill_null(columns["actor"], "")),
            kind=short(pc.fill_null(columns["kind"], "")),
            scope=short(pc.fill_null(columns["scope"], "")),
            submitted=at,
            started=at,
            finished=at,
            status=columns["status"],
            words=columns["status"],
            inputs={**inputs, "process_purpose": purposes(command), "network_bytes": number},
            stamps={"submitted": stamp},
        )
        return checked(executions, self.source, self.now_us)


_FIELDS = ("at", "id", "actor", "kind", "scope", "status", "command", "network_bytes")
_INPUTS = (
    "source_ip",
    "verb",
    "resource",
    "resource_name",
    "namespace",
    "process_name",
    "user_effective_name",
    "user_target_name",
    "user_id",
    "group_name",
    "network_direction",
    "authentication_method",
)


def layout(source: str, timezone: str, now_us: int = LATEST_US) -> AuditLayout:
    return AuditLayout(source, timezone, now_us, RowIds())


def _reader(one: Event) -> Callable[[Event], Event] | None:
    if "auditID" in one and "verb" in one:
        return _kubernetes
    return _ecs if text_of(one, "@timestamp") and text_of(one, "event.action") else None


def _is_open(one: Event) -> bool:
    return "auditID" in one and text_of(one, "stage") not in FINAL_STAGES


def _kubernetes(one: Event) -> Event:
    verb = text_of(one, "verb").lower()
    is_command = text_of(one, "objectRef.subresource") in COMMANDS
    code = text_of(one, "responseStatus.code")
    is_failed = code.isdigit() and int(code) >= 400
    namespace, name = text_of(one, "objectRef.namespace"), text_of(one, "objectRef.name")
    return {
        "at": text_of(one, "requestReceivedTimestamp", "stageTimestamp", "timestamp"),
        "id": text_of(one, "auditID"),
        "actor": text_of(one, "impersonatedUser.username", "user.username"),
        "kind": "command" if is_command else VERBS.get(verb, verb),
        "scope": namespace or "cluster",
        "status": "failed" if is_failed else "succeeded",
        "source_ip": text_of(one, "sourceIPs"),
        "verb": verb,
        "resource": text_of(one, "objectRef.resource"),
        "resource_name": f"{namespace}/{name}" if name else "",
        "namespace": namespace,
    }


def _ecs(one: Event) -> Event:
    action = text_of(one, "event.action").lower()
    size = text_of(one, "network.bytes", "destination.bytes", "source.bytes")
    arguments = one.get("process")
    listed = arguments.get("args") if isinstance(arguments, Mapping) else None
    line = " ".join(str(part) for part in listed[:100]) if isinstance(listed, list) else ""
    return {
        "at": text_of(one, "@timestamp"),
        "id": text_of(one, "event.id", "_id"),
        "actor": text_of(one, "user.name", "user.id"),
        "kind": ACTIONS.get(action, action),
        "scope": text_of(one, "host.name", "host.hostname", "agent.name"),
        "status": OUTCOMES.get(text_of(one, "event.outcome").lower(), "unknown"),
        "source_ip": text_of(one, "source.ip", "client.ip"),
        "process_name": text_of(one, "process.name"),
        "user_effective_name": text_of(one, "user.effective.name"),
        "user_target_name": text_of(one, "user.target.name"),
        "user_id": text_of(one, "user.target.id"),
        "group_name": text_of(one, "group.name", "user.target.group.name"),
        "network_direction": text_of(one, "network.direction").lower(),
        "network_bytes": size if size.replace(".", "", 1).isdigit() else "",
        "authentication_method": text_of(one, "authentication.method"),
        "command": text_of(one, "process.command_line") or line,
    }


def _column(events: list[Event], name: str) -> pa.Array:
    return pa.array([one.get(name) or None for one in events], pa.string())
