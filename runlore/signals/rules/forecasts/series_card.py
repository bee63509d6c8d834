"""The card of a version of forecasters: what a person reads before trusting it."""

from collections.abc import Mapping, Sequence

from runlore.kernel.readable import readable_duration, readable_share
from runlore.signals.rules.forecasts.forecast_gates import ForecastVerdict, HorizonEvidence
from runlore.specs.series_spec import SeriesSpec

CAPTIONS = {
    "skill_by_series": "Skill by series",
    "coverage": "Coverage by horizon",
    "forecast_best": "The best of the series, on held-out values",
    "forecast_middle": "The middle one",
    "forecast_worst": "The worst",
}


def write_card(
    spec: SeriesSpec,
    horizons: Sequence[HorizonEvidence],
    verdict: ForecastVerdict,
    pictures: Mapping[str, str],
    series: str,
) -> str:
    """As Markdown. pictures: the addresses of figures, by their names. series: which there are."""
    lines = [
        f"# Forecasters of {spec.name}",
        "",
        f"{'Passed' if verdict.passed else 'Refused'}: {'; '.join(verdict.reasons)}.",
        "",
        f"{series} Each was forecast from up to three origins at its end, with weights and bands"
        " from the values before. The version itself has learned from all values.",
        "",
        "| ahead | learned | measured | error ratio | to the champion | coverage | by the last"
        " season |",
        "|---|---|---|---|---|---|---|",
        *map(_row, horizons),
        "",
        "Learned: the series that can be forecast. Measured: those with enough past to hold values"
        " out. Error ratio: the mean absolute error, as a share of that of the last season again;"
        " the geometric mean over series. Coverage: the share of values that bands held, which"
        f" should be {readable_share(spec.level)}. By the last season: the share of series of"
        " which nothing was better on the past, so that this is their forecast.",
        "",
    ]
    for name, address in pictures.items():
        lines += [f"## {CAPTIONS[name]}", "", f"![{CAPTIONS[name]}]({address})", ""]
    lines += [
        "## Limits",
        "",
        "- A series that was not there at this training is searched anew each time.",
        "- Bands are as wide as the errors before the training were. Scored forecasts tell when"
        " that no longer holds: `runlore signals skill`.",
        f"- To go back: `runlore rollback {spec.name} --reason WHY`.",
    ]
    return "\n".join(lines) + "\n"


def _row(one: HorizonEvidence) -> str:
    ahead = readable_duration(one.horizon_s)
    fallback = readable_share(one.fallbacks / one.learned) if one.learned else "-"
    if not one.is_measured:
        return f"| {ahead} | {one.learned} | 0 | - | - | - | {fallback} |"
    against = "-" if one.against is None else f"{one.against:.3f}"
    return (
        f"| {ahead} | {one.learned} | {one.series} | {one.ratio:.3f} | {against} |"
        f" {readable_share(one.coverage)} | {fallback} |"
    )
