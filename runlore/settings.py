"""Typed settings, read once at a process edge and passed down."""

from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from runlore.kernel.addresses import Address
from runlore.kernel.durations import CLOCK_SKEW_S
from runlore.kernel.errors import Misconfigured
from runlore.kernel.page_links import REDIRECTS, PageLinks
from runlore.kernel.redaction import without_login

CATALOG = (
    "runlore.specs.catalog.failure_risk:SPEC",
    "runlore.specs.catalog.duration:SPEC",
)
ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  (compared with, never bound here)


class Settings(BaseSettings):
    """Every setting is an environment variable with the prefix `RUNLORE_`."""

    model_config = SettingsConfigDict(
        env_prefix="RUNLORE_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    home: Path = Field(
        default_factory=lambda: Path.home() / ".runlore",
        description="Folder for the embedded database, artifacts, reports and logs.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="A PostgreSQL server (postgresql://…); unset: an embedded one under home.",
    )
    mlflow_tracking_uri: Address | None = Field(
        default=None, description="An MLflow server; unset: tables of the same database."
    )
    mlflow_pages_url: Address | None = Field(
        default=None, description="MLflow's pages as browsers reach them; unset: the server itself."
    )
    prefect_api_url: Address | None = Field(
        default=None, description="A Prefect API; unset: the one that `runlore up` starts."
    )
    prefect_pages_url: Address | None = Field(
        default=None, description="Prefect's pages as browsers reach them; unset: those of the API."
    )
    console_url: Address | None = Field(
        default=None, description="The console as browsers reach it; unset: the service itself."
    )
    host: str = Field(default="127.0.0.1", description="Address that every service binds to.")
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="JSON list of further names under which browsers reach the pages.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="JSON list of addresses or networks whose X-Forwarded-For is believed.",
    )
    prefect_port: int = Field(default=4200, description="Port of the Prefect server and UI.")
    prefect_days: int = Field(
        default=30,
        ge=0,
        le=36_500,
        description="Finished Prefect runs are deleted after so many days; 0: none is.",
    )
    prefect_poll_s: int = Field(
        default=20,
        ge=1,
        le=300,
        description="How often the worker asks for due runs; events tell it sooner.",
    )
    mlflow_port: int = Field(default=5000, description="Port of the MLflow server and UI.")
    serve_port: int = Field(default=3000, description="Port of the prediction service.")
    serve_workers: int = Field(default=1, ge=1, description="Processes of the prediction service.")
    ledger: Literal["on", "off"] = Field(
        default="on",
        description="`off`: answers are not written down; what reads the ledger sees none.",
    )
    ledger_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="Months of the ledger that ended longer ago are dropped; 0: none is.",
    )
    specs: tuple[str, ...] = Field(
        default=CATALOG, description='Model specs as JSON list of "module:NAME".'
    )
    engagement_success_percent: float = Field(
        default=5.0,
        gt=0,
        lt=100,
        description="Engagement from which on a post is a success, for `engagement-success`.",
    )
    series_specs: tuple[str, ...] = Field(
        default=("runlore.specs.catalog.all_series:SPEC",),
        description='Series specs as JSON list of "module:NAME".',
    )
    objectives: tuple[str, ...] = Field(
        default=(), description='Service objectives as JSON list of "module:NAME".'
    )
    maintenance_specs: tuple[str, ...] = Field(
        default=("runlore.specs.catalog.all_scopes:SPEC",),
        description='Maintenance specs as JSON list of "module:NAME".',
    )
    task_runner: Literal["threads", "dask"] = Field(
        default="threads", description="Where mapped Prefect tasks run."
    )
    workers: int = Field(default=2, ge=1, description="Threads or Dask processes of a flow.")
    clock: Literal["wall", "record"] = Field(
        default="wall",
        description="`record` takes a request's instant from its body: for replaying a log.",
    )
    api_keys: Literal["auto", "required", "off"] = Field(
        default="auto",
        description="Who needs a key; `auto`: others than this machine, the console, trainings.",
    )
    api_key: SecretStr | None = Field(
        default=None, description="The one key of a Bento that has no database."
    )
    rate_limit_per_minute: int = Field(
        default=0, ge=0, description="Requests of each key, or address without keys; 0: no limit."
    )
    largest_body_mb: int = Field(
        default=16, ge=1, le=1024, description="Largest body of a request, in MiB."
    )
    routing_policy: Literal["fixed", "learned"] = Field("fixed", description="Chooses agents.")
    agent_addresses: Literal["public", "any"] = Field("public", description="`any`: private, too.")
    max_revisions: int = Field(
        default=100,
        ge=1,
        le=30_000,
        description="How often one execution may be added to: news, outcome, corrections.",
    )
    max_backdating_days: int = Field(
        default=366,
        ge=0,
        le=36_500,
        description="How old a submission over HTTP may be; 0: of any age.",
    )
    correction_days: int = Field(
        default=7,
        ge=0,
        le=36_500,
        description="Other outcomes of work that ended earlier must say that they are corrections.",
    )
    max_series: int = Field(
        default=100_000,
        ge=1,
        le=10_000_000,
        description="Series there may be; over the network, points of further ones are refused.",
    )
    alarms_a_week: float = Field(
        default=1.0,
        gt=0,
        le=10_000,
        description="Incidents by chance that are wanted at most, over all series.",
    )
    sigma_rules: Path | None = Field(
        default=None, description="Folder with your own rules for security events, in Sigma format."
    )
    clock_tolerance_s: float = Field(
        default=CLOCK_SKEW_S,
        ge=0,
        le=300,
        description="Starts and ends that are so little too early are moved into order.",
    )

    log_format: Literal["text", "json"] = Field(
        default="text", description="Lines for people, or one JSON object per line."
    )
    log_requests: Literal["off", "on"] = Field(
        default="off", description="`on`: the prediction service logs a line per request."
    )
    log_max_mb: int = Field(
        default=20, ge=1, le=10_000, description="A larger log of `runlore up` is rotated, in MB."
    )
    log_parts: int = Field(
        default=3, ge=0, le=100, description="How many older parts of each log are kept."
    )

    metrics_actors: tuple[str, ...] = Field(
        default=(),
        max_length=50,
        description="JSON list of actors whose executions `/metrics` counts one by one.",
    )
    otlp_endpoint: Address | None = Field(
        default=None, description="An OpenTelemetry collector; unset: no traces are made."
    )

    chat_url: Address | None = Field(
        default=None,
        description="An OpenAI-compatible endpoint for chats; unset: templates answer.",
    )
    chat_model: str = Field(
        default="", description="The language model of that endpoint, by its name there."
    )
    chat_key: SecretStr | None = Field(default=None, description="The key of that endpoint.")

    alert_channels: SecretStr | None = Field(
        default=None, description="Where alerts are sent: a JSON object of channels by name."
    )

    pseudonym_secret: SecretStr | None = Field(
        default=None,
        description="Secret of the pseudonyms of personas; unset: a file of the home.",
    )
    personal_sources: tuple[str, ...] = Field(
        default=(),
        description="JSON list of sources whose executions are personal data, and expire.",
    )
    personal_days: int = Field(
        default=90, ge=30, le=90, description="After so many days, these executions are deleted."
    )

    disk_free_mb: int = Field(
        default=1_000, ge=0, description="Less free on a disk is a critical alert, in MB; 0: none."
    )
    disk_free_percent: float = Field(
        default=5.0, ge=0, le=100, description="Less free on a disk is a warning, in %; 0: none."
    )

    privacy_epsilon: float = Field(
        default=1.0, ge=0.01, le=10, description="What a month's answers may tell of one persona."
    )
    privacy_delta: float = Field(
        default=1e-5, ge=1e-9, le=1e-3, description="How likely that bound may fail."
    )
    privacy_aggregates: int = Field(
        default=4, ge=1, le=100_000, description="New aggregates a month; more means more noise."
    )

    report_price_per_hour: float | None = Field(
        default=None, ge=0, le=1e12, description="What an hour of running costs, for reports."
    )
    report_price_per_check: float | None = Field(
        default=None, ge=0, le=1e12, description="What a look at one warning costs, for reports."
    )
    report_currency: str = Field(
        default="USD", min_length=1, max_length=12, description="The currency of these prices."
    )
    report_cost: str | None = Field(
        default=None, description="The outcome that holds the cost; unset: hours are priced."
    )
    report_warns_at: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="A predicted risk from here on is a warning; unset: the riskiest tenth.",
    )
    report_templates: Path | None = Field(
        default=None, description="Folder with templates of reports that replace the built-in ones."
    )
    report_pages_url: Address | None = Field(
        default=None,
        description="The console as readers of reports reach it; unset: as browsers do.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _as_networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        """As networks are written: an address alone is a network of one."""
        try:
            return tuple(str(ip_network(text)) for text in texts)
        except ValueError as error:
            raise PydanticCustomError(
                "network",
                "{error}; write an address, or a network such as 10.0.0.0/8",
                {"error": str(error)},
            ) from error

    @field_validator("api_key")
    @classmethod
    def _as_sent(cls, key: SecretStr | None) -> SecretStr | None:
        """As a client can send it; a file that held it may end with a line break."""
        if key is None:
            return None
        text = key.get_secret_value().strip()
        if not (text.isascii() and text.isprintable()):
            raise PydanticCustomError("header", "a header takes printable ASCII characters alone")
        return SecretStr(text)

    @cached_property
    def reports(self) -> Path:
        return self.home / "reports"

    @cached_property
    def artifacts(self) -> Path:
        return self.home / "artifacts"

    @cached_property
    def logs(self) -> Path:
        return self.home / "logs"

    @cached_property
    def alerts_beat(self) -> Path:
        """Touched by the dispatcher of alerts while it is well."""
        return self.home / "alerts.beat"

    @property
    def prefect_url(self) -> str:
        """For clients: it may hold a login."""
        return _plain(self.prefect_api_url) or f"{reached(self.host, self.prefect_port)}/api"

    @property
    def prefect_pages(self) -> str:
        """What links to Prefect's pages begin with; a login is never part of a link."""
        address = without_login(_plain(self.prefect_pages_url) or self.prefect_url)
        return address.rstrip("/").removesuffix("/api")

    @property
    def mlflow_url(self) -> str:
        """For clients: it may hold a login."""
        return _plain(self.mlflow_tracking_uri) or reached(self.host, self.mlflow_port)

    @property
    def mlflow_pages(self) -> str:
        """What links to runs and versions begin with; a login is never part of a link."""
        return without_login(_plain(self.mlflow_pages_url) or self.mlflow_url).rstrip("/")

    @property
    def console_pages(self) -> str:
        """What links to the console begin with."""
        return without_login(_plain(self.console_url) or self.serve_url).rstrip("/")

    def pages(self, host: str = "") -> PageLinks:
        """Make links to all pages.

        host: the name by which a browser reached one of our services; the others are on the same
        one, unless a setting says where. Empty: as this machine reaches them.

        >>> Settings(host="0.0.0.0").pages("build-7").mlflow
        'http://build-7:5000'
        """
        mlflow, prefect, console = self.mlflow_pages, self.prefect_pages, self.console_pages
        if host:
            if not (self.mlflow_pages_url or self.mlflow_tracking_uri):
                mlflow = reached(host, self.mlflow_port)
            if not (self.prefect_pages_url or self.prefect_api_url):
                prefect = reached(host, self.prefect_port)
            if not self.console_url:
                console = reached(host, self.serve_port)
        return PageLinks(mlflow, prefect, console)

    @property
    def pages_within_prefect(self) -> PageLinks:
        """For text that is kept in Prefect and read there; see `kernel.page_links`.

        A Prefect server of the user's own knows no redirects: there the settings say where pages
        are.
        """
        if self.prefect_api_url is not None:
            return self.pages()
        return PageLinks(REDIRECTS["mlflow"], "", REDIRECTS["console"])

    @property
    def otlp_url(self) -> str | None:
        """The collector's address: it may hold a login."""
        return _plain(self.otlp_endpoint)

    @property
    def report_pages(self) -> str:
        """What links to reports begin with; a login is never part of a link."""
        return without_login(_plain(self.report_pages_url) or self.console_pages).rstrip("/")

    @property
    def serve_url(self) -> str:
        return reached(self.host, self.serve_port)


def _plain(address: Address | None) -> str | None:
    return None if address is None else address.get_secret_value()


def reached(host: str, port: int) -> str:
    """Where this machine reaches a service that is bound to `host`.

    >>> reached("0.0.0.0", 80), reached("::1", 80)
    ('http://127.0.0.1:80', 'http://[::1]:80')
    """
    local = "127.0.0.1" if host in ANYWHERE else host
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


def read() -> Settings:
    """Read the environment; a wrong value is named together with its variable."""
    try:
        return Settings()
    except SettingsError as error:
        name = str(error).partition('"')[2].partition('"')[0]
        raise Misconfigured(f"settings: RUNLORE_{name.upper()}: is not JSON") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"RUNLORE_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()
        )
        raise Misconfigured(f"settings: {wrong}") from error
