"""`explore`: which page is served where, and who may ask for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmammo.arguments import a_path, wrong
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.references import dataset_path
from synthmammo.dataset.selecting import condition
from synthmammo.errors import DatasetError, GeneratorError, OutputError
from synthmammo.models.suitable import require_stylegan2
from synthmammo.studying.guard import Application, Guard, Policy, is_loopback
from synthmammo.studying.serving import Place, listening

if TYPE_CHECKING:
    import gradio

MODEL = "zoo/stylegan2-phantom-256"
"""What is explored where nothing is named."""

_PATHS = ("/config", "/theme.css", "/favicon.ico", "/manifest.json", "/static/", "/assets/", "/study/")
_CALLS = ("queue/", "upload", "file=", "heartbeat/", "startup-events", "theme.css", "reset", "cancel", "info", "run/")
"""What the page asks gradio for; the rest of its addresses (proxies, monitoring, edits of pages) is refused."""

POLICY = Policy(
    cookie="synthmammo_explore",
    bodies=("application/json", "multipart/form-data"),
    largest=512 << 20,
    sources="default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; "
    "object-src 'none'; form-action 'none'; frame-ancestors 'none'",
    paths=("/", *_PATHS, *(f"/gradio_api/{name}" for name in _CALLS)),
)
"""Gradio's page has inline scripts, and templates that the browser compiles; nothing comes from elsewhere."""


@dataclass(frozen=True)
class Explored:
    """What is explored: a model or a dataset.

    Attributes:
        model: Name of the model; None for a dataset.
        dataset: Directory of the dataset; None for a model.
        where: Condition that the dataset's images must meet at first; None for all.
        audit: Directory of an audit of the dataset; None for the one inside it, where there is one.
        train: Directory of the dataset that its generator was trained on; None where it is not at hand.
    """

    model: str | None = None
    dataset: Path | None = None
    where: str | None = None
    audit: Path | None = None
    train: Path | None = None

    @classmethod
    def of(
        cls, what: object, where: str | None = None, audit: Path | None = None, train: Path | None = None
    ) -> Explored:
        """What a name or a path stands for; a directory is a dataset, anything else a model.

        Raises:
            DatasetError: The directory is no dataset, or the condition is not understood.
            CheckpointError: There is no such model, or it is no StyleGAN2.
        """
        if where is not None:
            condition(where)
        beside = {"where": where, "audit": audit, "train": train}
        if isinstance(what, Dataset):
            return cls(dataset=dataset_path(what, "what", DatasetError), where=where, audit=audit, train=train)
        if not isinstance(what, str | Path):
            raise wrong("what", "the name of a model, or a dataset or its path", what, GeneratorError)
        if a_path(what, "what", GeneratorError).is_dir():
            Manifest.read(Path(what))
            return cls(dataset=Path(what), where=where, audit=audit, train=train)
        if given := [name for name, value in beside.items() if value is not None]:
            raise GeneratorError("is of a dataset, and a model is explored", where=given[0], hint="Name a dataset.")
        require_stylegan2(what)
        return cls(model=str(what))


