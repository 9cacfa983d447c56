"""Who may ask the explorer, where it listens, and a Space that runs by itself."""

import ast
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import synthmammo as sm
from synthmammo._version import __version__
from synthmammo.errors import SynthmammoError
from synthmammo.exploring import serving
from synthmammo.exploring.serving import POLICY, Explored, application
from synthmammo.exploring.space import export_space
from tests.support import tiny, tiny_models

TOKEN = "a-long-word-for-tests"


def client(app: object, tmp_path: Path, **more: object) -> object:
    testclient = pytest.importorskip("fastapi.testclient")
    return testclient.TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False, **more)


@pytest.fixture
def app(tmp_path: Path) -> object:
    pytest.importorskip("gradio")
    model = tiny_models.stylegan2_file(tmp_path / "<b>m.safetensors")
    return application(Explored.of(str(model)), tmp_path / "work", hosts=frozenset({"127.0.0.1"}))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": ""},
    ],
)
def test_another_origin_is_refused(app: object, tmp_path: Path, headers: dict[str, str]) -> None:
    web = client(app, tmp_path)
    assert web.get("/config", headers=headers).status_code == 403
    assert web.post("/gradio_api/queue/join", json={}, headers=headers).status_code == 403
    files = {"files": ("x.png", b"x")}
    assert web.post("/gradio_api/upload", files=files, headers=headers).status_code == 403


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
def test_a_path_stays_inside(app: object, tmp_path: Path, path: str) -> None:
    reply = client(app, tmp_path).get(path)
    assert reply.status_code in (403, 404) and b"root:" not in reply.content and b"[project]" not in reply.content


def test_the_page_names_nothing_elsewhere_and_escapes_names(app: object, tmp_path: Path) -> None:
    page = client(app, tmp_path).get("/")
    policy = page.headers["content-security-policy"]
    assert page.status_code == 200 and "connect-src 'self'" in policy and "http" not in policy
    fetched = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"(https?:[^\"]+)\"", page.text)
    assert fetched == [] and "<b>m" not in page.text.replace("\\u003cb", "")
    theme = client(app, tmp_path).get("/theme.css").text
    assert "http" not in theme


def test_what_is_no_request_of_the_page_is_refused(app: object, tmp_path: Path) -> None:
    web = client(app, tmp_path)
    assert web.put("/config").status_code == 405
    assert web.post("/gradio_api/queue/join", content="x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert POLICY.answers("/") and not POLICY.answers("/static/../x") and not POLICY.answers("/static/..\\x")


def test_the_token_is_needed_and_goes_into_a_cookie(tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    model = tiny_models.stylegan2_file(tmp_path / "m.safetensors")
    web = client(application(Explored.of(str(model)), tmp_path / "work", token=TOKEN), tmp_path)
    assert web.get("/config").status_code == 401 and web.get("/?token=wrong").status_code == 401
    opened = web.get("/", params={"token": TOKEN})
    assert opened.status_code == 200 and "synthmammo_explore" in opened.headers["set-cookie"]
    assert web.get("/config").status_code == 200


def test_binding_beyond_this_machine_needs_a_token_and_a_port_in_use_is_told(tmp_path: Path) -> None:
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
        "import runpy, gradio; found = runpy.run_path('app.py')['demo'];"
        "from synthmammo.exploring.space import launch_options;"
        "_, address, _ = found.launch(**launch_options(), prevent_thread_lock=True, quiet=True, server_port=0 or None);"
        "import urllib.request; page = urllib.request.urlopen(address).read().decode();"
        "print(found.title, len(page) > 1000, 'fonts.googleapis' in page); found.close()"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=out, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["synthmammo", "explore", f"{out}/{model}.safetensors", "True", "False"]
    assert {path.name for path in export_space("zoo/stylegan2-phantom-256", out)} >= {"app.py"}


def test_a_space_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SynthmammoError, match="holds something else"):
        export_space("zoo/stylegan2-phantom-256", tmp_path)
