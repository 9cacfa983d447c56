"""The command benchmark: a group, so that `benchmark --real ...` and `benchmark detect ...` both work."""

from __future__ import annotations

import click

from synthmammo.cli.main import Commands


class Benchmarks(Commands):
    """Benchmarks by name; options without a name are those of `classify`."""

    modules = {"classify": "benchmark_classify", "detect": "benchmark_detect"}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click, with the name of the default put in where there is none."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["classify", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Benchmarks)
def benchmark() -> None:
    """Train on real and synthetic images, test on real ones: does the synthetic data help?

    Options without the name of a benchmark are those of `classify`.

    Example: synthmammo benchmark --real datasets/cbis --synthetic datasets/cbis_made --out benchmarks/cbis
    """
