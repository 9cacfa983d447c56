"""The server: questions without their answers, answers on the disk, and everything that is refused."""

import json
import socket
import threading
from pathlib import Path

import pytest

from synthmammo.errors import DatasetError, OutputError
from synthmammo.studying import answers as answers_module
from synthmammo.studying.answers import AnswerBook, clean_name, read_answers, reader_id
from synthmammo.studying.guard import is_loopback, require_token
from synthmammo.studying.server import application
from synthmammo.studying.serving import Place, listening
from synthmammo.studying.study import Study, read_pixels
from synthmammo.studying.tasks import Rules, order
from tests.support import studies, tiny

testclient = pytest.importorskip("fastapi.testclient")
HOSTS = frozenset({"127.0.0.1", "localhost"})


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return studies.make(tmp_path / "study")


def client(study: Study, rules: Rules | None = None, **options: object) -> "testclient.TestClient":
    options = {"hosts": HOSTS, **options}
    return testclient.TestClient(application(study, rules, **options), base_url="http://127.0.0.1:8000")


def begin(web: "testclient.TestClient", name: str = "Ada") -> str:
    return web.post("/api/readers", json={"name": name}).json()["reader"]


def answer(web: "testclient.TestClient", reader: str, task: str, **given: object) -> dict[str, object]:
    asked = web.get(f"/api/{task}", params={"reader": reader}).json()
    body = {"number": asked["number"], "seconds": 1.26, **given}
    return web.post(f"/api/{task}?reader={reader}", json=body).json()


def test_pixels_reach_the_browser_whole(study: Study) -> None:
    with client(study) as web:
        name = study.items[0].images[0]
        data = web.get(f"/api/images/{name}").content
    assert data == (study.path / "images" / f"{name}.u16").read_bytes()
    assert int.from_bytes(data[:4], "little") == int.from_bytes(data[4:8], "little") == studies.SIZE
    assert (
        len(data) == 8 + 2 * studies.SIZE**2
        and len({path.stat().st_size for path in (study.path / "images").iterdir()}) == 1
    )
    assert read_pixels(study.path / "images" / f"{name}.u16").max() > 255


def test_a_reader_reads_everything_and_answers_are_kept(study: Study) -> None:
    with client(study) as web:
        reader, said = begin(web), []
        while not (asked := web.get("/api/classify", params={"reader": reader}).json())["done"]:
            assert asked["number"] == len(said) and asked["of"] == len(study.items)
            said.append(asked["cases"][0]["name"])
            assert answer(web, reader, "classify", rating=4, comment="=1+1")["kept"]
    assert said == order(study, reader, "classify", Rules()) and sorted(said) == sorted(study.by_name)
    (found,) = read_answers(study.path)
    assert [one["item"] for one in found.records] == said
    assert {one["seconds"] for one in found.records} == {1.3}


def test_nothing_tells_the_answer_before_it_is_given(study: Study) -> None:
    with client(study) as web:
        reader = begin(web)
        pages = [web.get(path).text for path in ("/", "/study.js", "/api/study")]
        told = [web.get(f"/api/{task}", params={"reader": reader}).text for task in ("classify", "pick", "find")]
        told.append(json.dumps(answer(web, reader, "classify", rating=1)))
        told += [str(web.get(f"/api/images/{study.items[0].name}").headers)]
        missing = web.get(f"/api/images/{study.items[2].name}", params={"twin": True, "reader": reader})
        assert missing.status_code == 404
    for text in told:
        assert not any(word in text for word in ("synthesised", "edited", "k-1", "malignant", "outline"))
    assert all("k-1" not in text for text in pages)
    public = (study.path / "study.json").read_text()
    assert "synthesised" not in public and "real" not in public.replace("Reader", "")


def test_task_two_ends_after_three_wrong_answers(study: Study) -> None:
    with client(study, Rules(alternatives=4)) as web:
        reader, rounds = begin(web), 0
        while not (asked := web.get("/api/pick", params={"reader": reader}).json())["done"]:
            names = [one["name"] for one in asked["cases"]]
            assert len(set(names)) == 4 and sum(study.truths[name].generated for name in names) == 1
            right = rounds < 2
            chosen = next(name for name in names if study.truths[name].generated == right)
            answer(web, reader, "pick", chosen=chosen)
            rounds += 1
    assert rounds == 5


def test_task_three_takes_marks(study: Study) -> None:
    mark = {"image": 0, "row": 12.34, "column": 15, "birads": "4B"}
    with client(study) as web:
        reader = begin(web)
        assert answer(web, reader, "find", marks=[mark])["kept"] and answer(web, reader, "find", marks=[])["kept"]
        for wrong in ([mark | {"image": 1}], [mark | {"row": 999}], [mark | {"birads": "9"}], [3], "x", None):
            reply = answer(web, reader, "find", marks=wrong)
            assert "error" in reply or "detail" in reply
    assert [len(one["marks"]) for one in read_answers(study.path)[0].records] == [1, 0]


