"""Messages to channels: Slack, Discord, PagerDuty, Alertmanager, webhooks, e-mail, Apprise's.

The only `import apprise`. Every attempt is bounded in time and size; TLS is verified, redirects
are not followed, and the secrets of a channel are in no error and no log.
"""

from runlore.alerts.delivery.channels import Channels, parse
from runlore.alerts.delivery.sending import DeliveryFailed, OutgoingMessage, send
from runlore.alerts.rules.payloads import MessageAttachment

__all__ = ["Channels", "DeliveryFailed", "MessageAttachment", "OutgoingMessage", "parse", "send"]
