"""Imports from the APIs of Airflow, GitHub, GitLab and Jenkins: addresses, logins, histories."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit

import httpx

from runlore.ingest.actions.airflow_server import AirflowHistory
from runlore.ingest.actions.api_client import TIMEOUT_S, ApiClient, RateLimitWait
from runlore.ingest.actions.documents import PageParser
from runlore.ingest.actions.files import IngestOptions, IngestSummary, ingest_history
from runlore.ingest.actions.github_server import GithubHistory
from runlore.ingest.actions.gitlab_server import GitlabHistory
from runlore.ingest.actions.jenkins_server import JenkinsHistory
from runlore.ingest.actions.opening import ResumableSource
from runlore.ingest.actions.pipelines import PipelineTool, open_objects
from runlore.ingest.queries.ingests import IngestSource
from runlore.kernel.errors import BadInput, Unavailable, one_line
from runlore.kernel.instants import to_us
from runlore.kernel.redaction import without_login
from runlore.records.clock_skew import IngestClock
from runlore.records.mapping import ColumnMapping
from runlore.store.engine import Store

NAMES: Mapping[PipelineTool, str] = {
    "airflow": "Airflow",
    "github": "GitHub",
    "gitlab": "GitLab",
    "jenkins": "Jenkins",
}
Variables = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ApiSource:
    """A server whose records to ingest. url: as a person knows it; variables: of the environment,
    which hold the login. timezone: of times without a zone."""

    tool: PipelineTool
    url: str
    source: str
    variables: Variables = field(default_factory=dict)
    timezone: str = "UTC"
    patience: RateLimitWait = field(default_factory=RateLimitWait)


def ingest_api(store: Store, source: ApiSource, run: IngestOptions) -> IngestSummary:
    """Add a server's records: all at first, later only those that may have changed.

    Raises BadInput when the address or the login is wrong, Unavailable when the server is away or
    wants no more requests for long, and Interrupted when something was committed before that.
    """
    address = api_address(source.tool, source.url)
    subject = IngestSource(source.source, without_login(address), "executions", source.tool)
    mapping = ColumnMapping(timezone=source.timezone)
    clock = IngestClock(to_us(run.at), round(run.clock_tolerance_s * 1e6))
    parser = open_objects(source.tool, source.source, mapping, clock)
    with httpx.Client(base_url=address, timeout=TIMEOUT_S, follow_redirects=True) as client:
        client.headers.update(_login(source, client))
        api = ApiClient(client, NAMES[source.tool], source.patience)
        return ingest_history(store, subject, _history(source.tool, api, parser, run.at), run)


def _history(
    tool: PipelineTool, api: ApiClient, parser: PageParser, at: datetime
) -> ResumableSource:
    makers: Mapping[PipelineTool, Callable[[], ResumableSource]] = {
        "airflow": lambda: AirflowHistory(api, parser, at),
        "github": lambda: GithubHistory(api, parser, at),
        "gitlab": lambda: GitlabHistory(api, parser, at),
        "jenkins": lambda: JenkinsHistory(api, parser),
    }
    return makers[tool]()


def api_address(tool: PipelineTool, url: str) -> str:
    """The address that a tool's requests begin with, out of one that a person knows.

    >>> api_address("github", "octo/app"), api_address("github", "https://github.com/octo/app")
    ('https://api.github.com/repos/octo/app/', 'https://api.github.com/repos/octo/app/')
    >>> api_address("github", "https://git.example.com/octo/app")
    'https://git.example.com/api/v3/repos/octo/app/'
    >>> api_address("gitlab", "https://gitlab.com/group/sub/app")
    'https://gitlab.com/api/v4/projects/group%2Fsub%2Fapp/'
    """
    if tool == "github" and re.fullmatch(r"[\w.-]+/[\w.-]+", url):
        return f"https://api.github.com/repos/{url}/"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"url: {url!r} is not an address such as https://ci.example.com", "url")
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")
    if tool == "github":
        return _github_address(origin, path.removesuffix(".git"))
    if tool == "gitlab" and "api/v4/projects/" not in path:
        project = path.removesuffix(".git").partition("/-/")[0]
        if not project:
            raise BadInput("url: name the project, as in https://gitlab.com/group/project", "url")
        return f"{origin}/api/v4/projects/{quote(project, safe='')}/"
    if tool == "airflow":
        path = re.sub(r"(^|/)api/v[12].*$", "", path)
    path = re.sub(r"(^|/)(jobs|api/json)$", "", path) if tool in ("gitlab", "jenkins") else path
    return f"{origin}/{path}/" if path else f"{origin}/"


def _github_address(origin: str, path: str) -> str:
    match = re.search(r"(?:^|/)repos/([^/]+/[^/]+)", path)
    if match is not None:
        return f"{origin}/{path[: match.end()].lstrip('/')}/"
    names = path.split("/")
    if len(names) < 2:
        raise BadInput("url: name the repository, as in octo/app", "url")
    repository = "/".join(names[:2])
    if urlsplit(origin).hostname == "github.com":
        return f"https://api.github.com/repos/{repository}/"
    return f"{origin}/api/v3/repos/{repository}/"


def _login(source: ApiSource, client: httpx.Client) -> dict[str, str]:
    """The headers for a tool, out of the variables of the environment that are usual for it."""
    variables = source.variables
    if source.tool == "github":
        token = variables.get("GH_TOKEN") or variables.get("GITHUB_TOKEN")
        plain = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return plain | ({"Authorization": f"Bearer {token}"} if token else {})
    if source.tool == "gitlab":
        token = variables.get("GITLAB_TOKEN")
        return {"PRIVATE-TOKEN": token} if token else {}
    if source.tool == "jenkins":
        return _basic(variables.get("JENKINS_USER"), variables.get("JENKINS_TOKEN"))
    return _airflow_login(variables, client)


def _airflow_login(variables: Variables, client: httpx.Client) -> dict[str, str]:
    """A token, or the one that Airflow 3 returns for a name and a password, or both of them."""
    if token := variables.get("AIRFLOW_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    name, password = variables.get("AIRFLOW_USERNAME"), variables.get("AIRFLOW_PASSWORD")
    if not name or not password:
        return {}
    try:
        answer = client.post("auth/token", json={"username": name, "password": password})
    except httpx.HTTPError as error:
        raise Unavailable(f"Airflow at {client.base_url}: {one_line(error)}; is it up?") from error
    if answer.is_success:
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return _basic(name, password)


def _basic(name: str | None, password: str | None) -> dict[str, str]:
    if not name or not password:
        return {}
    request = httpx.Request("GET", "http://localhost/")
    flow = httpx.BasicAuth(name, password).sync_auth_flow(request)
    return {"Authorization": next(flow).headers["Authorization"]}
