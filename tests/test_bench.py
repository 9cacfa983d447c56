"""The scripts that measure sampling, with a stand-in for the checkout of the published implementation."""

import sys
from pathlib import Path

import pytest
import torch

from benchmarks import device as bench_device
from benchmarks import sampling as bench_sampling

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


def on_device(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    small = ["--resolutions", "32", "--base", "512", "--seconds", "60", "--matrix", "64", "--largest", "4"]
    monkeypatch.setattr(sys, "argv", ["bench_device.py", *small, *options])
    bench_device.main()


def of_batches(printed: str) -> list[list[str]]:
    """The lines of batches, by columns."""
    rows = [line.split() for line in printed.splitlines()]
    return [row for row in rows if row[:1] and row[0] in ("float32", "float16") and row[1].isdigit()]


def test_batches_grow_in_both_precisions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    on_device(monkeypatch, "--device", "cpu")
    rows = of_batches(capsys.readouterr().out)
    assert [row[:2] for row in rows] == [[kind, batch] for kind in ("float32", "float16") for batch in "14"]
    assert all(float(row[2]) > 0 and row[4].endswith("%") for row in rows)


def test_a_batch_that_does_not_fit_ends_the_growing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = bench_device.fastest

    def full(run, device, limits, rounds=5):
        if run().shape[0] == 4:  # images; the matrices have 64 rows
            raise torch.OutOfMemoryError
        return measured(run, device, limits, rounds)

    monkeypatch.setattr(bench_device, "fastest", full)
    on_device(monkeypatch, "--device", "cpu")
    rows = of_batches(capsys.readouterr().out)
    assert [" ".join(row[2:]) == "does not fit" for row in rows] == [False, True] * 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        on_device(monkeypatch)
    assert "no GPU is seen by torch" in capsys.readouterr().err
