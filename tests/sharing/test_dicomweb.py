"""Laws of sending: everything arrives once, a break costs nothing, refusals are told apart; and a real server."""

import json
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from requests import Session

import synthmammo.sharing.dicomweb as sending
from synthmammo.building.build import make_dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.dataset.writers.dicom import COMPRESSIONS
from synthmammo.errors import DatasetError, OutputError
from synthmammo.interruption import Interrupted
from synthmammo.sharing.dicomweb import send
from tests.support import orthanc, tiny

KNOWN = {"user": orthanc.USER, "password": orthanc.PASSWORD}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A dataset of six samples, the lesions in segmentations and reports."""
    out = tmp_path_factory.mktemp("sent") / "tiny"
    findings = {"compression": "jpegls", "findings": ["segmentation", "report"]}
    formats = {"parquet": {}, "dicom": findings}
    make_dataset(
        tiny.recipe(size=6, emit={"shard_size": 2, "preview_px": 64, "formats": formats}), out, engine=Local(1)
    )
    return out


@pytest.fixture
def dataset(original, tmp_path):
    """A copy that the test may change: the log of what was sent lies in the dataset."""
    return Path(shutil.copytree(original, tmp_path / "tiny"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(sending, "WAIT_SECONDS", 0.01)


def objects(dataset):
    return sorted((dataset / "dicom").rglob("*.dcm"))


class Archive:
    """A small store in this process; `faults` are statuses that it answers before it does its work.

    A `strict` one calls a study that it does not have an error.
    """

    def __init__(self, faults=(), search=True, says=None, strict=False):
        self.faults, self.search, self.says, self.strict = list(faults), search, says, strict
        self.stored, self.requests = [], []

    def answer(self, method, path, headers, body):
        self.requests.append((method, path, headers.get("Authorization")))
        if self.faults and (status := self.faults.pop(0)):
            return status, b""
        if method == "GET":
            return self._found(re.search(r"studies/([\d.]+)", path))
        start = body.index(b"\r\n\r\n") + 4
        one = dcmread(BytesIO(body[start : body.rindex(b"\r\n--")]))
        if self.says is not None:
            return 200, json.dumps(self.says).encode()
        self.stored.append((one.SOPInstanceUID, one.StudyInstanceUID))
        item = {"00081155": {"vr": "UI", "Value": [one.SOPInstanceUID]}}
        return 200, json.dumps({"00081199": {"vr": "SQ", "Value": [item]}}).encode()

    def _found(self, study):
        if not self.search:
            return 405, b""
        found = [uid for uid, of in self.stored if study and of == study[1]]
        if study and not found and self.strict:
            return 404, b""
        return 200, json.dumps([{"00080018": {"vr": "UI", "Value": [uid]}} for uid in found]).encode()


@contextmanager
def serving(archive):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._do("GET")

        def do_POST(self):
            self._do("POST")

        def _do(self, method):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = archive.answer(method, self.path, self.headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()


class TestResuming:
    def test_everything_arrives_once(self, dataset):
        archive, seen = Archive(), []
        with serving(archive) as url:
            first = send(dataset, url, progress=lambda done, total: seen.append((done, total)))
            again = send(dataset, url)
        total = len(objects(dataset))
        assert total > 6  # images, segmentations and reports
        assert sorted(uid for uid, _ in archive.stored) == sorted(dcmread(p).SOPInstanceUID for p in objects(dataset))
        assert (first.stored, first.done, again.stored, again.known) == (total, total, 0, total)
        assert first.bytes == sum(path.stat().st_size for path in objects(dataset))
        assert seen == [(done, total) for done in range(total + 1)]

    def test_a_break_in_the_middle_is_gone_on_from(self, dataset):
        archive = Archive()
        with serving(archive) as url:
            archive.faults = [0, 0, 0, *[503] * sending.ATTEMPTS]
            with pytest.raises(OutputError, match="503"):
                send(dataset, url)
            before = len(archive.stored)
            assert 0 < before < len(objects(dataset))
            rest = send(dataset, url)
        assert (rest.known, rest.stored) == (before, len(objects(dataset)) - before)
        assert len(set(archive.stored)) == len(archive.stored) == len(objects(dataset))

    def test_what_the_server_has_is_not_sent_even_without_a_log(self, dataset):
        archive = Archive()
        with serving(archive) as url:
            send(dataset, url)
            for log in dataset.glob(".sent-*"):
                log.unlink()
            again = send(dataset, url)
        assert (again.stored, again.present) == (0, len(objects(dataset)))

    def test_a_half_written_line_of_the_log_costs_one_question(self, dataset):
        archive = Archive()
        with serving(archive) as url:
            send(dataset, url)
            (log,) = dataset.glob(".sent-*")
            log.write_text(log.read_text()[:-9])
            again = send(dataset, url)
        assert (again.stored, again.present) == (0, 1)

    def test_another_server_has_its_own_log(self, dataset):
        with serving(Archive()) as one, serving(Archive()) as other:
            assert send(dataset, one).stored == send(dataset, other).stored == len(objects(dataset))

    @pytest.mark.parametrize("fault", [429, 503])
    def test_a_passing_weakness_is_waited_out(self, fault, dataset):
        archive = Archive(faults=[fault, 0, fault, fault])
        with serving(archive) as url:
            assert send(dataset, url).stored == len(objects(dataset))

    @pytest.mark.parametrize("strict", [False, True])
    def test_what_the_server_lost_is_sent_again(self, strict, dataset):
        archive, total = Archive(strict=strict), len(objects(dataset))
        with serving(archive) as url:
            send(dataset, url)
            archive.stored.clear()
            wiped = send(dataset, url)
            del archive.stored[0]
            one = send(dataset, url)
        assert (wiped.stored, wiped.lost, wiped.known) == (total, total, 0)
        assert (one.stored, one.lost, one.known) == (1, 1, total - 1)

    def test_again_sends_what_is_there(self, dataset):
        archive, total = Archive(), len(objects(dataset))
        with serving(archive) as url:
            send(dataset, url)
            again = send(dataset, url, again=True)
        assert (again.stored, again.lost, again.done, len(archive.stored)) == (total, 0, total, 2 * total)

    def test_the_log_is_a_cache_of_uids(self, dataset, monkeypatch):
        with serving(Archive()) as url:
            send(dataset, url)
            monkeypatch.setattr(sending.SentObject, "read", None)  # nothing is read again
            assert send(dataset, url).known == len(objects(dataset))

    def test_a_server_without_search(self, dataset):
        with serving(Archive(search=False)) as url:
            first, second = send(dataset, url), send(dataset, url)
            assert send(dataset, url, again=True).stored == first.stored
        assert (first.stored, first.unasked) == (len(objects(dataset)), False)
        assert (second.known, second.stored, second.unasked) == (first.stored, 0, True)


class TestRefusals:
    def test_unreachable(self, dataset):
        with serving(Archive()) as url:
            pass
        with pytest.raises(OutputError, match=r"cannot be reached \(Connection refused; 5 tries\)") as caught:
            send(dataset, url)
        assert caught.value.where == url
        assert "the same command goes on from here" in str(caught.value)

    @pytest.mark.parametrize(
        ("status", "message", "hint"),
        [
            (401, "refuses the caller", "SYNTHMAMMO_PASSWORD"),
            (403, "refuses the caller", "SYNTHMAMMO_TOKEN"),
            (404, "no DICOMweb service that stores is there", "/dicom-web"),
            (413, "the server refuses it", "goes on from here"),
        ],
    )
    def test_each_has_its_message(self, status, message, hint, dataset):
        with serving(Archive(faults=[0, status])) as url, pytest.raises(OutputError, match=message) as caught:
            send(dataset, url)
        assert hint in str(caught.value)
        assert str(status) in str(caught.value)

    def test_an_object_that_was_not_stored_is_not_counted(self, dataset):
        failed = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0x0110]}}]}}
        for says, reason in ((failed, "failure reason 0x0110"), ({}, "does not name the object")):
            with serving(Archive(says=says)) as url, pytest.raises(OutputError, match=reason):
                send(dataset, url)
        assert not list(dataset.glob(".sent-*"))

    @pytest.mark.parametrize("url", ["localhost:8042", "ftp://localhost/dicom-web", "http://"])
    def test_no_address(self, url, dataset):
        with pytest.raises(OutputError, match="is not the address of a DICOMweb service"):
            send(dataset, url)

    def test_a_changed_file_is_not_sent(self, dataset):
        path = objects(dataset)[-1]
        path.write_bytes(path.read_bytes()[:-2] + b"xx")
        archive = Archive()
        with serving(archive) as url, pytest.raises(DatasetError, match="was changed since it was built"):
            send(dataset, url)
        assert dcmread(path, force=True).SOPInstanceUID not in [uid for uid, _ in archive.stored]

    def test_no_dicom(self, dataset):
        manifest = json.loads((dataset / "manifest.json").read_text())
        manifest["shards"] = [shard for shard in manifest["shards"] if shard["format"] != "dicom"]
        (dataset / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(DatasetError, match="has no DICOM"):
            send(dataset, "http://localhost:1")


class TestCommand:
    def test_summary_and_credentials(self, dataset, monkeypatch):
        monkeypatch.setenv("SYNTHMAMMO_PASSWORD", "secret")
        archive = Archive()
        with serving(archive) as url:
            result = tiny.run("send", dataset, url, "--user", "reader")
            assert (result.exit_code, f"stored {len(objects(dataset))} objects" in result.output) == (0, True)
            monkeypatch.setenv("SYNTHMAMMO_TOKEN", "abc")
            assert "were there already" in tiny.run("send", dataset, f"{url}/").output
        assert {authorization for _, _, authorization in archive.requests} == {
            "Basic cmVhZGVyOnNlY3JldA==",
            "Bearer abc",
        }

    def test_a_wiped_server_and_again(self, dataset):
        archive, total = Archive(), len(objects(dataset))
        with serving(archive) as url:
            tiny.run("send", dataset, url)
            archive.stored.clear()
            lost = f"; {total} of these had been sent before, but were no longer there"
            assert lost in tiny.run("send", dataset, url).output
            assert f"stored {total} objects" in tiny.run("send", dataset, url, "--again").output

    def test_no_password_and_no_terminal_is_one_message(self, dataset, monkeypatch):
        monkeypatch.delenv("SYNTHMAMMO_PASSWORD", raising=False)
        monkeypatch.delenv("SYNTHMAMMO_TOKEN", raising=False)
        result = tiny.run("send", dataset, "http://127.0.0.1:1/dicom-web", "--user", "reader")
        message = "error: the password of reader is needed, and there is no terminal to ask on\n"
        assert (result.exit_code, result.output) == (
            1,
            f"{message}  Put it into the variable SYNTHMAMMO_PASSWORD.\n",
        )

    def test_an_error_is_one_message(self, dataset):
        result = tiny.run("send", dataset, "nowhere")
        assert result.exit_code == 1
        assert "error: nowhere: is not the address" in result.output


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if reason := orthanc.missing():
        pytest.skip(reason)
    with orthanc.running(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture
def client(server):
    session = Session()
    session.auth = (orthanc.USER, orthanc.PASSWORD)
    with session:
        yield DICOMwebClient(server.url, session)


def fetched(client, one):
    return client.retrieve_instance(one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID)


class TestOrthanc:
    def test_stow_in_qido_and_wado_out(self, dataset, server, client):
        sent = send(dataset, server.url, **KNOWN)
        assert sent.stored == len(objects(dataset))
        for path in objects(dataset):
            one = dcmread(path)
            series = client.search_for_series(one.StudyInstanceUID)
            assert one.SeriesInstanceUID in {entry["0020000E"]["Value"][0] for entry in series}
            back = fetched(client, one)
            assert back.SOPClassUID == one.SOPClassUID
            if "PixelData" in one:
                np.testing.assert_array_equal(back.pixel_array, one.pixel_array)
            else:
                assert back.ContentSequence == one.ContentSequence

    def test_a_wiped_server_gets_everything_again(self, dataset, server, client):
        send(dataset, server.url, **KNOWN)
        assert send(dataset, server.url, **KNOWN).known == len(objects(dataset))
        orthanc.wipe(server)
        again = send(dataset, server.url, **KNOWN)
        assert (again.lost, again.known) == (len(objects(dataset)), 0)
        assert fetched(client, dcmread(objects(dataset)[0]))

    def test_a_study_of_a_patient_is_found(self, dataset, server, client):
        send(dataset, server.url, **KNOWN)
        one = dcmread(objects(dataset)[0])
        (study,) = client.search_for_studies(search_filters={"PatientID": one.PatientID})
        assert study["0020000D"]["Value"] == [one.StudyInstanceUID]

    def test_a_worklist_has_no_blank_rows(self, dataset, server, client):
        orthanc.wipe(server)
        send(dataset, server.url, **KNOWN)
        names = ["StudyDate", "StudyTime", "StudyDescription", "AccessionNumber", "StudyID", "PatientName", "PatientID"]
        studies = client.search_for_studies(fields=[*names, "PatientSex"])
        assert len(studies) == len({dcmread(path).StudyInstanceUID for path in objects(dataset)})
        for study in studies:
            for name in (*names, "PatientSex"):
                assert study[f"{tag_for_keyword(name):08X}"].get("Value"), name
            series = client.search_for_series(study["0020000D"]["Value"][0], fields=["SeriesDescription"])
            assert all(one["0008103E"]["Value"] and one["00080060"]["Value"] for one in series)

    @pytest.mark.parametrize("compression", COMPRESSIONS)
    def test_what_a_stock_server_shows(self, compression, server, tmp_path):
        """The page on viewers says so; JPEG 2000 needs a plug-in."""
        emit = {"shard_size": 1, "formats": {"dicom": {"compression": compression}}}
        make_dataset(tiny.recipe(size=1, seed=9, splits={"train": 1}, emit=emit), tmp_path / "out", engine=Local(1))
        send(tmp_path / "out", server.url, **KNOWN, again=True)
        (path,) = objects(tmp_path / "out")
        one = dcmread(path)
        if compression == "jpeg2000":
            with pytest.raises(HTTPError):
                orthanc.shown(server, one.SOPInstanceUID)
            return
        picture = np.asarray(Image.open(BytesIO(orthanc.shown(server, one.SOPInstanceUID))))
        assert picture.shape == (one.Rows, one.Columns) and picture.max() > picture.min()

    def test_without_credentials_it_refuses(self, dataset, server):
        with pytest.raises(OutputError, match="refuses the caller"):
            send(dataset, server.url)

    @pytest.mark.skipif(not shutil.which("dcmsend"), reason="dcmsend (dcmtk) is not installed")
    def test_c_store_in_wado_out(self, server, client, tmp_path):
        out = tmp_path / "stored"
        formats = {"dicom": {"findings": ["segmentation", "report"]}}
        make_dataset(tiny.recipe(size=3, seed=5, emit={"shard_size": 3, "formats": formats}), out, engine=Local(1))
        command = ["dcmsend", "+sd", "+r", "127.0.0.1", str(server.dicom_port), str(out / "dicom")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for path in objects(out):
            one = dcmread(path)
            back = fetched(client, one)
            if "PixelData" in one:
                np.testing.assert_array_equal(back.pixel_array, one.pixel_array)


def test_an_interruption_says_what_the_server_has(dataset):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    archive = Archive()
    with serving(archive) as url, pytest.raises(Interrupted, match=f"has 2 of {len(objects(dataset))} objects"):
        send(dataset, url, progress=stop)
    assert len(archive.stored) == 2
