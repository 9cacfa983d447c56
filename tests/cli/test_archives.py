import pytest

from synthmammo.ingesting.ingest import IngestOptions
from tests.support import tiny


@pytest.mark.parametrize(("given", "notes"), [("square512", 0), ("seed1", 1)])
def test_the_former_name_of_a_geometry_is_understood(tmp_path, monkeypatch, given, notes):
    chosen = []

    def caught(source: str, path: str, out: object, options: IngestOptions, **_: object) -> None:
        chosen.append(options.geometry)
        raise KeyboardInterrupt

    monkeypatch.setattr("synthmammo.ingesting.ingest.ingest", caught)
    result = tiny.run("ingest", "folder", tmp_path, "--out", tmp_path / "out", "--geometry", given)
    assert chosen == ["square512"]
    assert result.stderr.count("seed1 is now called square512") == notes and not result.stdout
