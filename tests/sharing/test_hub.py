import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

import synthmammo
import synthmammo.sharing.hub as publishing
from synthmammo.cli import main
from synthmammo.dataset.card import card
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import CheckpointError, DatasetError, OutputError, SynthmammoError
from synthmammo.identity import file_digest
from synthmammo.interruption import Interrupted
from synthmammo.mammogram.licences import terms_of
from synthmammo.models.file import load, save_model
from synthmammo.sharing.hub import upload
from synthmammo.sharing.publication import dataset_publication, model_publication
from synthmammo.sharing.publish import publish
from tests.support import hub_server, tiny, tiny_models

REPO, NAME = "datasets/me/tiny", "me/tiny"

# The Hub's client sends LFS files in a way that its HTTP library is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub that this process takes for the real one, and a token for it."""
    from huggingface_hub import constants

    with hub_server.running() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
        monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
        yield hub


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(publishing, "BATCH_FILES", 4)


@pytest.fixture
def copy(built, tmp_path):
    return shutil.copytree(built, tmp_path / "copy")


def test_what_arrives_is_the_dataset_byte_for_byte(built, hub):
    seen = []
    done = upload(dataset_publication(built), NAME, progress=lambda sent, total: seen.append((sent, total)))
    assert hub.files(REPO) == tiny.files(built)
    assert done.url == f"{hub.url}/{REPO}" and len(done.sent) == len(tiny.files(built)) and not done.removed
    assert seen[0][0] == 0 and seen[-1] == (seen[0][1],) * 2 == (sum(map(len, tiny.files(built).values())),) * 2


def test_the_card_and_the_manifest_come_last(built, hub, small_batches):
    upload(dataset_publication(built), NAME)
    order = [path for commit in hub.repositories[REPO].commits for path in commit["paths"]]
    assert order[-2:] == ["README.md", "manifest.json"] and len(hub.repositories[REPO].commits) > 5
    assert all(len(commit["paths"]) <= 4 for commit in hub.repositories[REPO].commits)


def test_a_second_time_nothing_is_sent(built, hub):
    upload(dataset_publication(built), NAME)
    commits, uploads = len(hub.repositories[REPO].commits), list(hub.uploads)
    done = upload(dataset_publication(built), NAME)
    assert not done.sent and done.kept == len(tiny.files(built))
    assert (len(hub.repositories[REPO].commits), hub.uploads) == (commits, uploads)


def nth(number, method, part, status):
    """A fault that stops the n-th request of its kind, and every later one."""
    seen = []

    def fault(asked, path):
        seen.append(asked == method and part in path)
        return status if sum(seen) >= number and seen[-1] else None

    return fault


