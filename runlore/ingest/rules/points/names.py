"""The name and the scope of a series that has labels."""

from collections.abc import Mapping

from runlore.ingest.rules.points.batch import SeriesIdentity, SeriesKind

# The first of these that is there is the scope: what things have in common.
SCOPE_LABELS = ("instance", "host", "host.name", "node", "pod", "service.name", "job")
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def identify(
    metric: str,
    labels: Mapping[str, str],
    unit: str = "",
    kind: SeriesKind | None = None,
    scope: str = "",
) -> SeriesIdentity:
    """Name a series by its metric and labels; those without a value do not count.

    scope: empty: the first of SCOPE_LABELS that is there.

    >>> one = identify("http_requests_total", {"method": "GET", "code": "500", "host": "web-1"})
    >>> one.name, one.scope
    ('http_requests_total{code="500",method="GET"}', 'web-1')
    """
    present = {label: value for label, value in labels.items() if value}
    place = None if scope else next((one for one in SCOPE_LABELS if one in present), None)
    rest = sorted((label, value) for label, value in present.items() if label != place)
    inside = ",".join(f'{label}="{value.translate(ESCAPES)}"' for label, value in rest)
    name = f"{metric}{{{inside}}}" if inside and metric else metric
    return SeriesIdentity(name, scope or present.get(place or "", ""), present, unit, kind)
