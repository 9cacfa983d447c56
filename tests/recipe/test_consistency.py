"""Fields that contradict each other are refused; each message names a field and says what would do."""

import pytest

from synthmammo.recipe.consistency import check_consistency
from synthmammo.recipe.fields import RecipeFields
from tests.support import tiny

MASS, CALCIFICATION = tiny.TINY["lesions"]
LESION = {**MASS, "classes": ["malignant"]}
MALIGNANT = {"classes": {"malignant": 1}, "lesions": [LESION]}
SERIES = {"series": {"diameter_mm": [5, 8], "contrast": [0.2]}}
STYLEGAN2 = {"generator": "stylegan2", "model": "zoo/any"}
INVERTED = {**STYLEGAN2, "latents": "reals.inverted"}
INGESTED = {"generator": "ingested", "dataset": "datasets/films"}
PATCH = {"patch": {"size_px": 64}, "emit": {"formats": ["parquet"]}}
SWEEP = {"density": {"sweep": [-1, 1]}}


def fields(**changes):
    """The fields of the tiny recipe, each checked by itself only."""
    return RecipeFields.model_validate(tiny.content(**changes))


def phantom(**changes):
    return {"background": {**tiny.TINY["background"], **changes}}


GOOD = {
    "the tiny recipe": {},
    "pairs": MALIGNANT | {"pair": "host"},
    "removed pairs": MALIGNANT | {"pair": "removed", "removal": {}},
    "pairs of patches on one host": MALIGNANT | PATCH | {"pair": "host"} | phantom(samples_per_host=2),
    "removal of one class": {"removal": {"classes": ["malignant"]}},
    "series": MALIGNANT | SERIES,
    "exams": phantom(exam="four views"),
    "patches": PATCH,
    "edits": {"background": STYLEGAN2, "edits": [{"density": 1}], "require": {"view": "CC"}},
    "views": {"background": {**STYLEGAN2, "views": {"CC": 0.25, "MLO": 0.75}}},
    "sweep": {"background": STYLEGAN2, "edits": [{"area": 1}, SWEEP]},
    "keys of inverted images": {
        "background": INVERTED,
        "edits": [{"part": 1, "reference": {"keys": ["a"]}}],
        "splits": None,
    },
    "real hosts": {"background": INGESTED, "splits": None},
    "classes of the model": {"background": {**STYLEGAN2, "conditional": True}, "lesions": []},
    "contiguous": {"lesions": [{**MASS, "count": 3, "placement": {"layout": "contiguous"}}, CALCIFICATION]},
}

