"""Whether an image is real or synthetic follows from its record, through lesions, removals, crops and nesting."""

import pytest

from synthmammo.mammogram.history import Change, changed_record
from synthmammo.mammogram.origin import (
    STATEMENT,
    UNKNOWN,
    Maker,
    Making,
    Origin,
    SourceType,
    StatedBy,
    making_of,
    making_of_dataset,
    origin_of,
    together,
)
from synthmammo.mammogram.sample import Sample
from tests.support.example_samples import a_sample

W = "ab" * 32
REAL = {"source": "cbis_ddsm", STATEMENT: Making(SourceType.CAPTURE, (), StatedBy.ARCHIVE).record()}
PHANTOM, GAN = {"generator": "phantom", "seed": 1}, {"generator": "stylegan2", "model": "zoo/x", "weights": W}
DRAWN, LEARNED = {"generator": "parametric"}, {"generator": "zoo/contextual-mass", "weights": W}
INSERTED = Change("insert", 1, LEARNED)
PAINTED_OVER = Change("remove", 1, {"kind": "mass"}, "zoo/contextual-removal", W)


def built(host, *lesions, **more):
    return {"recipe": "r", "index": 0, "role": "", "host": host, "lesions": [*lesions], "pixels_version": 2, **more}


CASES = {
    "phantom": (built(PHANTOM), "algorithmicMedia", ["phantom (synthmammo pixels version 2)"]),
    "phantom with a drawn lesion": (
        built(PHANTOM, DRAWN),
        "algorithmicMedia",
        ["phantom (synthmammo pixels version 2)", "parametric (synthmammo pixels version 2)"],
    ),
    "phantom with a learned lesion": (
        built(PHANTOM, LEARNED),
        "trainedAlgorithmicMedia",
        ["phantom (synthmammo pixels version 2)", f"zoo/contextual-mass (weights sha256 {W})"],
    ),
    "StyleGAN2": (built(GAN), "trainedAlgorithmicMedia", [f"zoo/x (weights sha256 {W})"]),
    "StyleGAN2 with a drawn lesion": (
        built(GAN, DRAWN),
        "trainedAlgorithmicMedia",
        [f"zoo/x (weights sha256 {W})", "parametric (synthmammo pixels version 2)"],
    ),
    "real host": (built({"generator": "ingested", "key": "k", **REAL}), "digitalCapture", []),
    "drawn lesion on a real host": (
        built({"generator": "ingested", "key": "k", **REAL}, DRAWN),
        "composite",
        ["parametric (synthmammo pixels version 2)"],
    ),
    "learned lesion on a real host": (
        built({"generator": "ingested", "key": "k", **REAL}, LEARNED),
        "compositeWithTrainedAlgorithmicMedia",
        [f"zoo/contextual-mass (weights sha256 {W})"],
    ),
    "taken off again by a network": (
        built({"generator": "ingested", **REAL}, DRAWN, role="removed", removal=LEARNED),
        "compositeWithTrainedAlgorithmicMedia",
        ["parametric (synthmammo pixels version 2)", f"zoo/contextual-mass (weights sha256 {W})"],
    ),
    "ingested": (REAL, "digitalCapture", []),
    "a lesion put on by hand": (
        changed_record(REAL, INSERTED),
        "compositeWithTrainedAlgorithmicMedia",
        [f"zoo/contextual-mass (weights sha256 {W})"],
    ),
    "a finding painted over": (
        changed_record(REAL, PAINTED_OVER),
        "compositeWithTrainedAlgorithmicMedia",
        [f"zoo/contextual-removal (weights sha256 {W})"],
    ),
    "a build on a built dataset": (
        built({**built(PHANTOM, DRAWN, pixels_version=1), "generator": "ingested", "key": "k"}, DRAWN),
        "algorithmicMedia",
        [
            "phantom (synthmammo pixels version 1)",
            "parametric (synthmammo pixels version 1)",
            "parametric (synthmammo pixels version 2)",
        ],
    ),
    "a build on a built dataset of real hosts": (
        built({**built({"generator": "ingested", **REAL}, DRAWN), "generator": "ingested", "key": "k"}),
        "composite",
        ["parametric (synthmammo pixels version 2)"],
    ),
    "an inverted real image": (
        built({**GAN, "inverted": "k", "inverted_from": REAL[STATEMENT]}),
        "compositeWithTrainedAlgorithmicMedia",
        [f"zoo/x (weights sha256 {W})"],
    ),
    "an inverted image of release 0.2": (
        built({**GAN, "inverted": "k"}),
        "compositeWithTrainedAlgorithmicMedia",
        [f"zoo/x (weights sha256 {W})"],
    ),
    "an inverted phantom": (
        built({**GAN, "inverted": "k", "inverted_from": making_of(built(PHANTOM)).record()}),
        "trainedAlgorithmicMedia",
        ["phantom (synthmammo pixels version 2)", f"zoo/x (weights sha256 {W})"],
    ),
    "release 0.2: phantom": (
        {"host": PHANTOM, "lesions": [DRAWN]},
        "algorithmicMedia",
        ["phantom", "parametric"],
    ),
    "release 0.2: ingested": ({"source": "dicom"}, "digitalCapture", []),
    "release 0.2: patch of a real image": ({"source": "mdb001", "source_shape": [4, 4]}, "digitalCapture", []),
    "release 0.2: patch of a built image": ({"source": "tiny-0000003", "source_shape": [4, 4]}, "composite", []),
    "nothing is said": ({"seed": 7}, "composite", []),
}


