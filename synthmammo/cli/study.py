"""The commands on readers: the group study, and turing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from synthmammo.cli.kinds import Choice, NumberRange
from synthmammo.cli.main import Commands
from synthmammo.cli.options import FOLDER, FROM_SPLIT, HOST, OUT_FOLDER, PORT, TOKEN, count_option, seed_option

_STUDY = click.argument("path", metavar="STUDY", type=FOLDER)
_MODULES = {name: f"study:{name}_study" for name in ("new", "serve", "score", "simulate", "export")}


@click.group(cls=Commands, modules=_MODULES)
def study() -> None:
    """Let radiologists read real and generated images, and score.

    `new` draws a blinded set, `serve` shows it in browsers, `score` says what the answers mean, `simulate` answers like
    readers of known skill, `export` writes the cases for teaching.

    Example: synthmammo study serve studies/first
    """


@click.command("new")
@click.option("--real", type=FOLDER, required=True, help="Dataset of real images.")
@click.option("--synthetic", type=FOLDER, required=True, help="Dataset of synthetic images.")
@click.option(
    "--edited", type=FOLDER, help="Dataset of edited images.  [default: none, synthesised ones in their place]"
)
@click.option("--out", type=OUT_FOLDER, required=True, help="Folder to write.")
@click.option("--real-count", type=click.IntRange(0), default=52, show_default=True, help="Number of real cases.")
@click.option(
    "--synthesised-count", type=click.IntRange(0), default=31, show_default=True, help="Number of synthesised cases."
)
@click.option("--edited-count", type=click.IntRange(0), default=17, show_default=True, help="Number of edited cases.")
@click.option(
    "--height-px",
    "size_px",
    type=click.IntRange(32, 8192),
    help="Height and width of all images in pixels.  [default: the smaller of the datasets' usual heights]",
)
@click.option(
    "--both-views", "pairs", is_flag=True, help="A case is the CC and the MLO view of one breast, side by side."
)
@FROM_SPLIT
@click.option("--title", default="Reader study", show_default=True, help="Title that readers see.")
@seed_option("drawing the cases")
def new_study(
    real: Path,
    synthetic: Path,
    out: Path,
    **options: Any,
) -> None:
    """Make a blinded set of real and generated images.

    All images are brought to one size, side, window and bit depth. Then statistics other than the picture are looked
    at: where they tell the origin, a warning says which, and the study is made all the same.

    Example: synthmammo study new --real datasets/films --synthetic datasets/made --out studies/first
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("study") as update:
        made = synthmammo.new_study(real, synthetic, out, progress=update, **options)
    kinds = [truth.kind for truth in made.truths.values()]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("real", "synthesised", "edited"))
    click.echo(f"{out}: {counts}; {made.shape[0]} x {made.shape[1]} pixels")
    for name in ("four_statistics", "machine"):
        if found := made.check.get(name):
            area, low, high = found
            click.echo(f"{name.replace('_', ' ')}: AUC {area:.2f} ({low:.2f} to {high:.2f}); 0.5 is chance")
    for warning in made.check["warnings"]:
        click.secho(f"warning: {warning}", fg="yellow", err=True)


@click.command("serve")
@_STUDY
@HOST
@PORT
@TOKEN
@click.option("--reader", "readers", multiple=True, help="Name of a reader to print a link for.  [default: none]")
@click.option("--teach", is_flag=True, help="The truth is shown after each answer, and cases go from easy to hard.")
@click.option(
    "--alternatives",
    type=click.IntRange(2, 9),
    default=6,
    show_default=True,
    help="Number of images at once in task 2, one of them generated.",
)
@click.option(
    "--wrong-answers",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Number of wrong answers that end task 2.",
)
def serve_study(
    path: Path,
    **options: Any,
) -> None:
    """Show STUDY in readers' browsers, on this machine alone.

    Readers begin by a name or by a link, stop when they like and go on at the same image. Every answer is on the disk
    before the next image shows.

    Example: synthmammo study serve studies/first --reader "Reader 1" --reader "Reader 2"
    """
    import synthmammo

    synthmammo.serve_study(path, say=click.echo, **options)