BAD = {
    "views twice": (
        {"background": {**STYLEGAN2, "views": "CC"}, "require": {"view": "MLO"}},
        "require.view: background.views says already",
    ),
    "unknown split": ({"splits": {"train": 0.5, "valid": 0.5}}, "splits: 'valid'"),
    "splits of real hosts": ({"background": INGESTED}, "splits: real hosts"),
    "splits of inverted images": ({"background": INVERTED}, "splits: real hosts"),
    "class without a name": ({"classes": {" ": 1}, "lesions": []}, "classes: a class has no name"),
    "lesions of no class": ({"lesions": [{**MASS, "classes": ["bening"]}]}, "lesions: class 'bening'"),
    "no pathology": (
        {"classes": {"mass": 1}, "lesions": [{**MASS, "classes": ["mass"]}]},
        "lesions.0: class 'mass' does not tell the pathology",
    ),
    "class without lesions": ({"lesions": [MASS | {"classes": ["benign"]}]}, "classes: 'malignant' has no lesions"),
    "pair and series": (MALIGNANT | SERIES | {"pair": "host"}, "pair and series"),
    "half a pair": (MALIGNANT | {"pair": "host", "size": 11}, r"size: 11 is not a multiple of 2; use 12"),
    "half an exam": (phantom(exam="four views") | {"size": 13}, "size: 13 is not a multiple of 4; use 12"),
    "pairs on one host": (MALIGNANT | {"pair": "host"} | phantom(samples_per_host=2), "pair: each pair"),
    "contiguous and any number": (
        {"lesions": [{**MASS, "count": {1: 0.5, 2: 0.5}, "placement": {"layout": "contiguous"}}, CALCIFICATION]},
        "lesions.0.count: a contiguous layout",
    ),
    "exam of pairs": (MALIGNANT | {"pair": "host"} | phantom(exam="four views"), "background.exam: .* pair"),
    "exam of patches": (PATCH | phantom(exam="four views"), "background.exam: .* patch"),
    "exam on one host": (phantom(exam="four views", samples_per_host=2), "background.exam: .*samples_per_host"),
    "exam of one view": (phantom(exam="four views", views="CC"), "background.exam: .* remove background.views"),
    "series of two lesions": (
        {"classes": {"malignant": 1}, "lesions": [LESION, {**CALCIFICATION, "classes": ["malignant"]}]} | SERIES,
        "series: expected exactly one entry",
    ),
    "series of one class": (SERIES | {"lesions": [LESION], "classes": {"malignant": 0.5, "n": 0.5}}, "series: every"),
    "series of a network": (
        SERIES | {"classes": {"malignant": 1}, "lesions": [{**LESION, "generator": "zoo/any"}]},
        "series: a contextual GAN",
    ),
    "removed by nothing": (MALIGNANT | {"pair": "removed"}, "removal: pair: removed needs"),
    "nothing to remove": ({"removal": {"classes": ["normal"]}}, "removal.classes: class 'normal' has no lesions"),
    "removed by another hand": (
        {
            "removal": {},
            "pair": "removed",
            "classes": {"malignant": 1},
            "lesions": [{**LESION, "generator": "zoo/any"}],
        },
        "removal.generator: parametric can only remove parametric lesions, lesions.0",
    ),
    "edits of phantoms": ({"edits": [{"density": 1}]}, "edits: needs a stylegan2 background"),
    "requirements of phantoms": ({"require": {"view": "CC"}}, "require: needs a stylegan2 background"),
    "two sweeps": ({"background": STYLEGAN2, "edits": [SWEEP, SWEEP]}, "edits.1.sweep: edits.0 sweeps already"),
    "sweep of patches": ({"background": STYLEGAN2, "edits": [SWEEP]} | PATCH, "edits.0.sweep: .* patch"),
    "sweep and requirement": (
        {"background": STYLEGAN2, "edits": [{"area": 1}, SWEEP], "require": {"view": "CC"}},
        "edits.1.sweep: .* require",
    ),
    "sweep on one host": (
        {"background": {**STYLEGAN2, "samples_per_host": 2}, "edits": [SWEEP]},
        "edits.0.sweep: .*samples_per_host",
    ),
    "keys without a file": (
        {"background": STYLEGAN2, "edits": [{"area": 1}, {"mixing": [4, 8], "reference": {"keys": ["a"]}}]},
        "edits.1.reference.keys: needs background.latents",
    ),
    "noise of inverted images": (
        {"background": {**INVERTED, "noise": "own"}, "splits": None},
        "background.noise: inverted images",
    ),
    "requirement of inverted images": (
        {"background": INVERTED, "splits": None, "require": {"view": "CC"}},
        "require: inverted images",
    ),
    "patches of real hosts": (PATCH | {"background": INGESTED, "splits": None}, "patch: .* `synthmammo patches`"),
    "DICOM of patches": ({"patch": {"size_px": 64}}, "emit.formats: .* no DICOM"),
    "patch larger than the image": (PATCH | {"patch": {"size_px": 81}}, "patch.size_px: 81 .* 80 pixels"),
}


@pytest.mark.parametrize("case", GOOD)
def test_fields_that_go_together_pass(case):
    check_consistency(fields(**GOOD[case]))


@pytest.mark.parametrize("case", BAD)
def test_fields_that_contradict_each_other_are_refused_by_name(case):
    changes, message = BAD[case]
    recipe = fields(**changes)
    with pytest.raises(ValueError, match=f"^{message}"):
        check_consistency(recipe)
