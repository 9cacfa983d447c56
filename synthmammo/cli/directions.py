"""The group directions: fit, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthmammo.cli.answers import JSON, print_json, print_table
from synthmammo.cli.main import Commands
from synthmammo.cli.options import DEVICE, FILE, FITTED_MODEL, MODEL, OUT_FILE, TRUNCATION, count_option, seed_option
from synthmammo.cli.renaming import Renamed

if TYPE_CHECKING:
    from synthmammo.editing.directions.fitted import Directions


@click.group(cls=Commands, modules={"fit": "directions", "show": "directions"})
def directions() -> None:
    """Find, measure and show the directions of a model.

    The samples of a StyleGAN2 can be moved along them.

    Example: synthmammo directions fit zoo/stylegan2-cbis-mass-128
    """


@click.command()
@FITTED_MODEL
@click.option("--out", type=OUT_FILE, help="Directions file to write.  [default: beside the model]")
@click.option(
    "--components",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Number of principal components to keep.",
)
@click.option(
    "--latents",
    type=click.IntRange(2),
    default=50_000,
    show_default=True,
    help="Number of latents that the components are computed from.",
)
@click.option(
    "--samples",
    type=click.IntRange(0),
    default=400,
    show_default=True,
    help="Number of samples to draw, on which attributes are measured; 0 leaves attributes out.",
)
@click.option(
    "--checks",
    type=click.IntRange(0),
    default=32,
    show_default=True,
    help="Number of further samples on which the directions are tested.",
)
@TRUNCATION
@seed_option("drawing latents and samples")
@DEVICE
def fit(
    model: str,
    out: Path | None,
    **options: Any,
) -> None:
    """Find the directions of the StyleGAN2 MODEL.

    There is one direction per principal component of W, and one per attribute (breast area, density, view, ...) that
    is measured on samples. Recipes use the file by `edits: [{density: 1.5}, {component 7: [-2, 2]}]`.

    Example: synthmammo directions fit zoo/stylegan2-cbis-mass-128
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("directions") as update:
        written, found = synthmammo.fit_directions(model, out, progress=update, **options)
    _print(found)
    click.echo(written)


@click.command()
@MODEL
@click.option(
    "--directions",
    "file",
    cls=Renamed,
    formerly="--file",
    type=FILE,
    help="Directions file to read.  [default: beside the model]",
)
@count_option("components", 10, cls=Renamed, formerly="--components")
@JSON
def show(model: str, file: Path | None, count: int, as_json: bool) -> None:
    """Show what is known of the directions of MODEL.

    The tables list components, attributes, and how far each direction changes each attribute.

    Example: synthmammo directions show zoo/stylegan2-cbis-mass-128
    """
    import synthmammo

    found = synthmammo.find_directions(model, file)
    if as_json:
        explained = [float(share) for share in found.explained[:count]]
        print_json({"components": len(found.components), "explained": explained, **found.facts})
    else:
        _print(found, count)


def _print(found: Directions, count: int = 10) -> None:
    _print_components(found, count)
    if found.attributes:
        _print_attributes(found)
    for name, correlation in found.facts.get("absent", {}).items():
        why = "was hardly measured" if correlation is None else f"is not predicted (correlation {correlation:.2f})"
        click.echo(f"\nNo direction for {name}: it {why}.")
    if found.facts.get("table"):
        _print_moves(found)


def _print_components(found: Directions, count: int) -> None:
    correlations = found.facts.get("correlations", {})
    rows = []
    for number in range(min(count, len(found.components))):
        strongest = sorted(correlations, key=lambda name: -abs(correlations[name][number]))[:3]
        text = ", ".join(f"{name} {correlations[name][number]:+.2f}" for name in strongest)
        rows.append((number, f"{found.explained[number]:.1%}", f"{found.deviations[number]:.3f}", text))
    title = f"{len(found.components)} components explain {found.explained.sum():.1%} of the variance"
    print_table(("component", "explained", "deviation", "correlates with"), rows, title=title, texts=(3,))


def _print_attributes(found: Directions) -> None:
    fitting = found.facts["fitting"]
    rows = []
    for name, attribute in found.attributes.items():
        low, middle, high = (f"{attribute.quantiles[place]:.3g}" for place in (5, 50, 95))
        rows.append((name, low, middle, high, f"{attribute.slope:.3g}", f"{attribute.correlation:.2f}"))
    title = f"Attributes of {fitting['samples']} images at truncation {fitting['truncation']:g}"
    columns = ("attribute", "5 %", "median", "95 %", "a deviation moves it by", "predicted (correlation)")
    click.echo()
    print_table(columns, rows, title=title)


def _print_moves(found: Directions) -> None:
    table, names = found.facts["table"], list(found.attributes)
    rows = []
    for direction in (*names, "random"):
        changes = table[direction]
        cells = ["-" if changes[name] is None else f"{changes[name]:+.2f}" for name in names]
        rows.append((direction, *cells, _ratio(changes, direction)))
    title = (
        "A deviation along each direction (row) changes each attribute (column) by so many of its deviations; "
        "ratio: its own attribute's change over the others' root mean square"
    )
    click.echo()
    print_table(("direction", *names, "ratio"), rows, title=title)


def _ratio(changes: dict[str, float | None], wanted: str) -> str:
    """How much more the wanted attribute moves than the others do in the root mean square."""
    others = [change for name, change in changes.items() if name != wanted and change is not None]
    own = changes.get(wanted)
    if own is None or not others:
        return ""
    rest = (sum(change**2 for change in others) / len(others)) ** 0.5
    return f"{abs(own) / max(rest, 1e-9):.1f}"
