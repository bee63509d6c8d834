"""Which features matter to a version of an engagement model, as people see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from runlore.engagement.rules.context_features import feature_of
from runlore.kernel.errors import Refused
from runlore.models.explain import MOST_ROWS, REPEATS
from runlore.models.score_names import display
from runlore.plots import svg

# Of Student's t with REPEATS - 1 degrees of freedom, for 95 %.
T_95 = 4.303
MOST_SHOWN, ROW, NAME_WIDTH, MIDDLE = 20, 18.0, 190.0, 5.0
STYLE = (
    "<style>text{font:11px system-ui,sans-serif;fill:#333}.all{fill:#4a90c2}"
    ".whisker{stroke:#1b3a57;stroke-width:1.4}.grid{stroke:#bbb;stroke-width:.7}"
    "svg{background:#fff}</style>"
)


@dataclass(frozen=True)
class FeatureRank:
    """importance: by how much the score gets worse when the values are shuffled among posts.

    low, high: 95 % over repeated shuffles of the same posts. context_feature: the one of the 18
    that it belongs to; None: beyond them.
    """

    rank: int
    feature: str
    context_feature: str | None
    importance: float
    low: float
    high: float

    @property
    def is_beyond_chance(self) -> bool:
        return self.low > 0


@dataclass(frozen=True)
class ImportanceView:
    """features: the most important first. posts: held out from training, that were shuffled."""

    spec: str
    version: str | None
    candidate: str
    score: str
    posts: int
    shuffles: int
    features: tuple[FeatureRank, ...]


def show_importance(
    description: Mapping[str, Any], version: str | None, select_by: str
) -> ImportanceView:
    """description: of the version's bundle. Raises Refused for one that was not trained here."""
    rows = [row for row in description.get("importance", ()) if None not in row.values()]
    if not rows:
        raise Refused(f"{description['spec']}: this version does not say which features matter")
    half = T_95 * sqrt(REPEATS / (REPEATS - 1)) / sqrt(REPEATS)  # `sd` is the population's
    ordered = sorted(rows, key=lambda row: -row["mean"])
    return ImportanceView(
        spec=description["spec"],
        version=version,
        candidate=description["candidate"],
        score=display(select_by),
        posts=min(MOST_ROWS, int(description.get("training", {}).get("test_rows", MOST_ROWS))),
        shuffles=REPEATS,
        features=tuple(
            FeatureRank(
                rank,
                row["feature"],
                feature_of(row["feature"]),
                row["mean"],
                row["mean"] - half * row["sd"],
                row["mean"] + half * row["sd"],
            )
            for rank, row in enumerate(ordered, 1)
        ),
    )


def draw_importance(view: ImportanceView) -> str:
    """The chart as SVG: a bar per feature, with its interval."""
    shown = view.features[:MOST_SHOWN]
    most = max((one.high for one in shown), default=0.0) or 1.0
    width, height = 2 * svg.WIDTH, ROW * (len(shown) + 3)
    span = width - NAME_WIDTH - svg.RIGHT

    def x(value: float) -> float:
        return NAME_WIDTH + span * min(max(value / most, 0.0), 1.0)

    parts = [svg.text(MIDDLE, ROW - MIDDLE, _title(view))]
    for place, one in enumerate(shown, 1):
        y = place * ROW
        name = one.context_feature or one.feature
        words = f"{one.feature}: {one.importance:.4g} ({one.low:.4g} to {one.high:.4g})"
        parts += [
            svg.text(NAME_WIDTH - MIDDLE, y + 13, name[:34], anchor="end"),
            svg.rectangle(x(0), y + 3, x(one.importance) - x(0), ROW - 7, "all", words),
            svg.line(x(one.low), y + 8.5, x(one.high), y + 8.5, "whisker"),
        ]
    bottom = (len(shown) + 1) * ROW
    parts += [svg.line(x(0), ROW, x(0), bottom, "grid"), svg.text(x(0), bottom + 13, "0")]
    parts.append(svg.text(width - svg.RIGHT, bottom + 13, f"{most:.3g}", anchor="end"))
    drawing = svg.Drawing(_title(view), height=height, width=width, parts=[STYLE, *parts])
    return drawing.svg().replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def _title(view: ImportanceView) -> str:
    return f"{view.spec}, version {view.version}: {view.score} gets worse by, when shuffled"
