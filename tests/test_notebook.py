"""The notebook of the tutorial runs, says what it says, and holds no outputs: the pages are built with fresh ones."""

import resource
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorial" / "first_dataset.ipynb"
MOST_SECONDS = 30
"""Processor time, with that of the processes that the notebook starts."""


def seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_it_runs_in_seconds(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert [cell for cell in notebook.cells if cell.get("outputs")] == []
    before = seconds_of_children()
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert seconds_of_children() - before < MOST_SECONDS
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    assert "12 samples" in text and "mass malignant" in text
    assert any("image/png" in output.get("data", {}) for output in outputs)
