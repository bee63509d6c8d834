"""How logs of security events are opened: as lines of text or of JSON."""

from typing import Literal, get_args

from runlore.ingest.actions.formats import TextLayout
from runlore.kernel.errors import BadInput
from runlore.records.formats import audit, auth_log
from runlore.records.formats.journal import JournalLayout
from runlore.records.mapping import ColumnMapping

SecurityEventLines = Literal["journal", "audit"]
SecurityLog = Literal["auth-log"] | SecurityEventLines
EVENT_LINES: tuple[SecurityEventLines, ...] = get_args(SecurityEventLines)


def open_event_lines(
    log: SecurityEventLines, head: bytes, source: str, mapping: ColumnMapping, now_us: int
) -> TextLayout:
    """A log with a JSON object in each line. Raises BadInput when it begins otherwise."""
    if head.strip() and not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        raise BadInput(
            "the file does not begin with a JSON object; export it with `journalctl -o json`, or"
            " for a file of plain lines say `runlore ingest auth-log`",
            "file",
        )
    if log == "journal":
        return JournalLayout(source, now_us)
    return audit.layout(source, mapping.timezone, now_us)


def open_auth_log(
    head: bytes, source: str, mapping: ColumnMapping, now_us: int, year: int | None
) -> TextLayout:
    """A syslog of logins. year: of its first line. Raises BadInput when it is none."""
    return auth_log.layout(head, source, mapping.timezone, now_us, year)
