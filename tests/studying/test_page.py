"""The page in a real browser: a whole study by keyboard alone, by mouse and by touch, and not one request elsewhere."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from synthmammo.studying.answers import read_answers
from synthmammo.studying.cases import export_cases
from synthmammo.studying.study import Study, read_pixels
from tests.support import studies
from tests.support.browser import CHROMIUM, Browser, browser

pytest.importorskip("websocket")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
EVIL = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser() as made:
        yield made


def study_at(path: Path, **options: object) -> Study:
    return studies.make(path / "study", **{"real": 4, "generated": 3, **options})


def begin(page: Browser, server: studies.Server, name: str) -> None:
    page.open(server.address)
    page.wait("!document.getElementById('start').hidden && document.activeElement.id === 'name'")
    page.write(name)
    page.press("Enter")
    page.wait("document.activeElement.dataset.task")


def ready(page: Browser, task: str, number: object) -> None:
    page.wait(f"document.body.dataset.ready === '{task}-{number}'")


def run(page: Browser, task: str, number: object = 0) -> None:
    page.run(f"document.querySelector('[data-task={task}]').click()")
    ready(page, task, number)


def check_requests(page: Browser, server: studies.Server) -> None:
    """No request of the session went elsewhere, and nothing was refused or failed."""
    assert [address for address in page.requests if not address.startswith((server.address, "about:", "data:"))] == []
    assert page.problems == []
    page.requests.clear()


def test_a_study_by_keyboard_alone(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path)
    with studies.Server(study.path, "--port", "0", "--alternatives", "3") as server:
        begin(page, server, EVIL)
        assert page.run("document.getElementById('welcome').textContent") == EVIL and page.run("document.title") != "1"
        page.press("Enter")
        for number in range(len(study.items)):
            ready(page, "classify", number)
            page.press(*"i+f]", "ArrowLeft", str(1 + number % 6), "Enter")
        ready(page, "classify", "done")
        page.press("Enter")
        page.wait("!document.getElementById('tasks').hidden && document.activeElement.dataset.task === 'pick'")
        page.press("Enter")
        ready(page, "pick", 0)
        page.press("2", "Enter")
        page.wait("document.body.dataset.ready !== 'pick-0'")
        page.run("chooseTask()")
        page.wait("!document.getElementById('tasks').hidden")
        run(page, "find")
        page.press("x", "ArrowUp", "m", "4", "Enter")
        ready(page, "find", 1)
        page.press("Enter")
        ready(page, "find", 2)
        check_requests(page, server)
    (reader,) = read_answers(study.path)
    assert reader.name == EVIL and [one["rating"] for one in reader.of("classify")] == [1, 2, 3, 4, 5, 6, 1]
    assert len(reader.of("pick")) == 1
    (mark,) = reader.of("find")[0]["marks"]
    assert (mark["birads"], mark["column"], mark["image"]) == ("4B", studies.SIZE / 4, 0)
    assert reader.of("find")[1]["marks"] == []


def test_sixteen_bits_are_shown_in_the_window(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path)
    with studies.Server(study.path, "--port", "0") as server:
        begin(page, server, "Ada")
        run(page, "classify")
        name = page.run("asked.cases[0].images[0].name")
        kept = page.run("[...viewers[0].image.pixels]")
        image = read_pixels(study.path / "images" / f"{name}.u16")
        assert kept == image.ravel().tolist()
        page.run("viewers[0].shared.window = [20000, 20255]; viewers[0].changed()")
        script = (
            "[...viewers[0].picture.getContext('2d').getImageData(0, 0, 48, 48).data].filter((_, n) => n % 4 === 0)"
        )
        shown = np.array(page.run(script)).reshape(image.shape)
        assert (np.abs(shown - np.clip(image.astype(int) - 20000, 0, 255)) <= 1).all()
        page.press("i")
        assert (np.abs(np.array(page.run(script)).reshape(image.shape) - (255 - shown)) <= 1).all()
        check_requests(page, server)


def test_mouse_zooms_moves_sets_the_window_and_marks(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path)
    with studies.Server(study.path, "--port", "0") as server:
        begin(page, server, "Ada")
        run(page, "find")
        fitted = page.run("viewers[0].scale()")
        page.call("Input.dispatchMouseEvent", type="mouseWheel", x=640, y=400, deltaX=0, deltaY=-200)
        page.wait(f"viewers[0].scale() > {fitted} * 1.3")
        page.drag((600, 400), (660, 400))
        page.wait("viewers[0].shared.x > 0")
        page.drag((600, 400), (700, 450), "right")
        page.wait("viewers[0].shared.window[1] - viewers[0].shared.window[0] > 50000")
        page.press("o")
        assert page.run("viewers[0].scale()") == 1
        page.press("r")
        assert page.run("viewers[0].scale()") == fitted
        page.drag((640, 400), (640, 400))
        assert page.run("marks.length") == 1 and page.run("document.getElementById('confirm').disabled")
        page.press("Enter", "6", "Enter")
        ready(page, "find", 1)
        check_requests(page, server)
    (answer,) = read_answers(study.path)[0].records
    assert answer["marks"][0]["birads"] == "5" and 0 < answer["marks"][0]["row"] < studies.SIZE


def test_pauses_do_not_count_and_a_closed_browser_goes_on(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path)
    with studies.Server(study.path, "--port", "0", "--reader", "Dr Eve & Co") as server:
        page.open(f"{server.address}?reader=Dr%20Eve%20%26%20Co")
        page.wait("document.activeElement.dataset.task")
        run(page, "classify")
        page.press("p")
        page.wait("!document.getElementById('paused').hidden")
        before = page.run("now()")
        page.run("new Promise((done) => setTimeout(done, 1500))")
        assert page.run("now()") == before
        page.press("3")
        assert page.run("choice") is None, "no answers under the cover"
        page.press("p")
        page.run("new Promise((done) => setTimeout(done, 500))")
        name = page.run("asked.cases[0].name")
        page.open("about:blank")
        page.open(f"{server.address}?reader=Dr%20Eve%20%26%20Co")
        page.wait("document.activeElement.dataset.task")
        run(page, "classify")
        assert page.run("asked.cases[0].name") == name and page.run("now()") >= 0.4
        page.press("3", "Enter")
        ready(page, "classify", 1)
        check_requests(page, server)
    (answer,) = read_answers(study.path)[0].records
    assert 0.4 <= answer["seconds"] < 30 and round(answer["seconds"], 1) == answer["seconds"]


def test_the_server_is_gone_and_comes_back(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path)
    with studies.Server(study.path, "--port", "0") as server:
        begin(page, server, "Ada")
        run(page, "classify")
        server.kill()
        page.press("4", "Enter")
        page.wait("document.getElementById('message').textContent.includes('does not answer')")
        port = server.address.rstrip("/").rpartition(":")[2]
    with studies.Server(study.path, "--port", port):
        page.press("Enter")
        ready(page, "classify", 1)
    page.problems.clear()
    page.requests.clear()
    assert [one["rating"] for one in read_answers(study.path)[0].records] == [4]


def test_two_of_one_name_are_asked(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path)
    with studies.Server(study.path, "--port", "0") as server:
        server.ask("api/readers", {"name": "Ada"})
        page.run("sessionStorage.clear()") if page.run("location.protocol") == "http:" else None
        page.open(server.address)
        page.wait("document.activeElement.id === 'name'")
        page.write("Ada")
        page.press("Enter")
        page.wait("!document.getElementById('taken').hidden && document.activeElement.id === 'resume'")
        page.press("Enter")
        page.wait("!document.getElementById('tasks').hidden")
        check_requests(page, server)


def test_teaching_shows_outline_words_twin_and_curve(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path, real=5, generated=4)
    with studies.Server(study.path, "--port", "0", "--teach") as server:
        begin(page, server, "Learner")
        run(page, "find")
        twins = 0
        for number in range(len(study.items)):
            ready(page, "find", number)
            page.press("Enter")
            page.wait("!document.getElementById('told').hidden")
            truth = study.truths[page.run("asked.cases[0].name")]
            facts = page.run("document.getElementById('facts').textContent")
            assert truth.kind in facts and ("spiculated" in facts) == bool(truth.lesions)
            assert page.run("viewers[0].outlines.length") == len(truth.lesions)
            assert page.run("document.getElementById('blink').hidden") != bool(truth.lesions)
            if truth.lesions:
                page.press("b")
                page.wait("blinking && viewers[0].image.pixels[5] === 20000")
                page.press("b")
                page.wait("viewers[0].image.pixels[5] !== 20000 || viewers[0].image === viewers[0].with")
                twins += 1
            page.press("Enter")
        ready(page, "find", "done")
        assert twins == 3
        check_requests(page, server)
    (reader,) = read_answers(study.path)
    assert reader.of("find") == [] and len(reader.of("find", "teach")) == 9
    hard = [study.truths[one["item"]].difficulty for one in reader.of("find", "teach")]
    kept = [value for value in hard if value is not None]
    assert kept == sorted(kept)


def test_without_twins_teaching_says_so(page: Browser, tmp_path: Path) -> None:
    import shutil

    study = study_at(tmp_path)
    shutil.rmtree(study.path / "twins")
    with studies.Server(study.path, "--port", "0", "--teach") as server:
        begin(page, server, "Learner")
        run(page, "find")
        page.run("asked")
        while True:
            page.press("Enter")
            page.wait("!document.getElementById('told').hidden")
            lesions = study.truths[page.run("asked.cases[0].name")].lesions
            assert page.run("document.getElementById('no-twin').hidden") != bool(lesions)
            if lesions:
                break
            page.run("onward()")
            page.wait("document.getElementById('told').hidden && since !== null")
        check_requests(page, server)


def test_both_views_beside_each_other_move_together(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path, views=2)
    with studies.Server(study.path, "--port", "0") as server:
        begin(page, server, "Ada")
        run(page, "classify")
        labels = page.run("viewers.map((one) => one.label.textContent)")
        edges = page.run("viewers.map((one) => one.box.getBoundingClientRect().left)")
        assert labels == ["CC", "MLO"] and edges[0] < edges[1]
        page.press("+", "]")
        first, second = page.run("viewers.map((one) => one.state.textContent)")
        assert first == second and "W 49152" not in first
        check_requests(page, server)


def test_a_tablet_reads_by_touch(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path)
    with studies.Server(study.path, "--port", "0") as server:
        page.size(820, 1180, touch=True)
        try:
            begin(page, server, "Ada")
            run(page, "find")
            assert page.run("document.documentElement.scrollWidth <= innerWidth")
            before = page.run("viewers[0].scale()")
            for kind, far in (("touchStart", 60), ("touchMove", 90), ("touchMove", 140), ("touchEnd", 0)):
                points = [{"x": 400 - far, "y": 500, "id": 0}, {"x": 400 + far, "y": 500, "id": 1}] if far else []
                page.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
            page.wait(f"viewers[0].scale() > {before} * 1.3")
            assert page.run("marks.length") == 0, "two fingers are no mark"
            for kind, points in (("touchStart", [{"x": 400, "y": 500}]), ("touchEnd", [])):
                page.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
            page.wait("marks.length === 1")
            sizes = page.run("[...document.querySelectorAll('#choices button')].map((one) => one.offsetHeight)")
            assert min(sizes) >= 36
            page.run(
                "document.querySelectorAll('#choices button')[2].click(); document.getElementById('confirm').click()"
            )
            ready(page, "find", 1)
            check_requests(page, server)
        finally:
            page.size(1280, 800)


def test_exported_cases_open_from_the_disk(page: Browser, tmp_path: Path) -> None:
    study = study_at(tmp_path, title=EVIL)
    export_cases(study, tmp_path / "cases", real=True)
    page.open((tmp_path / "cases" / "index.html").as_uri())
    page.wait("viewers.length === 1 && viewers[0].image !== null")
    assert page.run("document.getElementById('title').textContent") == EVIL
    assert page.run("viewers[0].image.width") == studies.SIZE
    page.press("Enter")
    assert "spiculated" in page.run("document.getElementById('truth').textContent")
    page.press("b")
    page.wait("viewers[0].image === viewers[0].without")
    page.press("ArrowRight")
    page.wait("document.getElementById('count').textContent === 'Case 2 of 7'")
    assert {address.partition(":")[0] for address in page.requests} <= {"file", "about", "http"}
    page.requests.clear()
    assert page.problems == [] and json.dumps(EVIL) not in (tmp_path / "cases" / "index.html").read_text()