@pytest.mark.parametrize("name", CASES)
def test_the_record_tells_what_the_image_is_and_what_made_it(name):
    record, kind, makers = CASES[name]
    making = making_of(record)
    assert (str(making.source_type), list(map(str, making.makers))) == (kind, makers)


@pytest.mark.parametrize("name", CASES)
def test_a_statement_comes_back_and_texts_of_makers_do_too(name):
    making = making_of(CASES[name][0])
    assert Making.of_record(making.record()) == making
    assert making_of({STATEMENT: making.record()}) == making
    assert tuple(Maker.parse(str(maker)) for maker in making.makers) == making.makers


@pytest.mark.parametrize("text", ["MAM-E (2024)", "x, y", "(", "a (weights)", "", "v (synthmammo)"])
def test_names_of_other_generators_stay_as_they_are(text):
    assert Maker.parse(text) == Maker(text)


def test_only_untouched_images_of_people_are_real():
    real = {name for name, (record, *_) in CASES.items() if making_of(record).origin is Origin.REAL}
    assert real == {
        "real host",
        "ingested",
        "release 0.2: ingested",
        "release 0.2: patch of a real image",
    }


def test_what_shows_nobody_stays_synthetic_whatever_is_put_onto_it():
    synthetic = {name for name, (record, *_) in CASES.items() if making_of(record).origin is Origin.SYNTHETIC}
    assert synthetic == {
        name for name in CASES if "phantom" in name or "StyleGAN2" in name or name == "a build on a built dataset"
    }


def test_where_a_user_keeps_models_is_not_told():
    making = making_of(built({**GAN, "model": "/home/eve/secret/m.safetensors"}))
    assert making.makers[0].name == "m.safetensors"


def test_collections_are_real_or_synthetic_only_where_all_are():
    assert origin_of(["real", "real"]) == "real" and origin_of(["synthetic"]) == "synthetic"
    assert origin_of(["real", "synthetic"]) == origin_of(["mixed"]) == origin_of([]) == "mixed"


def test_pictures_of_several_images_say_what_they_hold():
    phantom, gan, real = (making_of(record) for record in (built(PHANTOM), built(GAN), REAL))
    assert together([phantom, phantom]) == phantom
    assert together([phantom, gan]).source_type is SourceType.TRAINED, "nobody is shown on any of them"
    assert together([phantom, real]).source_type is SourceType.COMPOSITE
    mixed = together([gan, real])
    assert mixed.source_type is SourceType.TRAINED_COMPOSITE and mixed.makers == gan.makers
    assert together([]) == UNKNOWN and making_of_dataset(None) == UNKNOWN
    assert together([phantom, making_of({"source": "dicom"})]).stated_by is StatedBy.NOBODY, "the weakest word counts"


def test_an_array_is_real_unless_the_caller_names_a_generator(tmp_path):
    import numpy as np

    pixels, breast = np.full((8, 8), 0.5), np.ones((8, 8), bool)
    assert Sample.from_array(pixels, breast=breast).origin == "real"
    made = Sample.from_array(pixels, breast=breast, generated_by="MAM-E")
    assert (made.origin, made.making.makers, made.making.stated_by) == ("synthetic", (Maker("MAM-E"),), "user")


def test_a_synthetic_finding_makes_a_real_image_mixed_whatever_its_record_says():
    sample = a_sample(lesions=1).with_(provenance=REAL)
    assert sample.findings[0].synthetic and sample.origin == "mixed"
    assert sample.with_(findings=()).origin == "real"
