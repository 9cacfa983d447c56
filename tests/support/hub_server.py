"""A Hugging Face Hub in a thread: repositories, trees, commits and LFS, as far as publishing needs them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_right"
_LARGE = (".parquet", ".tar", ".png", ".safetensors")
"""What the default .gitattributes of a repository keeps as LFS."""


@dataclass
class Repository:
    """What one repository holds, by branch and path."""

    private: bool = False
    branches: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {".gitattributes": b"*.tar lfs\n"}})
    commits: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Hub:
    """The server's state.

    Attributes:
        url: Where it listens.
        repositories: By kind and name, e.g. "datasets/me/tiny".
        large: LFS objects by SHA-256.
        uploads: SHA-256 of LFS objects, in the order in which they came.
        fault: Asked before every request, with its method and path; a status stops it there.
    """

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    fault: Callable[[str, str], int | None] = lambda method, path: None

    def files(self, name: str, branch: str = "main") -> dict[str, bytes]:
        """What a repository's branch holds, without what was there from the start."""
        held = self.repositories[name].branches[branch]
        return {path: data for path, data in held.items() if path != ".gitattributes"}


@contextmanager
def running() -> Iterator[Hub]:
    """A Hub on a free port of this machine."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        body = self._body()
        path = unquote(urlsplit(self.path).path)
        status = self.hub.fault(method, path)
        if status:
            return self._send({"error": "a fault that the test asked for"}, status)
        if not path.startswith("/large/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._send({"error": "Invalid credentials"}, 401)
        for pattern, function in _ROUTES.items():
            if match := re.fullmatch(pattern, f"{method} {path}"):
                return self._send(*function(self, body, **match.groupdict()))
        raise AssertionError(f"the client asked for {method} {path}")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, content: Any, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status >= 400:
            self.send_header("X-Error-Message", content["error"])
        self.end_headers()
        self.wfile.write(data)

    def _create(self, body: bytes) -> tuple[Any, int]:
        asked = json.loads(body)
        kind = "" if asked.get("type", "model") == "model" else f"{asked['type']}s/"
        name = f"{asked['organization']}/{asked['name']}"
        known = f"{kind or 'models/'}{name}"
        url = {"url": f"{self.hub.url}/{kind}{name}"}
        if known in self.hub.repositories:
            return {"error": "You already created this repository", **url}, 409
        self.hub.repositories[known] = Repository(private=asked.get("visibility") == "private")
        return url, 200

    def _info(self, body: bytes, repo: str) -> tuple[Any, int]:
        return {"id": repo.partition("/")[2], "private": self.hub.repositories[repo].private, "sha": "0" * 40}, 200

    def _branch(self, body: bytes, repo: str, branch: str) -> tuple[Any, int]:
        branches = self.hub.repositories[repo].branches
        if branch in branches:
            return {"error": "Reference already exists"}, 409
        branches[branch] = dict(branches["main"])
        return {}, 200

    def _tree(self, body: bytes, repo: str, branch: str) -> tuple[Any, int]:
        entries: list[dict[str, Any]] = []
        for path, data in self.hub.repositories[repo].branches[branch].items():
            entry = {"type": "file", "path": path, "size": len(data), "oid": _git(data)}
            if path.endswith(_LARGE):
                sha256 = hashlib.sha256(data).hexdigest()
                entry |= {"oid": _git(sha256.encode()), "lfs": {"oid": sha256, "size": len(data), "pointerSize": 130}}
            entries.append(entry)
        return [*entries, {"type": "directory", "path": "parquet", "oid": "0" * 40}], 200

    def _yaml(self, body: bytes) -> tuple[Any, int]:
        import yaml

        text = json.loads(body)["content"]
        assert isinstance(yaml.safe_load(text.split("---\n")[1]), dict)
        return {"errors": [], "warnings": []}, 200

    def _preupload(self, body: bytes, repo: str, branch: str) -> tuple[Any, int]:
        def mode(path: str) -> str:
            return "lfs" if path.endswith(_LARGE) else "regular"

        paths = [file["path"] for file in json.loads(body)["files"]]
        return {"files": [{"path": path, "uploadMode": mode(path), "shouldIgnore": False} for path in paths]}, 200

    def _objects(self, body: bytes, repo: str) -> tuple[Any, int]:
        objects = []
        for asked in json.loads(body)["objects"]:
            upload = {"upload": {"href": f"{self.hub.url}/large/{asked['oid']}"}}
            objects.append(asked if asked["oid"] in self.hub.large else {**asked, "actions": upload})
        return {"transfer": "basic", "objects": objects}, 200

    def _large(self, body: bytes, sha256: str) -> tuple[Any, int]:
        if hashlib.sha256(body).hexdigest() != sha256:
            return {"error": "the bytes are not those that were announced"}, 400
        self.hub.large[sha256] = body
        self.hub.uploads.append(sha256)
        return {}, 200

    def _commit(self, body: bytes, repo: str, branch: str) -> tuple[Any, int]:
        lines = [json.loads(line) for line in body.splitlines()]
        repository = self.hub.repositories[repo]
        held = repository.branches[branch]
        changed = dict(held)
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                changed[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.hub.large:
                    return {"error": f"{value['path']} was never uploaded"}, 400
                changed[value["path"]] = self.hub.large[value["oid"]]
            else:
                assert line["key"] == "deletedFile"
                del changed[value["path"]]
        repository.branches[branch] = changed
        repository.commits.append({"paths": [line["value"]["path"] for line in lines[1:]], **lines[0]["value"]})
        oid = hashlib.sha1(body).hexdigest()
        return {"commitUrl": f"{self.hub.url}/{repo}/commit/{oid}", "commitOid": oid, "success": True}, 200


def _git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


_REPO = r"/api/(?P<repo>(datasets|models)/[^/]+/[^/]+)"
_ROUTES: dict[str, Callable[..., tuple[Any, int]]] = {
    "POST /api/repos/create": _Handler._create,
    "POST /api/validate-yaml": _Handler._yaml,
    f"GET {_REPO}": _Handler._info,
    f"POST {_REPO}/branch/(?P<branch>.+)": _Handler._branch,
    f"GET {_REPO}/tree/(?P<branch>.+)": _Handler._tree,
    f"POST {_REPO}/preupload/(?P<branch>.+)": _Handler._preupload,
    f"POST {_REPO}/commit/(?P<branch>.+)": _Handler._commit,
    r"POST /(?P<repo>.+)\.git/info/lfs/objects/batch": _Handler._objects,
    "PUT /large/(?P<sha256>[0-9a-f]{64})": _Handler._large,
}
