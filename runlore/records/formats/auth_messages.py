"""Messages of login services as events: which form each has, and what it tells."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records.formats.auth_forms import FAMILIES, FORMS, OTHERS, PURPOSES, MessageForm
from runlore.records.validate import Mask, mask

Ints = NDArray[np.int64]

TEXTS = ("user", "ip", "port", "method", "target", "group", "uid", "command", "count", "service")
PAM_IDENT, PAM_TEXT = r"\(pam_\w+\)$", r"^pam_\w+\("
UNKNOWN_FORM = "the message has a form of '{}' that is not known; it is no event"
NO_ADDRESS = pa.array(["", "null", "UNKNOWN", "?"])


@dataclass(frozen=True)
class MessageEvents:
    """N messages. kind, status and the rest: (N,) text, null for none; kind is null for messages
    that are no event of their own. reason: why a message is none. is_unknown: its form is not
    known, though its program is."""

    kind: pa.Array
    status: pa.Array
    texts: Mapping[str, pa.Array]
    reason: pa.Array
    is_unknown: Mask

    @property
    def is_event(self) -> Mask:
        return mask(self.kind.is_valid())

    def inputs(self) -> Mapping[str, pa.Array]:
        """What is kept of the messages, by ECS name with `_` for `.`; never the text itself."""
        texts = self.texts
        address = pc.utf8_trim(texts["ip"], ":,()")
        process = pc.extract_regex(texts["command"], r"^(?:\S*/)?(?P<name>[^\s/]+)(?:\s|$)")
        return {
            "source_ip": pc.if_else(pc.is_in(address, value_set=NO_ADDRESS), None, address),
            "authentication_method": texts["method"],
            "user_is_known": pc.if_else(texts["unknown"].is_valid(), False, None),
            "user_effective_name": texts["effective"],
            "user_target_name": texts["account"],
            "user_id": texts["uid"],
            "group_name": texts["group"],
            "process_name": pc.struct_field(process, "name"),
            "process_purpose": purposes(texts["command"]),
            "service": texts["service"],
        }


def read_messages(program: pa.Array, message: pa.Array) -> MessageEvents:
    """Find the form of each message. program, message: (N,) text without nulls."""
    count = len(program)
    family = families(program, message)
    columns: dict[str, list[tuple[Ints, pa.Array]]] = {}
    is_open = np.ones(count, np.bool_)
    for form in FORMS:
        of_form = pa.array(form.programs.split("|"))
        rows = np.flatnonzero(is_open & mask(pc.is_in(family, value_set=of_form)))
        if not rows.size:
            continue
        found = pc.extract_regex(message.take(pa.array(rows)), _named(form.pattern))
        is_met = mask(found.is_valid())
        met = rows[is_met]
        is_open[met] = False
        if met.size:
            for name, values in _told(form, found.filter(pa.array(is_met)), met.size).items():
                columns.setdefault(name, []).append((met, values))
    merged = {name: _placed(parts, count) for name, parts in columns.items()}
    nothing = pa.nulls(count, pa.string())
    is_other = mask(pc.equal(family, OTHERS))
    texts = {
        name: merged.get(name, nothing) for name in (*TEXTS, "unknown", "effective", "account")
    }
    return MessageEvents(
        merged.get("kind", nothing),
        merged.get("status", nothing),
        texts,
        pc.if_else(pa.array(is_other), OTHERS, merged.get("reason", nothing)),
        is_open & ~is_other,
    )


def families(program: pa.Array, message: pa.Array) -> pa.Array:
    """(N,) whose messages they are: a key of the forms, or OTHERS."""
    plain = pc.replace_substring_regex(program, PAM_IDENT, "")
    at = pc.index_in(plain, value_set=pa.array(list(FAMILIES)))
    family = pc.fill_null(pa.array(list(FAMILIES.values())).take(at), OTHERS)
    is_old_pam = pc.match_substring_regex(program, PAM_IDENT)
    stem = pc.if_else(
        pc.is_in(family, value_set=pa.array(["sshd", "su", "login"])), family, "other"
    )
    family = pc.if_else(is_old_pam, pc.binary_join_element_wise(stem, "(pam)", ""), family)
    is_cron = pc.match_substring_regex(plain, r"^(?i:cron|crond|atd|systemd|polkit\S*|anacron)$")
    is_pam = pc.and_(pc.match_substring_regex(message, PAM_TEXT), pc.invert(is_cron))
    return pc.if_else(pc.and_(pc.equal(family, OTHERS), is_pam), "pam", family)


def purposes(command: pa.Array) -> pa.Array:
    """(N,) what a command line is for, as far as rules care; null otherwise."""
    purpose = pa.nulls(len(command), pa.string())
    for name, pattern in PURPOSES:
        is_met = pc.and_(purpose.is_null(), pc.match_substring_regex(command, pattern))
        purpose = pc.if_else(pc.fill_null(is_met, False), name, purpose)
    return purpose


def _named(pattern: str) -> str:
    return pattern if "(?P<" in pattern else f"(?P<whole>{pattern})"


def _told(form: MessageForm, found: pa.Array, count: int) -> Mapping[str, pa.Array]:
    """The columns of messages of one form."""
    if not form.kind:
        return {"reason": pa.repeat(form.reason, count)}
    groups = {field.name: _filled(found.field(field.name)) for field in found.type}
    addresses = [groups[name] for name in groups if name.startswith("ip")]
    told = {name: groups[name] for name in (*TEXTS, "unknown") if name in groups}
    told |= {"kind": pa.repeat(form.kind, count), "status": pa.repeat(form.status, count)}
    if addresses:
        told["ip"] = pc.coalesce(*addresses)
    if form.method:
        told["method"] = pa.repeat(form.method, count)
    if form.kind == "switch-user" and "by" in groups:
        uid = pc.binary_join_element_wise("uid ", groups["by_uid"], "")
        told |= {"target": groups["user"], "user": pc.coalesce(groups["by"], uid)}
    if "target" in told:
        is_account = form.programs == "accounts"
        told["account" if is_account else "effective"] = told.pop("target")
    elif form.kind == "command":
        told["effective"] = pa.repeat("root", count)
    if form.kind == "command" and "effective" in told:
        told["effective"] = pc.fill_null(told["effective"], "root")
    if form.pattern.startswith("^ROOT LOGIN"):
        told["user"] = pa.repeat("root", count)
    return told


def _filled(values: pa.Array) -> pa.Array:
    """A group that took no part in a match is empty in Arrow: it is null here."""
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _placed(parts: list[tuple[Ints, pa.Array]], count: int) -> pa.Array:
    """(N,) the values of some rows at their places; null elsewhere."""
    at = np.full(count, -1, np.int64)
    begin = 0
    for rows, values in parts:
        at[rows] = np.arange(begin, begin + len(values))
        begin += len(values)
    together = pa.concat_arrays([pc.cast(values, pa.string()) for _, values in parts])
    return together.take(pa.array(at, mask=at < 0))
