"""`show`: samples of a dataset, or one image, on a picture for the screen."""

from __future__ import annotations

from pathlib import Path

from synthmammo.arguments import a_number, a_path, a_text
from synthmammo.dataset.layout import SHOWN
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.errors import DatasetError, OutputError


def show(
    path: DatasetLike,
    out: str | Path | None = None,
    *,
    count: int = 12,
    columns: int = 6,
    split: str | None = None,
    label: str | None = None,
    where: str | None = None,
) -> Path:
    """Draw samples of a dataset, or one image, on a picture.

    Boxes mark the findings, and close-ups show them. A dataset that is still being made is drawn as far as it is
    finished.

    Args:
        path: Dataset, the path of its directory, or the path of a DICOM or image file.
        out: PNG file to write; None for `figures/show.png` in the dataset, or `NAME-shown.png` beside the image.
        count: Number of samples to draw, an even choice of the classes in the order of their keys.
        columns: Number of pictures per row.
        split: Name of the only split to draw from; None for all.
        label: Name of the only class to draw; None for all.
        where: Condition on the columns of the index, e.g. "diameter_mm > 10"; None for all. The five of these are for
            datasets and do nothing with a file.

    Returns:
        Path of the picture; of an image that is in colours already, `path`.

    Raises:
        DatasetError: The directory is no dataset, has no such samples, or an argument makes no sense (its name comes
            first).
        SourceError: The file holds no image that is understood.
        OutputError: The picture cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> sm.show(dataset, "masses.png", label="malignant").name
        'masses.png'
    """
    place = dataset_path(path, "path", DatasetError)
    target = None if out is None else a_path(out, "out", OutputError)
    for name, number in (("count", count), ("columns", columns)):
        a_number(number, name, DatasetError, least=1)
    for name, text in (("split", split), ("label", label), ("where", where)):
        if text is not None:
            a_text(text, name, DatasetError)
    if place.is_file():
        from synthmammo.ingesting.single import draw_file

        return draw_file(place, target or place.with_name(f"{place.stem}-shown.png"))
    from synthmammo.dataset.show import draw_dataset

    target = target or place / SHOWN
    return draw_dataset(place, target, count=count, columns=columns, split=split, label=label, where=where)
