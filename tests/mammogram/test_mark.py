"""The mark in picture files: equal bytes for equal marks, read back exactly, read by others, safe to read."""

import io
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from synthmammo.mammogram import png
from synthmammo.mammogram.mark import Mark, chart_packet, picture_packet, read_mark
from synthmammo.mammogram.origin import Maker, Making, SourceType, StatedBy

PIXELS = np.arange(64, dtype=np.uint16).reshape(8, 8)
GAN = Making(SourceType.TRAINED, (Maker("zoo/x", weights="ab" * 32), Maker("phantom", "synthmammo pixels version 2")))
MARK = Mark(GAN, "balanced-0000001", "image", "cbis_ddsm")
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XML_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=40)


def read_back(mark):
    return Mark(Making(mark.making.source_type, mark.making.makers, StatedBy.MARK), mark.key, mark.part, mark.source)


@given(kind=st.sampled_from(SourceType), key=XML_TEXT, source=XML_TEXT, maker=XML_TEXT.filter(str.strip))
def test_a_mark_comes_back_from_its_packet(kind, key, source, maker):
    mark = Mark(Making(kind, (Maker.parse(maker),)), key, "preview", source)
    found = read_mark(mark.packet())
    assert found is not None and found.by_us and found.making.source_type is kind
    assert (found.key, found.source, found.part) == (mark.key, mark.source, "preview")
    assert [str(one) for one in found.making.makers] == [maker]


def test_it_comes_back_from_pngs_of_images_and_masks_and_changes_no_pixel():
    for data, plain in (
        (png.encode(PIXELS, MARK.packet()), png.encode(PIXELS)),
        (png.encode_mask(PIXELS > 9, MARK.packet()), png.encode_mask(PIXELS > 9)),
    ):
        assert read_mark(png.read_packet(data)) == read_back(MARK)
        np.testing.assert_array_equal(png.decode(data), png.decode(plain))
        assert len(data) - len(plain) == len(MARK.packet().encode()) + 12 + 22, "a chunk and its keyword"
        assert png.read_packet(plain) == ""


def test_equal_marks_are_equal_bytes():
    assert png.encode(PIXELS, MARK.packet()) == png.encode(
        PIXELS, Mark(GAN, "balanced-0000001", "image", "cbis_ddsm").packet()
    )


def test_others_find_it_where_the_standard_puts_it():
    """Pillow gives the packet, and it is RDF with the property that IPTC names."""
    picture = Image.open(io.BytesIO(png.encode(PIXELS, MARK.packet())))
    described = ElementTree.fromstring(picture.info["XML:com.adobe.xmp"].strip("\ufeff")).find(f".//{RDF}Description")
    stated = described.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert stated == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert described.get("{http://purl.org/dc/elements/1.1/}identifier") == "balanced-0000001"
    creators = described.findall(f"{{http://purl.org/dc/elements/1.1/}}creator/{RDF}Seq/{RDF}li")
    assert [one.text for one in creators] == [str(maker) for maker in GAN.makers]


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_pictures_of_pillow_bear_it_too(tmp_path, form):
    path = tmp_path / "picture"
    png.save(Image.new("RGB", (4, 4)), path, picture_packet([GAN], "sheet"), form)
    data = path.read_bytes()
    png.save(Image.new("RGB", (4, 4)), path, picture_packet([GAN], "sheet"), form)
    assert path.read_bytes() == data
    assert GAN.source_type.uri.encode() in data


def test_charts_are_called_what_they_are():
    assert read_mark(chart_packet()).making.source_type is SourceType.CHART


FOREIGN = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Painter 9">'
    "<Iptc4xmpExt:DigitalSourceType xmlns:Iptc4xmpExt='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'>"
    "{term}</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
)
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@pytest.mark.parametrize(
    ("term", "origin", "makers"),
    [
        (TERMS + "trainedAlgorithmicMedia", "synthetic", (Maker("Painter 9"),)),
        (TERMS.replace("http", "https") + "compositeSynthetic", "mixed", (Maker("Painter 9"),)),
        (TERMS + "negativeFilm", "real", ()),
    ],
)
def test_marks_of_other_software_are_understood(term, origin, makers):
    found = read_mark(FOREIGN.format(term=term))
    assert found is not None and not found.by_us
    assert (found.making.origin, found.making.makers, found.making.stated_by) == (origin, makers, "mark")


@pytest.mark.parametrize("packet", ["", "<x/>", TERMS + "brandNewTerm", "DigitalSourceType"])
def test_what_says_nothing_of_it_is_no_mark(packet):
    assert read_mark(packet) is None


def test_a_packet_with_entities_or_of_great_size_is_not_parsed():
    bomb = f'<!DOCTYPE x [<!ENTITY a "aa">]>{FOREIGN.format(term=TERMS + "trainedAlgorithmicMedia")}'
    for packet in (bomb, MARK.packet() + " " * (1 << 17)):
        found = read_mark(packet)
        assert found is not None and not found.by_us and found.making.source_type is SourceType.TRAINED


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunk(data):
    plain = png.encode(PIXELS)
    return plain[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0" + data) + plain[33:]


def test_a_compressed_packet_is_read_and_a_bomb_is_not_unpacked():
    text = MARK.packet().encode()
    assert png.read_packet(with_chunk(b"\1\0\0\0" + zlib.compress(text))) == MARK.packet()
    bomb = with_chunk(b"\1\0\0\0" + zlib.compress(b"a" * (1 << 26)))
    assert len(png.read_packet(bomb)) <= 1 << 20


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\1\0\0\0notzlib", b"\0\0\0\0\xff\xfe"])
def test_a_damaged_packet_is_none(data):
    assert png.read_packet(with_chunk(data)) == ""


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_make_the_reader_fail(noise, cut):
    marked = png.encode(PIXELS, MARK.packet())
    for data in (noise, marked[:cut], marked[:33] + noise, marked[:33] + noise + marked[33:]):
        packet = png.read_packet(data)
        assert read_mark(packet) is None or isinstance(packet, str)
