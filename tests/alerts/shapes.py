"""What receivers take, as JSON Schemas written from the vendors' documentation.

Slack: https://docs.slack.dev/reference/block-kit/blocks
Discord: https://discord.com/developers/docs/resources/webhook, and message#embed-object
PagerDuty: https://developer.pagerduty.com/docs/send-alert-event
Alertmanager: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from typing import Any

Schema = dict[str, Any]


def text(longest: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def closed(required: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def plain_text(longest: int) -> Schema:
    return closed(
        {"type": {"const": "plain_text"}, "text": text(longest)}, {"emoji": {"type": "boolean"}}
    )


SLACK = closed(
    {
        "text": text(4000),
        "blocks": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "oneOf": [
                    closed({"type": {"const": "header"}, "text": plain_text(150)}),
                    closed({"type": {"const": "section"}, "text": plain_text(3000)}),
                ]
            },
        },
    }
)
DISCORD = closed(
    {
        "allowed_mentions": closed({"parse": {"type": "array", "maxItems": 0}}),
        "embeds": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10,
            "items": closed(
                {
                    "title": text(256),
                    "color": {"type": "integer", "minimum": 0, "maximum": 0xFFFFFF},
                    "timestamp": {"type": "string", "format": "date-time"},
                    "fields": {
                        "type": "array",
                        "maxItems": 25,
                        "items": closed({"name": text(256), "value": text(1024)}),
                    },
                }
            ),
        },
    }
)
PAGERDUTY_TRIGGER = closed(
    {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"const": "trigger"},
        "dedup_key": text(255),
        "client": text(1024),
        "payload": closed(
            {
                "summary": text(1024),
                "source": text(1024),
                "severity": {"enum": ["info", "warning", "error", "critical"]},
            },
            {
                "timestamp": {"type": "string", "format": "date-time"},
                "component": text(1024),
                "class": text(1024),
                "custom_details": {"type": "object"},
            },
        ),
    }
)
PAGERDUTY_FOLLOW_UP = closed(
    {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["acknowledge", "resolve"]},
        "dedup_key": text(255),
    }
)
WEBHOOK = closed(
    {
        "alert": {"type": "integer"},
        "event": {"enum": ["opened", "returned", "escalated", "acknowledged", "resolved", "test"]},
        "is_open": {"type": "boolean"},
        "kind": text(60),
        "subject": text(200),
        "cause": text(300),
        "severity": {"enum": ["info", "warning", "critical"]},
        "what": {"type": "string", "maxLength": 1000},
        "certainty": {"type": "string", "maxLength": 1000},
        "advice": {"type": "string", "maxLength": 1000},
        "since": {"type": "string", "format": "date-time"},
        "seen_at": {"type": "string", "format": "date-time"},
        "count": {"type": "integer", "minimum": 1},
        "returns": {"type": "integer", "minimum": 0},
        "by": {"type": "string"},
        "evidence": {"type": "object"},
        "title": text(300),
        "text": {"type": "string"},
        "command": text(100),
    }
)
LABELS = {"type": "object", "additionalProperties": text(8_000)}
ALERTMANAGER = {
    "type": "array",
    "minItems": 1,
    "items": closed(
        {
            "labels": LABELS | {"required": ["alertname"]},
            "annotations": LABELS,
            "startsAt": {"type": "string", "format": "date-time"},
            "endsAt": {"type": "string", "format": "date-time"},
        },
        {"generatorURL": {"type": "string", "format": "uri"}},
    ),
}
