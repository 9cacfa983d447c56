"""StyleGAN2 straight from its equations, float64, one sample and one step at a time: what `nets` is held against.

Nothing of the package is used. Weights come as a dictionary in the published naming.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64.0


def lrelu(x: Array) -> Array:
    return np.where(x > 0, x, 0.2 * x) * math.sqrt(2)


def correlate(x: Array, w: Array) -> Array:
    """Valid cross-correlation: `(C, H, W)` with `(D, C, k, k)` -> `(D, H - k + 1, W - k + 1)`."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (1, 2))
    return np.einsum("chwij,dcij->dhw", windows, w)


def upfirdn(x: Array, up: int, down: int, pad: tuple[int, int], gain: float) -> Array:
    """Zeros inserted, zeros around, the filter, every `down`-th pixel."""
    channels, height, width = x.shape
    stuffed = np.zeros((channels, height * up, width * up))
    stuffed[:, ::up, ::up] = x
    stuffed = np.pad(stuffed, ((0, 0), pad, pad))
    filtered = np.stack([correlate(plane[None], FILTER[None, None])[0] for plane in stuffed])
    return filtered[:, ::down, ::down] * gain


def normalise(x: Array) -> Array:
    return x / np.sqrt((x**2).mean() + 1e-8)


def mapping(weights: Weights, z: Array | None, label: Array | None, layers: int) -> Array:
    parts = [] if z is None else [normalise(z)]
    if label is not None:
        w = weights["embed.weight"]
        parts.append(normalise(w @ label / math.sqrt(w.shape[1]) + weights["embed.bias"]))
    x = np.concatenate(parts)
    for index in range(layers):
        w, b = weights[f"fc{index}.weight"], weights[f"fc{index}.bias"]
        x = lrelu(0.01 * w @ x / math.sqrt(w.shape[1]) + 0.01 * b)
    return x


def under(weights: Weights, prefix: str) -> Weights:
    return {name[len(prefix) + 1 :]: value for name, value in weights.items() if name.startswith(prefix + ".")}


def affine(weights: Weights, w: Array) -> Array:
    return weights["affine.weight"] @ w / math.sqrt(len(w)) + weights["affine.bias"]


def styled(weights: Weights, x: Array, w: Array, noise: Array, up: bool) -> Array:
    kernel = weights["weight"] * affine(weights, w)[None, :, None, None]
    kernel = kernel / np.sqrt((kernel**2).sum((1, 2, 3), keepdims=True) + 1e-8)
    if up:
        # Convolution (kernel turned by 180 degrees) over the zero-inserted input, then the low-pass.
        stuffed = np.zeros((len(x), 2 * x.shape[1] - 1, 2 * x.shape[2] - 1))
        stuffed[:, ::2, ::2] = x
        stuffed = np.pad(stuffed, ((0, 0), (2, 2), (2, 2)))
        x = upfirdn(correlate(stuffed, kernel[:, :, ::-1, ::-1]), 1, 1, (1, 1), 4.0)
    else:
        x = correlate(np.pad(x, ((0, 0), (1, 1), (1, 1))), kernel)
    return lrelu(x + weights["noise_strength"] * noise + weights["bias"][:, None, None])


def synthesis(weights: Weights, ws: Array, resolution: int) -> Array:
    x, image, index, size = weights["b4.const"], None, 0, 4
    while size <= resolution:
        block = under(weights, f"b{size}")
        if size > 4:
            part = under(block, "conv0")
            x = styled(part, x, ws[index], part["noise_const"], up=True)
            index += 1
        part = under(block, "conv1")
        x = styled(part, x, ws[index], part["noise_const"], up=False)
        index += 1
        part = under(block, "torgb")
        kernel = part["weight"] * (affine(part, ws[index]) / math.sqrt(len(x)))[None, :, None, None]
        added = correlate(x, kernel) + part["bias"][:, None, None]
        image = added if image is None else upfirdn(image, 2, 1, (2, 1), 4.0) + added
        size *= 2
    assert image is not None
    return image


def conv(weights: Weights, x: Array, padding: int, stride: int = 1, active: bool = True) -> Array:
    w = weights["weight"]
    x = correlate(np.pad(x, ((0, 0), (padding, padding), (padding, padding))), w / math.sqrt(w[0].size))
    x = x[:, ::stride, ::stride]
    return lrelu(x + weights["bias"][:, None, None]) if active else x


def linear(weights: Weights, x: Array) -> Array:
    return weights["weight"] @ x / math.sqrt(len(x)) + weights["bias"]


def discriminator(weights: Weights, images: Array, group: int, labels: Array | None) -> Array:
    count, size = len(images), images.shape[-1]
    maps = [conv(under(weights, f"b{size}.fromrgb"), image, 0) for image in images]
    while size > 4:
        block = under(weights, f"b{size}")
        for i, x in enumerate(maps):
            shortcut = conv(under(block, "skip"), upfirdn(x, 1, 1, (1, 1), 1.0), 0, 2, active=False)
            x = conv(under(block, "conv0"), x, 1)
            x = conv(under(block, "conv1"), upfirdn(x, 1, 1, (2, 2), 1.0), 0, 2)
            maps[i] = (x + shortcut) * math.sqrt(0.5)
        size //= 2
    scores = np.zeros((count, 1))
    step = count // group
    for i, x in enumerate(maps):
        # Sample i is grouped with those whose number differs by a multiple of the number of groups.
        members = np.stack(maps[i % step :: step])
        deviation = np.sqrt(members.var(0) + 1e-8).mean()
        x = np.concatenate([x, np.full((1, 4, 4), deviation)])
        x = conv(under(weights, "b4.conv"), x, 1)
        x = linear(under(weights, "b4.out"), lrelu(linear(under(weights, "b4.fc"), x.reshape(-1))))
        if labels is not None:
            direction = mapping(under(weights, "mapping"), None, labels[i], 8)
            x = np.array([(x * direction).sum() / math.sqrt(len(direction))])
        scores[i] = x
    return scores
