"""One image file is read in one way, whoever asks: by its content, with what it says of itself."""

import numpy as np
import pytest

from synthmammo.editing.inversion import invert
from synthmammo.errors import SourceError
from synthmammo.ingesting.single import draw_file, read_image_file
from synthmammo.mammogram.origin import Origin
from synthmammo.mammogram.sample import Laterality, View
from tests.support.dicom_files import breast_like, write


def bare(path):
    """A DICOM file that begins with its first element, without a preamble."""
    path.write_bytes(write(path, breast_like(60, 40)).read_bytes()[132:])
    return path


def test_a_dicom_file_says_view_side_spacing_and_origin(tmp_path):
    path = write(tmp_path / "film", breast_like(60, 40), SyntheticData="YES", ImagerPixelSpacing=[0.07, 0.07])
    found = read_image_file(path)
    assert (found.view, found.laterality, found.bits_stored) == (View.CC, Laterality.LEFT, 12)
    assert found.spacing_mm == (0.07, 0.07) and found.making.origin is Origin.SYNTHETIC
    assert found.image.shape == (60, 40) and found.image.dtype == np.uint16


def test_a_file_without_a_preamble_is_shown_and_inverted(tmp_path):
    path = bare(tmp_path / "1.2.840.99")
    assert draw_file(path, tmp_path / "out.png").is_file()
    sample = invert._from_file(path, invert.Which(), patches=True)
    np.testing.assert_array_equal(sample.image, read_image_file(path).image)
    assert sample.view is View.CC


def test_a_picture_without_an_ending_is_known_by_its_content(tmp_path):
    from PIL import Image

    Image.fromarray(breast_like(60, 40, top=255).astype(np.uint8)).save(tmp_path / "film", "PNG")
    assert read_image_file(tmp_path / "film").bits_stored == 8
    colours = np.zeros((40, 30, 3), np.uint8)
    colours[..., 0] = 200
    Image.fromarray(colours).save(tmp_path / "sheet", "PNG")
    assert draw_file(tmp_path / "sheet", tmp_path / "out.png") == tmp_path / "sheet"


@pytest.mark.parametrize("read", [read_image_file, lambda path: draw_file(path, path.with_name("out.png"))])
def test_what_is_neither_is_called_so(tmp_path, read):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(SourceError, match=r"notes.txt: is neither an image \(PNG, .*PGM\) nor DICOM"):
        read(tmp_path / "notes.txt")
    with pytest.raises(SourceError, match="there is nothing at this path"):
        read(tmp_path / "absent.dcm")
