"""The server of a study: one page, images, questions and answers; FastAPI behind a guard."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from synthmammo.errors import DatasetError, OutputError, SynthmammoError
from synthmammo.studying.answers import AnswerBook, Reader
from synthmammo.studying.guard import Application, Guard
from synthmammo.studying.study import Study
from synthmammo.studying.tasks import BIRADS, SCALE, TASKS, Rules, checked_answer, feedback, offered, question

PAGE = {
    "": ("index.html", "text/html; charset=utf-8"),
    "study.css": ("study.css", "text/css; charset=utf-8"),
    "viewer.js": ("viewer.js", "text/javascript; charset=utf-8"),
    "study.js": ("study.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
"""Files of the page by their path; nothing else is read for a path that a browser names."""


class Begin(BaseModel):
    """A reader who begins or goes on."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=400)
    resume: bool = False


class Reply(BaseModel):
    """An answer; its parts are checked against the question by `tasks.checked`."""

    model_config = ConfigDict(extra="forbid")
    number: int
    seconds: float
    comment: str = Field("", max_length=20_000)
    rating: int | None = None
    chosen: str | None = None
    marks: list[dict[str, Any]] | None = None


def page_file(name: str) -> bytes:
    """A file of the page, which comes with the package."""
    return (files("synthmammo.studying") / "page" / name).read_bytes()


def application(
    study: Study, rules: Rules | None = None, *, hosts: frozenset[str] | None = None, token: str | None = None
) -> Application:
    """The ASGI application of a study.

    Args:
        study: The study.
        rules: How it is read; by default as Zakka et al. did, without teaching.
        hosts: Names that requests may be addressed to, without the port; None for any, to be used with a token.
        token: What readers must bring; None where nothing is needed.

    Raises:
        OutputError: The extra `study` is not installed.
        DatasetError: Answers of an earlier session cannot be read.
    """
    try:
        from fastapi import FastAPI
    except ImportError as error:
        hint = 'Install it: pip install "synthmammo[study]"'
        raise OutputError("serving a study needs FastAPI and uvicorn", hint=hint) from error
    session = Session(study, rules or Rules())
    app = FastAPI(title="synthmammo study", docs_url=None, redoc_url=None, openapi_url=None)
    _add_page(app, session)
    _add_questions(app, session)
    return Guard(app, hosts, token)


class Session:
    """What the routes work on.

    Args:
        study: The study.
        rules: How it is read.
    """

    def __init__(self, study: Study, rules: Rules) -> None:
        self.study, self.rules, self.book = study, rules, AnswerBook(study.path)
        self.tasks = offered(study, rules)

    def about(self) -> dict[str, Any]:
        """What the page needs to begin; nothing of it tells an answer."""
        study, rules = self.study, self.rules
        return {
            "title": study.title,
            "cases": len(study.items),
            "shape": study.shape,
            "window": study.window,
            "tasks": self.tasks,
            "teach": rules.teach,
            "alternatives": rules.alternatives,
            "wrong_answers": rules.wrong_answers,
            "scale": SCALE,
            "birads": BIRADS,
            "twins": (study.path / "twins").is_dir(),
        }

    def begin(self, name: str, resume: bool) -> dict[str, Any]:
        """The reader of a name; see `Begin`."""
        found = self.book.named(name)
        if found is None:
            found = self.book.begin(name)
        elif not resume:
            raise Taken(found.name)
        return {"reader": found.id, "name": found.name}

    def reader(self, which: str, task: str) -> Reader:
        """The reader of an id, for a task that the study has."""
        reader = self.book.reader(which)
        if reader is None or task not in self.tasks:
            raise DatasetError("there is no such reader or task", hint="Begin on the first page.")
        return reader

    def next(self, which: str, task: str) -> dict[str, Any]:
        """What the reader sees next."""
        return question(self.study, self.reader(which, task), task, self.rules)

    def answer(self, which: str, task: str, answer: Reply) -> dict[str, Any]:
        """Put an answer on the disk; returns what comes next, and in teaching what was right."""
        with self.book.lock:
            asked = self.next(which, task)
            if asked["done"] or answer.number != asked["number"]:
                # Another window of the reader, or one that was not told that its answer was kept.
                return {"kept": False, "next": asked, "feedback": None}
            record = checked_answer(self.study, asked, answer.model_dump(), self.rules)
            reader = self.reader(which, task)
            self.book.add(reader, record)
            told = feedback(self.study, reader, record, self.rules) if self.rules.teach else None
            return {"kept": True, "next": self.next(which, task), "feedback": told}

    def pixels(self, image: str, reader: str, twin: bool) -> Path | None:
        """Path of an image; twins are for teaching, after the answer alone."""
        if not twin:
            return self.study.pixels(image)
        found = self.book.reader(reader)
        seen = {name for task in TASKS for one in (found.of(task, "teach") if found else ()) for name in _shown(one)}
        owner = image.partition("-")[0]
        return self.study.pixels(image, "twins") if self.rules.teach and owner in seen else None


class Taken(SynthmammoError):
    """Somebody reads under that name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a reader called '{name}' has begun already", where="name")


def _shown(record: dict[str, Any]) -> list[str]:
    return record["shown"] if "shown" in record else [record["item"]]


def _add_page(app: Any, session: Session) -> None:
    """Routes of the page and of images."""
    from fastapi import Response

    def page(name: str = "") -> Any:
        if name not in PAGE:
            return Response("There is nothing here.", 404, media_type="text/plain")
        file, kind = PAGE[name]
        return Response(page_file(file), media_type=kind)

    def image(name: str, reader: str = "", twin: bool = False) -> Any:
        path = session.pixels(name, reader, twin)
        if path is None:
            return Response("There is no such image.", 404, media_type="text/plain")
        return Response(path.read_bytes(), media_type="application/octet-stream")

    app.add_api_route("/api/images/{name}", image, methods=["GET"], response_model=None)
    app.add_api_route("/", page, methods=["GET"], response_model=None)
    app.add_api_route("/{name}", page, methods=["GET"], response_model=None)


def _add_questions(app: Any, session: Session) -> None:
    """Routes of readers, questions and answers; what goes wrong is one message."""
    from fastapi.responses import JSONResponse

    def about() -> dict[str, Any]:
        return session.about()

    def begin(body: Begin) -> dict[str, Any]:
        return session.begin(body.name, body.resume)

    def following(task: str, reader: str) -> dict[str, Any]:
        return session.next(reader, task)

    def answer(task: str, reader: str, body: Reply) -> dict[str, Any]:
        return session.answer(reader, task, body)

    async def refused(request: Any, error: Exception) -> Any:
        status = 409 if isinstance(error, Taken) else 507 if isinstance(error, OutputError) else 400
        return JSONResponse({"error": str(error).replace("\n ", "")}, status)

    app.add_api_route("/api/study", about, methods=["GET"])
    app.add_api_route("/api/readers", begin, methods=["POST"])
    app.add_api_route("/api/{task}", following, methods=["GET"])
    app.add_api_route("/api/{task}", answer, methods=["POST"])
    app.add_exception_handler(SynthmammoError, refused)
