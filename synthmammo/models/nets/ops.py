"""The operations the networks are made of.

Everything here is stock PyTorch, differentiable twice (R1 and path-length regularisation need it), and meant for
channels-last memory, which the processor's and the GPU's matrix units read without rearranging.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
"""Slope of the leaky ReLU below 0."""

GAIN = math.sqrt(2)
"""Restores the second moment that a (leaky) ReLU halves."""

FIR = (1.0, 3.0, 3.0, 1.0)
"""The binomial low-pass of every change of resolution."""

_HALF_CLAMP = 256.0
_STRIP_NUMBERS = 4_000_000
"""Numbers in the output of one strip: 16 MB, half of what the C library hands out again without fresh pages."""

_CACHED_NUMBERS = 100_000
"""Numbers that a core's second cache holds, with room to spare."""


def fir_kernel(channels: int, like: Tensor, gain: float = 1.0) -> Tensor:
    """The separable low-pass as a depthwise kernel `(channels, 1, 4, 4)` that sums to `gain`, `like` another tensor."""
    taps = like.new_tensor(FIR)
    return (torch.outer(taps, taps) * (gain / 64)).expand(channels, 1, 4, 4)


def low_pass(x: Tensor, padding: int, stride: int = 1, gain: float = 1.0) -> Tensor:
    """Filter with the 4-tap binomial, zeros beyond the edges.

    Args:
        x: Maps, `(N, C, H, W)`.
        padding: Zeros on every side.
        stride: 2 keeps every other pixel of the result.
        gain: Sum of the kernel.

    Returns:
        `(N, C, (H + 2 padding - 4) // stride + 1, ...)`.
    """
    channels = x.shape[1]
    return F.conv2d(x, fir_kernel(channels, x, gain), stride=stride, padding=padding, groups=channels)


def upsample(x: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, then the low-pass with gain 4. `(N, C, H, W)` -> `(N, C, 2H, 2W)`."""
    channels = x.shape[1]
    return F.conv_transpose2d(x, fir_kernel(channels, x, 4.0), stride=2, padding=1, groups=channels)


def activate(x: Tensor, gain: float = GAIN, *, overwrite: bool = False) -> Tensor:
    """Leaky ReLU times a gain; in half precision clamped, so that nothing overflows to infinity.

    Args:
        x: Any shape.
        gain: Factor, above 0.
        overwrite: Whether x may be written to; it is only where no gradient is recorded.
    """
    in_place = overwrite and not torch.is_grad_enabled()
    x = F.leaky_relu(x, SLOPE, inplace=in_place)
    x = _times(x, gain, in_place) if gain != 1 else x
    if x.dtype != torch.float16:
        return x
    limit = _HALF_CLAMP * gain / GAIN
    return x.clamp_(-limit, limit) if in_place else x.clamp(-limit, limit)


def full_precision(x: Tensor) -> Tensor:
    """X itself, or its `float32` copy where it is of half precision."""
    return x.float() if x.dtype.itemsize < 4 else x


def _times(x: Tensor, factor: Tensor | float, in_place: bool) -> Tensor:
    return x.mul_(factor) if in_place else x * factor


def _in_strips(x: Tensor) -> bool:
    """Whether maps are worked on in strips: where a processor has caches, and no gradient needs the steps between."""
    return x.device.type == "cpu" and not torch.is_grad_enabled()


def _up_conv(x: Tensor, weight: Tensor) -> Tensor:
    return low_pass(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4.0)


def _up_conv_in_strips(x: Tensor, weight: Tensor, factor: Tensor) -> Tensor:
    # Fresh memory of tens of megabytes costs as much as the filter: what lies between the steps is kept small, and the
    # factor is applied on the way to where the strips end up.
    count, _, height, width = x.shape
    step = max(1, _STRIP_NUMBERS // (count * weight.shape[0] * 4 * width))
    if step >= height:
        return _up_conv(x, weight).mul_(factor)
    shape = (count, weight.shape[0], 2 * height, 2 * width)
    out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    for row in range(0, height, step):
        rows, halo = min(step, height - row), min(row, 1)
        strip = _up_conv(x[:, :, row - halo : row + rows + 1], weight)
        inner = strip[:, :, 2 * halo : 2 * (halo + rows)]
        torch.mul(inner, factor, out=out[:, :, 2 * row : 2 * (row + rows)])
    return out


@dataclass(frozen=True)
class Kernel:
    """Weights of a modulated convolution as it uses them.

    Attributes:
        weight: Weights in the type of the activations, `(D, C, k, k)`; of half precision scaled per output channel.
        energies: Sums of squares over each k x k of these weights, `float32 (D, C)`.
    """

    weight: Tensor
    energies: Tensor

    @classmethod
    def of(cls, weight: Tensor, dtype: torch.dtype) -> Kernel:
        """Prepare weights, `float32 (D, C, k, k)`, for activations of a type."""
        if dtype.itemsize < 4:
            # The normalisation undoes any scale; without it products of half-precision numbers overflow.
            weight = weight / weight.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
        return cls(weight.to(dtype), weight.square().sum((2, 3)))


class KeptKernel:
    """The prepared weights of one layer, kept while the weights stay as they are and no gradient is recorded.

    Preparing them costs a tenth of an image of 256 x 256, since the sums run over memory in its least convenient order.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[object, ...], Kernel] | None = None

    def __deepcopy__(self, memo: object) -> KeptKernel:
        return KeptKernel()

    def __reduce__(self) -> tuple[type[KeptKernel], tuple[()]]:
        return KeptKernel, ()

    def of(self, weight: Tensor, dtype: torch.dtype) -> Kernel:
        """See `Kernel.of`."""
        if torch.is_grad_enabled() or weight.is_inference():
            return Kernel.of(weight, dtype)
        # Every write to a tensor raises its version; a move to another device gives it other memory.
        state = (weight._version, weight.data_ptr(), weight.device, dtype)
        if self._kept is None or self._kept[0] != state:
            self._kept = state, Kernel.of(weight, dtype)
        return self._kept[1]