@pytest.mark.parametrize(
    "body",
    [
        {"rating": 0},
        {"rating": 7},
        {"rating": "x"},
        {},
        {"rating": 3, "seconds": -1},
        {"rating": 3, "seconds": 1e99},
        {"rating": 3, "more": 1},
    ],
)
def test_what_is_no_answer_is_refused(study: Study, body: dict[str, object]) -> None:
    with client(study) as web:
        reader = begin(web)
        reply = web.post(f"/api/classify?reader={reader}", json={"number": 0, "seconds": 1.0, **body})
    assert reply.status_code in (400, 422) and read_answers(study.path)[0].records == []


def test_two_readers_of_one_name_and_a_browser_closed_in_the_middle(study: Study) -> None:
    with client(study) as web:
        reader = begin(web)
        answer(web, reader, "classify", rating=2)
        again = web.post("/api/readers", json={"name": " Ada "})
        assert again.status_code == 409 and "has begun already" in again.json()["error"]
        assert web.post("/api/readers", json={"name": "Ada", "resume": True}).json()["reader"] == reader
    with client(Study.open(study.path)) as web:
        asked = web.get("/api/classify", params={"reader": reader}).json()
        assert asked["number"] == 1 and asked["cases"][0]["name"] == order(study, reader, "classify", Rules())[1]
        late = web.post(f"/api/classify?reader={reader}", json={"number": 0, "seconds": 9, "rating": 6}).json()
        assert not late["kept"] and late["next"]["number"] == 1


