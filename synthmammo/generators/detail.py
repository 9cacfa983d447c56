"""Fine structure for backgrounds that another generator makes at coarse pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.generators.base import Host
from synthmammo.generators.stylegan2 import quantised
from synthmammo.identity import digest
from synthmammo.mammogram.intensity import resample
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Mask, Sample
from synthmammo.models.file import Checkpoint, load
from synthmammo.models.suitable import require_refinable

if TYPE_CHECKING:
    import torch

_AROUND_PX = 16
"""Coarse pixels around the breast that the network sees: as far as six blocks and the layers after them look."""


class Detailed:
    """Backgrounds of another generator, with fine structure that a detail network adds; see the protocol `Host`.

    The noise that decides it is drawn from the background's own seed, so that edits of one image keep it. Outside the
    breast all pixels are 0. Averaged down, an image is the coarse one again, but for what the network changes (its card
    says how much).

    Args:
        host: Generator of the coarse backgrounds.
        name: Name of the detail network: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        device: Device of the network; "cpu" by default.
        path: Its file; by default it is looked for.

    Raises:
        CheckpointError: There is no such model, or it is no detail network.
    """

    def __init__(self, host: Host, name: str, device: str = "cpu", path: Path | None = None) -> None:
        self._host, self.name, self.device = host, name, device
        self.batch_size = host.batch_size
        self.checkpoint: Checkpoint = load(path or name)
        self.network: Any = self.checkpoint.generator_of("detail", device=device)
        self.factor = int(self.checkpoint.description.config["factor"])

    @property
    def model(self) -> Any:
        """The model of the coarse backgrounds, whose latents edits change."""
        return self._host.model  # type: ignore[attr-defined]

    def latents(self, rows: Sequence[Row]) -> Any:
        """What the other generator needs to know about the rows."""
        return self._host.latents(rows)

    def render(self, latents: Any) -> list[Sample]:
        """One sample per row, its sides `factor` times as long and its pixels as much smaller.

        Raises:
            GeneratorError: The pixels of a background are of another size than the network refines.
        """
        return [self._refined(sample) for sample in self._host.render(latents)]

    def _refined(self, coarse: Sample) -> Sample:
        spacing_mm = self._spacing(coarse)
        height, width = (side * self.factor for side in coarse.shape)
        breast = _enlarged_mask(coarse.breast, (height, width))
        top = 2**coarse.bits_stored - 1
        pixels = (coarse.image * (2 / top) - 1).astype(np.float32)
        image = np.where(breast, quantised(self._fine(pixels, coarse), coarse.bits_stored), 0).astype(np.uint16)
        return coarse.with_(
            image=image,
            breast=breast,
            lesions=np.zeros(image.shape, np.uint8),
            spacing_mm=spacing_mm,
            provenance={**coarse.provenance, "detail": {"model": self.name, "weights": self.checkpoint.digest}},
        )

    def _spacing(self, coarse: Sample) -> tuple[float, float] | None:
        if coarse.spacing_mm is None:
            return None
        for side_mm in coarse.spacing_mm:
            require_refinable(self.checkpoint.description, side_mm, f"background.detail: {self.name}")
        rows_mm, columns_mm = coarse.spacing_mm
        return rows_mm / self.factor, columns_mm / self.factor

    def _fine(self, pixels: NDArray[np.float32], coarse: Sample) -> NDArray[np.float32]:
        """The network's image of `float32 (H, W)`, made around the breast alone; -1 elsewhere."""
        import torch

        factor, (height, width) = self.factor, pixels.shape
        seen = _around(coarse.breast)
        draws = torch.Generator().manual_seed(_seed(coarse))
        noise = torch.randn((1, 1, height * factor, width * factor), generator=draws)
        fine = np.full((height * factor, width * factor), -1, np.float32)
        inside = tuple(slice(part.start * factor, part.stop * factor) for part in seen)
        with torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(pixels[seen]))[None, None].to(self.device)
            made: torch.Tensor = self.network(given, noise[:, :, inside[0], inside[1]].to(self.device))
        fine[inside] = made[0, 0].cpu().numpy()
        return fine


def _seed(coarse: Sample) -> int:
    """Random seed of the noise: the background's own, or one by the name of the real image it was inverted from."""
    provenance = coarse.provenance
    return int(provenance["seed"]) if "seed" in provenance else int(digest(provenance["inverted"])[:15], 16)


def _around(breast: Mask) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(breast.any(axis)) for axis in (1, 0))
    if not rows.size:
        return slice(0, breast.shape[0]), slice(0, breast.shape[1])
    found = zip((rows, columns), breast.shape, strict=True)
    first, second = (slice(max(0, x[0] - _AROUND_PX), min(n, x[-1] + 1 + _AROUND_PX)) for x, n in found)
    return first, second


def _enlarged_mask(breast: Mask, shape: tuple[int, int]) -> Mask:
    return np.asarray(resample(breast.astype(np.float32), shape) >= 0.5)
