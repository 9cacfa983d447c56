"""One process of a training: a dataset and a configuration -> a run directory with a model file."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from synthmammo.errors import TrainingError
from synthmammo.interruption import Interrupted, keeping, stop_requests
from synthmammo.mammogram.origin import Maker, Making, SourceType, making_of_dataset
from synthmammo.models.devices import AUTO, CPU, usable
from synthmammo.models.features import EXTRACTOR, Features
from synthmammo.models.file import save_model
from synthmammo.models.names import SUFFIX
from synthmammo.models.threads import keep_threads
from synthmammo.progress import Progress, answering, resumed, silent, stage
from synthmammo.training.config import TrainConfig
from synthmammo.training.data import TrainingData
from synthmammo.training.describing import model_description
from synthmammo.training.detailing import DetailTask
from synthmammo.training.generation import GenerationTask
from synthmammo.training.insertion import InsertionTask, real_class
from synthmammo.training.memory import memory_errors
from synthmammo.training.objectives.base import Losses
from synthmammo.training.run import RunDirectory
from synthmammo.training.scores import Scorer, Scores
from synthmammo.training.task import SHEET_COLUMNS, Task

RANKED_BY = "kernel_distance_x1000"
"""The score whose lowest value marks the best model; it has no bias, and so does not favour a number of images."""

COLLAPSED = 0.02
"""Generated images that differ by less than this share of what real ones do are one image."""

COLLAPSE_TICKS = 3


@dataclass(frozen=True)
class Trained:
    """What a run gave.

    Attributes:
        run: Directory of the run.
        images_seen: Number of real images shown, in all.
        finished: Whether the configured number was reached.
        model: File of the best model; None while there is none.
        scores: Scores of that model; empty while there is none.
    """

    run: Path
    images_seen: int
    finished: bool
    model: Path | None
    scores: Scores


class Trainer:
    """One process of a training.

    Args:
        config: What to train.
        data: Dataset directory.
        out: Run directory.
        pretrained: False replaces the ImageNet weights of the fixed features by random ones (tests).
        device: Device that the networks run on; "auto", the default, for the best that there is.
    """

    def __init__(
        self, config: TrainConfig, data: Path, out: Path, *, pretrained: bool = True, device: str = AUTO
    ) -> None:
        from accelerate import Accelerator

        # By itself accelerate takes the best device that there is, on several processes one each.
        found = device if device == AUTO else usable(device, failure=TrainingError)
        self.config, self.directory, self.accelerator = config, RunDirectory(out), Accelerator(cpu=found == CPU)
        if found not in (AUTO, self.accelerator.device.type):
            message = f"'{found}' cannot be chosen, {self.accelerator.device} is taken here"
            hint = "Which of several GPUs is taken says the variable CUDA_VISIBLE_DEVICES."
            raise TrainingError(message, where="device", hint=hint)
        processes = self.accelerator.num_processes
        if config.batch_size % processes:
            raise TrainingError(
                f"{config.batch_size} cannot be divided among {processes} processes", where="batch_size"
            )
        self.data = TrainingData.load(data, config.data, scored=bool(config.score_ticks))
        self.task = self._task(pretrained)
        self.task.objective.processes = processes
        self.scorer = self._scorer(pretrained)
        # Each process draws other latents and augmentations.
        self.draws = torch.Generator().manual_seed(config.seed * 1000 + self.accelerator.process_index)
        self.best: Scores = {}
        self.flat_ticks = 0
        self.seconds = 0.0
        self._saved: int | None = None
        self._doing = "the step"
        self._progress: Progress = silent

    def _task(self, pretrained: bool) -> Task:
        config, images, device = self.config, self.data.images, self.accelerator.device
        reduce = self._average if self.accelerator.num_processes > 1 else None
        if config.model == "contextual":
            return InsertionTask(config, images, self.data.held_out, device, reduce, pretrained=pretrained)
        if config.model == "detail":
            return DetailTask(config, images, self.data.held_out, device, reduce, pretrained=pretrained)
        return GenerationTask(config, images, device, reduce, pretrained=pretrained)

    def _scorer(self, pretrained: bool) -> Scorer | None:
        held_out = self.data.held_out
        if held_out is None:
            return None
        wanted = real_class(held_out, self.config) if self.config.model == "contextual" else held_out
        return Scorer(wanted, Features(pretrained=pretrained).to(self.accelerator.device))

    def _average(self, tensor: Tensor) -> Tensor:
        averaged: Tensor = self.accelerator.reduce(tensor, "mean")
        return averaged

    @property
    def _seen(self) -> int:
        return self.task.objective.images_seen

    @property
    def _model(self) -> Path:
        return self.directory.path / f"{self.config.name}{SUFFIX}"

    def run(self, hours: float | None = None, progress: Progress = silent) -> Trained:
        """Train to the end, or to the time limit; see `train`."""
        total, started = round(self.config.total_kimg * 1000), perf_counter()
        self._progress = progress
        progress(self._seen, total)
        with memory_errors(self.directory.path), keeping(self._kept):
            self._begin()  # nothing can be kept of it, so that an interruption ends it at once
            resumed(progress, self._seen)
            progress(self._seen, total)
            stage(progress, "the first step")
            with stop_requests(self._answer if answering(progress) else None) as stop:
                stopped = late = False
                while self._seen < total and not stopped and not late:
                    stopped = self._tick(total, stop)
                    late = self._any(hours is not None and perf_counter() - started > hours * 3600)
            if stopped:
                raise Interrupted(self._kept())
        model = self._model if self._model.exists() else None
        return Trained(self.directory.path, self._seen, self._seen >= total, model, self.best)

    def _answer(self) -> None:
        if tell := answering(self._progress):
            tell(f"finishing {self._doing}")

    def _kept(self) -> str:
        if self._saved is None:
            return "nothing is kept, as no step was finished"
        return f"saved after {self._saved:,} images, and the same command goes on from there"

    def _begin(self) -> None:
        if self.accelerator.is_main_process:
            self.directory.begin(self.config, self.data.digest)
        self.accelerator.wait_for_everyone()
        state = self.directory.load_state()
        if state:
            self._restore(state)
            self._saved = self._seen
        else:
            stage(self._progress, "learning from the real images")
            self.task.prepare(self.draws)
        if not self.accelerator.is_main_process:
            return
        if state:
            self.directory.forget_after(self._seen / 1000)
            return
        real = making_of_dataset(self.data.origin.get("origin"))
        self.directory.draw_sheet("real", self.task.real_sheet(), SHEET_COLUMNS, real)
        if self.scorer:
            stage(self._progress, "scoring real images")
            floor = self.task.floor(self.scorer)
            self.directory.record(kimg=0.0, what="real images, the floor", extractor=EXTRACTOR, **floor)

    def _any(self, asked: bool) -> bool:
        """Whether any of the processes asks to stop; all must do so at the same step."""
        if self.accelerator.num_processes == 1:
            return asked
        return bool(self._average(torch.tensor(float(asked), device=self.accelerator.device)) > 0)

    def _tick(self, total: int, stop: threading.Event) -> bool:
        """Train to the next tick; True when it was asked to stop before."""
        started, first = perf_counter(), self._seen
        tick = max(1, round(self.config.tick_kimg * 1000))
        until = min(total, (first // tick + 1) * tick)
        history: list[Losses] = []
        stopped = False
        while self._seen < until and not stopped:
            history.append(self._step())
            self._progress(self._seen, total)
            stopped = self._any(stop.is_set())
        seconds = perf_counter() - started
        self.seconds += seconds
        losses = _means(history)
        self._check_variety(losses)
        if self.accelerator.is_main_process:
            rate = round((self._seen - first) / seconds, 2)
            self.directory.record(kimg=self._seen / 1000, seconds=round(self.seconds), images_per_second=rate, **losses)
            if not stopped:
                stage(self._progress, "drawing samples")
                self.directory.draw_sheet(f"{self._seen:08d}", self.task.sheet(), SHEET_COLUMNS, self._making)
                if self.scorer and round(self._seen / tick) % self.config.score_ticks == 0:
                    self._score(self.scorer)
            stage(self._progress, "saving")
            self.directory.save_state(self._state())
            self._saved = self._seen
        self.accelerator.wait_for_everyone()
        return stopped

    def _step(self) -> Losses:
        batch = self.task.batch(self._seen, self.accelerator.process_index, self.accelerator.num_processes)
        where = self.directory.path
        losses = self.task.objective.step(batch, self.draws)
        wrong = [name for name, value in losses.items() if not isfinite(value)]
        if wrong:
            message = f"the loss '{wrong[0]}' is no finite number after {self._seen:,} images"
            hint = "Start a new run with a lower learning rate, or float32; the last saved state is from before."
            raise TrainingError(message, where=where, hint=hint)
        return losses

    def _check_variety(self, losses: Losses) -> None:
        self.flat_ticks = self.flat_ticks + 1 if losses.get("spread", 1.0) < COLLAPSED else 0
        if self.flat_ticks >= COLLAPSE_TICKS:
            message = f"the generator has collapsed: for {COLLAPSE_TICKS} ticks all its images were alike"
            hint = "Start a new run with a lower learning rate, or stronger augmentation."
            raise TrainingError(message, where=self.directory.path, hint=hint)

    def _score(self, scorer: Scorer) -> None:
        started, self._doing = perf_counter(), "the scores"
        stage(self._progress, "scoring")
        scores = self.task.scores(scorer)
        self._doing = "the step"
        better = self.task.grown and scores[RANKED_BY] < self.best.get(RANKED_BY, float("inf"))
        spent = round(perf_counter() - started, 1)
        self.directory.record(kimg=self._seen / 1000, what="scores", best=better, scoring_seconds=spent, **scores)
        if better:
            self.best = scores
            device = self.accelerator.device.type
            told = model_description(self.config, self.data, self.task, scores, device=device)
            save_model(self._model, {"generator": self.task.objective.average}, told)

    @property
    def _making(self) -> Making:
        """How the images on the sheets came about: by the network alone, or by it on images of the dataset."""
        whole = self.config.makes in ("mammograms", "patches")
        kind = SourceType.TRAINED if whole else SourceType.TRAINED_COMPOSITE
        return Making(kind, (Maker(self.directory.path.name),))

    def _state(self) -> dict[str, Any]:
        return {
            "objective": self.task.objective.state(),
            "draws": self.draws.get_state(),
            "torch": torch.get_rng_state(),
            "best": self.best,
            "flat_ticks": self.flat_ticks,
            "seconds": self.seconds,
            "threads": torch.get_num_threads(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            self.task.objective.restore(state["objective"])
        except (KeyError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise TrainingError(f"the saved state does not fit ({reason})", where=self.directory.state) from error
        if self.accelerator.is_main_process:
            self.draws.set_state(state["draws"])
        else:
            # Only the first process's state is kept; the others draw on from a place that no run has been at.
            self.draws.manual_seed((self.config.seed + self._seen) * 1000 + self.accelerator.process_index)
        torch.set_rng_state(state["torch"])
        keep_threads(state.get("threads"))
        self.best, self.flat_ticks, self.seconds = state["best"], state["flat_ticks"], state["seconds"]


def _means(history: list[Losses]) -> Losses:
    """Mean of every loss over the steps at which it was taken; some are not taken at every step."""
    names = dict.fromkeys(name for step in history for name in step)
    return {
        name: sum(step.get(name, 0.0) for step in history) / sum(name in step for step in history) for name in names
    }
