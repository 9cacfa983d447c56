"""Commands that make models: train."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("model", type=click.Choice(["stylegan2", "contextual"]))
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Dataset directory with the images.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Run directory to make, or to go on with.")
@click.option("--config", type=click.Path(path_type=Path), help="YAML file of the run; see recipes/train.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value of it, e.g. settings.gamma=2."
)
@click.option("--hours", type=click.FloatRange(0, min_open=True), help="Stop after so long; the same command goes on.")
def train(
    model: str, data: Path, out: Path, config: Path | None, settings: tuple[str, ...], hours: float | None
) -> None:
    """Train a StyleGAN2 or a contextual GAN on the images of a dataset.

    The run directory holds configuration, statistics, sheets of samples, the state to go on from, and the best model
    so far. Ctrl-C saves; the same command goes on from there and gives the weights that an unbroken run gives.

    Example: synthmammo train stylegan2 --config recipes/train/stylegan2-cbis-mass-128.yaml --data DATA --out runs/cbis
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.errors import TrainingError
    from synthmammo.training.config import default_config, load_config
    from synthmammo.training.trainer import train as run

    chosen = load_config(config, settings) if config else default_config(model, data, settings)
    if chosen.model != model:
        raise TrainingError(f"is the configuration of a {chosen.model}, not of a {model}", where=config)
    with progress_bar(chosen.name) as update:
        done = run(chosen, data, out, hours=hours, progress=update)
    state = "finished" if done.finished else "stopped; the same command goes on"
    click.echo(f"{done.images_seen:,} images shown, {state}\n  run    {done.run}")
    if done.model:
        click.echo(f"  model  {done.model}")
    for name, value in done.scores.items():
        click.echo(f"  {name}: {value:.4g}")
