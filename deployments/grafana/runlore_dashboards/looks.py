"""How panels look, the same in both forms."""

from types import ModuleType
from typing import Any

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.models import common as words

from runlore_dashboards.declaration import Panel


def styled(built: Any, panel: Panel, builders: ModuleType, models: ModuleType) -> Any:  # noqa: ANN401  (the builders of both forms have the same methods)
    """built: the builder of a panel. builders, models: the modules of its form."""
    built = built.unit(panel.unit)
    if panel.low is not None:
        built = built.min(panel.low)
    if panel.high is not None:
        built = built.max(panel.high)
    steps = [models.Threshold(value=None, color=panel.base_colour)]
    steps += [models.Threshold(value=value, color=colour) for value, colour in panel.thresholds]
    built = built.thresholds(
        builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
    )
    return {"timeseries": _timeseries, "stat": _stat, "table": _table}[panel.look](built, panel)


def _timeseries(built: Any, panel: Panel) -> Any:  # noqa: ANN401
    legend = (
        common.VizLegendOptions()
        .display_mode(words.LegendDisplayMode.TABLE)
        .placement(words.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
    )
    tooltip = (
        common.VizTooltipOptions()
        .mode(words.TooltipDisplayMode.MULTI)
        .sort(words.SortOrder.DESCENDING)
    )
    built = (
        built.legend(legend).tooltip(tooltip).line_width(1).show_points(words.VisibilityMode.NEVER)
    )
    if panel.thresholds:
        style = common.GraphThresholdsStyleConfig().mode(words.GraphThresholdsStyleMode.DASHED)
        built = built.thresholds_style(style)
    if panel.is_stacked:
        stacking = common.StackingConfig().mode(words.StackingMode.NORMAL)
        return built.stacking(stacking).fill_opacity(30)
    return built.fill_opacity(5)


def _stat(built: Any, panel: Panel) -> Any:  # noqa: ANN401
    return (
        built.graph_mode(words.BigValueGraphMode.NONE)
        .color_mode(words.BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value("no data")
    )


def _table(built: Any, panel: Panel) -> Any:  # noqa: ANN401
    return built.show_header(True)
