"""What a run is trained on: held-out images only where they are needed, and where all of them came from."""

from pathlib import Path

import pytest

from synthmammo.errors import DatasetError
from synthmammo.training.config import DataConfig
from synthmammo.training.data import TrainingData
from tests.support import training_data as data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.write(tmp_path_factory.mktemp("data") / "some")


def test_held_out_images_are_read_where_scores_are_taken(folder: Path) -> None:
    config = DataConfig(classes=("malignant", "benign"), side_px=16)
    scored, plain = (TrainingData.load(folder, config, scored=asked) for asked in (True, False))
    assert plain.held_out is None and scored.held_out is not None
    assert scored.images.classes == scored.held_out.classes == ("malignant", "benign")
    assert scored.images.resolution == scored.held_out.resolution == 16


def test_a_dataset_without_a_manifest_has_a_name_and_a_split(folder: Path) -> None:
    assert TrainingData.load(folder, DataConfig(), scored=False).origin == {
        **{"name": "some", "split": "train", "origin": "mixed", "terms": "restricted"}
    }


def test_nothing_to_score_against_is_one_message(folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing to score against: .*\n  Choose another data.evaluate_on"):
        TrainingData.load(folder, DataConfig(evaluate_on="nowhere"), scored=True)


def test_views_are_classes_where_the_configuration_says_so(tmp_path: Path) -> None:
    folder = data.write(tmp_path, views=("MLO", "CC", "CC"))
    images = TrainingData.load(folder, DataConfig(classes_are="views", spacing_mm=1.1, side_px=16), scored=False).images
    assert images.classes == ("CC", "MLO") and list(images.labels[:6]) == [1, 0, 0, 1, 0, 0]
    assert images.spacing_mm == pytest.approx(2.2)
    with pytest.raises(DatasetError, match=r"no view is called 'LMO'\n  Did you mean 'MLO'"):
        TrainingData.load(folder, DataConfig(classes_are="views", classes=("LMO",)), scored=False)


def test_an_image_without_a_view_is_named(tmp_path: Path) -> None:
    folder = data.write(tmp_path, views=("MLO", None))
    with pytest.raises(DatasetError, match=r"train1, data.classes_are: views: its view is not known\n  Ingest"):
        TrainingData.load(folder, DataConfig(classes_are="views"), scored=False)
    only = data.write(tmp_path / "only", views=("MLO",))
    with pytest.raises(DatasetError, match="no image of the class CC"):
        TrainingData.load(only, DataConfig(classes_are="views"), scored=False)
