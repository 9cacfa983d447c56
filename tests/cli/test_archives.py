from typing import Any

import numpy as np

from synthmammo.dataset.index import read_index
from synthmammo.ingesting.options import IngestOptions
from tests.support import tiny
from tests.support.dicom_files import TOMOSYNTHESIS, breast_like, write


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


def test_ingest_takes_a_condition_and_a_frame(tmp_path):
    frames = np.stack([breast_like() // 2, breast_like()])
    write(tmp_path / "archive" / "tomo", frames, SOPClassUID=TOMOSYNTHESIS, NumberOfFrames=2, KVP=28)
    write(tmp_path / "archive" / "flat", KVP=31)
    (tmp_path / "archive" / "notes.txt").write_text("no image")
    command = ("ingest", "dicom", tmp_path / "archive", "--workers", "1", "--out")
    result = tiny.run(*command, tmp_path / "out", "--frames", "central", "--where", "kvp < 30")
    assert result.exit_code == 0, result.output
    assert "1 images" in result.output and "1 other files were passed over" in result.output
    (row,) = read_index(tmp_path / "out").to_pylist()
    assert (row["kvp"], row["frame"], row["modality"]) == (28.0, "2", "MG")
    refused = tiny.run(*command, tmp_path / "other", "--where", "kvpp < 30")
    assert refused.exit_code == 1 and "Did you mean 'kvp'?" in refused.output
    folder = tiny.run("ingest", "folder", tmp_path, "--out", tmp_path / "other", "--frames", "2")
    assert folder.exit_code == 1 and "'folder' has no setting 'frames'" in folder.output