def modulated_conv(
    x: Tensor, kernel: Kernel, style: Tensor, *, up: bool = False, gain: float = 1.0, overwrite: bool = False
) -> Tensor:
    """Convolution whose weights are scaled per sample and input channel, then normalised per output channel.

    Convolving with w' = w * s / |w * s| is the same as scaling the input by s, convolving with the shared w, and
    dividing the output by |w * s| (equations 1 to 3 of the StyleGAN2 paper, Karras et al. 2020): one convolution
    serves the whole batch.

    Args:
        x: Maps, `(N, C, H, W)`.
        kernel: Weights for the type of x, `(D, C, k, k)`, k odd.
        style: Factor on each channel in, `float32 (N, C)`.
        up: Double the resolution: transposed convolution with stride 2, then the low-pass.
        gain: Factor on the output, above 0.
        overwrite: Whether x may be written to; it is only where no gradient is recorded.

    Returns:
        `(N, D, H, W)`, or `(N, D, 2H, 2W)`, in the type of x.
    """
    in_place = overwrite and not torch.is_grad_enabled()
    if x.dtype.itemsize < 4:
        style = style / style.abs().amax(1, keepdim=True).clamp_min(1e-12)
    norms = (style.square() @ kernel.energies.t() + 1e-8).rsqrt()
    x = _times(x, style[:, :, None, None].to(x.dtype), in_place)
    weight, factor = kernel.weight, (norms * gain)[:, :, None, None].to(x.dtype)
    if up and _in_strips(x):
        return _up_conv_in_strips(x, weight, factor)
    x = _up_conv(x, weight) if up else F.conv2d(x, weight, padding=weight.shape[2] // 2)
    return _times(x, factor, not torch.is_grad_enabled())


def noisy_activation(x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    """Noise, bias and a leaky ReLU without gain; where no gradient is recorded x is written to.

    Args:
        x: Maps, `(N, C, H, W)`.
        noise: Noise maps, `(1, H, W)` or `(N, 1, H, W)`, or one number of either in place of H x W; in the type of x.
        bias: Biases, `(C, 1, 1)`, in the type of x.
    """
    if torch.is_grad_enabled():
        return activate(x + noise + bias, 1.0)
    noise, rows = noise.expand(*noise.shape[:-2], *x.shape[2:]), x.shape[2]
    if _in_strips(x):
        # A few rows at a time stay in the processor's cache for all three steps.
        rows = max(1, _CACHED_NUMBERS * rows // x.numel())
    for row in range(0, x.shape[2], rows):
        part = x[:, :, row : row + rows]
        part.add_(noise[..., row : row + rows, :]).add_(bias)
        activate(part, 1.0, overwrite=True)
    return x


class Linear(nn.Module):
    """A fully connected layer whose weights are scaled when used, so that one learning rate suits all layers.

    Args:
        inputs: Features in.
        outputs: Features out.
        bias: Initial bias.
        rate: Factor on the learning rate of this layer.
    """

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs)` -> `(N, outputs)`."""
        scale = self.rate / math.sqrt(self.weight.shape[1])
        return F.linear(x, self.weight * scale, self.bias * self.rate if self.rate != 1 else self.bias)


class Conv(nn.Module):
    """A convolution with weights scaled when used, optionally with a low-pass and stride 2, then a leaky ReLU.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        size: Side of the kernel, 1 or 3.
        down: Halve the resolution.
        linear: No bias and no activation.
    """

    def __init__(self, inputs: int, outputs: int, size: int, *, down: bool = False, linear: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = None if linear else nn.Parameter(torch.zeros(outputs))
        self.down = down

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """`(N, C, H, W)` -> `(N, D, H, W)` or half of it, times `gain`."""
        outputs, inputs, size, _ = self.weight.shape
        scale = 1 / math.sqrt(inputs * size * size)
        padding, stride = size // 2, 1
        if self.down and size == 1:
            x = low_pass(x, padding=1, stride=2)
        elif self.down:
            x, padding, stride = low_pass(x, padding=2), 0, 2
        weight = (self.weight * scale).to(x.dtype)
        if self.bias is None:
            return F.conv2d(x, weight * gain, stride=stride, padding=padding)
        x = F.conv2d(x, weight, self.bias.to(x.dtype), stride=stride, padding=padding)
        return activate(x, GAIN * gain, overwrite=True)


def unit_second_moment(x: Tensor) -> Tensor:
    """Each row of `(N, C)` divided by its root mean square."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def append_batch_deviation(x: Tensor, group: int) -> Tensor:
    """Add one channel: the standard deviation over groups of samples, averaged over channels and pixels.

    Args:
        x: Maps, `(N, C, H, W)`.
        group: Largest size of a group; the largest divisor of N up to it is used.

    Returns:
        `(N, C + 1, H, W)`.
    """
    count, channels, height, width = x.shape
    group = next(size for size in range(min(group, count), 0, -1) if count % size == 0)
    groups = x.reshape(group, -1, channels, height, width)
    groups = full_precision(groups)
    # Not var(): over the first axis it runs one value at a time on the processor, 20 to 50 times slower than this.
    variance = (groups - groups.mean(0)).square().mean(0)
    deviation = (variance + 1e-8).sqrt().mean((1, 2, 3))
    plane = deviation.to(x.dtype).repeat(group)[:, None, None, None].expand(-1, 1, height, width)
    return torch.cat([x, plane], 1)


class SpectralConv(nn.Conv2d):
    """A convolution divided by its largest singular value (spectral normalisation, Miyato et al. 2018).

    The value is tracked by one power iteration a forward pass while training, and only read otherwise.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        size: Side of the kernel.
        stride: Stride of the convolution in pixels.
        padding: None keeps the size at stride 1.
    """

    u: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, padding: int | None = None) -> None:
        super().__init__(inputs, outputs, size, stride, size // 2 if padding is None else padding)
        self.register_buffer("u", F.normalize(torch.randn(outputs), dim=0, eps=1e-12))
        for _ in range(0 if self.weight.is_meta else 15):  # on the meta device there is nothing to find
            self._largest_singular_value(update=True)

    def _largest_singular_value(self, update: bool) -> Tensor:
        matrix = self.weight.flatten(1)
        with torch.no_grad():
            # New tensors, as autograd keeps them while the buffer moves on.
            v = F.normalize(matrix.t() @ self.u, dim=0, eps=1e-12)
            u = F.normalize(matrix @ v, dim=0, eps=1e-12)
            if update:
                self.u.copy_(u)
        return u @ matrix @ v

    def forward(self, input: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, D, H', W')`."""
        sigma = self._largest_singular_value(update=self.training)
        out: Tensor = self._conv_forward(input, self.weight / sigma, self.bias)
        return out


def clipped(images: Tensor) -> Tensor:
    """Images clipped to [-1, 1], whose gradients pass wherever following them does not lead further out."""

    def inward(gradient: Tensor) -> Tensor:
        outward = ((images < -1) & (gradient > 0)) | ((images > 1) & (gradient < 0))
        return gradient.masked_fill(outward, 0)

    limited = images.clamp(-1, 1)
    if not (torch.is_grad_enabled() and images.requires_grad):
        return limited
    shown = images + (limited - images).detach()
    shown.register_hook(inward)  # type: ignore[no-untyped-call]
    return shown
