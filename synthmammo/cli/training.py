"""Commands that make models: train."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.kinds import Choice, NumberRange
from synthmammo.cli.options import DEVICE, FILE, FOLDER, OUT_FOLDER, settings_option


@click.command()
@click.argument("model", type=Choice(["stylegan2", "contextual", "detail"]))
@click.option("--data", type=FOLDER, required=True, help="Dataset directory with the images.")
@click.option("--out", type=OUT_FOLDER, required=True, help="Run directory to write, or to continue.")
@click.option("--config", type=FILE, help="YAML file of the configuration, as in recipes/train.  [default: built in]")
@settings_option("the configuration", "settings.gamma=2")
@click.option("--hours", type=NumberRange(0, min_open=True), help="Time in hours after which to stop.  [default: none]")
@DEVICE
def train(
    model: str, data: Path, out: Path, config: Path | None, settings: tuple[str, ...], hours: float | None, device: str
) -> None:
    """Train a generator on the images of a dataset.

    The generator is a StyleGAN2, a contextual GAN, or a detail network, which makes fine images of coarse ones. The
    run directory holds configuration, statistics, sheets of samples, the state to continue from, and the best model so
    far. Ctrl-C saves; the same command continues from there and gives the weights that an uninterrupted run gives.

    Example: synthmammo train stylegan2 --config recipes/train/stylegan2-cbis-mass-128.yaml --data DATA --out runs/cbis
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar(config.stem if config else model) as update:
        done = synthmammo.train(
            config or model, data, out, settings=settings, model=model, hours=hours, device=device, progress=update
        )
    state = "finished" if done.finished else "stopped; the same command goes on"
    click.echo(f"{done.images_seen:,} images shown, {state}\n  run    {done.run}")
    if done.model:
        click.echo(f"  model  {done.model}")
    for name, value in done.scores.items():
        click.echo(f"  {name}: {value:.4g}")
