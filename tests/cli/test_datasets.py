import shutil

from tests.support import tiny


def test_card(built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "copy")
    (copy / "README.md").unlink()
    assert tiny.run("card", copy).output.strip() == str(copy / "README.md")
    assert tiny.files(copy) == tiny.files(built)
