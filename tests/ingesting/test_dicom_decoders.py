"""Messages of decoders keep every plug-in's reason, and name the package that would help."""

import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.dicom_decoders import cause
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from tests.support.dicom_files import write

MISSING = (
    "Unable to decompress 'JPEG 2000' pixel data because all plugins are missing dependencies:\n"
    "\tgdcm - requires gdcm>=3.0.10\n"
    "\tpylibjpeg - requires pylibjpeg>=2.0 and pylibjpeg-openjpeg>=2.0"
)
FAILED = (
    "Unable to decode as exceptions were raised by all available plugins:\n pillow: broken data\n pylibjpeg: code 3."
)


def test_what_is_missing_is_named_as_pip_knows_it():
    said = cause(RuntimeError(MISSING))
    assert "\n" not in said and "gdcm - requires gdcm>=3.0.10" in said
    assert said.endswith("Install: pip install python-gdcm pylibjpeg pylibjpeg-openjpeg")


def test_every_plug_in_has_its_say():
    assert cause(RuntimeError(FAILED)).endswith("plugins: pillow: broken data; pylibjpeg: code 3")
    assert cause(ValueError()) == "ValueError" and cause(ValueError("only this.")) == "only this"


def test_a_damaged_image_says_what_each_decoder_said(tmp_path):
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    path = write(tmp_path / "a.dcm", syntax=JPEG2000Lossless)
    ds = dcmread(path)
    ds.PixelData = encapsulate([b"\xff\x4f\xff\x51" + b"\0" * 64])
    ds.save_as(path)
    with pytest.raises(SourceError, match="damaged or truncated") as error:
        read_dicom_pixels(path)
    assert "pylibjpeg" in error.value.message and "JPEG 2000" in error.value.message
