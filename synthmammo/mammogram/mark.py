"""The mark in picture files that says where a picture is from: an XMP packet with IPTC's DigitalSourceType.

Other software shows and keeps such packets (exiftool, search engines, picture agencies). Equal marks are equal bytes:
nothing in them has a time or names a release of this package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from synthmammo.mammogram.origin import FOREIGN_TERMS, VOCABULARY, Maker, Making, SourceType, StatedBy, together

MOST_BYTES = 1 << 16
"""Largest packet that is parsed; ours have less than 2,000 bytes."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_TOOL = "synthmammo"
_TERM = re.compile(re.escape(VOCABULARY).replace("http:", "https?:") + r"([A-Za-z]+)")


@dataclass(frozen=True)
class Mark:
    """What a picture file says of itself.

    Attributes:
        making: How the picture came about.
        key: Key of the sample, or a name of the picture; empty where it has none.
        part: Part of the sample: "image", "preview", "lesions" or "breast"; "picture" for sheets and charts.
        source: Archive that the image was read from; empty where no archive has it.
        by_us: Whether this package wrote the file.
    """

    making: Making
    key: str = ""
    part: str = "picture"
    source: str = ""
    by_us: bool = True

    def packet(self) -> str:
        """The XMP packet."""
        makers = "".join(f"<rdf:li>{escape(str(maker))}</rdf:li>" for maker in self.making.makers)
        creator = f"<dc:creator><rdf:Seq>{makers}</rdf:Seq></dc:creator>" if makers else ""
        texts = (("identifier", self.key), ("source", self.source), ("type", self.part))
        stated = "".join(f" dc:{name}={quoteattr(text)}" for name, text in texts if text)
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about=""'
            f' xmlns:Iptc4xmpExt="{_IPTC}" xmlns:dc="{_DC}" xmlns:xmp="{_XMP}" xmp:CreatorTool="{_TOOL}"'
            f' Iptc4xmpExt:DigitalSourceType="{self.making.source_type.uri}"{stated}>{creator}'
            "</rdf:Description></rdf:RDF></x:xmpmeta>"
            '<?xpacket end="r"?>'
        )


def picture_packet(makings: Iterable[Making], name: str = "") -> str:
    """The packet of a picture of several images, such as a contact sheet.

    Args:
        makings: How each of the images came about.
        name: Name of the picture; empty, the default, for none.
    """
    return Mark(together(makings), name).packet()


def chart_packet() -> str:
    """The packet of a chart, which is drawn from numbers."""
    return Mark(Making(SourceType.CHART)).packet()


def read_mark(packet: str) -> Mark | None:
    """What an XMP packet says of the origin of its picture, whoever wrote it; None where it says nothing of it.

    Args:
        packet: Text of the packet. What is larger than `MOST_BYTES`, and what declares entities, is searched for the
            term of the vocabulary only, and not parsed.
    """
    found = _TERM.search(packet)
    if found is None:
        return None
    try:
        kind = FOREIGN_TERMS.get(found[1]) or SourceType(found[1])
    except ValueError:
        return None  # a term that the vocabulary did not have when this was written
    description = _description(packet)
    if description is None or description.get(f"{{{_XMP}}}CreatorTool") != _TOOL:
        tool = "" if description is None else description.get(f"{{{_XMP}}}CreatorTool", "")
        named = tool and kind is not SourceType.CAPTURE
        return Mark(Making(kind, (Maker(tool),) if named else (), StatedBy.MARK), by_us=False)
    makers = tuple(Maker.parse(one.text or "") for one in description.iter(f"{{{_RDF}}}li"))
    key, source, part = (description.get(f"{{{_DC}}}{name}", "") for name in ("identifier", "source", "type"))
    return Mark(Making(kind, makers, StatedBy.MARK), key, part or "picture", source)


def _description(packet: str) -> ElementTree.Element | None:
    if len(packet) > MOST_BYTES or "<!" in packet:
        return None
    try:
        return ElementTree.fromstring(packet.strip("\ufeff\0 \r\n\t")).find(f".//{{{_RDF}}}Description")
    except ElementTree.ParseError:
        return None
