"""The tools that audit what ships: one recipe, small, from the build to the sections and the table."""

import argparse
import json

import pytest

from tests.support.breasts import a_breast, write
from tools import audit_cards, audit_shipped, cards


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A repository with nothing in it but the places that are written to."""
    root = tmp_path / "root"
    (root / "cards" / "figures").mkdir(parents=True)
    (root / "page.md").write_text("before\n<!-- table -->\nold\n<!-- end -->\nafter\n")
    monkeypatch.setattr(audit_cards, "ROOT", root)
    monkeypatch.setattr(audit_cards, "SECTIONS", root / "cards" / "audits")
    monkeypatch.setattr(audit_cards, "PAGE", root / "page.md")
    monkeypatch.setattr(audit_cards, "MODELS", root)
    monkeypatch.setattr(cards, "ROOT", root)
    return root / "page.md"


@pytest.mark.slow
def test_a_recipe_is_built_audited_and_put_onto_its_card(tmp_path, monkeypatch, page):
    films = [a_breast(index) for index in range(36)] + [a_breast(100 + index, "validation") for index in range(30)]
    write(tmp_path / "films", films)
    monkeypatch.setitem(audit_shipped.SETTINGS, "phantom_views", {"background.spacing_mm": 2.0})
    monkeypatch.setenv("SYNTHMAMMO_CACHE", str(tmp_path / "cache"))
    paths = {"views": tmp_path / "films", "patches": tmp_path / "films"}
    options = argparse.Namespace(out=tmp_path / "out", names=["phantom_views"], size=30, **paths)
    audit_shipped.main(options)
    record = json.loads((tmp_path / "out" / "audits" / "phantom_views" / "audit.json").read_text())
    assert record["dataset"]["samples"] == 30 and record["train"]["samples"] == 36
    assert set(record["memorised"]["instruments"]) == {"registered pixels", "contrastive embedding"}
    assert (
        "of its making are stated" in {row["criterion"]: row["found"] for row in record["scorecard"]}["comprehension"]
    )
    assert len(list((tmp_path / "cache" / "audits").iterdir())) == 1

    audit_cards.main(tmp_path / "out")
    text = page.read_text()
    assert (
        text.startswith("before\n") and text.endswith("after\n") and "| [phantom_views](" in text and "old" not in text
    )
    section = (page.parent / "cards" / "audits" / "phantom_views.md").read_text()
    # Nothing is known of the licence of the films, so that their sheet is not shown.
    assert section.startswith("30 samples of the recipe") and "figures/" not in section
    card = cards.with_audit("phantom_views", "# phantom_views\n\n## Loading\n\nNothing.\n")
    assert card.count("## Audit") == 1 and cards.with_audit("phantom_views", card) == card
    assert cards.with_audit("another", card) == "# phantom_views\n\n## Loading\n\nNothing.\n"


def test_the_section_on_a_models_card_takes_the_place_of_the_last(page, monkeypatch):
    path = page.parent / "m.md"
    path.write_text("# m\n\nText.\n\n## Attribution\n\nSomebody.\n")
    for text in ("First ([why](../docs/a.md)).\n", "Second ![b](figures/b.jpg).\n"):
        audit_cards.on_model("m", text)
    found = path.read_text()
    assert "First" not in found and "(../../../cards/figures/b.jpg)" in found
    assert found.index("## Audit") < found.index("## Attribution") and found.endswith("Somebody.\n")
