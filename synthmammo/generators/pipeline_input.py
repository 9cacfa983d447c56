"""Diffusion pipelines as inputs of a build."""

from __future__ import annotations

from collections.abc import Iterator

from synthmammo.generators.inputs import Input, Locate, Shelf
from synthmammo.models.pipelines import locate_pipeline, pipeline_digest, pipeline_facts, repository_address

PIPELINES = Shelf(locate_pipeline, repository_address)
"""Folders of pipelines."""


def pipeline_input(name: str, where: str, locate: Locate) -> Iterator[Input]:
    """The input that a pipeline is; none where it is not looked for.

    Args:
        name: Path of its folder, or hf://ORG/REPO@REVISION.
        where: Field of the recipe that names it.
        locate: Finds its folder.
    """
    if path := locate(name, where, PIPELINES):
        yield Input(name, path, digest_of=pipeline_digest, facts_of=pipeline_facts)
