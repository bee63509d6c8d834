"""A home in a Python program: everything that the commands do with one log, without a service."""

from collections.abc import Mapping, Sequence
from getpass import getuser
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from runlore.api import figures, frames
from runlore.app import App, home_app
from runlore.kernel.errors import NoChampion, RunloreError
from runlore.kernel.extras import require_home
from runlore.kernel.instants import now
from runlore.kernel.telemetry import silence_telemetry
from runlore.kernel.threads import calm_threads
from runlore.specs.model_spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from runlore.ingest.actions.files import IngestSummary
    from runlore.ingest.actions.opening import Format
    from runlore.models.bundle import Bundle
    from runlore.training.actions.training import TrainOutcome


def open(home: str | Path | None = None) -> "Home":  # noqa: A001  (`runlore.open`)
    """Open a home: a folder with logs, models and predictions; it is made when it is missing.

    home: None: RUNLORE_HOME, or else `~/.runlore`. The other settings are those of the environment.
    Raises Misconfigured where only the base of Runlore is installed; `runlore[home]` is needed.

    >>> with runlore.open(folder) as home:
    ...     home.path == folder
    True
    """
    require_home("runlore.open")
    silence_telemetry()
    calm_threads()
    return Home(home_app(None if home is None else Path(home)))


class Home:
    """An open home, as `runlore.open` gives it.

    Close it, or use it in a `with` block: its database runs until then.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._specs: dict[str, ModelSpec] = {}

    @property
    def path(self) -> Path:
        return self._app.settings.home

    def ingest(
        self,
        data: "pd.DataFrame | str | Path",
        *,
        source: str | None = None,
        format: "Format | None" = None,  # noqa: A002  (the word of the commands)
        columns: Mapping[str, str] | None = None,
        const: Mapping[str, str] | None = None,
        inputs: Sequence[str] | str = (),
        outcome: Sequence[str] = (),
        status: Mapping[str, str] | None = None,
        **more: Any,  # noqa: ANN401  (further parts of a mapping)
    ) -> "IngestSummary":
        """Bring in a data frame, or a file; what is known already is not added again.

        source: names the log; of a file, its name is the default. format: of a file; its extension
        is the default. columns: field -> column, where they differ; the fields are id, actor, kind,
        scope, submitted, started, finished, duration_s, status and known_at. const: field -> one
        value for all rows. inputs: columns to learn from; "*": all that nothing else uses. outcome:
        columns that are measured at the end. status: the log's own words -> succeeded, failed, ….
        more: any other part of a mapping, such as timezone="Europe/Berlin".

        Raises BadInput, which names the part of the mapping that is wrong.

        >>> runs = pd.DataFrame({
        ...     "id": ["r-1", "r-2"], "actor": ["ann", "bob"], "kind": ["etl", "etl"],
        ...     "submitted": ["2025-10-02T08:00:00Z", "2025-10-02T08:05:00Z"],
        ...     "finished": ["2025-10-02T09:00:00Z", "2025-10-02T08:35:00Z"],
        ...     "state": ["COMPLETED", "FAILED"], "size_gb": [1.5, 20.0]})
        >>> done = home.ingest(
        ...     runs, source="runs", columns={"status": "state"}, inputs=["size_gb"])
        >>> done.new, done.rejected
        (2, 0)
        """
        mapping = {
            "columns": dict(columns or {}),
            "constants": dict(const or {}),
            "inputs": inputs if isinstance(inputs, str) else list(inputs),
            "outcome": list(outcome),
            "status": dict(status or {}),
            **more,
        }
        return frames.ingest(self._app, data, source, format, mapping)

    def train(
        self,
        *specs: str | ModelSpec,
        sources: Sequence[str] = (),
        accept_data: str | None = None,
    ) -> "dict[str, TrainOutcome]":
        """Train specs, by name or as a ModelSpec; none: all. The first version becomes champion.

        sources: learn from these alone; none: from all. accept_data: why data that breaks the data
        contract may teach nevertheless. A training that is refused has `passed` False and the
        reasons; the other specs are trained all the same.

        >>> outcome = home.train("failure-risk")["failure-risk"]
        >>> sorted(outcome.scores)
        ['auc', 'brier', 'calibration_error', 'log_loss']
        """
        from runlore.engagement.actions.consent import without_opted_out
        from runlore.log.reader import reading_ahead
        from runlore.quality.actions.contract import Acceptance
        from runlore.training.actions.training import TrainOutcome, train_spec

        app, outcomes = self._app, {}
        accepted = Acceptance(getuser(), accept_data) if accept_data else None
        with reading_ahead(app.store):
            for spec in self._chosen(specs):
                try:
                    chosen = without_opted_out(app.store, spec.of_sources(sources))
                    trained = train_spec(
                        app.store, app.registry, chosen, at=now(), accepted=accepted
                    )
                except RunloreError as error:
                    trained = TrainOutcome.of_error(spec.name, error)
                outcomes[spec.name] = trained
        return outcomes

    def predict(
        self,
        work: "pd.DataFrame",
        spec: str | ModelSpec,
        *,
        columns: Mapping[str, str] | None = None,
        quantiles: Sequence[float] = (),
        ledger: bool = True,
    ) -> "pd.DataFrame":
        """Predict for each row, as of now, by the champion; the index stays.

        work: with the columns actor and kind, and if known scope, execution (the id under which
        you report the outcome) and the inputs; other columns are ignored. columns: field -> column,
        where they differ. quantiles: levels between 0 and 1, of a quantity, each a column such as
        `q0.95`. ledger: whether the answers are put on the ledger, as those of the service are.

        Raises NoChampion where there is none, BadInput for a missing column or a wrong value,
        Refused for quantiles of a probability.

        >>> work = pd.DataFrame(
        ...     {"actor": ["user-01", "new"], "kind": "etl", "size_gb": [2.0, 90.0]})
        >>> answers = home.predict(work, "failure-risk")
        >>> list(answers.columns)
        ['prediction', 'low', 'high', 'unit', 'support', 'version', 'id']
        >>> bool(answers["prediction"].between(0, 1).all())
        True
        """
        bundle, levels = self._champion(spec), frames.levels_of(quantiles)
        requests = frames.requests_of(work, bundle.plan, columns or {})
        answers = frames.answered(self._app, bundle, requests, has_ledger=ledger, levels=levels)
        return frames.frame_of(answers, work.index, bundle, levels)

    def explain(
        self,
        work: "pd.DataFrame | Mapping[str, Any]",
        spec: str | ModelSpec,
        *,
        columns: Mapping[str, str] | None = None,
        reasons: int = 3,
    ) -> "pd.DataFrame":
        """Say what moved each prediction most: one row for each reason, the largest first.

        work: as for `predict`, or one request as a mapping. effect: the prediction less what it
        would be with the feature at its reference, the usual value in training. The answers are
        not put on the ledger.

        >>> work = {"actor": "new", "kind": "etl", "inputs": {"size_gb": 90.0}}
        >>> reasons = home.explain(work, "failure-risk", reasons=2)
        >>> list(reasons.columns), len(reasons)
        (['row', 'feature', 'value', 'reference', 'effect', 'text'], 2)
        """
        frame = frames.as_frame(work)
        requests = frames.requests_of(frame, self._champion(spec).plan, columns or {})
        answers = frames.answered(
            self._app, self._champion(spec), requests, has_ledger=False, reasons=reasons
        )
        return frames.reasons_of(answers, frame.index)

    def versions(self, *specs: str | ModelSpec) -> "pd.DataFrame":
        """The registered versions, newest first; alias: champion, challenger or nothing.

        >>> home.versions("failure-risk")[["spec", "version", "alias"]].iloc[-1].to_dict()
        {'spec': 'failure-risk', 'version': '1', 'alias': 'champion'}
        """
        import pandas as pd

        rows = [
            {"spec": ref.spec, "version": ref.version, "alias": ", ".join(ref.aliases)}
            | {"digest": ref.digest}
            for spec in self._chosen(specs)
            for ref in self._app.registry.versions(spec.name)
        ]
        return pd.DataFrame(rows, columns=["spec", "version", "alias", "digest"])

    def plot_importance(self, spec: str | ModelSpec) -> "Figure":
        """What the champion's answers depend on, as its training drew it."""
        return figures.importance(self._champion(spec), self._spec(spec))

    def plot_candidates(self, spec: str | ModelSpec) -> "Figure":
        """How the candidates of the champion's training scored, the baseline among them."""
        return figures.candidates(self._champion(spec), self._spec(spec))

    def plot_calibration(self, spec: str | ModelSpec) -> "Figure":
        """How often what the champion calls 30 % came true, on its test part.

        Raises Refused for a quantity.

        >>> home.plot_calibration("failure-risk").savefig("calibration.png")
        """
        return figures.calibration(self._app, self._champion(spec), self._spec(spec))

    def plot_residuals(self, spec: str | ModelSpec) -> "Figure":
        """How far the champion was off, on its test part. Raises Refused for a probability."""
        return figures.residuals(self._app, self._champion(spec), self._spec(spec))

    def plot_coverage(self, spec: str | ModelSpec) -> "Figure":
        """How often the truth lay in the champion's interval. Raises Refused for a probability."""
        return figures.coverage(self._app, self._champion(spec), self._spec(spec))

    def close(self) -> None:
        """Deliver the alerts that were raised here, and stop what was started for this home."""
        try:
            self._app.deliver_alerts()
        finally:
            self._app.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _chosen(self, specs: Sequence[str | ModelSpec]) -> Sequence[ModelSpec]:
        return [self._spec(spec) for spec in specs] or list(self._app.specs)

    def _spec(self, spec: str | ModelSpec) -> ModelSpec:
        """Raises NotFound for a name that no spec has."""
        if isinstance(spec, ModelSpec):
            self._specs[spec.name] = spec
            return spec
        return self._specs.get(spec) or self._app.spec(spec)

    def _champion(self, spec: str | ModelSpec) -> "Bundle":
        """Loaded once for each version."""
        name = self._spec(spec).name
        ref = self._app.registry.champion(name)
        if ref is None:
            raise NoChampion(name)
        return self._app.registry.load(ref)
