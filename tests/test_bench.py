"""The script that measures sampling, with a stand-in for the checkout of the published implementation."""

import sys
from pathlib import Path

import bench_sampling
import pytest

STAND_IN = """
import torch


class Generator(torch.nn.Module):
    \"\"\"The published signature; one convolution in place of the network.\"\"\"

    def __init__(self, z_dim, c_dim, w_dim, img_resolution, img_channels, mapping_kwargs={}, synthesis_kwargs={}):
        super().__init__()
        assert (z_dim, c_dim, w_dim, mapping_kwargs) == (512, 0, 512, {"num_layers": 8})
        assert synthesis_kwargs == {"channel_base": 512, "channel_max": 512, "num_fp16_res": 0}
        self.side = img_resolution
        self.conv = torch.nn.Conv2d(1, img_channels, 3, padding=1)

    def forward(self, z, c, truncation_psi=1, truncation_cutoff=None, **synthesis_kwargs):
        assert c is None and synthesis_kwargs == {"noise_mode": "const", "force_fp32": True}
        return self.conv(torch.zeros(len(z), 1, self.side, self.side))
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "networks.py").write_text(STAND_IN, encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, list[str]]:
    small = ["--threads", "1", "--resolution", "32", "--base", "512", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["bench_sampling.py", *small, *options])
    bench_sampling.main()
    printed = capsys.readouterr().out.splitlines()[2:]
    return {line[:20].strip(): line[20:].split() for line in printed}


def test_a_checkout_is_measured_beside_ours(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = lines(monkeypatch, capsys, "--reference", str(checkout))
    assert list(measured) == ["bare convolutions", "bare, channels-last", "synthmammo", "published"]
    assert all(float(columns[0]) >= 0 and columns[2].endswith("%") for columns in measured.values())


def test_without_one_it_is_left_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "published" not in lines(monkeypatch, capsys, "--reference", "nowhere")
