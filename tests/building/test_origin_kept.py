"""Synthetic stays synthetic: along every way by which data is derived, in every file that is written."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pydicom
import pytest
from PIL import Image

import synthmammo as sm
from synthmammo.building.build import make_dataset
from synthmammo.dataset.card import card
from synthmammo.dataset.index import read_index
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.writers.base import Encoded
from synthmammo.ingesting.sources.origins import file_mark
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import read_mark
from synthmammo.mammogram.origin import STATEMENT
from tests.support import dicom_files, tiny

PHANTOM = "phantom (synthmammo pixels version 2)"
DRAWN = "parametric (synthmammo pixels version 2)"
NOTHING_REAL = "no image shows a person; programs made all of them"
FORMATS = {"formats": ["parquet", "webdataset", "dicom"], "shard_size": 3, "preview_px": 64}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory) -> Path:
    """Four phantoms in every format."""
    out = tmp_path_factory.mktemp("origin") / "phantoms"
    make_dataset(tiny.recipe(name="phantoms", size=4, emit=FORMATS), out)
    card(out)
    return out


@pytest.fixture(scope="module")
def patches(phantoms, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("origin") / "patches"
    sm.patches(phantoms, out, size_px=16, per_lesion=2, tissue_share=0.5, formats=("parquet", "webdataset"))
    card(out)
    return out


@pytest.fixture(scope="module")
def again(phantoms, tmp_path_factory) -> Path:
    """The phantoms' DICOM files, ingested and written again."""
    out = tmp_path_factory.mktemp("origin") / "again"
    sm.ingest("dicom", phantoms / "dicom", out, formats=("parquet", "dicom"))
    card(out)
    return out


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """Two films whose headers do not say what they are."""
    folder = tmp_path_factory.mktemp("real")
    for number in (1, 2):
        pixels = dicom_files.breast_like(96 + number, 64)
        facts = {"PatientID": f"p{number}", "ImagerPixelSpacing": [2, 2]}
        dicom_files.write(folder / "films" / f"{number}.dcm", pixels, **facts)
    sm.ingest("dicom", folder / "films", folder / "real", formats=("parquet", "dicom"))
    card(folder / "real")
    return folder / "real"


def makers(directory):
    return [" ".join([one["name"], f"({one['version']})"]) for one in Manifest.read(directory).made_by]


def columns(directory):
    return {
        value for path in directory.glob("parquet/*.parquet") for value in pq.read_table(path)["origin"].to_pylist()
    }


def croissant(directory):
    return json.loads((directory / "croissant.json").read_text())


def headers(directory):
    return [pydicom.dcmread(path) for path in sorted(directory.glob("dicom/*/*.dcm"))]


@pytest.mark.parametrize("name", ["phantoms", "patches", "again"])
def test_every_description_says_synthetic_and_what_made_it(name, request):
    directory = request.getfixturevalue(name)
    manifest = Manifest.read(directory)
    assert manifest.origin == "synthetic" and makers(directory) == [DRAWN, PHANTOM]
    assert sum(one["samples"] for one in manifest.made_by if one["name"] == "phantom") == manifest.samples
    assert columns(directory) == {"synthetic"} and sm.Dataset.open(directory).origin == "synthetic"
    assert set(read_index(directory)["origin"].to_pylist()) == {"synthetic"}
    text = (directory / "README.md").read_text()
    assert NOTHING_REAL in text and PHANTOM in text and "\n- synthetic\n" in text
    assert "no image was generated" not in text and "real people" not in text.partition("## Limits")[2]
    assert "The backgrounds are procedural phantoms" in text
    described = croissant(directory)
    assert "synthetic data" in described["keywords"] and NOTHING_REAL in described["description"]
    assert described["digitalSourceType"] == ["http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"]
    prov = json.loads((directory / "provenance.json").read_text())
    assert prov["entity"]["synthmammo:dataset"]["synthmammo:origin"] == "synthetic"
    assert {agent.get("prov:label") for agent in prov["agent"].values()} >= {"phantom", "parametric"}
    assert sm.verify(directory).problems == []