FAULTS = {
    "a commit that the server breaks off": ("POST", "/commit/", 500, "refused (500"),
    "an upload that the store breaks off": ("PUT", "/large/", 400, "did not take it"),
    "a listing that fails": ("GET", "/tree/", 503, "refused (503"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_in_the_middle_the_same_command_goes_on(built, hub, small_batches, name, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits before it tries again
    method, part, status, message = FAULTS[name]
    hub.fault = nth(1 if method == "GET" else 3, method, part, status)
    with pytest.raises(OutputError) as raised:
        upload(dataset_publication(built), NAME)
    assert message in str(raised.value) and "Run the same command again" in str(raised.value)
    before, sent = hub.files(REPO), list(hub.uploads)
    assert len(before) < len(tiny.files(built)) and "manifest.json" not in before
    hub.fault = lambda method, path: None
    done = upload(dataset_publication(built), NAME)
    assert hub.files(REPO) == tiny.files(built)
    assert done.kept == len(before) and hub.uploads[: len(sent)] == sent
    assert len(set(hub.uploads)) == len(hub.uploads), "a file was uploaded twice"


def test_the_command_as_its_user_types_it(built, hub, tmp_path):
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": hub_server.TOKEN,
        "HF_HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", "synthmammo", "publish", str(built), NAME, "--private"]
    listed = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert listed.returncode == 0 and "Nothing was sent" in listed.stdout and not hub.repositories
    assert "  README.md\n" in listed.stdout and "  dicom/train-00000-of-00002/  (3 files)\n" in listed.stdout
    sent = subprocess.run([*command, "--yes"], capture_output=True, text=True, env=environment)
    assert sent.returncode == 0, sent.stderr
    assert f"{len(tiny.files(built))} files sent" in sent.stdout and "Traceback" not in sent.stderr
    assert hub.repositories[REPO].private and hub.files(REPO) == tiny.files(built)


def test_one_changed_byte_is_not_published(copy, hub):
    path = copy / "webdataset" / "test-00000-of-00001.tar"
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)
    result = tiny.run("publish", copy, NAME, "--yes")
    assert result.exit_code == 1 and "is not published, because webdataset/test-00000-of-00001.tar" in result.output
    assert not hub.repositories


def test_without_a_token_there_is_one_clear_message(built, hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    result = tiny.run("publish", built, NAME, "--yes")
    assert result.exit_code == 1 and not hub.repositories
    assert "needs a token" in result.output and "hf auth login" in result.output
    assert tiny.run("publish", built, NAME).exit_code == 0, "listing needs none"


def test_a_wrong_token(built, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(OutputError, match=r"refused \(401: Invalid credentials\)") as raised:
        upload(dataset_publication(built), NAME)
    assert "Is the token right" in str(raised.value)


def test_an_unreachable_hub(built, hub, monkeypatch):
    from huggingface_hub import constants

    before = tiny.files(built)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(OutputError, match="cannot be reached") as raised:
        upload(dataset_publication(built), NAME)
    assert "Run the same command again" in str(raised.value) and tiny.files(built) == before
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    upload(dataset_publication(built), NAME)
    assert hub.files(REPO) == before


@pytest.mark.parametrize("name", ["tiny", "me/-tiny", "me/ti..ny", "me/tiny.git", f"me/{'x' * 97}", "me/ti ny"])
def test_a_dry_run_refuses_the_names_that_the_hub_refuses(built, name):
    result = CliRunner().invoke(main, ["publish", str(built), name])
    assert result.exit_code and f"{name}: is no name of a repository" in result.output
    assert "Nothing was sent" not in result.output


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "/tiny", "me/ti ny"])
def test_names_that_are_none(built, hub, name):
    with pytest.raises(OutputError, match="is no name of a repository"):
        upload(dataset_publication(built), name)


def test_a_branch_of_its_own(built, hub):
    upload(dataset_publication(built), NAME, revision="v2")
    assert hub.files(REPO, "v2") == tiny.files(built) and not hub.files(REPO)


def test_private_is_refused_where_the_repository_is_public(built, hub):
    hub.repositories[REPO] = hub_server.Repository(private=False)
    with pytest.raises(OutputError, match="is there already, and is public"):
        upload(dataset_publication(built), NAME, private=True)
    assert not hub.repositories[REPO].commits


def test_shards_of_an_earlier_version_go_with_the_last_commit(built, hub, small_batches):
    old = {"parquet/train-00000-of-00009.parquet": b"old", "notes.txt": b"mine", "README.md": b"---\na: b\n---\n"}
    hub.repositories[REPO] = hub_server.Repository()
    hub.repositories[REPO].branches["main"] |= old
    done = upload(dataset_publication(built), NAME)
    assert done.removed == ["parquet/train-00000-of-00009.parquet"]
    assert hub.files(REPO) == tiny.files(built) | {"notes.txt": b"mine"}
    assert "parquet/train-00000-of-00009.parquet" in hub.repositories[REPO].commits[-1]["paths"]


def test_strays_and_figures_of_others_are_left_out(copy, hub):
    (copy / "figures" / "private.png").write_bytes(b"x")
    (copy / "notes.txt").write_text("mine")
    names = {file.name for file in dataset_publication(copy).files}
    assert "figures/samples.png" in names and not names & {"figures/private.png", "notes.txt"}


def test_a_dataset_without_its_card(copy):
    (copy / "README.md").unlink()
    with pytest.raises(DatasetError, match="has no card"):
        dataset_publication(copy)


@pytest.mark.parametrize(
    ("declared", "other"),
    [("'1': benign", "'1': harmless"), ("dtype: image", "dtype: binary"), ("spacing_mm", "spacing")],
)
def test_a_card_that_declares_other_columns_is_not_published(copy, declared, other):
    text = (copy / "README.md").read_text()
    assert declared in text
    (copy / "README.md").write_text(text.replace(declared, other, 1))
    with pytest.raises(DatasetError, match="README.md: declares another '.*' than the Parquet has") as raised:
        dataset_publication(copy)
    assert "synthmammo card" in str(raised.value)


@pytest.mark.parametrize(("licence", "allowed"), [("other (on request)", False), ("CC-BY-3.0", True)])
def test_real_images_are_public_only_under_a_licence_that_lets_them(copy, hub, licence, allowed):
    content = json.loads((copy / "manifest.json").read_text())
    index = copy / "index.parquet"
    table = pq.read_table(index)
    real = pa.array(["real"] * len(table))
    pq.write_table(table.set_column(table.column_names.index("origin"), "origin", real), index)
    files = content["files"] | {"index.parquet": file_digest(index)}
    terms = str(terms_of(licence))
    changes = {"kind": "ingested", "licence": licence, "terms": terms, "origin": "real", "files": files}
    (copy / "manifest.json").write_text(json.dumps({**content, **changes}))
    publication = dataset_publication(copy)
    assert "images of real people" in publication.notes[0]
    if allowed:
        upload(publication, NAME)
    else:
        with pytest.raises(OutputError, match="are not made public"):
            upload(publication, NAME)
        assert not hub.repositories
        upload(publication, NAME, private=True)
    assert hub.repositories[REPO].private is not allowed


def test_a_model_and_its_card(hub, tmp_path):
    path = tiny_models.stylegan2_file(tmp_path / "small.safetensors", discriminator=True)
    result = tiny.run("publish", path, "me/small", "--yes")
    assert result.exit_code == 0, result.output
    held = hub.files("models/me/small")
    assert held["small.safetensors"] == path.read_bytes()
    card = held["README.md"].decode()
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["license"] == "apache-2.0" and header["library_name"] == "synthmammo"
    assert load(path).digest in card and "training data: `" + "0" * 64 in card
    assert "hf://me/small/small.safetensors@main" in card and "Not for clinical use" in card


def test_a_model_goes_with_the_card_that_lies_beside_it_and_its_pictures(tmp_path):
    path = tiny_models.contextual_file(tmp_path / "mass.safetensors")
    (tmp_path / "mass.md").write_text("# Masses\n\n![a](mass.png) ![b](absent.png)\n")
    (tmp_path / "mass.png").write_bytes(b"png")
    publication = model_publication(path, "me/mass", "v1")
    assert [file.name for file in publication.files] == ["mass.safetensors", "mass.png", "README.md"]
    assert "its file does not say what it was trained on" in publication.notes and publication.public
    card = publication.files[-1].content.decode()
    assert "# Masses" in card and "`generator: hf://me/mass/mass.safetensors@v1` in an entry of `lesions`" in card


def test_weights_of_images_that_may_not_be_passed_on_are_kept_private(hub, tmp_path):
    model = load(tiny_models.stylegan2_file(tmp_path / "open.safetensors"))
    described = replace(model.description, training_data={"name": "films", "terms": "restricted"})
    path = save_model(tmp_path / "films.safetensors", {"generator": model.network()}, described)
    publication = model_publication(path, "me/films")
    assert not publication.public and "kept private" in publication.notes[-1]
    with pytest.raises(OutputError, match="weights that were trained on images under a licence"):
        upload(publication, "me/films")
    assert not hub.repositories


def test_what_is_no_model_is_not_published(built, hub, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(b"\x10")
    for path in (tmp_path / "cut.safetensors", tmp_path / "none.safetensors", built / "manifest.json"):
        with pytest.raises(CheckpointError):
            model_publication(path, "me/small")
    assert Manifest.read(built) and not hub.repositories


# the function with plain arguments


def test_a_dataset_is_published_in_one_call(built, hub):
    seen = []
    done = publish(Dataset.open(built), NAME, progress=lambda sent, total: seen.append(sent))
    assert hub.files(REPO) == tiny.files(built)
    assert len(done.sent) == len(tiny.files(built)) and seen
    assert publish(str(built), NAME).kept == len(done.sent)


def test_a_model_is_published_in_one_call(hub, tmp_path):
    model = tiny_models.stylegan2_file(tmp_path / "model.safetensors")
    done = publish(model, "me/model", private=True)
    assert model.name in done.sent and done.notes == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": 3}, "source: expected a Dataset, or the path"),
        ({"source": "absent"}, "absent"),
        ({"repo_id": 3}, "repo_id: expected a text"),
        ({"repo_id": "tiny"}, "tiny: is no name of a repository"),
        ({"private": "no"}, "private: expected True or False"),
        ({"revision": 2}, "revision: expected a text"),
        ({"progress": 0}, "progress: expected a function"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(built, hub, changes, message):
    with pytest.raises(SynthmammoError) as caught:
        publish(**{"source": built, "repo_id": NAME, **changes})
    assert message in str(caught.value)


def test_an_interruption_says_what_the_hub_has(built, hub, small_batches):
    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=rf"4 of {len(tiny.files(built))} files are in {NAME}"):
        upload(dataset_publication(built), NAME, progress=stop)
    assert len(hub.files(REPO)) == 4


def test_of_a_dataset_that_grew_the_new_bytes_alone_are_sent(copy, hub):
    upload(dataset_publication(copy), NAME)
    before = set(hub.uploads)
    synthmammo.build(tiny.recipe(), copy, size=15)
    card(copy)
    done = upload(dataset_publication(copy), NAME)
    assert hub.files(REPO) == tiny.files(copy), "shards of the smaller dataset are gone"
    shards = {shard.sha256 for shard in Manifest.read(copy).shards if shard.format != "dicom"}
    assert shards & before and shards - before <= set(hub.uploads)
    assert len(set(hub.uploads)) == len(hub.uploads), "a file was uploaded twice"
    assert any("-of-00003" in name for name in done.sent) and done.removed
