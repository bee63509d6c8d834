"""What can be promised, as people and programs read it."""

from dataclasses import dataclass
from datetime import datetime

from runlore.kernel.readable import readable_quantity, readable_share
from runlore.planning.queries.promises import StoredScores
from runlore.planning.rules.promises.scores import PromiseScores
from runlore.planning.views import unit_of


@dataclass(frozen=True)
class KindPromises:
    kind: str
    scores: PromiseScores


@dataclass(frozen=True)
class PromisesView:
    """threshold: the probability, not calibrated, from which a promise is made; None: no promise.

    kinds: those with 30 tested tasks or more, the most frequent first.
    """

    measure: str
    unit: str
    moment: str
    learned_at: datetime
    tasks: int
    threshold: float | None
    fields: list[str]
    all: PromiseScores
    kinds: tuple[KindPromises, ...]


def show_promises(row: StoredScores) -> PromisesView:
    kinds = [KindPromises(kind, PromiseScores(**one)) for kind, one in row.scores["kinds"].items()]
    return PromisesView(
        measure=row.measure,
        unit=unit_of(row.measure),
        moment=row.moment,
        learned_at=row.learned_at,
        tasks=row.tasks,
        threshold=row.threshold,
        fields=row.fields,
        all=PromiseScores(**row.scores["all"]),
        kinds=tuple(sorted(kinds, key=lambda one: -one.scores.tasks)),
    )


def explain_promises(view: PromisesView) -> str:
    scores = view.all
    learned = f"learned {view.learned_at:%Y-%m-%d %H:%M} UTC from {view.tasks} tasks"
    asked = f"estimated when {view.moment}, {learned}"
    if view.threshold is None:
        return (
            f"{view.measure}: no promise is made ({asked}): in no group of past tasks did 80 %"
            " surely come within 15 %"
        )
    kept = "none" if scores.kept is None else readable_share(scores.kept)
    return (
        f"{view.measure}: {readable_share(scores.share)} of tasks were promised, of which {kept}"
        f" came within 15 % ({asked})"
    )


def tabulate_scores(name: str, scores: PromiseScores, unit: str) -> dict[str, object]:
    interval = None
    if scores.low is not None and scores.high is not None:
        interval = f"{scores.low:.0%} to {scores.high:.0%}"
    return {
        "kind": name,
        "tasks": scores.tasks,
        "promised": readable_share(scores.share),
        "kept": None if scores.kept is None else readable_share(scores.kept),
        "95 %": interval,
        "PRED(15)": readable_share(scores.pred_15),
        "PRED(25)": readable_share(scores.pred_25),
        "MdMRE": f"{scores.md_mre:.2f}",
        "SA": None if scores.sa is None else f"{scores.sa:.2f}",
        "MAE": readable_quantity(scores.mae, unit).strip(),
        "in 50 / 80 / 90 %": " / ".join(f"{share:.0%}" for share in scores.coverage.values()),
    }
