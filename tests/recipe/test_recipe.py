import pytest
import yaml

from synthmammo.recipe import load_recipe
from tests.support import tiny
from tests.support.refusals import CALCIFICATION, MASS, refused, with_background

# include


def test_local_keys_win_and_mappings_merge(tmp_path):
    tiny.write(tmp_path / "base.yaml")
    local = {"include": "base.yaml", "name": "child", "emit": {"shard_size": 5}, "lesions": [MASS]}
    (tmp_path / "child.yaml").write_text(yaml.safe_dump(local))
    child, base = load_recipe(tmp_path / "child.yaml"), load_recipe(tmp_path / "base.yaml")
    assert (child.name, child.emit.shard_size, child.emit.preview_px) == ("child", 5, base.emit.preview_px)
    assert len(child.lesions) == 1, "lists are replaced"
    assert child.background == base.background


def test_later_includes_win_over_earlier_ones(tmp_path):
    tiny.write(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("size: 24\nseed: 5\n")
    (tmp_path / "c.yaml").write_text("include: [a.yaml, b.yaml]\nseed: 6\n")
    recipe = load_recipe(tmp_path / "c.yaml")
    assert (recipe.size, recipe.seed) == (24, 6)


def test_shares_are_replaced_not_merged(tmp_path):
    tiny.write(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("include: a.yaml\nlesions: []\nclasses: {normal: 1}\nsplits: {test: 1}\n")
    recipe = load_recipe(tmp_path / "b.yaml")
    assert (recipe.classes, recipe.splits) == ({"normal": 1}, {"test": 1})


def test_includes_are_relative_to_their_file(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    tiny.write(tmp_path / "in" / "base.yaml")
    (tmp_path / "top.yaml").write_text("include: in/middle.yaml\n")
    (tmp_path / "in" / "middle.yaml").write_text("include: base.yaml\nseed: 4\n")
    monkeypatch.chdir("/")
    assert load_recipe(tmp_path / "top.yaml").seed == 4


@pytest.mark.parametrize("chain", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_cycles_are_refused_with_the_chain(tmp_path, chain):
    for name, following in zip(chain, [*chain[1:], chain[0]], strict=True):
        (tmp_path / f"{name}.yaml").write_text(f"include: {following}.yaml\n")
    message = refused(tmp_path / "a.yaml")
    assert f"includes itself ({' -> '.join(f'{name}.yaml' for name in [*chain, 'a'])})" in message


def test_a_file_may_be_included_twice_without_a_cycle(tmp_path):
    tiny.write(tmp_path / "base.yaml")
    (tmp_path / "left.yaml").write_text("include: base.yaml\n")
    (tmp_path / "top.yaml").write_text("include: [base.yaml, left.yaml]\n")
    assert load_recipe(tmp_path / "top.yaml").name == "tiny"


def test_missing_include_names_both_files(tmp_path):
    (tmp_path / "top.yaml").write_text("include: nothere.yaml\n")
    message = refused(tmp_path / "top.yaml")
    assert "nothere.yaml" in message and "top.yaml" in message


# what is refused, and how


def with_lesion(**changes):
    return {"lesions": [{**MASS, **changes}, CALCIFICATION]}


def edited(*edits, **changes):
    return {"background": {"generator": "stylegan2", "model": "zoo/any"}, "edits": list(edits), **changes}


PATCH = {"patch": {"size_px": 64}, "emit": {"formats": ["parquet"]}}


BAD = {
    # what was changed: (the keys, field named, what the message says)
    "unknown key": ({"sise": 3}, "sise", "Did you mean 'size'?"),
    "unknown key inside": (with_background(spacing=3), "background.spacing", "Did you mean 'spacing_mm'?"),
    "pixels that contradict millimetres": (
        with_background(height_px=90),
        "background",
        "height_px: 90 contradicts height_mm: 200 mm (background.height_mm) at 2 mm per pixel are 100 pixels",
    ),
    "pixels out of range": (with_background(width_px=3), "background.width_px", "32"),
    "pixels that are no number": (with_background(width_px="wide"), "background.width_px", "integer"),
    "unknown key of a lesion": (with_lesion(diameter=3), "lesions.0.diameter", "Did you mean 'diameter_mm'?"),
    "unknown key of placement": (
        with_lesion(placement={"windw_mm": 3}),
        "lesions.0.placement.windw_mm",
        "Did you mean 'window_mm'?",
    ),
    "missing key": ({"seed": None}, "seed", "is missing"),
    "shares too small": ({"classes": {"normal": 0.3, "malignant": 0.3}}, "classes", "shares sum to 0.6 (0.3 + 0.3)"),
    "negative share": ({"classes": {"normal": -1, "malignant": 2}}, "classes.normal", "found -1"),
    "no fraction": ({"classes": {"normal": "1/0"}}, "classes.normal", "found '1/0'"),
    "nameless class": ({"classes": {"": 1}, "lesions": []}, "classes", "has no name"),
    "list of classes": ({"classes": ["normal"]}, "classes", "expected a mapping"),
    "negative size": ({"size": -4}, "size", "greater than or equal to 1, found -4"),
    "size zero": ({"size": 0}, "size", "found 0"),
    "half a sample": ({"size": 10.5}, "size", "found 10.5"),
    "size in words": ({"size": "ten"}, "size", "found 'ten'"),
    "seed too large": ({"seed": 2**64}, "seed", "less than"),
    "other version": ({"version": 2}, "version", "found 2"),
    "name with spaces": ({"name": "Tiny Set"}, "name", "found 'Tiny Set'"),
    "unknown class in lesions": (with_lesion(classes=["malgnant"]), "lesions", "class 'malgnant' is not one of"),
    "class without pathology": (
        {"classes": {"mass": 1}, "lesions": [{"kind": "mass", "classes": ["mass"]}]},
        "lesions.0",
        "state pathology",
    ),
    "class without lesions": ({"lesions": [CALCIFICATION]}, "classes", "'benign' has no lesions"),
    "unknown kind": (with_lesion(kind="mas"), "lesions.0.kind", "should be 'mass' or 'calcification', found 'mas'"),
    "one lesion, no list": ({"lesions": MASS}, "lesions", "expected a list"),
    "unknown term": (with_lesion(descriptors={"shape": "square"}), "descriptors.shape", "'square' is not one of round"),
    "term of the other kind": (with_lesion(descriptors={"morphology": "amorphous"}), "lesions.0", "shape and margin"),
    "count of shares": (with_lesion(count={1: 0.5}), "count", "shares sum to 0.5"),
    "negative count": (with_lesion(count=-1), "count", "-1 lesions"),
    "too many lesions": (with_lesion(count=1000), "count", "1000 lesions"),
    "yes as a count": (with_lesion(count=True), "lesions.0.count", "found True"),
    "diameter upside down": (with_lesion(diameter_mm=[5, 2]), "lesions.0.diameter_mm", "low 5 is above high 2"),
    "diameter of three numbers": (with_lesion(diameter_mm=[1, 2, 3]), "lesions.0.diameter_mm", "at most 2"),
    "diameter not above 0": (with_lesion(diameter_mm={"normal": [5, 2]}), "diameter_mm", "within: [low, high]"),
    "contrast not a number": (with_lesion(contrast=float("nan")), "lesions.0.contrast", "finite"),
    "contrast without end": (with_lesion(contrast=[0.1, float("inf")]), "lesions.0.contrast", "finite"),
    "unknown generator": (
        {"background": {"generator": "fantom"}},
        "background.generator",
        "no generator is called 'fantom'",
    ),
    "no model": ({"background": {"generator": "stylegan2"}}, "background.model", "is missing"),
    "a word as background": ({"background": "phantom"}, "background", "expected a mapping"),
    "unknown view": (with_background(views={"ML": 1}), "background", "'ML' is not one of CC, MLO"),
    "infinite spacing": (with_background(spacing_mm=float("inf")), "background.spacing_mm", "finite"),
    "image of no pixels": (with_background(spacing_mm=500), "background", "are 0 pixels"),
    "image of 400 tera-pixels": (with_background(spacing_mm=1e-5), "background", "20,000,000 pixels"),
    "unknown format": ({"emit": {"formats": ["tfrecord"]}}, "emit.formats.tfrecord", "Known: dicom, parquet"),
    "no format": ({"emit": {"formats": []}}, "emit.formats", "at least one"),
    "unknown compression": (
        {"emit": {"formats": {"dicom": {"compression": "zip"}}}},
        "emit.formats.dicom.compression",
        "'none', 'rle', 'jpegls' or 'jpeg2000', found 'zip'",
    ),
    "unknown object of findings": (
        {"emit": {"formats": {"dicom": {"findings": ["seg"]}}}},
        "emit.formats.dicom.findings.0",
        "'segmentation' or 'report', found 'seg'",
    ),
    "bit depth": ({"emit": {"bits_stored": 10}}, "emit.bits_stored", "8, 12, 14 or 16"),
    "unknown label file": ({"emit": {"labels": ["voc"]}}, "emit.labels.0", "'coco' or 'yolo'"),
    "unknown split": ({"splits": {"train": 0.5, "val": 0.5}}, "splits", "'val' is not one of train, validation, test"),
    "split of real hosts": (
        {"background": {"generator": "ingested", "dataset": "x"}},
        "splits",
        "real hosts bring the split",
    ),
    "odd pairs": ({"pair": "host", "size": 11}, "size", "not a multiple of 2; use 12"),
    "pair without removal": ({"pair": "removed"}, "removal", "removal: {generator: parametric}"),
    "pair of series": (
        {"pair": "host", "series": {"diameter_mm": [5], "contrast": [0.2]}},
        "pair and series",
        "cannot be combined",
    ),
    "series of a network": (
        {
            "classes": {"malignant": 1},
            "lesions": [{"kind": "mass", "classes": ["malignant"], "generator": "zoo/contextual-mass"}],
            "series": {"diameter_mm": [5], "contrast": [0.2]},
        },
        "series",
        "a contextual GAN decides size and contrast itself",
    ),
    "series of two": ({"series": {"diameter_mm": [5], "contrast": [0.2]}}, "series", "exactly one entry"),
    "removal of nothing": (
        {"removal": {"generator": "parametric", "classes": ["normal"]}},
        "removal.classes",
        "'normal' has no lesions",
    ),
    "drawn removal of a network's lesion": (
        {
            "classes": {"malignant": 1},
            "removal": {"generator": "parametric", "classes": ["malignant"]},
            "lesions": [{"kind": "mass", "classes": ["malignant"], "generator": "zoo/contextual-mass"}],
        },
        "removal.generator",
        "parametric can only remove parametric lesions, lesions.0 has zoo/contextual-mass",
    ),
    "DICOM patch": ({"patch": {"size_px": 64}}, "emit.formats", "no orientation"),
    "patch beyond the image": (PATCH | {"patch": {"size_px": 128}}, "patch.size_px", "more than the background has"),
    "strips of varying length": (
        with_lesion(placement={"layout": "contiguous"}, count={1: 0.5, 2: 0.5}),
        "lesions.0.count",
        "one fixed number",
    ),
    "edit of nothing": (edited({"strength": 1}), "edits.0", "one of the keys direction, part, mixing"),
    "mistyped edit": (edited({"dirction": "density"}), "edits.0", "Did you mean 'direction'?"),
    "mistyped attribute": (edited({"densty": 1.5}), "edits.0", "found 'densty'. Did you mean 'density'?"),
    "mistyped component": (edited({"componnt 3": 1.5}), "edits.0", "Did you mean 'component 0'?"),
    "mistyped part": (edited({"prat": 1, "strength": 1}), "edits.0", "Did you mean 'part'?"),
    "mistyped key of an edit": (edited({"density": {"strenght": 1}}), "edits.0.strenght", "Did you mean 'strength'?"),
    "unknown direction": (edited({"direction": "densty"}), "edits.0", "Did you mean 'density'?"),
    "strength and target": (
        edited({"density": {"strength": 1, "target": "c"}}),
        "edits.0",
        "found strength and target",
    ),
    "two sweeps": (edited({"density": {"sweep": [0, 1]}}, {"area": {"sweep": [0, 1]}}), "edits.1.sweep", "already"),
    "sweep by chance": (edited({"density": {"sweep": [0, 1], "probability": 0.5}}), "edits.0", "remove probability"),
    "pair and sweep": (edited({"density": {"sweep": [0, 1]}}, pair="host"), "edits.0.sweep", "combined with pair"),
    "sweep of what must look so": (
        edited({"density": {"sweep": [0, 1]}}, require={"view": "cc"}),
        "edits.0.sweep",
        "combined with require",
    ),
    "sweep that does not fit": (edited({"density": {"sweep": [0, 1, 2]}}, size=10), "size", "not a multiple of 3"),
    "target of a component": (edited({"component 3": {"target": 1}}), "edits.0", "only an attribute has one"),
    "unknown target": (edited({"density": {"target": "e"}}), "edits.0", "one of a, b, c, d, or a number"),
    "layers that end first": (edited({"density": {"layers": [4, 2]}}), "edits.0", "[4, 2] is not a range"),
    "keys without latents": (edited({"part": 1, "reference": {"keys": ["a"]}}), "edits.0.reference", "latents"),
    "edits of a phantom": ({"edits": [{"density": 1}]}, "edits", "needs a stylegan2 background"),
    "requirement of a phantom": ({"require": {"view": "mlo"}}, "require", "needs a stylegan2 background"),
    "requirement of nothing": (edited(require={"confidence": 0.8}), "require", "at least one of view, implant, within"),
    "requirement of no attribute": (edited(require={"within": {"densty": [0, 1]}}), "require", "'density'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_recipes_name_file_field_and_remedy(tmp_path, case):
    changes, field, says = BAD[case]
    path = tiny.write(tmp_path / "bad.yaml", **changes)
    message = refused(path)
    assert message.startswith(f"{path}: ")
    assert field in message and says in message
    for jargon in ("pydantic", "DrawModel", "Formats", "<Kind", "Value error", "instance of"):
        assert jargon not in message


def test_several_problems_come_in_one_message(tmp_path):
    message = refused(tiny.write(tmp_path / "bad.yaml", size=-1, seed=-2, sise=3))
    assert "3 problems" in message and "size" in message and "seed" in message and "'size'?" in message


TEXTS = {
    "": "expected a mapping",
    "- a\n- b\n": "expected a mapping",
    "name: a: b": "is not YAML",
    "name: [a": "is not YAML",
    "size: 1\nname: x\nsize: 2\n": "'size' is stated twice",
    "? [a]\n: 3\n": "is not YAML",
    "include: 3\n": "include: expected a file name",
    "include: {a: b}\n": "include: expected a file name",
}


@pytest.mark.parametrize("text", TEXTS)
def test_files_that_are_no_recipes(tmp_path, text):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    message = refused(path)
    assert message.startswith(str(path)) and TEXTS[text] in message


def test_binary_folder_and_absent_recipes(tmp_path):
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xd8\xff\xe0")
    assert "is not YAML" in refused(tmp_path / "picture.yaml")
    assert "Is a directory" in refused(tmp_path)
    assert "Did you mean 'picture.yaml'?" in refused(tmp_path / "pictures.yaml")
    assert "No such file" in refused(tmp_path / "nowhere" / "x.yaml")