@pytest.mark.parametrize("name", ["phantoms", "patches", "again", "real"])
def test_every_png_bears_the_mark_of_its_sample(name, request):
    directory = request.getfixturevalue(name)
    kind = "digitalCapture" if name == "real" else "algorithmicMedia"
    pictures = 0
    for path in directory.glob("parquet/*.parquet"):
        for row in pq.read_table(path).to_pylist():
            for part in ("image", "preview", "lesions", "breast"):
                mark = read_mark(png.read_packet(row[part]["bytes"]))
                assert (mark.key, mark.part, mark.making.source_type) == (row["key"], part, kind)
                pictures += 1
    assert pictures
    for path in directory.glob("webdataset/*.tar"):
        with tarfile.open(path) as archive:
            for member in archive:
                data = archive.extractfile(member).read()
                if member.name.endswith(".png"):
                    assert read_mark(png.read_packet(data)).making.source_type == kind
                else:
                    assert json.loads(data)["origin"] == "synthetic"
    sheet = file_mark(directory / "figures" / "samples.png")
    assert (sheet.making.source_type, sheet.part) == (kind, "picture")


@pytest.mark.parametrize("name", ["phantoms", "again"])
def test_dicom_says_so_also_after_it_was_ingested_and_written_again(name, request):
    found = headers(request.getfixturevalue(name))
    assert found
    for header in found:
        assert header.SyntheticData == "YES"
        (maker,) = header.ContributingEquipmentSequence
        assert "phantom" in maker.ContributionDescription and "algorithmicMedia" in maker.ContributionDescription
        assert str(header.PatientName).startswith("SYNTHETIC^")
        if "DerivationDescription" in header:
            assert header.DerivationDescription.startswith("Mammogram made by a generator; no patient was exposed")


def test_an_ingested_dicom_without_the_attribute_is_real_and_the_card_says_on_whose_word(real):
    assert Manifest.read(real).origin == "real" and Manifest.read(real).made_by == ()
    text = (real / "README.md").read_text()
    assert "2 of 2 images count as real on the word of whoever read them in: their files do not say." in text
    assert "\n- synthetic\n" not in text
    assert {header.SyntheticData for header in headers(real)} == {"NO"}
    assert "synthetic data" not in croissant(real)["keywords"]


@pytest.mark.parametrize(("value", "origin"), [("YES", "synthetic"), ("NO", "real")])
def test_the_attribute_of_other_software_is_believed(tmp_path, value, origin):
    facts = {"SyntheticData": value, "Manufacturer": "Acme", "ManufacturerModelName": "Dreamer"}
    dicom_files.write(tmp_path / "in" / "1.dcm", **facts)
    dataset = sm.ingest("dicom", tmp_path / "in", tmp_path / "out")
    assert (dataset.origin, dataset[0].making.stated_by) == (origin, "header")
    assert [maker.name for maker in dataset[0].making.makers] == (["Acme Dreamer"] if value == "YES" else [])
    assert "as their DICOM headers state (SyntheticData)" in card(tmp_path / "out").read_text()


def on_real(real, **changes):
    return tiny.recipe(
        name="onreal",
        size=4,
        background={"generator": "ingested", "dataset": str(real)},
        splits=None,
        emit=FORMATS,
        lesions=[{**tiny.TINY["lesions"][0], "diameter_mm": [8, 10], "placement": {"window_mm": 12, "margin_mm": 1}}],
        **changes,
    )


def test_a_build_on_real_hosts_is_mixed_and_its_untouched_images_are_real(real, tmp_path):
    make_dataset(on_real(real), tmp_path / "built")
    dataset = sm.Dataset.open(tmp_path / "built")
    assert dataset.origin == "mixed"
    kinds = {sample.label: (str(sample.origin), str(sample.making.source_type)) for sample in dataset}
    assert kinds == {
        "normal": ("real", "digitalCapture"),
        "benign": ("mixed", "composite"),
        "malignant": ("mixed", "composite"),
    }
    stated = {
        header.InstanceNumber: header.SyntheticData for header in headers(dataset.path) if header.Modality == "MG"
    }
    assert sorted(stated.values()) == sorted("NO" if sample.origin == "real" else "YES" for sample in dataset)
    assert "Real and synthetic content" in card(dataset.path).read_text()
    cut = sm.patches(dataset, tmp_path / "patches", size_px=16, per_lesion=1, tissue_share=0.3, healthy=("normal",))
    assert {patch.label: str(patch.origin) for patch in cut}["normal"] == "real"
    assert {str(patch.origin) for patch in cut if patch.label != "normal"} == {"mixed"}


