from typing import Any

from synthmammo.ingesting.options import IngestOptions
from tests.support import tiny


def test_the_former_name_of_a_geometry_is_understood(tmp_path, monkeypatch):
    chosen: list[IngestOptions] = []

    def caught(source: str, path: str, out: object, *, workers: object, progress: object, **options: Any) -> None:
        chosen.append(IngestOptions(**options))
        raise KeyboardInterrupt

    monkeypatch.setattr("synthmammo.ingesting.ingest.ingest", caught)
    arguments = ("ingest", "folder", tmp_path, "--out", tmp_path / "out", "--geometry")
    former, new = (tiny.run(*arguments, name) for name in ("seed1", "square512"))
    assert len(chosen) == 2 and chosen[0] == chosen[1] and chosen[0].geometry != "full"
    assert "seed1 is now called square512" in former.stderr and "seed1" not in new.stderr
