"""The directory of a training, which explains itself.

```
RUN/
  config.yaml        what is trained, resolved
  stats.jsonl        one line per tick: images seen, seconds, losses; one line per scoring
  sheets/            samples of the same latents at every tick; real.png beside them
  state.pt           everything a resumed run needs, of the last tick
  NAME.safetensors   the averaged generator of the best scoring so far
```
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor

from synthmammo.errors import TrainingError
from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import UNKNOWN, Making
from synthmammo.mammogram.pictures import contact_sheet
from synthmammo.settings import checked
from synthmammo.training.config import RUN_LENGTH, TrainConfig

STATE_VERSION = 1


class RunDirectory:
    """Files of one run.

    Args:
        path: The directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file, self.stats, self.state = path / "config.yaml", path / "stats.jsonl", path / "state.pt"

    def begin(self, config: TrainConfig, dataset_digest: str) -> None:
        """Record the configuration, or check that the run that is here has the same.

        Raises:
            TrainingError: The directory belongs to a run that was configured otherwise.
            OutputError: It cannot be written.
        """
        content = {"dataset": dataset_digest, **config.model_dump(mode="json")}
        if self.config_file.exists():
            self._check_same(content)
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
        with writing(self.config_file) as partial:
            partial.write_text(text, encoding="utf-8")

    def _check_same(self, content: dict[str, Any]) -> None:
        hint = "Continue with the run's own configuration, or give another directory (out)."
        try:
            before = yaml.safe_load(self.config_file.read_text(encoding="utf-8"))
            known = {name: value for name, value in before.items() if name != "dataset"}
            old = {
                "dataset": before["dataset"],
                **checked(TrainConfig, known, self.config_file, TrainingError).model_dump(mode="json"),
            }
        except (KeyError, AttributeError, yaml.YAMLError) as error:
            raise TrainingError(f"not the configuration of a run ({error})", where=self.config_file) from None
        if old["dataset"] not in ("", content["dataset"]):  # "": begun when datasets without a manifest had no digest
            was, now = (str(one["dataset"])[:12] for one in (old, content))
            message = f"the images were those of dataset {was} when the run began, and are others now ({now})"
            hint = "Continue with the run's own data, or give another directory (out)."
            raise TrainingError(message, where=self.path, hint=hint)
        for name, value in content.items():
            if name not in (*RUN_LENGTH, "dataset") and old[name] != value:
                message = f"{name} was {old[name]!r} when the run began, and is {value!r} now"
                raise TrainingError(message, where=self.path, hint=hint)

    def record(self, **facts: Any) -> None:
        """Append one line to the statistics."""
        with self.stats.open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def records(self) -> list[dict[str, Any]]:
        """All lines of the statistics."""
        if not self.stats.exists():
            return []
        return [json.loads(line) for line in self.stats.read_text(encoding="utf-8").splitlines()]

    def forget_after(self, kimg: float) -> None:
        """Drop statistics of images that a resumed run shows again."""
        kept = [line for line in self.records() if line.get("kimg", 0.0) <= kimg]
        with writing(self.stats) as partial:
            partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def save_state(self, state: dict[str, Any]) -> None:
        """Write the state, whole or not at all."""
        with writing(self.state) as partial:
            torch.save({"version": STATE_VERSION, **state}, partial)

    def load_state(self) -> dict[str, Any] | None:
        """The saved state, or None; nothing in the file is executed.

        Raises:
            TrainingError: The file is damaged or of another version.
        """
        if not self.state.exists():
            return None
        hint = "Remove the file to start anew, keeping what else is in the directory."
        try:
            state: dict[str, Any] = torch.load(self.state, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for a file cut short
            reason = type(error).__name__
            raise TrainingError(f"not a whole state of a run ({reason})", where=self.state, hint=hint) from error
        if state.get("version") != STATE_VERSION:
            raise TrainingError("a state of another version of synthmammo", where=self.state, hint=hint)
        return state

    def draw_sheet(self, name: str, images: Tensor, columns: int, making: Making = UNKNOWN) -> Path:
        """Write a grid of images.

        Args:
            name: Name of the file in `sheets/`, without suffix.
            images: Images in [-1, 1], row by row, `(N, 1, H, H)`.
            columns: Number of images per row.
            making: How the images came about; unknown by default.
        """
        path = self.path / "sheets" / f"{name}.png"
        side = max(128, min(images.shape[-1], 256))
        picture = contact_sheet(grey_levels(images), columns, tile_px=(side, side))
        with writing(path) as partial:
            png.save(picture, partial, picture_packet([making], f"{self.path.name} {name}"))
        return path


def grey_levels(images: Tensor) -> list[NDArray[np.uint8]]:
    """Images `(N, C, H, W)` in [-1, 1] as `uint8 (H, W)`, the last channel of each."""
    scaled = (images[:, -1].detach().float().cpu().numpy() + 1) * 127.5
    return list(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))
