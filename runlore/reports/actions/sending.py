"""Send stored reports to the channels of alerts, again until they arrive."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runlore.alerts.actions.handling import raise_alert
from runlore.alerts.delivery import (
    Channels,
    DeliveryFailed,
    MessageAttachment,
    OutgoingMessage,
    send,
)
from runlore.alerts.queries import alerts
from runlore.alerts.rules import release
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.alerts.rules.message import Message
from runlore.kernel.errors import RunloreError
from runlore.reports.actions import making
from runlore.reports.queries import report_deliveries
from runlore.reports.queries.report_deliveries import ClaimedReport
from runlore.reports.queries.stored_reports import StoredReport
from runlore.reports.rules.again import figures_of
from runlore.reports.rules.schedule import KIND, Attachment
from runlore.store.engine import Connection, Store

PATIENCE_S = 20.0  # a run waits so long for channels that do not take a report at once
PAUSE_S = 0.5

Render = Callable[[StoredReport, Attachment], MessageAttachment | None]

log = logging.getLogger("runlore.reports")


@dataclass(frozen=True)
class SentReport:
    """An attempt to send. error: None: it arrived."""

    report: int
    channel: str
    error: str | None


def send_reports(store: Store, channels: Channels, link: str, render: Render) -> list[SentReport]:
    """Send what is due. link: where reports are, without their id. render: makes the attachment.

    Channels that fail are tried again for PATIENCE_S; what is left then, a later run sends.
    """
    done: list[SentReport] = []
    until = time.monotonic() + PATIENCE_S
    while True:
        with store.begin() as connection:
            claim = report_deliveries.claim_delivery(connection)
            if claim is not None:
                done.append(_send(connection, claim, channels, link, render))
        if claim is not None:
            continue
        if time.monotonic() > until or not any(sent.error for sent in done[-len(channels) - 1 :]):
            return done
        time.sleep(PAUSE_S)


def _send(
    connection: Connection,
    claim: ClaimedReport,
    channels: Channels,
    link: str,
    render: Render,
) -> SentReport:
    """One attempt, recorded in the transaction that holds the delivery."""
    error = None
    wished_s = 0.0
    try:
        stored = making.find_stored(connection, claim.report_id)
        if claim.channel not in channels:
            raise DeliveryFailed("the settings have no such channel")
        message = message_of(stored, f"{link}/{stored.id}", claim)
        attached = render(stored, claim.attachment)
        letter = OutgoingMessage(
            message,
            f"runlore-report-{claim.key}",
            claim.now,
            () if attached is None else (attached,),
        )
        send(channels[claim.channel], letter)
    except DeliveryFailed as failure:
        error, wished_s = str(failure), failure.retry_after_s
    except RunloreError as failure:
        error = str(failure)
    pause_s = release.pause_s(claim.attempts + 1, claim.age_s, wished_s) if error else None
    report_deliveries.settle_delivery(connection, claim, error, pause_s)
    _tell(connection, claim, error)
    return SentReport(claim.report_id, claim.channel, error)


def _tell(connection: Connection, claim: ClaimedReport, error: str | None) -> None:
    """A channel that does not take a report is an alert at once, sent to the other channels."""
    if error is None:
        alerts.quiet(connection, release.DELIVERY, claim.channel, claim.now)
        return
    finding = AlertFinding(
        release.DELIVERY,
        claim.channel,
        Severity.WARNING,
        f"report {claim.report_id} could not be delivered to {claim.channel}: {error}",
        f"{claim.attempts + 1} attempts failed",
        f"check RUNLORE_ALERT_CHANNELS and the receiver, then: runlore alerts test {claim.channel}",
        evidence={"report": claim.report_id, "attempts": claim.attempts + 1, "error": error},
    )
    raise_alert(connection, finding, claim.now)


def message_of(stored: StoredReport, link: str, claim: ClaimedReport) -> Message:
    """What is sent: the headline, what to decide, and where the report is."""
    document = stored.document
    period = document["period"]["name"]
    return Message(
        alert=stored.id,
        event=KIND,
        kind=KIND,
        subject=f"{stored.schedule or 'by hand'}, {period}",
        severity=Severity.INFO,
        what=" ".join(document["headline"]),
        certainty=f"as known {stored.known_at:%Y-%m-%d %H:%M} UTC",
        advice=link,
        since=stored.made_at,
        seen_at=claim.now,
        count=1,
        returns=0,
        by="",
        evidence=_evidence(document),
    )


def _evidence(document: Mapping[str, Any]) -> dict[str, Any]:
    return {"period": document["period"], "figures": figures_of(document)}
