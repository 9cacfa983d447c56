"""The model's page in a real browser: what a person does there, and not one request elsewhere."""

import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import synthmammo as sm
from tests.support import explorers
from tests.support.browser import CHROMIUM, Browser, browser
from tests.support.explorers import Server, changed, click, fill, picked, press, said, slide, source, tab, there

pytest.importorskip("websocket")
pytest.importorskip("gradio")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
SHOTS = os.environ.get("SYNTHMAMMO_SHOTS")
"""Folder that pictures of the page are written into, for whoever wants to look at them."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("zoo/stylegan2-phantom-256") as made:
        yield made


@pytest.fixture(scope="module")
def browsing() -> Iterator[Browser]:
    with browser(1600, 1000) as made:
        yield made


@pytest.fixture
def page(browsing: Browser, server: Server) -> Iterator[Browser]:
    browsing.requests.clear()
    browsing.problems.clear()
    browsing.open(server.address)
    there(browsing, "#view .frame img")
    yield browsing
    check_requests(browsing, server)


def check_requests(page: Browser, server: Server) -> None:
    """No request of the session went elsewhere, and nothing was refused or failed."""
    own = (server.address, "about:", "data:", f"blob:{server.address}")
    assert [address for address in page.requests if not address.startswith(own)] == []
    assert page.problems == []


def shot(page: Browser, name: str) -> None:
    if SHOTS:
        page.run("window.scrollTo(0, 0)")
        page.picture(Path(SHOTS) / f"{name}.png")


def test_a_slider_moves_the_picture_and_its_time_is_shown(page: Browser) -> None:
    first = source(page)
    tab(page, "Attributes")
    slide(page, "direction-density", 2.5)
    moved = changed(page, first)
    said(page, "density +2.50 sd (0.") if not os.environ.get("SYNTHMAMMO_BUSY") else said(page, "density +2.50 sd (")
    assert page.run("Number(document.querySelector('#status [data-seconds]').dataset.seconds)") > 0
    picked(page, "mode", "side by side")
    page.wait("document.querySelectorAll('#view img').length === 2")
    assert [source(page, 0), source(page, 1)] == [first, moved]
    shot(page, "edited")
    picked(page, "mode", "blink")
    page.wait("getComputedStyle(document.querySelector('#view .blink figure:last-child')).animationName !== 'none'")
    picked(page, "mode", "difference")
    page.wait("document.querySelector('#view figcaption').innerText.startsWith('difference')")
    shot(page, "difference")
    picked(page, "mode", "before")
    page.wait("document.querySelector('#view figcaption').innerText === 'before'")
    assert source(page) == first
    picked(page, "mode", "after")
    changed(page, first)
    press(page, "undo")
    changed(page, moved)
    assert source(page) == first
    page.wait("document.querySelector('#direction-density input[type=range]').value === '0'")
    press(page, "redo")
    changed(page, first)
    assert source(page) == moved


def test_lesions_are_put_where_a_click_is_and_saved_as_a_recipe(
    page: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = source(page)
    tab(page, "Lesions")
    there(page, "#click-puts input")
    page.run("document.querySelector('#click-puts input').click()")
    click(page, 10, 10)
    said(page, "would hang over the skin")
    click(page, 150, 215)
    one = changed(page, first)
    said(page, "malignant mass")
    page.wait("document.querySelectorAll('#view svg rect').length === 1")
    page.wait("document.querySelector('#which input').value.startsWith('1: malignant mass')")
    slide(page, "diameter", 22)
    larger = changed(page, one)
    said(page, "22 mm")
    press(page, "again")
    other = changed(page, larger)
    shot(page, "lesion")
    assert len({first, one, larger, other}) == 4
    tab(page, "Save")
    fill(page, "#name textarea, #name input", "../../<b>Mine</b>")
    press(page, "save")
    there(page, "#files a[href]")
    text = page.run("document.querySelector('#yaml').innerText")
    assert "site" in text and "seeds" in text
    link = page.run("document.querySelector('#files a[href]').href")
    assert urllib.parse.unquote(link).endswith("b_mine_b.yaml") and ".." not in link
    content = page.run(f"fetch({link!r}).then((reply) => reply.text())")
    (tmp_path / "mine.yaml").write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (made,) = sm.build("mine.yaml", "made")
    shown = page.run(
        "(() => { const one = document.querySelector('#view img'), two = document.createElement('canvas');"
        "two.width = two.height = 256; const pen = two.getContext('2d'); pen.drawImage(one, 0, 0);"
        "return [...pen.getImageData(0, 0, 256, 256).data].filter((_, n) => n % 4 === 0); })()"
    )
    assert np.array_equal(np.array(shown).reshape(256, 256), made.image >> 4)
    tab(page, "Lesions")
    press(page, "remove")
    changed(page, other)
    assert source(page) == first


def test_a_part_is_clicked_and_then_a_reference(page: Browser) -> None:
    first = source(page)
    tab(page, "Parts")
    there(page, "#references figure")
    click(page, 150, 215)
    page.wait("/Part \\d+ is chosen/.test(document.querySelector('#chosen-part').innerText)")
    there(page, "#view svg path")
    assert page.run("document.querySelectorAll('#references figure').length") == 8
    click(page, 3, 3, "#references .frame", 2)
    taken = changed(page, first)
    said(page, "of seed 3")
    shot(page, "part")
    picked(page, "what", "layers")
    press(page, "take")
    changed(page, taken)
    said(page, "mixed with seed 3")


def test_another_sample(page: Browser) -> None:
    first = source(page)
    press(page, "another")
    second = changed(page, first)
    page.wait("document.querySelector('#seed input').value === '1'")
    slide(page, "truncation", 0.2)
    changed(page, second)
    said(page, "truncation 0.2")


def test_a_real_image_is_uploaded_and_inverted(page: Browser, tmp_path: Path) -> None:
    from synthmammo.mammogram import png

    picture = tmp_path / "<img src=x onerror=alert(1)>.png"
    rows = np.linspace(0, 1, 128)
    image = (np.maximum(0, 1 - ((rows[:, None] - 0.5) ** 2 + (rows[None] - 1) ** 2) * 4) * 200).astype(np.uint8)
    picture.write_bytes(png.encode(image))
    first = source(page)
    tab(page, "Real")
    there(page, "#upload input[type=file]")
    node = page.call("Runtime.evaluate", expression="document.querySelector('#upload input[type=file]')")
    page.call("DOM.setFileInputFiles", files=[str(picture)], objectId=node["result"]["objectId"])
    page.wait("!document.querySelector('#upload input[type=file]') || !!document.querySelector('#upload a')", 60)
    slide(page, "search-steps", 10)
    press(page, "invert")
    changed(page, first)
    said(page, "the real image")
    assert page.run("document.querySelectorAll('#status img, #steps img').length") == 0
    shot(page, "real")


def test_the_page_says_what_it_explores(page: Browser) -> None:
    assert page.run("document.title") == "synthmammo explore zoo/stylegan2-phantom-256"
    assert explorers.source(page).startswith("data:image/png")
