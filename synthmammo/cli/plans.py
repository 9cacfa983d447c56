"""The commands that make nothing: plan, check; and how a plan is printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthmammo.cli.answers import JSON, print_facts, print_json, print_table
from synthmammo.cli.options import FILE, OUT_FILE, RECIPE, SETTINGS, SIZE, WORKERS
from synthmammo.cli.volume import note

if TYPE_CHECKING:
    from synthmammo.errors import SynthmammoError
    from synthmammo.planning.estimate import Estimate
    from synthmammo.planning.plan import Plan
    from synthmammo.recipe import Recipe


@click.command()
@RECIPE
@SIZE
@SETTINGS
@WORKERS
@click.option("--out", type=OUT_FILE, help="Parquet file to write the plan to.  [default: none]")
@click.option(
    "--probe",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of samples to make and to throw away, which measures bytes and time.",
)
@JSON
def plan(
    recipe: Path,
    size: int | None,
    settings: tuple[str, ...],
    workers: int | None,
    out: Path | None,
    probe: int,
    as_json: bool,
) -> None:
    """Print what RECIPE would make.

    A plan makes every random draw of its dataset; `synthmammo build` makes no further ones. Bytes and time are those of
    the last build of this kind on this machine, scaled by number and pixels; they are unknown before the first one.

    Example: synthmammo plan screening_prevalence --size 10000
    """
    import synthmammo

    loaded = synthmammo.load_recipe(recipe, [*settings, *([f"size={size}"] if size is not None else [])])
    make_hosts(loaded, workers)
    drawn = synthmammo.plan(loaded)
    if probe:
        _measure(loaded, probe)
    print_plan(drawn, drawn.estimate(workers), as_json=as_json)
    if out:
        from synthmammo.cli.progress import progress_bar

        with progress_bar("plan", loaded.size, "rows") as update:
            drawn.write(out, update)
        click.echo(f"plan: {out}", err=as_json)


@click.command()
@click.argument("recipes", nargs=-1, required=True, type=FILE, metavar="RECIPE...")
@JSON
def check(recipes: tuple[Path, ...], as_json: bool) -> None:
    """Check recipes.

    A RECIPE is a file, the name of a shipped recipe, or a folder, of which every .yaml is checked. The fields are
    checked, the names of generators, and whether models are there. Nothing is drawn, made or fetched, so that editors
    and pre-commit can run it on every change; the exit code is 1 when a recipe is wrong.

    Example: synthmammo check recipes/balanced_mass.yaml recipes/balanced_calc.yaml
    """
    import synthmammo
    from synthmammo.cli.main import print_error

    results = []
    for recipe in _files(recipes):
        found: Recipe | SynthmammoError
        try:
            found = synthmammo.check(recipe)
        except synthmammo.SynthmammoError as error:
            found = error
        results.append(_result(recipe, found))
        if isinstance(found, Exception) and not as_json:
            print_error(found)
        elif not as_json:
            click.echo(f"ok  {recipe}")
    right = all(facts["ok"] for facts in results)
    if as_json:
        print_json({"ok": right, "recipes": results})
    if not right:
        raise SystemExit(1)


def _files(recipes: tuple[Path, ...]) -> list[Path]:
    """The recipes, folders replaced by the YAML files in them."""
    from synthmammo.errors import RecipeError

    found = []
    for recipe in recipes:
        inside = sorted(path for ending in ("yaml", "yml") for path in recipe.glob(f"[!.]*.{ending}"))
        if recipe.is_dir() and not inside:
            raise RecipeError("no .yaml file lies in this folder", where=recipe)
        found += inside if recipe.is_dir() else [recipe]
    return found


def _result(recipe: Path, found: Recipe | SynthmammoError) -> dict[str, Any]:
    """What `--json` says of a recipe."""
    if not isinstance(found, Exception):
        return {"file": str(recipe), "ok": True, "name": found.name, "samples": found.size}
    where = None if found.where is None else str(found.where)
    return {"file": str(recipe), "ok": False, "where": where, "message": found.message, "hint": found.hint}


def make_hosts(recipe: Recipe, workers: int | None = None) -> None:
    """Ingest the real hosts that a recipe asks for, and say so."""
    if recipe.background.wants_ingest is None:
        return
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("hosts") as update:
        summary = synthmammo.make_hosts(recipe, workers=workers, progress=update)
    if summary is None:
        return
    note(f"{summary.manifest.samples} hosts ingested to {summary.path}")
    for skipped in summary.skipped:
        note(f"skipped {skipped.path}: {skipped.reason}")


def print_plan(plan: Plan, expected: Estimate, *, as_json: bool = False) -> None:
    """Print a plan and what it will take."""
    recipe, summary = plan.recipe, plan.summary
    if as_json:
        known = {"name": recipe.name, "samples": summary.samples, "backgrounds": summary.hosts}
        classes = {label: dict(zip(summary.splits, counts, strict=True)) for label, counts in summary.classes.items()}
        print_json({**known, "classes": classes, "facts": dict(summary.lines), "estimate": expected.facts()})
        return
    rows = [
        (label, *(f"{number:,}" for number in counts), f"{sum(counts) / summary.samples:.2%}")
        for label, counts in summary.classes.items()
    ]
    title = f"{recipe.name}: {summary.samples:,} samples on {summary.hosts:,} backgrounds"
    print_table(("class", *summary.splits, "share"), rows, title=title)
    click.echo()
    print_facts([*summary.lines, *_expectations(summary.samples, expected)])


def _expectations(samples: int, expected: Estimate) -> list[tuple[str, str]]:
    lines = []
    if expected.height and expected.width:
        pixels = expected.height * expected.width
        each = f"{expected.height:,.0f} x {expected.width:,.0f}"
        lines.append(("pixels", f"{each}, {pixels * samples / 1e6:,.1f} million in all"))
    rate = expected.rate
    if rate is None or expected.bytes is None or expected.seconds is None:
        return [*lines, ("bytes, time", "not measured here yet; --probe 4 makes 4 samples to measure them")]
    measured = f"as {rate.samples:,} samples of {rate.name} had on this machine"
    lines.append(("bytes", f"about {_bytes(expected.bytes)}, {measured}"))
    each = f"{rate.seconds:.2g} s of processor time per sample there"
    lines.append(("time", f"about {_time(expected.seconds)} on {expected.workers} processes that are free; {each}"))
    return lines


def _bytes(number: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number / 1e3:,.0f} kB"


def _time(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} s"


def _measure(recipe: Recipe, number: int) -> None:
    """Build some samples of a recipe in a folder that goes again; the build notes what it took."""
    from tempfile import TemporaryDirectory

    import synthmammo
    from synthmammo.cli.progress import progress_bar

    together = recipe.together
    size = min(recipe.size, -(-number // together) * together)
    with TemporaryDirectory(prefix="synthmammo-") as folder, progress_bar("probe", size, "samples") as update:
        synthmammo.build(recipe, Path(folder) / "probe", size=size, progress=update)