def test_several_readers_at_once(study: Study) -> None:
    with client(study) as web:
        readers = [begin(web, f"Reader {number}") for number in range(4)]

        def read(which: str) -> None:
            for _ in range(5):
                answer(web, which, "classify", rating=3)

        threads = [threading.Thread(target=read, args=(which,)) for which in readers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [len(one.records) for one in read_answers(study.path)] == [5] * 4
    assert len({tuple(order(study, which, "classify", Rules())) for which in readers}) == 4


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "../../etc/passwd", "a\x00b\nc", "名前", "'; DROP TABLE", "CON", "=cmd()"]
)
def test_a_hostile_name_stays_a_name(study: Study, name: str) -> None:
    with client(study) as web:
        reply = web.post("/api/readers", json={"name": name})
    assert reply.status_code == 200 and reply.json()["name"] == clean_name(name)
    (path,) = (study.path / "answers").iterdir()
    assert path.parent == study.path / "answers" and set(path.stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert read_answers(study.path)[0].name == clean_name(name)


@pytest.mark.parametrize("name", ["", "   ", "\n", "x" * 81])
def test_a_name_that_is_none_is_refused(study: Study, name: str) -> None:
    with client(study) as web:
        assert web.post("/api/readers", json={"name": name}).status_code == 400
    assert not (study.path / "answers").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/truth.json",
        "/../truth.json",
        "/..%2ftruth.json",
        "/api/images/..%2f..%2ftruth.json",
        "/api/images/..%2ftwins%2f0003",
        "/api/images/%2fetc%2fpasswd",
        "/api/images/0001.u16",
        "/docs",
        "/openapi.json",
    ],
)
def test_a_path_stays_inside(study: Study, path: str) -> None:
    with client(study) as web:
        reply = web.get(path)
    assert reply.status_code == 404 and b"synthesised" not in reply.content


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8000"},
        {"Host": ""},
    ],
)
def test_another_origin_is_refused(study: Study, headers: dict[str, str]) -> None:
    with client(study) as web:
        assert web.get("/api/study", headers=headers).status_code == 403
        assert web.post("/api/readers", json={"name": "Eve"}, headers=headers).status_code == 403
        own = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
        assert web.get("/api/study", headers=own).status_code == 200
        assert web.get("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status_code == 200
    assert not (study.path / "answers").exists()


def test_forms_of_other_pages_are_no_answers(study: Study) -> None:
    with client(study) as web:
        assert (
            web.post("/api/readers", content='{"name": "Eve"}', headers={"Content-Type": "text/plain"}).status_code
            == 415
        )
        assert (
            web.post("/api/readers", content="x" * (2 << 20), headers={"Content-Type": "application/json"}).status_code
            == 413
        )
        assert web.put("/api/readers", json={}).status_code == 405
        policy = web.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy


def test_the_token_is_needed_and_goes_into_a_cookie(study: Study) -> None:
    token = "a-long-word-for-tests"
    with client(study, hosts=None, token=token) as web:
        assert web.get("/api/study").status_code == 401 and web.get("/?token=wrong").status_code == 401
        opened = web.get("/", params={"token": token})
        assert opened.status_code == 200 and "HttpOnly; SameSite=Strict" in opened.headers["set-cookie"]
        assert web.get("/api/study").status_code == 200
        assert web.get("/api/study", headers={"Origin": "http://evil.example"}).status_code == 403


def test_binding_beyond_this_machine_needs_a_token(study: Study) -> None:
    assert [
        is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8", "0.0.0.0", "10.0.0.1", "x")
    ] == [
        *[True] * 4,
        *[False] * 3,
    ]
    require_token("0.0.0.0", "a-long-word-for-tests")
    with pytest.raises(OutputError, match="can be guessed"):
        require_token("0.0.0.0", "short")
    result = tiny.run("study", "serve", study.path, "--host", "0.0.0.0")
    assert result.exit_code == 1 and "there is no token" in result.output


def test_a_port_in_use(study: Study) -> None:
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        with pytest.raises(OutputError, match=f"port {port} is in use\n  The next free one: --port "):
            listening(Place(port=port))
    bound, place = listening(Place())
    with bound:
        other, following = listening(Place())
        with other:
            assert following.port is not None and place.port is not None and following.port > place.port
    with pytest.raises(OutputError, match="cannot listen"):
        listening(Place("203.0.113.7", 8000, "a-long-word-for-tests"))


def test_links_hold_the_name_and_the_token() -> None:
    link = Place("::1", 8001, "a b&c").link("Dr <Ada>")
    assert link == "http://[::1]:8001/?token=a+b%26c&reader=Dr+%3CAda%3E"


def test_a_study_of_another_version_and_damaged_ones(study: Study, tmp_path: Path) -> None:
    path = study.path / "study.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"version": 9}))
    result = tiny.run("study", "serve", study.path)
    assert result.exit_code == 1 and "is a study of version 9, and this release reads version 1" in result.output
    for text in ("{", "[]", json.dumps({"version": 1}), '{"version": 1, "items": [3]}'):
        path.write_text(text)
        with pytest.raises(DatasetError):
            Study.open(study.path)
    with pytest.raises(DatasetError, match="is no study"):
        Study.open(tmp_path / "nothing")


def test_a_full_disk_keeps_the_answer_with_the_reader(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    with client(study) as web:
        reader = begin(web)

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(answers_module.os, "fsync", full)
        reply = web.post(f"/api/classify?reader={reader}", json={"number": 0, "seconds": 1, "rating": 3})
        assert reply.status_code == 507 and "No space left" in reply.json()["error"]
        monkeypatch.undo()
        assert answer(web, reader, "classify", rating=3)["kept"]
    assert len(read_answers(study.path)[0].records) == 1


def test_every_answer_is_synced_before_the_reply(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    real = answers_module.os.fsync

    def noting(handle: int) -> None:
        real(handle)
        synced.append(b"".join(path.read_bytes() for path in (study.path / "answers").glob("*.jsonl")))

    monkeypatch.setattr(answers_module.os, "fsync", noting)
    with client(study) as web:
        reader = begin(web)
        answer(web, reader, "classify", rating=5)
    assert b'"rating": 5' in synced[-1]


def test_a_line_cut_short_is_dropped_and_a_damaged_one_named(study: Study) -> None:
    book = AnswerBook(study.path)
    reader = book.begin("Ada")
    book.add(reader, {"task": "classify", "mode": "study", "item": "0001", "rating": 3, "seconds": 1})
    path = study.path / "answers" / f"{reader_id('Ada')}.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"task": "cla')
    again = AnswerBook(study.path)
    assert len(again.readers[0].records) == 1
    again.add(again.readers[0], {"task": "find", "mode": "study", "item": "0001", "marks": [], "seconds": 1})
    assert path.read_bytes().startswith(whole) and len(path.read_bytes().splitlines()) == 3
    path.write_bytes(whole + b"nonsense\n")
    with pytest.raises(DatasetError, match="line 3 is not an answer"):
        AnswerBook(study.path)


def test_without_the_extra_the_command_says_so(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fastapi", None)
    with pytest.raises(OutputError, match=r'pip install "synthmammo\[study\]"'):
        application(study)


def kills(study: Study, number: int) -> None:
    """Kill the server between two answers, so often; every answer that was confirmed must be there."""
    said: list[str] = []
    for turn in range(number + 1):
        with studies.Server(study.path, "--port", "0") as server:
            who = server.ask("api/readers", {"name": "Ada", "resume": True})["reader"]
            asked = server.ask(f"api/classify?reader={who}")
            assert asked["number"] == len(said)
            if turn == number or asked["done"]:
                break
            said.append(asked["cases"][0]["name"])
            body = {"number": asked["number"], "seconds": 1.0, "rating": 1 + turn % 6}
            assert server.ask(f"api/classify?reader={who}", body)["kept"]
            server.kill()
    assert [one["item"] for one in read_answers(study.path)[0].records] == said and len(said) == number


def test_killed_between_answers(study: Study) -> None:
    kills(study, 3)


@pytest.mark.slow
def test_killed_fifty_times(tmp_path: Path) -> None:
    kills(studies.make(tmp_path / "many", 30, 30, lesions=False), 50)
