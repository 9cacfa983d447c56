"""What was found out about a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from synthmammo.mammogram.origin import Maker, Making, Origin, SourceType

UNMARKED = "bears no mark of its origin: nothing in it says whether it is real or synthetic"


@dataclass(frozen=True)
class Inspection:
    """What a file is, and where it came from.

    Attributes:
        path: Path of the file or directory.
        what: What it is, e.g. "PNG picture, 512 x 512 pixels".
        ours: Whether synthmammo wrote it, as far as the file itself says.
        origin: Whether its images are "real", "synthetic" or "mixed"; None where the file does not say.
        source_type: Kind of its digital source, by the name in the vocabulary of IPTC; None where it does not say.
        made_by: Programs that made its images or parts of them; empty where none is named.
        stated_by: On whose word, one of `StatedBy`; None where the file does not say.
        key: Key of its sample; empty where it is not one sample.
        facts: Further facts by name, e.g. its dataset's digest.
    """

    path: str
    what: str
    ours: bool = False
    origin: Origin | None = None
    source_type: SourceType | None = None
    made_by: tuple[str, ...] = ()
    stated_by: str | None = None
    key: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Where it came from, in one sentence."""
        if self.source_type is SourceType.CHART:
            return "drawn from numbers; it shows no breast"
        if self.origin is None:
            return "not stated: it holds no finished images" if self.ours else UNMARKED
        kind = f" ({self.source_type})" if self.source_type else ""
        return f"{_MEANINGS[self.origin]}{kind}"

    def lines(self) -> list[str]:
        """The account for people: the path and what it is, then one line per fact."""
        named = {"key": self.key, "stated by": self.stated_by or "", **self.facts}
        rows = [("origin", self.verdict), *(("made by", maker) for maker in self.made_by)]
        rows += [(name, value) for name, value in named.items() if value]
        width = max(len(name) for name, _ in rows)
        by = ", written by synthmammo" if self.ours else ""
        return [f"{self.path}: {self.what}{by}", *(f"  {name:{width}}  {value}" for name, value in rows)]

    def record(self) -> dict[str, Any]:
        """The account for programs, as JSON can hold it."""
        return {**asdict(self), "verdict": self.verdict, "made_by": list(self.made_by), "facts": dict(self.facts)}


_MEANINGS = {
    Origin.REAL: "real: it shows a person, and no program put anything into it",
    Origin.SYNTHETIC: "synthetic: a program made it, it shows no person",
    Origin.MIXED: "mixed: made by a program in part, or of images real and synthetic, or nobody knows",
}


def stated(making: Making) -> dict[str, Any]:
    """The attributes of an `Inspection` that a making gives."""
    makers = tuple(map(str, making.makers))
    kind = making.source_type
    return {"origin": making.origin, "source_type": kind, "made_by": makers, "stated_by": str(making.stated_by)}


def maker_texts(makers: list[Maker]) -> tuple[str, ...]:
    """Makers as texts."""
    return tuple(map(str, makers))
