"""Shards that are made on machines which may not be this one: each machine is checked, and delivers what is whole."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from synthmammo.building.inputs import find_inputs
from synthmammo.dataset.differences import content_differences
from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.libraries import recipe_versions
from synthmammo.dataset.manifest import Manifest, machine, machines, stated_computing
from synthmammo.dataset.places import Folder, Place
from synthmammo.dataset.unfinished import Unfinished
from synthmammo.dataset.workers.base import Engine, Report
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import OutputError
from synthmammo.generators.inputs import Inputs
from synthmammo.recipe import Recipe

Make = Callable[..., tuple[str, ShardResult]]
"""Function that makes a shard, of (recipe, folder, identity, shard, report, inputs=)."""

_checked: dict[str, Inputs] = {}
"""What the generators read in this process, by the identities of the builds that it was found fit for."""


@dataclass(frozen=True)
class Delivery:
    """What a worker is to know of a build.

    Attributes:
        recipe: The checked recipe.
        place: Where the shards lie.
        identity: Digest of the build; the UIDs of DICOM objects derive from it.
        sources: Digests of the inputs beside the recipe, by name.
        versions: Versions of all that decides bytes, by name.
    """

    recipe: Recipe
    place: Place
    identity: str
    sources: dict[str, str]
    versions: dict[str, str]

    def inputs(self) -> Inputs:
        """What the generators read on this machine, which is found to make the bytes of the others once per process.

        Raises:
            OutputError: It has other versions or other inputs, or does not reach the place.
            SynthmammoError: A model or the real hosts are not found here.
        """
        if self.identity in _checked:
            return _checked[self.identity]
        self.place.check()
        found = find_inputs(self.recipe)
        for what, here, there in (
            ("other versions, and bytes may depend on them", recipe_versions(self.recipe), self.versions),
            ("other models or hosts", found.digests(), self.sources),
        ):
            if here != there:
                shown = "".join(f"\n    {change}" for change in content_differences(there, here)[:8])
                hint = "What was before is on the machine that began the build: all need the same."
                raise OutputError(f"has {what}:{shown}", where=f"machine {socket.gethostname()}", hint=hint)
        _checked[self.identity] = found
        return found


def maker(
    make: Make, recipe: Recipe, state: Unfinished, identity: str, engine: Engine, inputs: Inputs | None
) -> Callable[[Any, Report], tuple[str, ShardResult]]:
    """The function that an engine applies to each shard.

    Args:
        make: Function that makes a shard.
        recipe: The checked recipe.
        state: State of the dataset.
        identity: Digest of the build; the UIDs of DICOM objects derive from it.
        engine: Engine that the shards are made on.
        inputs: What the recipe's generators read, as `find_inputs` finds it here; None to look for it.
    """
    place = state.place
    if isinstance(place, Folder):
        if isinstance(engine, Local):
            return partial(make, recipe, state.out, identity, inputs=inputs)
        place = Folder(place.path.absolute())
    sources = (inputs or find_inputs(recipe)).digests()
    delivery = Delivery(recipe, place, identity, sources, recipe_versions(recipe))
    return partial(make_delivered, make, delivery)


def make_delivered(make: Make, delivery: Delivery, shard: Any, report: Report) -> tuple[str, ShardResult]:
    """Make a shard in a folder of its own, and bring it in whole.

    So two workers that make the same shard, one of which was thought lost, do not write into one file.

    Args:
        make: Function that makes a shard.
        delivery: What is known of the build.
        shard: Shard to make.
        report: Link to the engine.
    """
    inputs = delivery.inputs()
    with delivery.place.desk() as folder:
        name, result = make(delivery.recipe, folder, delivery.identity, shard, report, inputs=inputs)
        delivery.place.take(folder, [record.name for record in result.records])
    return name, replace(result, machine=machine())


def made_on(manifest: Manifest, results: Sequence[ShardResult]) -> Manifest:
    """The manifest with the machines that made the shards, where these tell.

    Args:
        manifest: Manifest of the dataset, with the machine that began it.
        results: Results of all shards.
    """
    found: list[dict[str, str]] = []
    asked = stated_computing(manifest)
    for one in ({**result.machine, **asked} if result.machine else manifest.machine for result in results):
        if one not in found:
            found.append(one)
    return replace(manifest, machine=machines(found)) if found else manifest
