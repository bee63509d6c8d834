"""The channels of the settings, by name. Their secrets never leave this module."""

from collections.abc import Mapping
from functools import partial
from ipaddress import ip_address
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from runlore.alerts.rules.finding import Severity
from runlore.alerts.rules.release import Channel
from runlore.kernel.errors import Misconfigured

VARIABLE = "RUNLORE_ALERT_CHANNELS"
MOST_CHANNELS = 20
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Address = Annotated[str, StringConstraints(pattern=r"^[^\s@,<>]+@[^\s@,<>]+$", max_length=254)]


def _web(url: SecretStr, *, is_secret_path: bool) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an address like https://host/path")
    if is_secret_path and parts.scheme == "http" and not is_here(parts.hostname):
        raise ValueError("its path is a secret: it must begin with https://")
    return url


def is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Secret = Annotated[SecretStr, AfterValidator(partial(_web, is_secret_path=True))]
Web = Annotated[SecretStr, AfterValidator(partial(_web, is_secret_path=False))]


class _Channel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    at_least: Severity = Severity.INFO  # the lowest severity that this channel gets

    @property
    def place(self) -> str:
        """The channel's address without its secrets."""
        raise NotImplementedError

    @property
    def secrets(self) -> tuple[str, ...]:
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


class _OnTheWeb(_Channel):
    url: Secret

    @property
    def place(self) -> str:
        return f"{urlsplit(self.url.get_secret_value()).hostname}/…"


class Slack(_OnTheWeb):
    """An incoming webhook; Mattermost and Rocket.Chat take the same."""

    kind: Literal["slack"]


class Discord(_OnTheWeb):
    kind: Literal["discord"]


class PagerDuty(_OnTheWeb):
    """PagerDuty's Events API v2. url: the EU region has another one."""

    kind: Literal["pagerduty"]
    routing_key: SecretStr
    url: Secret = SecretStr(PAGERDUTY_URL)


class Webhook(_OnTheWeb):
    """JSON to any address. token: sent as `Authorization: Bearer …`."""

    kind: Literal["webhook"]
    url: Web
    token: SecretStr | None = None


class Alertmanager(_OnTheWeb):
    """Prometheus' Alertmanager, API v2. url: its address; `/api/v2/alerts` is added.

    token: sent as `Authorization: Bearer …`; user and password: as `Basic …`.
    """

    kind: Literal["alertmanager"]
    url: Web
    token: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _one_authorization(self) -> "Alertmanager":
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        if self.token is not None and self.user is not None:
            raise ValueError("either a token, or user and password")
        return self


class Email(_Channel):
    """tls: `starttls` and `implicit` are verified; `none` is for a server on this machine."""

    model_config = ConfigDict(populate_by_name=True)

    kind: Literal["email"]
    host: Annotated[str, StringConstraints(pattern=r"^[\w.:-]+$", max_length=253)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None
    sender: Annotated[Address, Field(alias="from")]
    to: Annotated[tuple[Address, ...], Field(min_length=1, max_length=50)]

    @property
    def place(self) -> str:
        return f"{', '.join(self.to)} by {self.host}:{self.port}"

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> "Email":
        if self.password is not None and self.tls == "none" and not is_here(self.host):
            raise ValueError("a password needs tls: starttls or implicit")
        return self


class Apprise(_Channel):
    """Any address that Apprise understands, such as tgram://… or matrixs://…"""

    kind: Literal["apprise"]
    url: SecretStr

    @property
    def place(self) -> str:
        return f"{self.url.get_secret_value().partition('://')[0]}://…"


AnyChannel = Slack | Discord | PagerDuty | Webhook | Alertmanager | Email | Apprise
Channels = Mapping[str, AnyChannel]
_DECLARED: TypeAdapter[dict[str, AnyChannel]] = TypeAdapter(
    Annotated[
        dict[Name, Annotated[AnyChannel, Field(discriminator="kind")]],
        Field(max_length=MOST_CHANNELS),
    ],
)


def parse(declared: SecretStr | None) -> Channels:
    """Name -> channel. Raises Misconfigured, whose message holds no values of the setting."""
    text = "" if declared is None else declared.get_secret_value().strip()
    if not text:
        return {}
    try:
        return _DECLARED.validate_json(text)
    except ValidationError as error:
        wrong = [_wrong(detail) for detail in error.errors(include_input=False, include_url=False)]
    raise Misconfigured(
        f"{VARIABLE}: {'; '.join(wrong[:5])}; it is a JSON object such as "
        '{"ops": {"kind": "webhook", "url": "https://…"}}'
    )


def routed(channels: Channels) -> list[Channel]:
    """The routing of the channels: which alerts each one gets."""
    return [
        Channel(name, channel.at_least, has_incidents=isinstance(channel, PagerDuty))
        for name, channel in channels.items()
    ]


def _wrong(error: Any) -> str:  # noqa: ANN401  (pydantic's own dictionary)
    where = ".".join(map(str, error["loc"]))
    return f"{where}: {error['msg']}" if where else str(error["msg"])
