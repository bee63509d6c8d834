"""Addresses of the pages that Runlore, MLflow and Prefect have of the same things."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")  # noqa: S104  (compared with)

# Prefect's own server answers these by a redirect to the other pages, under the name by which the
# browser reached it. So what is written into Prefect holds no address, and works from anywhere.
REDIRECTS = {"mlflow": "/runlore/mlflow", "console": "/runlore/console"}


@dataclass(frozen=True)
class PageLinks:
    """Makes links. mlflow, prefect, console: what each begins with, without a slash at the end."""

    mlflow: str
    prefect: str
    console: str

    def model(self, spec: str) -> str:
        """All versions of a spec, in MLflow.

        >>> PageLinks("http://host:5000", "", "").model("failure-risk")
        'http://host:5000/#/models/failure-risk'
        """
        return f"{self.mlflow}/#/models/{quote(spec, safe='')}"

    def version(self, spec: str, version: str) -> str:
        return f"{self.model(spec)}/versions/{quote(version, safe='')}"

    def run(self, run_id: str) -> str:
        """A run of training, in MLflow, which finds its experiment itself."""
        return f"{self.mlflow}/#/runs/{quote(run_id, safe='')}"

    def deployments(self, spec: str) -> str:
        """What Prefect starts for a spec. Its two user interfaces have one parameter each."""
        name = quote(spec, safe="")
        search = f"flowOrDeploymentName={name}&flowOrDeploymentNameLike={name}"
        return f"{self.prefect}/deployments?{search}"

    def flow_run(self, run_id: str) -> str:
        return f"{self.prefect}/runs/flow-run/{quote(run_id, safe='')}"

    def spec(self, spec: str) -> str:
        """The page of a spec, in the console."""
        return f"{self.console}/console/specs/{quote(spec, safe='')}"


def is_local(address: str) -> bool:
    """Whether an address means another machine on each machine.

    >>> [is_local(a) for a in ("http://127.0.0.1:5000", "https://runs.example.org", "/runlore")]
    [True, False, False]
    """
    return urlsplit(address).hostname in LOOPBACK
