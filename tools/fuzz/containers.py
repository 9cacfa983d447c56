"""Changes inside files that carry checksums or lengths, which are made right again: PNG, DICOM, TIFF and ZIP."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib

from tools.fuzz.mutation import changed

_SIDES = (0, 1, 2, 3, 8, 64, 255, 4096, 60_000, 65_535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_chunk(rng: random.Random, data: bytes) -> bytes:
    """A PNG with one other chunk, whose checksum is right."""
    chunks = list(_chunks(data))
    if not chunks:
        return data
    place, choice = rng.randrange(len(chunks)), rng.random()
    name, content = chunks[place]
    if choice < 0.35:
        chunks[0] = (b"IHDR", _png_header(rng, chunks[0][1]))
    elif choice < 0.55:
        chunks[place] = (name, _other_rows(rng, content) if name == b"IDAT" else changed(rng, content))
    elif choice < 0.7:
        chunks.insert(
            place,
            (rng.choice((b"tRNS", b"PLTE", b"iTXt", b"zTXt", b"iCCP", b"acTL", b"gAMA", b"eXIf")), rng.randbytes(9)),
        )
    elif choice < 0.8:
        chunks.insert(
            place, (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(rng.choice((9, 9, 9, 10**6)))))
        )
    elif choice < 0.9:
        chunks[place] = (bytes([name[0] ^ 32]) + name[1:], content)
    else:
        del chunks[place]
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks
    )


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, place = [], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def _png_header(rng: random.Random, header: bytes) -> bytes:
    fields = list(struct.unpack(">IIBBBBB", header)) if len(header) == 13 else [8, 8, 8, 0, 0, 0, 0]
    choices = (_SIDES, _SIDES, (1, 2, 4, 8, 16, 3, 32), (0, 2, 3, 4, 6, 1, 7), (0, 1), (0, 1), (0, 1, 2))
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = rng.randrange(7)
        fields[place] = rng.choice(choices[place])
    return struct.pack(">IIBBBBB", *fields)


def _other_rows(rng: random.Random, content: bytes) -> bytes:
    try:
        rows = zlib.decompressobj().decompress(content, 1 << 20)
    except zlib.error:
        return changed(rng, content)
    return zlib.compress(changed(rng, rows) if rng.random() < 0.9 else bytes(10**6))


def dicom_element(rng: random.Random, data: bytes) -> bytes:
    """A DICOM file (explicit, little-endian) with one other element, whose length is right."""
    if data[128:132] != b"DICM":
        return data
    elements = _elements(data)
    if not elements:
        return data
    place, choice = rng.randrange(len(elements)), rng.random()
    tag, kind, content = elements[place]
    if choice < 0.6:
        elements[place] = (tag, kind, _other_content(rng, kind, content))
    elif choice < 0.7:
        elements[place] = (
            tag,
            rng.choice((b"US", b"SS", b"OW", b"OB", b"DS", b"IS", b"UN", b"SQ", b"UT", b"AT")),
            content,
        )
    elif choice < 0.8:
        elements.insert(place, rng.choice(elements))
    elif choice < 0.9:
        elements.insert(
            place, (rng.choice(_TAGS), rng.choice((b"US", b"SS", b"DS", b"CS", b"IS")), _other_content(rng, b"US", b""))
        )
    else:
        del elements[place]
    return data[:132] + b"".join(map(_encoded, elements))


_TAGS = tuple(
    struct.pack("<HH", group, element)
    for group, element in (
        [(0x28, n) for n in (2, 4, 6, 8, 0x10, 0x11, 0x100, 0x101, 0x102, 0x103, 0x120, 0x121, 0x1050, 0x1051, 0x1052)]
        + [(0x28, n) for n in (0x1053, 0x1056, 0x1040, 0x1041, 0x3010, 0x3000, 0x301, 0x2110)]
        + [(0x18, 0x1164), (0x28, 0x30), (0x8, 0x60), (0x8, 0x16), (0x2, 0x10), (0x6000, 0x102), (0x6000, 0x3000)]
    )
)
_LONG = (b"OB", b"OW", b"OF", b"SQ", b"UT", b"UN", b"OD", b"OL", b"UC", b"UR", b"OV", b"SV", b"UV")
_TEXTS: tuple[bytes, ...] = (
    b"",
    b"0",
    b"-1",
    b"1e400",
    b"nan",
    b"1\\2\\3",
    b"MONOCHROME1",
    b"MONOCHROME2",
    b"RGB",
    b"YES",
    b"SIGMOID",
    b"LOG",
)
_TEXTS += (
    b"FOR PROCESSING",
    b"65536",
    b"0.0001",
    b"MLO",
    b"\xff\xfe",
    b"../../x",
    b"1.2.840.10008.1.2.1.99",
    b"99999999999999",
)
_TEXTS += tuple(f"1.2.840.10008.1.2.{end}".encode() for end in ("", "2", "5", "4.50", "4.70", "4.80", "4.90", "4.91"))


def _elements(data: bytes) -> list[tuple[bytes, bytes, bytes]]:
    found, place = [], 132
    while place + 8 <= len(data):
        tag, kind = data[place : place + 4], data[place + 4 : place + 6]
        long = kind in _LONG
        length = (
            struct.unpack_from("<I" if long else "<H", data, place + (8 if long else 6))[0]
            if place + 12 <= len(data)
            else 0
        )
        start = place + (12 if long else 8)
        end = len(data) if length == 2**32 - 1 else start + length
        found.append((tag, kind, data[start:end]))
        place = end
    return found


def _encoded(element: tuple[bytes, bytes, bytes]) -> bytes:
    tag, kind, content = element
    if kind in _LONG:
        compressed = tag == b"\xe0\x7f\x10\x00" and content[:4] == b"\xfe\xff\x00\xe0"
        return tag + kind + b"\0\0" + struct.pack("<I", 2**32 - 1 if compressed else len(content)) + content
    return tag + kind + struct.pack("<H", len(content) & 0xFFFF) + content[:0xFFFF]


def _other_content(rng: random.Random, kind: bytes, content: bytes) -> bytes:
    if kind in (b"US", b"SS") and rng.random() < 0.8:
        count = rng.choice((1, 1, 1, 2, 3))
        return struct.pack(
            f"<{count}H",
            *(rng.choice((0, 1, 3, 7, 8, 11, 12, 14, 15, 16, 32, 64, 4095, 60_000, 65_535)) for _ in range(count)),
        )
    return rng.choice(_TEXTS) if rng.random() < 0.6 else changed(rng, content)


def tiff_entry(rng: random.Random, data: bytes) -> bytes:
    """A TIFF with one other entry in its directory."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 10:
        return data
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    if start + 2 > len(data):
        return data
    (count,) = struct.unpack_from(f"{order}H", data, start)
    place = start + 2 + 12 * rng.randrange(max(count, 1))
    if place + 12 > len(data):
        return data
    tag, kind, number, value = struct.unpack_from(f"{order}HHII", data, place)
    choice = rng.random()
    if choice < 0.6:
        value = rng.choice((*_SIDES, value * 2, 16, 12, 5, 32_773))
        value = value << 16 if order == ">" and kind == 3 and value < 65_536 else value
    elif choice < 0.75:
        number = rng.choice(_SIDES)
    elif choice < 0.9:
        kind = rng.randrange(20)
    else:
        tag = rng.choice((254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 322, 324, 338, 339, 34675))
    return data[:place] + struct.pack(f"{order}HHII", tag, kind, number % 2**32, value % 2**32) + data[place + 12 :]


def zip_member(rng: random.Random, data: bytes) -> bytes:
    """A ZIP archive with one other member, whose checksum is right."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError, RuntimeError, zlib.error):
        return data
    if not members:
        return data
    # The first member of a model is the pickle that says what the others are.
    place, choice = 0 if rng.random() < 0.6 else rng.randrange(len(members)), rng.random()
    name, content = members[place]
    if choice < 0.8:
        members[place] = (name, changed(rng, content))
    elif choice < 0.9:
        members[place] = (rng.choice(("../../x", "/x", name + "0", "")), content)
    else:
        del members[place]
    buffer = io.BytesIO()
    kind = zipfile.ZIP_STORED if rng.random() < 0.9 else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in dict(members).items():
            archive.writestr(name or "x", content)
    return buffer.getvalue()
