"""Commands on trained models: convert, sample, and the group zoo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthmammo.cli.answers import JSON, print_json, print_table
from synthmammo.cli.kinds import Choice, ModelName, NewPlace, SampleNames, Text
from synthmammo.cli.main import Commands
from synthmammo.cli.options import DEVICE, LABEL, MODEL, OUT_FILE, SPACING, truncation_option
from synthmammo.cli.renaming import Renamed

if TYPE_CHECKING:
    from synthmammo.models.zoo import ModelFile


@click.command()
@click.argument("source", type=ModelName())
@click.argument("out", type=OUT_FILE)
@click.option(
    "--spacing-mm", type=SPACING, help="Pixel spacing in mm of the images that the model makes.  [default: unknown]"
)
@click.option(
    "--bits",
    type=Choice(["8", "12", "14", "16"]),
    default="8",
    show_default=True,
    help="Bit depth of the images that the model was trained on.",
)
@click.option(
    "--licence",
    type=Text(),
    default="other",
    show_default=True,
    help="Licence of the weights, as the Hugging Face Hub names it.",
)
@click.option(
    "--class-name",
    "classes",
    cls=Renamed,
    formerly="--class",
    multiple=True,
    help="Name of a class of a conditional model, in the order of its labels; may be repeated.  [default: numbers]",
)
@click.option("--about", default="", help="Description of the model in a few sentences, attribution included.")
@click.option("--half", is_flag=True, help="Store the weights as 16-bit floats, in half the space.")
@click.option("--overwrite", is_flag=True, help="Replace what is there: the file OUT.")
def convert(
    source: str,
    out: Path,
    spacing_mm: float | None,
    bits: str,
    licence: str,
    classes: tuple[str, ...],
    about: str,
    half: bool,
    overwrite: bool,
) -> None:
    """Convert the model SOURCE to the file OUT.

    SOURCE is a StyleGAN2 or StyleGAN2-ADA .pkl, a .pt of rosinality's stylegan2-pytorch, or a model of this package.
    The ending of OUT names the format: .safetensors for this package, .pt for stylegan2-pytorch. Nothing in SOURCE is
    executed.

    Example: synthmammo convert network.pkl mammo.safetensors --spacing-mm 0.4 --licence cc-by-4.0
    """
    import synthmammo

    written = synthmammo.convert(
        source,
        out,
        spacing_mm=spacing_mm,
        bits_stored=int(bits),
        licence=licence,
        classes=classes,
        about=about,
        half=half,
        overwrite=overwrite,
    )
    click.echo(written)


@click.command()
@MODEL
@click.option(
    "--seeds",
    type=SampleNames(files=False),
    default="0-35",
    show_default=True,
    help="Samples to draw: seeds as 0-3,7.",
)
@truncation_option(1.0)
@LABEL
@click.option("--out", type=NewPlace(), required=True, help="Sheet (.png), array (.npy) or folder to write.")
@DEVICE
def sample(model: str, seeds: str, truncation: float, label: str | None, out: Path, device: str) -> None:
    """Draw samples of the StyleGAN2 MODEL.

    MODEL is zoo/NAME, a file, or hf://ORG/REPO/FILE@REVISION. A seed gives the same picture as in the code that Karras
    et al. published.

    Example: synthmammo sample zoo/stylegan2-cbis-mass-128 --class malignant --seeds 0-35 --out sheet.png
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("sample") as update:
        synthmammo.write_samples(
            model, out, seeds=seeds, truncation=truncation, label=label, device=device, progress=update
        )
    click.echo(out)


@click.group(
    cls=Commands, modules={"list": "models:list_models", "show": "models:show_model", "add": "models:add_model"}
)
def zoo() -> None:
    """List, show and add the models named zoo/NAME.

    Added models lie in the folder SYNTHMAMMO_ZOO, by default ~/.local/share/synthmammo/zoo. They take precedence over
    models of the package that have the same name.

    Example: synthmammo zoo list
    """


@click.command("list")
@JSON
def list_models(as_json: bool) -> None:
    """List the models with what they make, size and licence.

    `synthmammo zoo show` prints what a model reached.

    Example: synthmammo zoo list
    """
    import synthmammo

    found, folders = synthmammo.list_models(), synthmammo.zoo_folders()
    if as_json:
        print_json({"models": [_facts(model) for model in found], "folders": folders})
        return
    if not found:
        places = " nor in ".join(map(str, folders))
        click.echo(f"No models, neither in {places}. `synthmammo zoo add FILE` adds one.")
        return
    rows = []
    for model in found:
        described = model.description
        classes = f" ({', '.join(described.classes)})" if described.classes else ""
        weights, origin = f"{model.weights / 1e6:.1f} M", "package" if model.shipped else "user"
        rows.append((model.name, model.makes + classes, weights, described.licence, origin))
    print_table(("name", "makes", "weights", "licence", "from"), rows, texts=(0, 1, 3, 4))


def _facts(model: ModelFile) -> dict[str, Any]:
    described = model.description
    return {
        "name": model.name,
        "makes": model.makes,
        "classes": described.classes,
        "weights": model.weights,
        "spacing_mm": described.spacing_mm,
        "licence": described.licence,
        "shipped": model.shipped,
        "path": model.path,
    }


@click.command("show")
@MODEL
def show_model(model: str) -> None:
    """Print the card of MODEL.

    MODEL is zoo/NAME, a file, or hf://ORG/REPO/FILE@REVISION.

    Example: synthmammo zoo show zoo/contextual-mass
    """
    import synthmammo

    click.echo(synthmammo.find_model(model).card, nl=False)


@click.command("add")
@click.argument("source", type=ModelName())
@click.option("--name", help="Name of the model in the zoo.  [default: the file's]")
@click.option(
    "--overwrite",
    cls=Renamed,
    formerly="--replace",
    is_flag=True,
    help="Replace what is there: a model of the same name.",
)
def add_model(source: str, name: str | None, overwrite: bool) -> None:
    """Add the model SOURCE to the zoo.

    SOURCE is a .safetensors file of this package; `synthmammo convert` makes one from published .pkl and .pt files.
    The zoo keeps the generator in half precision: at most 8 million weights, which are 16 MB. The card beside SOURCE,
    a file of the same name that ends in .md, is added too; where there is none, one is drafted.

    Example: synthmammo zoo add runs/views/stylegan2-phantom-256.safetensors --name my-views
    """
    import synthmammo

    added = synthmammo.add_model(source, name, overwrite=overwrite)
    click.echo(f"{added.name}\n  model  {added.path}\n  card   {added.path.with_suffix('.md')}")
