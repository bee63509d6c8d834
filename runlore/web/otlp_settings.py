"""Where traces are sent, by our own setting or by OpenTelemetry's variables."""

from collections.abc import Mapping
from urllib.parse import unquote

PATH = "/v1/traces"


def traces_endpoint(setting: str | None, environment: Mapping[str, str]) -> str | None:
    """Where traces are sent: by our setting, else by OpenTelemetry's own variables; None: nowhere.

    >>> traces_endpoint("http://host:4318/", {})
    'http://host:4318/v1/traces'
    >>> traces_endpoint(None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://host/mine"})
    'http://host/mine'
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    exact = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if setting is None and exact:
        return exact
    base = setting or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return f"{base.rstrip('/')}{PATH}" if base else None


def headers_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Of OpenTelemetry's own variable, such as `api-key=abc,tenant=a%20b`.

    >>> headers_of({"OTEL_EXPORTER_OTLP_HEADERS": "api-key=abc,tenant=a%20b"})
    {'api-key': 'abc', 'tenant': 'a b'}
    """
    text = environment.get("OTEL_EXPORTER_OTLP_HEADERS", "")
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}