def explore(
    what: str | Path | Dataset = MODEL,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    browser: bool = False,
    where: str | None = None,
    audit: str | Path | None = None,
    train: str | Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Steer a model, or look through a dataset, in a browser; returns when it is interrupted.

    Nothing leaves the machine: the page is served to the browser with all that it needs.

    Args:
        what: Name of a StyleGAN2 (zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION), or a dataset or its directory.
        host: Address to listen at; only this machine reaches the default.
        port: Port to listen at; None for the first free one from 8000.
        token: What the link carries; needed where other machines can reach the server.
        browser: Whether the page is opened in this machine's browser.
        where: Condition that the images of a dataset must meet at first, in the grammar of
            `synthmammo.mammogram.where`; None for all.
        audit: Directory of an audit of the dataset, whose flags and nearest training images are shown; None for the one
            inside it, where there is one.
        train: Dataset that the generator was trained on, whose images are shown beside the samples; None for none.
        say: Takes the line that tells where the page is.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        DatasetError: The directory is no dataset, or the condition is not understood.
        OutputError: There is no token though other machines reach the host, the port is in use, the host is not one of
            this machine, or the extra `app` is not installed.

    Example:
        >>> import synthmammo as sm
        >>> try:
        ...     sm.explore(host="0.0.0.0")
        ... except sm.SynthmammoError as error:
        ...     print(error)
        host: 0.0.0.0 can be reached from other machines, and there is no token
          Add --token with a long random word, or leave --host at 127.0.0.1.
    """
    explored = Explored.of(what, where, _given(audit, "audit"), _given(train, "train"))
    require_gradio()
    bound, place = listening(Place(host, port, token))
    with bound, tempfile.TemporaryDirectory(prefix="synthmammo-explore-") as folder:
        hosts = frozenset({"127.0.0.1", "localhost", "::1", host}) if is_loopback(host) else None
        app = application(explored, Path(folder), hosts=hosts, token=token)
        import uvicorn

        say(f"{explored.model or explored.dataset} at {place.link()}")
        say("Ctrl-C ends it.")
        if browser:
            _open_browser(place.link())
        config = uvicorn.Config(app, log_level="warning", lifespan="on", server_header=False, date_header=False)
        uvicorn.Server(config).run(sockets=[bound])


def require_gradio() -> None:
    """Refuse to go on without gradio.

    Raises:
        OutputError: The extra `app` is not installed.
    """
    # Read as it is imported: nothing is reported, and no newer version is asked for.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        hint = 'Install it: pip install "synthmammo[app]"'
        raise OutputError("the explorer needs gradio", hint=hint) from error


def application(
    explored: Explored, folder: Path, *, hosts: frozenset[str] | None = None, token: str | None = None
) -> Application:
    """The ASGI application of the explorer.

    Args:
        explored: What is explored.
        folder: Folder for what is uploaded, inverted and saved, and for studies.
        hosts: Names that requests may be addressed to, without the port; None for any, to be used with a token.
        token: What the browser must bring; None where nothing is needed.

    Raises:
        OutputError: The extra `app` is not installed.
    """
    require_gradio()
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "cache")
    import gradio as gr
    from fastapi import FastAPI

    from synthmammo.exploring.looks import CSS, DARK, theme
    from synthmammo.exploring.studies import Studies

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    studies = Studies(folder / "studies")
    app.mount("/study", studies)
    page = page_of(explored, folder, studies)
    looks: dict[str, Any] = {"theme": theme(), "css": CSS, "js": DARK}
    saved = [str(folder / "saved")]
    app = gr.mount_gradio_app(
        app, page, "/", footer_links=[], run_history=False, ssr_mode=False, pwa=False, allowed_paths=saved, **looks
    )
    return Guard(app, hosts, token, POLICY)


def page_of(explored: Explored, folder: Path, studies: Any = None) -> gradio.Blocks:
    """The page of a model or of a dataset, as gradio takes it.

    Args:
        explored: What is explored.
        folder: Folder for what is uploaded, inverted and saved.
        studies: Where samples of a dataset are opened as a study; None for nowhere.
    """
    if explored.dataset is not None:
        from synthmammo.exploring.catalogue import Catalogue
        from synthmammo.exploring.dataset_page import dataset_page

        catalogue = Catalogue.open(explored.dataset, explored.audit, explored.train)
        return dataset_page(catalogue, studies, explored.where)
    from synthmammo.exploring.desk import Desk
    from synthmammo.exploring.model_page import model_page
    from synthmammo.exploring.painter import Painter

    assert explored.model is not None
    return model_page(Desk(Painter(explored.model), folder / "inverted"), folder / "saved")


def _given(path: str | Path | None, name: str) -> Path | None:
    return None if path is None else a_path(path, name, DatasetError)


def _open_browser(link: str) -> None:
    import threading
    import webbrowser

    # The server answers a moment later.
    timer = threading.Timer(1.0, webbrowser.open, [link])
    timer.daemon = True
    timer.start()
