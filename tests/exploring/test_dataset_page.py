"""The dataset's page in a real browser: filters, a sample closely, its study, and not one request elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import synthmammo as sm
from tests.exploring.test_dataset import audited
from tests.support import tiny
from tests.support.browser import CHROMIUM, Browser, browser
from tests.support.explorers import Server, changed, click, fill, press, slide, source, there

pytest.importorskip("websocket")
pytest.importorskip("gradio")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
SHOTS = os.environ.get("SYNTHMAMMO_SHOTS")
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> sm.Dataset:
    background = {"generator": "phantom", "spacing_mm": 1.0, "height_mm": 200, "width_mm": 160}
    classes = {"normal": 0.5, EVIL: 0.5}
    lesions = [{"kind": "mass", "classes": [EVIL], "pathology": "malignant", "diameter_mm": [12, 24]}]
    emit = {"formats": ["parquet"], "shard_size": 8}
    recipe = tiny.recipe(size=30, classes=classes, background=background, lesions=lesions, emit=emit)
    dataset = sm.build(recipe, tmp_path_factory.mktemp("explored") / "Films <b>")
    audited(dataset, sorted(dataset.keys)[:2], [])
    return dataset


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser(1600, 1100) as found:
        yield found


def count(page: Browser, text: str) -> None:
    page.wait(f"(document.querySelector('#count') || {{innerText: ''}}).innerText.startsWith({text!r})", 90)


def shot(page: Browser, name: str) -> None:
    if SHOTS:
        page.run("window.scrollTo(0, 0)")
        page.picture(Path(SHOTS) / f"{name}.png")


def choose(page: Browser, identity: str, value: str) -> None:
    """Choose an entry of a list, with the keyboard."""
    there(page, f"#{identity} input")
    page.run(f"document.querySelector('#{identity} input').focus()")
    page.run(f"document.querySelector('#{identity} input').select()")
    page.write(value)
    page.wait(f"[...document.querySelectorAll('[role=option]')].some((one) => one.innerText.includes({value!r}))")
    page.press("Enter")


@pytest.mark.slow  # its many steps each wait for a page, which a busy machine serves too late
def test_a_dataset_is_looked_through(page: Browser, made: sm.Dataset) -> None:
    with Server(made.path, "--train", str(made.path)) as server:
        page.open(server.address)
        count(page, "30 of 30 samples")
        page.wait("document.querySelectorAll('#thumbs figure').length === 24", 90)
        assert page.run("document.title") == "synthmammo explore Films <b>"
        press(page, "next")
        page.wait("document.querySelectorAll('#thumbs figure').length === 6", 60)
        press(page, "back")
        page.wait("document.querySelectorAll('#thumbs figure').length === 24", 60)
        choose(page, "filter-lesion", "malignant mass")
        with_lesions = sorted(sample.key for sample in made if sample.findings)
        count(page, f"{len(with_lesions)} of 30")
        page.wait(f"document.querySelectorAll('#thumbs figure').length === {len(with_lesions)}", 60)
        click(page, 5, 5, "#thumbs .frame", 1)
        there(page, "#view svg rect")
        first = source(page)
        assert with_lesions[1] in page.run("document.querySelector('#view figcaption').innerText")
        page.wait("document.querySelector('#facts').innerText.includes('malignant mass')")
        page.wait("document.querySelectorAll('#nearest tr').length === 2")
        shot(page, "dataset")
        slide(page, "window", 300)
        narrow = changed(page, first)
        page.run("document.querySelectorAll('#layers input')[1].click()")
        changed(page, narrow)
        page.run("document.querySelectorAll('#layers input')[0].click()")
        page.wait("!document.querySelector('#view svg rect')")
        press(page, "fit")
        page.wait("Number(document.querySelector('#window input[type=range]').value) > 300")
        choose(page, "filter-flag", "looks like a training image")
        page.wait("document.querySelector('#count').innerText.startsWith('0') || !!document.querySelector('#rows td')")
        choose(page, "filter-lesion", "all")
        count(page, "2 of 30")
        fill(page, "#rows ~ * textarea, textarea", "vew = 'CC'")
        page.run("document.querySelector('textarea').dispatchEvent(new KeyboardEvent('keypress', {key: 'Enter'}))")
        page.run("document.querySelector('textarea').focus()")
        page.press("Enter")
        page.wait("document.querySelector('#status').innerText.includes(\"no column is called 'vew'\")")
        press(page, "study")
        there(page, "#study-link a")
        assert page.run("document.querySelectorAll('img[src=x]').length") == 0
        page.open(page.run("document.querySelector('#study-link a').href"))
        page.wait("document.activeElement.dataset.task", 60)
        page.run("document.querySelector('[data-task=find]').click()")
        page.wait("document.body.dataset.ready === 'find-0'", 60)
        shot(page, "study")
        own = (server.address, "about:", "data:", f"blob:{server.address}")
        assert [address for address in page.requests if not address.startswith(own)] == []
        assert page.problems == []