def test_a_build_on_ingested_phantoms_stays_synthetic(again, tmp_path):
    make_dataset(on_real(again), tmp_path / "built")
    dataset = sm.Dataset.open(tmp_path / "built")
    assert dataset.origin == "synthetic" and {str(sample.making.source_type) for sample in dataset} == {
        "algorithmicMedia"
    }
    text = card(dataset.path).read_text()
    assert "The backgrounds are synthetic mammograms" in text and "real people" not in text
    assert {header.SyntheticData for header in headers(dataset.path)} == {"YES"}


def table(folder, *lines):
    (folder / "table.csv").write_text("\n".join(lines), encoding="utf-8")


def picture(path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(dicom_files.breast_like(top=255).astype(np.uint8)).save(path, **options)


def test_generated_by_makes_pictures_of_others_synthetic_by_the_user_s_word(tmp_path):
    picture(tmp_path / "in" / "a.png")
    columns_of_a_mass = "kind,pathology,xmin,ymin,xmax,ymax"
    table(tmp_path / "in", f"file,patient,{columns_of_a_mass}", "a.png,p,mass,benign,5,40,15,50")
    dataset = sm.ingest("folder", tmp_path / "in", tmp_path / "out", generated_by="MAM-E (2024)")
    assert [finding.synthetic for finding in dataset[0].findings] == [True], "it is nobody's"
    said = " ".join(croissant(tmp_path / "out")["rai:dataAnnotationProtocol"])
    assert said == "Boxes and masks in synthetic images that were read in are those of their source."
    assert (dataset.origin, dataset[0].making.stated_by) == ("synthetic", "user")
    text = card(tmp_path / "out").read_text()
    assert "`MAM-E (2024)`" in text and "as whoever read them in stated" in text and NOTHING_REAL in text
    assert "known here by name or digest alone" in text
    plain = sm.ingest("folder", tmp_path / "in", tmp_path / "plain")
    assert [finding.synthetic for finding in plain[0].findings] == [False]
    assert (plain.origin, plain[0].making.stated_by) == ("real", "nobody")


def test_the_command_takes_it_too(tmp_path):
    picture(tmp_path / "in" / "a.png")
    table(tmp_path / "in", "file", "a.png")
    done = tiny.run("ingest", "folder", tmp_path / "in", "--out", tmp_path / "out", "--generated-by", "MAM-E")
    assert done.exit_code == 0 and Manifest.read(tmp_path / "out").made_by == ({"name": "MAM-E", "samples": 1},)
    refused = tiny.run("ingest", "folder", tmp_path / "in", "--out", tmp_path / "no", "--generated-by", " ")
    assert refused.exit_code == 1 and "' ' is no name" in refused.output


def test_a_column_names_the_generator_image_by_image(tmp_path):
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "b.png")
    table(tmp_path / "in", "file,patient,generated_by", "a.png,p,MAM-E", "b.png,q,")
    dataset = sm.ingest("folder", tmp_path / "in", tmp_path / "out", split="draw", shares={"train": 1})
    assert dataset.origin == "mixed"
    assert {sample.key: str(sample.origin) for sample in dataset} == {"a": "synthetic", "b": "real"}


def test_a_png_of_ours_is_known_again_without_being_told(phantoms, tmp_path):
    sample = sm.Dataset.open(phantoms)[0]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "renamed.png").write_bytes(Encoded(sample, 0).image_png)
    table(tmp_path / "in", "file,patient,label", "renamed.png,p,normal")
    dataset = sm.ingest("folder", tmp_path / "in", tmp_path / "out")
    making = dataset[0].making
    assert (making.source_type, making.makers, making.stated_by) == ("algorithmicMedia", sample.making.makers, "mark")
    named = sm.ingest("folder", tmp_path / "in", tmp_path / "named", generated_by="Somebody")[0].making
    assert named.source_type == "algorithmicMedia" and [m.name for m in named.makers] == [
        *(maker.name for maker in making.makers),
        "Somebody",
    ]


