"""Boxes on floors with arrows between them, as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WIDTH, FLOOR_HEIGHT, MARGIN = 980, 92, 24
BOX_WIDTH, BOX_HEIGHT = 118, 38
Place = tuple[float, float]
"""Middle of a box."""

HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="15"
 font-family="sans-serif">
<title>Who imports whom in synthmammo</title>
<defs>
<marker id="down" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0,0 L8,4 L0,8 z" fill="#5b6b7b"/></marker>
<marker id="other" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0,0 L8,4 L0,8 z" fill="#c0392b"/></marker>
</defs>
<rect width="{width}" height="{height}" fill="#ffffff"/>
"""


def picture(floors: Sequence[Sequence[str]], down: Iterable[tuple[str, str]], other: Iterable[tuple[str, str]]) -> str:
    """The picture.

    Args:
        floors: Names of the boxes on each floor, from the top.
        down: Pairs of boxes with a plain arrow from the first to the second.
        other: Pairs with a dashed one.
    """
    places = _places(floors)
    parts = [HEAD.format(width=WIDTH, height=len(floors) * FLOOR_HEIGHT + MARGIN)]
    parts += [_stripe(number) for number in range(len(floors))]
    parts += [_arrow(places[first], places[second], "#5b6b7b", "down", "") for first, second in down]
    dashed = ' stroke-dasharray="6 4"'
    parts += [_arrow(places[first], places[second], "#c0392b", "other", dashed) for first, second in other]
    parts += [_box(name, place) for name, place in places.items()]
    return "".join(parts) + "</svg>\n"


def _places(floors: Sequence[Sequence[str]]) -> dict[str, Place]:
    places = {}
    for number, floor in enumerate(floors):
        step = (WIDTH - 2 * MARGIN) / len(floor)
        # Alone on its floor, a box would hide the arrows between those above and below.
        aside = (0.2 if number % 2 else -0.2) * WIDTH if len(floor) == 1 else 0.0
        for column, name in enumerate(floor):
            places[name] = (
                MARGIN + step * (column + 0.5) + aside,
                MARGIN + FLOOR_HEIGHT * number + FLOOR_HEIGHT / 2 - 12,
            )
    return places


def _stripe(number: int) -> str:
    top = MARGIN + FLOOR_HEIGHT * number - 10
    colour = "#f4f7fa" if number % 2 == 0 else "#ffffff"
    return f'<rect x="0" y="{top}" width="{WIDTH}" height="{FLOOR_HEIGHT}" fill="{colour}"/>\n'


def _box(name: str, place: Place) -> str:
    left, top = place[0] - BOX_WIDTH / 2, place[1] - BOX_HEIGHT / 2
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="7" fill="#dfe9f3" '
        f'stroke="#34495e"/>\n'
        f'<text x="{place[0]:.1f}" y="{place[1] + 5:.1f}" text-anchor="middle" fill="#1c2833">{name}</text>\n'
    )


def _arrow(first: Place, second: Place, colour: str, head: str, style: str) -> str:
    """A curve from the side of the first box that faces the second to that box, shifted so that arrows lie apart."""
    shift = max(-40.0, min(40.0, (second[0] - first[0]) / 9))
    if first[1] == second[1]:  # beside each other: over the boxes
        side = 1 if second[0] > first[0] else -1
        start = (first[0] + side * 20, first[1] - BOX_HEIGHT / 2)
        end = (second[0] - side * 20, second[1] - BOX_HEIGHT / 2)
        middle = start[1] - 22
        curve = f"C{start[0]:.1f},{middle:.1f} {end[0]:.1f},{middle:.1f}"
    else:
        side = 1 if second[1] > first[1] else -1
        start = (first[0] + shift, first[1] + side * BOX_HEIGHT / 2)
        end = (second[0] - shift, second[1] - side * BOX_HEIGHT / 2)
        bend = (end[1] - start[1]) / 2
        curve = f"C{start[0]:.1f},{start[1] + bend:.1f} {end[0]:.1f},{end[1] - bend:.1f}"
    path = f"M{start[0]:.1f},{start[1]:.1f} {curve} {end[0]:.1f},{end[1]:.1f}"
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.3"{style} marker-end="url(#{head})"/>\n'