@click.command("score")
@_STUDY
@click.option("--out", type=OUT_FOLDER, help="Folder to write.  [default: STUDY/results]")
@click.option(
    "--resamples", type=click.IntRange(100), default=2000, show_default=True, help="Number of bootstrap resamples."
)
@seed_option("drawing the resamples")
def score_study(path: Path, out: Path | None, resamples: int, seed: int) -> None:
    """Score the answers to STUDY.

    Writes report.html, table2.md in the shape of Table II of Zakka et al., figures, scores.json, all answers as CSV,
    and the ratings for iMRMC and MRMCaov.

    Example: synthmammo study score studies/first
    """
    import synthmammo

    scored = synthmammo.score_study(path, out, resamples=resamples, seed=seed)
    click.echo(scored.table, nl=False)
    if together := scored.scores.together:
        resampled = scored.scores.resampled
        click.echo(f"mean AUC, readers and cases random: {together.mean}; bootstrap: {resampled}")
    if machine := scored.study.check.get("machine"):
        click.echo("the machine's own reading: {:.3f} ({:.3f} to {:.3f})".format(*machine))
    click.echo(scored.page)


@click.command("simulate")
@_STUDY
@click.option(
    "--auc",
    "skills",
    type=NumberRange(0.05, 0.95),
    multiple=True,
    default=(0.55, 0.8),
    show_default=True,
    help="Area under the ROC curve of a reader; may be repeated.",
)
@seed_option("the readers' impressions")
def simulate_study(path: Path, skills: tuple[float, ...], seed: int) -> None:
    """Answer STUDY like readers of known skill.

    Example: synthmammo study simulate studies/first --auc 0.55 --auc 0.8
    """
    import synthmammo

    for answers in synthmammo.simulate_study(path, skills, seed=seed):
        click.echo(answers)


@click.command("export")
@_STUDY
@click.option("--out", type=OUT_FOLDER, required=True, help="Folder to write.")
@click.option(
    "--format",
    "form",
    type=Choice(["page", "dicom"]),
    default="page",
    show_default=True,
    help="Format to write: a page of files, or DICOM studies with reports.",
)
@click.option("--with-real", "real", is_flag=True, help="Real cases are exported too, where their licence allows it.")
def export_study(path: Path, out: Path, form: Any, real: bool) -> None:
    """Write the cases of STUDY with their truth, for teaching.

    Example: synthmammo study export studies/first --format dicom --out cases
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("cases") as update:
        number = synthmammo.export_study(path, out, form, real=real, progress=update)
    click.echo(f"{out}: {number} cases")


@click.command()
@click.argument("pool", type=FOLDER)
@click.argument("real", type=FOLDER)
@count_option("images", 100)
@click.option(
    "--real-share",
    type=NumberRange(0, 1),
    default=0.5,
    show_default=True,
    help="Probability that an image is a real one.",
)
@FROM_SPLIT
@seed_option("drawing the images")
@click.option("--out", type=OUT_FOLDER, required=True, help="Folder to write.")
def turing(pool: Path, real: Path, count: int, real_share: float, split: str | None, seed: int, out: Path) -> None:
    """Draw the images of a visual Turing test.

    POOL is a dataset of generated images, as recipes/turing_test.yaml makes; REAL is a dataset of real ones. The folder
    holds numbered 8-bit PNG files in one geometry and one window, a sheet of them, and answers.csv, which the readers
    may not see.

    Example: synthmammo turing datasets/turing_test datasets/mammograms --count 16 --out turing
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("turing") as update:
        counts = synthmammo.draw_turing_test(
            pool, real, out, count=count, real_share=real_share, split=split, seed=seed, progress=update
        )
    click.echo(f"{out}: " + ", ".join(f"{number} {kind}" for kind, number in counts.items()))
