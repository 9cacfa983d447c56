"""A model as a Hugging Face Space: the same page, served by gradio itself where the Space runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from synthmammo._version import __version__
from synthmammo.arguments import a_path
from synthmammo.editing.directions.file import directions_file
from synthmammo.editing.parts.file import parts_file
from synthmammo.errors import GeneratorError, OutputError
from synthmammo.exploring.serving import Explored, page_of, require_gradio
from synthmammo.files import writing
from synthmammo.models.file import describe
from synthmammo.models.names import locate_model

if TYPE_CHECKING:
    import gradio

_GRADIO = "6.31.0"
"""Release of gradio that the page was last tested with, for a Space that is exported where there is none."""

_APP = '''\
"""The explorer of one model; `python app.py` serves it on this machine."""

from pathlib import Path

from synthmammo.exploring.space import launch_options, space_page

demo = space_page(Path(__file__).resolve().with_name("models") / {model!r})

if __name__ == "__main__":
    demo.launch(**launch_options())
'''

_TEXT = """\
# {title}

The explorer of [synthmammo](https://pypi.org/project/synthmammo/) with the model `{name}`: images by their seeds,
edited along directions and by parts, with lesions put on them. What was done is saved as a recipe that
`synthmammo build` makes. **The images are synthetic and not for diagnosis.**

{about}

`requirements.txt` names the release of synthmammo that wrote this Space. On your own machine: `pip install -r
requirements.txt`, then `python app.py`; or `synthmammo explore models/{name}`, which serves this machine alone.
"""


def export_space(what: str | Path, out: str | Path) -> list[Path]:
    """Write a Space: `app.py`, `requirements.txt`, `README.md` with the front matter, and the model.

    Args:
        what: Name of a StyleGAN2: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        out: Folder to write, which then is the content of the Space's repository.

    Returns:
        Paths of the files.

    Raises:
        GeneratorError: It is a dataset.
        CheckpointError: There is no such model, or it is no StyleGAN2.
        OutputError: The folder holds something else, or cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> files = sm.export_space("zoo/stylegan2-phantom-256", "space")
        >>> sorted(path.name for path in files)[:2]
        ['README.md', 'app.py']
    """
    explored, out = Explored.of(what), a_path(out, "out", OutputError)
    if explored.model is None:
        hint = "`synthmammo publish` brings a dataset to the Hub, where its viewer shows it."
        raise GeneratorError("a Space is of a model, and this is a dataset", where=what, hint=hint)
    if out.is_dir() and any(out.iterdir()) and not (out / "app.py").is_file():
        raise OutputError("holds something else", where=out, hint="Name another folder.")
    model = locate_model(explored.model)
    texts = {
        "app.py": _APP.format(model=model.name),
        "requirements.txt": f"synthmammo[app]=={__version__}\n",
        "README.md": _readme(model),
    }
    paths = [_written(out / name, text.encode()) for name, text in texts.items()]
    beside = (model, directions_file(model), parts_file(model), model.with_suffix(".md"))
    return [*paths, *(_copied(path, out / "models" / path.name) for path in beside if path.is_file())]


def space_page(model: str | Path) -> gradio.Blocks:
    """The page of a Space.

    Args:
        model: Path of the model's file.
    """
    require_gradio()
    folder = Path(tempfile.mkdtemp(prefix="synthmammo-space-"))
    os.environ.setdefault("GRADIO_TEMP_DIR", str(folder / "cache"))
    return page_of(Explored(model=str(model)), folder)


def launch_options() -> dict[str, Any]:
    """What a Space is launched with: the looks of the explorer, and nothing fetched from elsewhere."""
    from synthmammo.exploring.looks import CSS, DARK, theme

    looks = {"theme": theme(), "css": CSS, "js": DARK}
    return {**looks, "footer_links": [], "run_history": False, "ssr_mode": False, "pwa": False}


def _readme(model: Path) -> str:
    description = describe(model)
    title = f"Mammograms of {model.stem}"
    front = {
        "title": title,
        "emoji": "🩻",
        "colorFrom": "gray",
        "colorTo": "gray",
        "sdk": "gradio",
        "sdk_version": _gradio_version(),
        "python_version": "3.11",
        "app_file": "app.py",
        "pinned": False,
        "license": description.licence,
        "short_description": "Steer a generator of mammograms",
    }
    header = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    return f"---\n{header}---\n\n" + _TEXT.format(title=title, name=model.name, about=description.about).rstrip() + "\n"


def _gradio_version() -> str:
    try:
        return version("gradio")
    except PackageNotFoundError:
        return _GRADIO


def _written(path: Path, content: bytes) -> Path:
    with writing(path) as partial:
        partial.write_bytes(content)
    return path


def _copied(source: Path, path: Path) -> Path:
    with writing(path) as partial:
        shutil.copyfile(source, partial)
    return path