def test_marks_are_found_in_zip_archives_too(phantoms, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("a.png", Encoded(sm.Dataset.open(phantoms)[0], 0).image_png)
        archive.writestr("table.csv", "file\na.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in.zip").rename(tmp_path / "in" / "pictures.zip")
    table(tmp_path / "in", "file", "a.png")
    dataset = sm.ingest("folder", tmp_path / "in", tmp_path / "out")
    assert (dataset.origin, dataset[0].making.stated_by) == ("synthetic", "mark")


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG"])
def test_marks_of_other_software_are_found_in_pictures_of_all_kinds(tmp_path, form):
    packet = "<x>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</x>"
    name = f"a.{form.lower()}"
    if form == "PNG":
        picture(tmp_path / "in" / name, pnginfo=png.info(packet))
    elif form == "JPEG":
        picture(tmp_path / "in" / name, xmp=packet.encode())
    else:
        picture(tmp_path / "in" / name, tiffinfo={700: packet.encode()})
    table(tmp_path / "in", "file", name)
    dataset = sm.ingest("folder", tmp_path / "in", tmp_path / "out")
    assert (dataset.origin, dataset[0].making.stated_by) == ("synthetic", "mark")


def test_lesions_put_on_and_taken_off_by_hand_are_kept(real):
    film = next(iter(sm.Dataset.open(real)))
    made = sm.insert_lesion(film, diameter_mm=10, site=(48, 20), seed=1)
    assert (film.origin, made.origin, str(made.making.source_type)) == ("real", "mixed", "composite")
    assert [str(maker) for maker in made.making.makers] == [DRAWN]
    cut = made.with_(key="other")
    assert cut.origin == "mixed" and Encoded(cut, 0).record["origin"] == "mixed"


def test_halves_of_a_pair_on_real_hosts(real, tmp_path):
    small = {"classes": ["malignant"], "diameter_mm": [8, 10], "placement": {"window_mm": 12, "margin_mm": 1}}
    lesions = [{**tiny.TINY["lesions"][0], **small}]
    pair = {"background": {"generator": "ingested", "dataset": str(real)}, "lesions": lesions, "splits": None}
    make_dataset(tiny.recipe(name="pairs", size=4, classes={"malignant": 1}, pair="host", **pair), tmp_path / "pairs")
    origins = {(sample.history.role, str(sample.origin)) for sample in sm.Dataset.open(tmp_path / "pairs")}
    assert origins == {("lesion", "mixed"), ("host", "real")}


def older(directory: Path) -> Path:
    """The dataset's descriptions as release 0.2 left them: no origin in the manifest, none in the index."""
    path = directory / "manifest.json"
    content = json.loads(path.read_text())
    for name in ("origin", "made_by", "bytes_version"):
        content.pop(name)
    path.write_text(json.dumps(content))
    index = directory / "index.parquet"
    pq.write_table(pq.read_table(index).drop(["origin", "source_type", "stated_by", "made_by"]), index)
    return directory


def copied(directory, out):
    import shutil

    return older(Path(shutil.copytree(directory, out)))


@pytest.mark.parametrize(
    ("name", "origin"), [("phantoms", "synthetic"), ("real", "real"), ("again", "real"), ("patches", "mixed")]
)
def test_datasets_of_release_0_2_are_read_and_their_origin_is_derived(name, origin, request, tmp_path):
    """What was ingested counted as real then; of patches the names of the images tell that they were built."""
    directory = copied(request.getfixturevalue(name), tmp_path / name)
    manifest = Manifest.read(directory)
    assert (manifest.origin, manifest.bytes_version) == (origin, 0)
    text = card(directory).read_text()
    assert ("no image shows a person" in text) is (origin == "synthetic")
    assert "an earlier release wrote them" in text


def test_a_png_with_a_mark_has_the_pixels_of_one_without(phantoms):
    sample = sm.Dataset.open(phantoms)[0]
    data = Encoded(sample, 0).image_png
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), sample.image)
    np.testing.assert_array_equal(png.decode(data), png.decode(png.encode(sample.image)))


def test_a_manifest_that_calls_synthetic_images_real_is_found_out(phantoms, tmp_path):
    import shutil

    directory = Path(shutil.copytree(phantoms, tmp_path / "d"))
    path = directory / "manifest.json"
    path.write_text(path.read_text().replace('"origin": "synthetic"', '"origin": "real"'))
    assert "manifest.json: origin is real, the index has synthetic" in sm.verify(directory).problems


def test_the_statement_travels_in_the_provenance(patches):
    patch = next(iter(sm.Dataset.open(patches)))
    assert patch.provenance[STATEMENT]["source_type"] == "algorithmicMedia"
