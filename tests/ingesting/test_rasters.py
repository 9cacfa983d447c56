"""Raster files keep their grey values; what is no grey image of 8 or 16 bits is one clear error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.rasters import lossy_facts, read_raster

RAMP = np.arange(48, dtype=np.uint16).reshape(6, 8)


@pytest.mark.parametrize(
    ("suffix", "dtype"), [("png", "u1"), ("png", "u2"), ("tif", "u1"), ("tif", "u2"), ("pgm", "u1")]
)
def test_a_raster_keeps_its_values(tmp_path, suffix, dtype):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(RAMP.astype(dtype) * (200 if dtype == "u2" else 1)).save(path)
    image, bits = read_raster(path)
    assert (image.dtype, bits) == (np.uint16, 8 * np.dtype(dtype).itemsize)
    np.testing.assert_array_equal(image, RAMP * (200 if dtype == "u2" else 1))


@pytest.mark.parametrize(("maximum", "bits"), [(255, 8), (1023, 12), (4095, 12), (16383, 14), (65535, 16)])
def test_a_binary_pgm_keeps_its_values_and_states_its_depth(tmp_path, maximum, bits):
    dtype = ">u2" if maximum > 255 else "u1"
    header = f"P5\n# a comment\n8 6\n# another\n{maximum}\n".encode()
    (tmp_path / "a.pgm").write_bytes(header + RAMP.astype(dtype).tobytes())
    image, found = read_raster(tmp_path / "a.pgm")
    assert found == bits
    np.testing.assert_array_equal(image, RAMP)


def test_grey_in_disguise_is_accepted_and_colour_is_not(tmp_path):
    grey = np.repeat(RAMP.astype(np.uint8)[..., None], 3, axis=2)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_raster(tmp_path / "grey.png")[0], RAMP)
    Image.fromarray(grey[..., 0]).convert("P").save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_raster(tmp_path / "palette.png")[0], RAMP)
    grey[2, 3, 1] += 1
    Image.fromarray(grey).save(tmp_path / "colour.png")
    with pytest.raises(SourceError, match="coloured"):
        read_raster(tmp_path / "colour.png")


def test_what_is_no_grey_image_is_one_clear_error(tmp_path):
    Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(SourceError, match="float32"):
        read_raster(tmp_path / "float.tif")
    pages = [Image.fromarray(RAMP.astype(np.uint8))] * 2
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(SourceError, match="2 pages"):
        read_raster(tmp_path / "pages.tif")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(SourceError, match="not an image"):
        read_raster(tmp_path / "text.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "pgm"])
@given(share=st.floats(0, 0.98))
def test_a_truncated_raster_is_one_clear_error(tmp_path_factory, suffix, share):
    folder = tmp_path_factory.mktemp("cut")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(folder / f"a.{suffix}")
    whole = (folder / f"a.{suffix}").read_bytes()
    (folder / f"a.{suffix}").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SourceError):
        read_raster(folder / f"a.{suffix}")


def test_a_jpeg_states_how_much_smaller_it_is_and_other_files_nothing(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    for suffix in ("png", "jpg"):
        Image.fromarray(noise).save(tmp_path / f"a.{suffix}")
    size = (tmp_path / "a.jpg").stat().st_size
    assert lossy_facts(tmp_path / "a.jpg", noise) == {"lossy_ratio": round(max(1, 64 * 64 / size), 3)}
    assert lossy_facts(tmp_path / "a.png", noise) == {}
