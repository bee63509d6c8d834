"""The map of projects as shapes of an SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log10

from runlore.planning.project_views import CategoryView, ProjectPoint

WIDTH, HEIGHT, EDGE = 640, 420, 28
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "bar", "kite", "star")
PATHS = {
    "circle": "M-1,0a1,1 0 1,0 2,0a1,1 0 1,0 -2,0Z",
    "square": "M-.9,-.9H.9V.9H-.9Z",
    "triangle": "M0,-1.1L1,.8H-1Z",
    "diamond": "M0,-1.2L1.2,0L0,1.2L-1.2,0Z",
    "cross": "M-.4,-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
    "bar": "M-1.3,-.5H1.3V.5H-1.3Z",
    "kite": "M0,1.1L1,-.8H-1Z",
    "star": "M0,-1.2L.35,-.35L1.2,0L.35,.35L0,1.2L-.35,.35L-1.2,0L-.35,-.35Z",
}
UNKNOWN = ("circle", 5)


@dataclass(frozen=True)
class MapShape:
    """x, y: pixels. path: scaled to its size. colour: 1 to 6 of the console's own."""

    link: str
    label: str
    x: float
    y: float
    size: float
    shape: str
    path: str
    colour: int


def draw_map(
    points: Sequence[ProjectPoint],
    categories: Sequence[CategoryView],
    link: Callable[[str], str],
) -> list[MapShape]:
    """One scale for both axes; each category has a shape and a colour."""
    looks = {one.name: (SHAPES[at % len(SHAPES)], at % 4 + 1) for at, one in enumerate(categories)}
    xs, ys = [one.x for one in points] or [0.0], [one.y for one in points] or [0.0]
    middle = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    reach = max((max(xs) - min(xs)) / (WIDTH - 2 * EDGE), (max(ys) - min(ys)) / (HEIGHT - 2 * EDGE))
    scale = 1 / reach if reach > 0 else 0.0
    shapes = []
    for one in points:
        shape, colour = looks.get(one.category or "", UNKNOWN)
        shapes.append(
            MapShape(
                link=link(one.project),
                label=f"{one.project}: {one.category or 'too little is known'},"
                f" {one.executions:,} executions",
                x=round(WIDTH / 2 + (one.x - middle[0]) * scale, 1),
                y=round(HEIGHT / 2 - (one.y - middle[1]) * scale, 1),
                size=round(3 + 2 * log10(max(one.executions, 1)), 1),
                shape=shape,
                path=PATHS[shape],
                colour=colour,
            )
        )
    return shapes
