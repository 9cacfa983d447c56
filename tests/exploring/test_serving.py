"""Who may ask the explorer, where it listens, and a Space that runs by itself."""

import ast
import http.client
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import yaml

import synthmammo as sm
from synthmammo._version import __version__
from synthmammo.errors import SynthmammoError
from synthmammo.exploring import serving
from synthmammo.exploring.serving import POLICY
from synthmammo.exploring.space import export_space
from tests.support import tiny, tiny_models
from tests.support.explorers import Server

TOKEN = "a-long-word-for-tests"


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    headers: Message
    text: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("gradio")
    model = tiny_models.stylegan2_file(tmp_path_factory.mktemp("served") / "<b>m.safetensors")
    with Server(model, "--token", TOKEN) as made:
        yield made


def ask(server: Server, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Reply:
    """Ask for a path as it is written; headers are named with `_` for `-`, and an empty one is left out."""
    place = urlsplit(server.address)
    given = {"Cookie": f"synthmammo_explore={TOKEN}", "Content-Type": "application/json" if body else ""}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    try:
        connection.request(method, path, body, {name: value for name, value in given.items() if value})
        reply = connection.getresponse()
        return Reply(reply.status, reply.headers, reply.read().decode("utf-8", "replace"))
    finally:
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
def test_another_origin_is_refused(server: Server, headers: dict[str, str]) -> None:
    assert ask(server, "/config", **headers).status == 403
    assert ask(server, "/gradio_api/queue/join", "POST", b"{}", **headers).status == 403
    form = {"Content_Type": "multipart/form-data; boundary=x", **headers}
    assert ask(server, "/gradio_api/upload", "POST", b"--x--", **form).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../etc/passwd",
        "/gradio_api/file=..%2f..%2fpyproject.toml",
        "/gradio_api/file=pyproject.toml",
        "/static/../../../../../../../etc/passwd",
        "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/assets/..%2f..%2f..%2froutes.py",
        "/gradio_api/proxy=http://evil.example/",
        "/gradio_api/openapi.json",
        "/gradio_api/vibe-code",
        "/monitoring",
        "/docs",
        "/study/1/",
        "/study/../etc/passwd",
        "/etc/passwd",
    ],
)
def test_a_path_stays_inside(server: Server, path: str) -> None:
    reply = ask(server, path)
    assert reply.status in (403, 404) and "root:" not in reply.text and "[project]" not in reply.text


def test_the_page_names_nothing_elsewhere_and_escapes_names(server: Server) -> None:
    page = ask(server, "/")
    policy = page.headers["content-security-policy"]
    assert page.status == 200 and "connect-src 'self'" in policy and "http" not in policy
    assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"(https?:[^\"]+)\"", page.text) == []
    assert "<b>m" not in page.text
    theme = ask(server, "/theme.css")
    assert theme.status == 200 and re.findall(r"(?:url\(.?|@import .{0,5})https?:", theme.text) == []


def test_what_is_no_request_of_the_page_is_refused(server: Server) -> None:
    assert ask(server, "/config", "PUT").status == 405
    assert ask(server, "/gradio_api/queue/join", "POST", b"x", Content_Type="text/plain").status == 415
    assert POLICY.answers("/") and not POLICY.answers("/static/../x") and not POLICY.answers("/static/..\\x")


def test_the_token_is_needed_and_goes_into_a_cookie(server: Server) -> None:
    assert f"?token={TOKEN}" in server.address
    assert ask(server, "/config", Cookie="").status == 401 and ask(server, "/?token=wrong", Cookie="").status == 401
    opened = ask(server, f"/?token={TOKEN}", Cookie="")
    assert opened.status == 200 and "synthmammo_explore" in opened.headers["set-cookie"]
    assert ask(server, "/config").status == 200


def test_binding_beyond_this_machine_needs_a_token_and_a_port_in_use_is_told() -> None:
    pytest.importorskip("gradio")
    result = tiny.run("explore", "--host", "0.0.0.0")
    assert result.exit_code == 1 and "there is no token" in result.output
    result = tiny.run("explore", "--host", "0.0.0.0", "--token", "short")
    assert result.exit_code == 1 and "can be guessed" in result.output
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        result = tiny.run("explore", "--port", port)
    assert result.exit_code == 1 and f"port {port} is in use" in result.output and "The next free one" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothere"], "no such file"),
        (["zoo/contextual-mass"], "stylegan2"),
        (["."], "is not a finished dataset"),
        (["--where", "view = 'CC'"], "is of a dataset, and a model is explored"),
        (["--where", "vew = 'CC'"], "no column is called"),
        ([".", "--export-space", "out"], "is not a finished dataset"),
    ],
)
def test_what_cannot_be_explored(arguments: list[str], message: str) -> None:
    result = tiny.run("explore", *arguments)
    assert result.exit_code == 1 and message in result.output


def test_without_gradio_the_command_is_there_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert 'pip install "synthmammo[app]"' in " ".join(tiny.run("explore", "--help").output.split())
    result = tiny.run("explore")
    assert result.exit_code == 1 and 'pip install "synthmammo[app]"' in result.output
    with pytest.raises(SynthmammoError, match="needs gradio"):
        sm.explore()


def test_a_wrong_argument_is_named() -> None:
    with pytest.raises(SynthmammoError, match="what: expected the name of a model, or a dataset or its path, found 3"):
        sm.explore(3)  # type: ignore[arg-type]
    assert serving.Explored.of("zoo/stylegan2-phantom-256").model == "zoo/stylegan2-phantom-256"


def test_a_space_is_written_and_runs(tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    out = tmp_path / "space"
    result = tiny.run("explore", "zoo/stylegan2-phantom-256", "--export-space", out)
    assert result.exit_code == 0, result.output
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    model = "models/stylegan2-phantom-256"
    beside = {f"{model}.{ending}" for ending in ("safetensors", "directions", "parts", "md")}
    assert names == {"app.py", "requirements.txt", "README.md", *beside}
    front = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])
    import gradio

    assert front["sdk"] == "gradio" and front["sdk_version"] == gradio.__version__ and front["app_file"] == "app.py"
    assert (out / "requirements.txt").read_text() == f"synthmammo[app]=={__version__}\n"
    ast.parse((out / "app.py").read_text())
    code = (
        "import runpy; found = runpy.run_path('app.py')['demo'];"
        "from synthmammo.exploring.space import launch_options;"
        # Asked with a deadline of three seconds, which a busy machine misses.
        "import gradio.networking; gradio.networking.url_ok = lambda url: True;"
        "_, address, _ = found.launch(**launch_options(), prevent_thread_lock=True, quiet=True);"
        "import urllib.request; page = urllib.request.urlopen(address).read().decode();"
        "print(found.title, len(page) > 1000, 'fonts.googleapis' in page); found.close(verbose=False)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=out, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["synthmammo", "explore", f"{out}/{model}.safetensors", "True", "False"]
    assert {path.name for path in export_space("zoo/stylegan2-phantom-256", out)} >= {"app.py"}


def test_a_space_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SynthmammoError, match="holds something else"):
        export_space("zoo/stylegan2-phantom-256", tmp_path)
