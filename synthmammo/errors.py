"""The errors of the package, as one tree; every message says where, what was found, and what to do.

SynthmammoError
├── RecipeError      a recipe, or a value given beside it, cannot be used
├── GeneratorError   a generator is unknown, lacks its model, or cannot do what a row asks
├── CheckpointError  a model file cannot be read, or is not the model that is needed
├── SourceError      an archive of real images cannot be read
├── DatasetError     a dataset directory is not what it should be
├── SampleError      an image or its description cannot be used; a ValueError too
├── TrainingError    a training cannot start, or went wrong
└── OutputError      a result cannot be written
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class SynthmammoError(Exception):
    """Base of all errors that a user can cause and mend.

    Args:
        message: One sentence that says what was found and what was expected.
        where: File, field or key that the message is about; by default none.
        hint: One sentence that says what to do; by default none.
    """

    def __init__(self, message: str, *, where: object = None, hint: str | None = None) -> None:
        self.where, self.message, self.hint = where, message, hint
        super().__init__(message, where, hint)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where is not None else self.message
        return f"{text}\n  {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders in a build; keyword arguments do not survive the default pickling.
        return _rebuild, (type(self), self.message, str(self.where) if self.where is not None else None, self.hint)


def _rebuild(cls: type[SynthmammoError], message: str, where: str | None, hint: str | None) -> SynthmammoError:
    return cls(message, where=where, hint=hint)


class RecipeError(SynthmammoError):
    """A recipe, or a value given beside it, cannot be used."""


class GeneratorError(SynthmammoError):
    """A generator is unknown, lacks its model, or cannot do what a row asks."""


class CheckpointError(SynthmammoError):
    """A model file cannot be read, or is not the model that is needed."""


class SourceError(SynthmammoError):
    """An archive of real images, or one file of it, cannot be read."""


class DatasetError(SynthmammoError):
    """A dataset directory is not what it should be."""


class SampleError(SynthmammoError, ValueError):
    """An image or its description cannot be used."""


class TrainingError(SynthmammoError):
    """A training cannot start as it is configured, or went wrong."""


class OutputError(SynthmammoError):
    """A result cannot be written."""


class PluginWarning(UserWarning):
    """A plug-in cannot be used; everything else can."""


_CAUSES = {
    errno.ENOSPC: "Free some space, and run the same command again.",
    errno.EDQUOT: "Free some of your space, and run the same command again.",
    errno.EFBIG: "Free some space, or raise the limit on the size of files, and run the same command again.",
    errno.EACCES: "Choose a place that you may write to.",
    errno.EPERM: "Choose a place that you may write to.",
    errno.EROFS: "Choose a place that can be written to.",
    errno.ENOTDIR: "A part of this path is a file: choose another one.",
    errno.EISDIR: "This is a folder: name a file.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}
"""What helps against what the operating system reports."""


def unwritable(path: object, error: OSError) -> OutputError:
    """The error to raise for a place that cannot be written.

    Args:
        path: File or directory that was to be written.
        error: Failure that the operating system reported.
    """
    hint = _CAUSES.get(error.errno or 0, "Choose a place that can be written, and run the same command again.")
    return OutputError(f"cannot be written ({error.strerror or error})", where=path, hint=hint)


MOST_LISTED = 24
"""Number of known names that a message lists at most."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the known name closest to a given one, where one is close, and the known names.

    Args:
        name: Name that was given.
        known: Names that would have been understood.

    Returns:
        One or two sentences for an error's `hint`; of very many names the first are listed.

    Example:
        >>> nearest("pahntom", ["phantom", "stylegan2"])
        "Did you mean 'phantom'? Known: phantom, stylegan2."
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    listed = f"Known: {', '.join(names[:MOST_LISTED])}{more}."
    return f"Did you mean '{close[0]}'? {listed}" if close else listed
