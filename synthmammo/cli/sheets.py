"""The commands sheet seeds, sheet directions, sheet parts, sheet local."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_MODEL = click.argument("model")
_OUT = click.option("--out", type=click.Path(path_type=Path), required=True, help="PNG to write.")
_TRUNCATION = click.option(
    "--truncation", type=click.FloatRange(0), default=0.65, show_default=True, help="psi of seeds; not of images."
)
_LABEL = click.option("--class", "label", help="Class of a conditional model.")
_DEVICE = click.option("--device", default="cpu", show_default=True, help="Where the network runs, e.g. cuda.")
_PARTS = click.option("--parts", "file", type=click.Path(path_type=Path), help="File.  [default: beside the model]")


@click.command()
@_MODEL
@click.option("--seeds", default="0-39", show_default=True, help="Which samples; seeds, or FILE:KEY.")
@_TRUNCATION
@_LABEL
@_OUT
@_DEVICE
def seeds(model: str, seeds: str, truncation: float, label: str | None, out: Path, device: str) -> None:
    """Figure 1: samples of MODEL, uncurated.

    Example: synthmammo sheet seeds zoo/stylegan2-cbis-mass-128 --class malignant --out samples.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.pictures import sheet
    from synthmammo.editing.samples import Samples, parse_names

    samples = Samples.of(model, truncation, label, device)
    with progress_bar("sheet") as update:
        picture = sheet.draw_seeds(samples, parse_names(seeds), progress=update)
    _write(picture, out)


@click.command()
@_MODEL
@click.option("--sample", "name", default="0", show_default=True, help="The sample that is moved: a seed, or FILE:KEY.")
@click.option("--row", "rows", multiple=True, help="A direction; may be repeated.  [default: component 0 to 5]")
@click.option("--most", type=click.FloatRange(0, min_open=True), default=2.0, show_default=True, help="At both ends.")
@click.option("--columns", type=click.IntRange(3), default=7, show_default=True, help="Images a row, an odd number.")
@click.option("--layers", metavar="FIRST:END", help="Layers of w that move; END does not.  [default: all]")
@click.option("--directions", "file", type=click.Path(path_type=Path), help="File.  [default: beside the model]")
@_TRUNCATION
@_LABEL
@_OUT
@_DEVICE
def directions(
    model: str,
    name: str,
    rows: tuple[str, ...],
    most: float,
    columns: int,
    layers: str | None,
    file: Path | None,
    truncation: float,
    label: str | None,
    out: Path,
    device: str,
) -> None:
    """Figure 2: a sample of MODEL moved along directions, from -s to +s standard deviations.

    Example: synthmammo sheet directions zoo/stylegan2-cbis-mass-128 --class malignant --row texture --out d.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.pictures import sheet
    from synthmammo.editing.samples import Samples, parse_layers

    samples = Samples.of(model, truncation, label, device)
    scale = sheet.Scale(most, columns, parse_layers(layers) if layers else None, file)
    rows = rows or tuple(f"component {number}" for number in range(6))
    with progress_bar("sheet") as update:
        picture = sheet.draw_directions(samples, name, rows, scale, progress=update)
    _write(picture, out)


@click.command()
@_MODEL
@click.option("--seeds", default="0-7", show_default=True, help="Which samples; seeds, or FILE:KEY.")
@_PARTS
@_TRUNCATION
@_LABEL
@_OUT
@_DEVICE
def parts(
    model: str, seeds: str, file: Path | None, truncation: float, label: str | None, out: Path, device: str
) -> None:
    """Samples of MODEL with the parts that `parts fit` found, in colours, with their numbers.

    Example: synthmammo sheet parts zoo/stylegan2-cbis-mass-128 --class malignant --out parts.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.pictures import sheet
    from synthmammo.editing.samples import Samples, parse_names

    samples = Samples.of(model, truncation, label, device)
    with progress_bar("sheet") as update:
        picture = sheet.draw_parts(samples, parse_names(seeds), file, progress=update)
    _write(picture, out)


@click.command()
@_MODEL
@click.option("--part", type=click.IntRange(0), required=True, help="Number of the part; see `sheet parts`.")
@click.option("--references", default="0-3", show_default=True, help="Samples the part is taken from, one a row.")
@click.option("--targets", default="10-13", show_default=True, help="Samples it is given to, as many.")
@click.option("--strength", type=float, default=1.0, show_default=True, help="Share of the way to the reference.")
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="rho / (1 + rho).")
@click.option("--epsilon", type=click.FloatRange(0), default=60.0, show_default=True, help="Of 512 channels.")
@_PARTS
@_TRUNCATION
@_LABEL
@_OUT
@_DEVICE
def local(
    model: str,
    part: int,
    references: str,
    targets: str,
    strength: float,
    threshold: float,
    epsilon: float,
    file: Path | None,
    truncation: float,
    label: str | None,
    out: Path,
    device: str,
) -> None:
    """Figure 3: reference, target, the target with a part of the reference, and the difference.

    Example: synthmammo sheet local zoo/stylegan2-cbis-mass-128 --class malignant --part 3 --out local.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.pictures import sheet
    from synthmammo.editing.samples import Samples, parse_names

    samples = Samples.of(model, truncation, label, device)
    transfer = sheet.Transfer(part, strength, threshold, epsilon, file)
    with progress_bar("sheet", unit="rows") as update:
        picture = sheet.draw_transfers(
            samples, parse_names(references), parse_names(targets), transfer, progress=update
        )
    _write(picture, out)


def _write(picture: Picture, out: Path) -> None:
    from synthmammo.files import writing

    with writing(out) as partial:
        picture.save(partial, format="PNG")
    click.echo(out)
