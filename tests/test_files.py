"""Files are whole or absent, whatever happens while they are written."""

import hashlib
import os
import stat

import pytest

from synthmammo.errors import OutputError
from synthmammo.files import PartialFile, writing


def present(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_name_appears_when_all_is_written(tmp_path):
    path = tmp_path / "new" / "folder" / "file.json"
    with writing(path) as partial:
        partial.write_text("content")
        assert present(path.parent) == [partial.name] and partial.name.startswith(".")
    assert path.read_text() == "content" and present(path.parent) == ["file.json"]


def test_an_error_in_the_body_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyError), writing(path) as partial:
        partial.write_text("half")
        raise KeyError
    assert path.read_text() == "old" and present(tmp_path) == ["file"]


def test_an_older_file_is_replaced_at_once(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with writing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_permissions_are_those_of_any_new_file_whatever_the_writer_sets(tmp_path):
    (tmp_path / "usual").touch()
    with writing(tmp_path / "file") as partial:
        partial.write_text("x")
        partial.chmod(0o600)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "file")}
    assert len(modes) == 1


def test_a_failure_of_the_disk_is_an_error_of_ours(tmp_path):
    with pytest.raises(OutputError, match=r"file: cannot be written \(No space left on device\)"):  # noqa: SIM117
        with writing(tmp_path / "file") as partial:
            partial.write_text("half")
            raise OSError(28, os.strerror(28))
    assert present(tmp_path) == []


def test_a_folder_that_is_a_file_is_an_error_of_ours(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(OutputError), writing(tmp_path / "a" / "file"):
        pytest.fail("nothing can be written there")
    with pytest.raises(OutputError):
        PartialFile(tmp_path / "a" / "file")
    assert present(tmp_path) == ["a"]


class TestPartialFile:
    def test_size_and_digest_are_those_of_the_file(self, tmp_path):
        partial = PartialFile(tmp_path / "shard.tar")
        for part in (b"one", b"two"):
            with partial.guard() as file:
                file.write(part)
        assert not partial.path.exists()
        assert partial.commit() == (6, hashlib.sha256(b"onetwo").hexdigest())
        assert partial.path.read_bytes() == b"onetwo" and present(tmp_path) == ["shard.tar"]

    def test_discarding_removes_it_and_may_come_twice(self, tmp_path):
        partial = PartialFile(tmp_path / "shard.tar")
        partial.discard()
        partial.discard()
        assert present(tmp_path) == []

    def test_discarding_a_finished_file_leaves_it(self, tmp_path):
        partial = PartialFile(tmp_path / "shard.tar")
        partial.commit()
        partial.discard()
        assert present(tmp_path) == ["shard.tar"]

    def test_a_failure_while_writing_removes_it(self, tmp_path):
        partial = PartialFile(tmp_path / "shard.tar")
        with pytest.raises(OutputError, match="No space"), partial.guard():
            raise OSError(28, os.strerror(28))
        assert present(tmp_path) == []

    def test_a_failure_of_the_last_step_removes_it(self, tmp_path, monkeypatch):
        partial = PartialFile(tmp_path / "shard.tar")

        def fails(_):
            raise OSError(5, os.strerror(5))

        monkeypatch.setattr(os, "fsync", fails)
        with pytest.raises(OutputError, match="shard.tar: cannot be written"):
            partial.commit()
        assert present(tmp_path) == []
