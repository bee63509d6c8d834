"""The part of the Compose file format that docker-compose.yml uses, as a JSON schema.

Narrower than the format: a key that nobody has thought about here is an error.
"""

from typing import Any

STRINGS: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
WORDS: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "minItems": 1}
DURATION: dict[str, Any] = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}
NAME = "^[a-zA-Z0-9._-]+$"


def closed(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


HEALTHCHECK = closed(
    {
        "test": {**WORDS, "prefixItems": [{"const": "CMD"}]},
        "interval": DURATION,
        "timeout": DURATION,
        "start_period": DURATION,
        "retries": {"type": "integer", "minimum": 1},
    },
    ("test", "interval", "timeout", "retries"),
)
CONDITIONS = ["service_started", "service_healthy", "service_completed_successfully"]
DEPENDENCY = closed({"condition": {"enum": CONDITIONS}}, ("condition",))
SERVICE = closed(
    {
        "image": {"type": "string", "pattern": "^[a-z0-9./-]+:[a-zA-Z0-9.-]+$"},
        "build": closed(
            {"context": {"type": "string"}, "dockerfile": {"type": "string"}},
            ("context", "dockerfile"),
        ),
        "command": WORDS,
        "profiles": WORDS,
        "user": {"type": "string"},
        "environment": {
            "type": "object",
            "patternProperties": {"^[A-Z][A-Z0-9_]*$": {"type": "string"}},
            "additionalProperties": False,
        },
        "env_file": STRINGS,
        "networks": {**STRINGS, "minItems": 1},
        "volumes": STRINGS,
        "ports": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^127\.0\.0\.1:.+:[0-9]+$"},
        },
        "depends_on": {
            "type": "object",
            "patternProperties": {
                NAME: closed({"condition": {"enum": CONDITIONS}}, ("condition",))
            },
            "additionalProperties": False,
        },
        "healthcheck": HEALTHCHECK,
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "init": {"type": "boolean"},
        "cap_drop": STRINGS,
        "security_opt": STRINGS,
        "read_only": {"const": True},
        "tmpfs": {**STRINGS, "minItems": 1},
        "mem_limit": {"type": "string", "pattern": "^[0-9]+[mg]$"},
        "pids_limit": {"type": "integer", "minimum": 1},
        "shm_size": {"type": "string", "pattern": "^[0-9]+[bkmg]$"},
        "stop_grace_period": DURATION,
    },
    (
        *("image", "restart", "cap_drop", "security_opt", "networks"),
        *("read_only", "tmpfs", "mem_limit", "pids_limit"),
    ),
)
COMPOSE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {
            "type": "object",
            "patternProperties": {NAME: SERVICE},
            "additionalProperties": False,
        },
        "networks": {
            "type": "object",
            "patternProperties": {
                NAME: {"anyOf": [{"type": "null"}, closed({"internal": {"const": True}})]}
            },
            "additionalProperties": False,
        },
        "volumes": {
            "type": "object",
            "patternProperties": {NAME: {"type": "null"}},
            "additionalProperties": False,
        },
    },
    "patternProperties": {"^x-": {}},
    "required": ["name", "services", "networks", "volumes"],
    "additionalProperties": False,
}
