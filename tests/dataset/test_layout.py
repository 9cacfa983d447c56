"""The names of the files in a dataset directory are part of what users' scripts rely on."""

from synthmammo.dataset import layout

NAMES = {
    "RECIPE": "recipe.yaml",
    "PLAN": "plan.parquet",
    "PATCHES_PLAN": "patches_plan.parquet",
    "INDEX": "index.parquet",
    "SKIPPED": "skipped.jsonl",
    "PASSED_OVER": "passed_over.jsonl",
    "CROISSANT": "croissant.json",
    "PROVENANCE": "provenance.json",
    "MANIFEST": "manifest.json",
    "CARD": "README.md",
    "PICTURE": "figures/samples.png",
    "SHOWN": "figures/show.png",
    "AUDIT": "audit",
    "NOT_RELEASABLE": "not_releasable.json",
    "STATE": ".unfinished",
}


def test_the_names_stay_as_they_are():
    names = {name: value for name, value in vars(layout).items() if name.isupper()}
    assert names.pop("READABLE") == ("parquet", "webdataset")  # the formats that can be read back
    assert names == NAMES


def test_a_built_dataset_has_files_of_these_names_and_folders_of_its_formats(built):
    here = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    others = (
        "STATE",
        "SHOWN",
        "PATCHES_PLAN",
        "PASSED_OVER",
        "AUDIT",
        "NOT_RELEASABLE",
    )  # of ingests, patches and audits
    expected = set(NAMES.values()) - {NAMES[name] for name in others}
    assert expected <= here
    assert {name.partition("/")[0] for name in here - expected} == {"webdataset", "parquet", "dicom"}
