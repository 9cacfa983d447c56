"""The course of an exploration: an immutable list of steps with a place in it, so that undo and redo only move."""

from __future__ import annotations

from dataclasses import dataclass, replace

from synthmammo.exploring.scene import Scene


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        what: What was done, in words.
        scene: What is shown after it.
        control: Control that is moved little by little, e.g. a slider; its steps in a row are one. None for others.
    """

    what: str
    scene: Scene
    control: str | None = None


@dataclass(frozen=True)
class Session:
    """Steps, and the place among them.

    Attributes:
        steps: All steps, undone ones included; the first is the beginning.
        place: Number of the step that is shown.
    """

    steps: tuple[Step, ...]
    place: int = 0

    @classmethod
    def begin(cls, scene: Scene) -> Session:
        """A session of one step."""
        return cls((Step("begin", scene),))

    @property
    def scene(self) -> Scene:
        """What is shown."""
        return self.steps[self.place].scene

    @property
    def before(self) -> Scene:
        """What was shown before the last step."""
        return self.steps[max(0, self.place - 1)].scene

    def done(self, what: str, scene: Scene, control: str | None = None) -> Session:
        """After one more step; steps that were undone are given up.

        Args:
            what: What was done, in words.
            scene: What is shown after it.
            control: See `Step`; the next step of the same control takes its place.
        """
        if scene == self.scene:
            return self
        kept = self.steps[: self.place + 1]
        if control is not None and kept[-1].control == control:
            kept = kept[:-1]
        return Session((*kept, Step(what, scene, control)), len(kept))

    def undo(self) -> Session:
        """One step back, as far as there is one."""
        return replace(self, place=max(0, self.place - 1))

    def redo(self) -> Session:
        """One step forward, as far as there is one."""
        return replace(self, place=min(len(self.steps) - 1, self.place + 1))
