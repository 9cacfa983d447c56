"""A host of noise, a lesion that is a disc, and tries to put it somewhere: fakes for the laws of building."""

import numpy as np

from synthmammo.building.canvas import Try
from synthmammo.generators.base import LesionChannel
from synthmammo.mammogram.planned import Candidate, PlannedLesion
from synthmammo.mammogram.sample import Kind, Pathology, Sample, SpacingOrigin
from tests.support import tiny

MASS, CALCIFICATION = tiny.TINY["lesions"]


def a_host(shape=(200, 160), spacing_mm=(1.0, 1.0), breast=None, seed=0, **changes) -> Sample:
    """Noise around grey level 1,000 on a breast that fills most of the image."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    if breast is None:
        breast = ((rows - shape[0] / 2) / (0.48 * shape[0])) ** 2 + (columns / (0.9 * shape[1])) ** 2 < 1
    image = np.where(breast, np.random.default_rng(seed).normal(1000, 150, shape).clip(300, 1700), 0)
    return Sample(
        "host", image.astype(np.uint16), 12, breast, np.zeros(shape, np.uint8), spacing_mm=spacing_mm,
        spacing_origin=SpacingOrigin.KNOWN if spacing_mm else SpacingOrigin.UNKNOWN, **changes,
    )  # fmt: skip


class Disc:
    """A lesion generator: a flat disc, or nothing at all for the seeds it is told to fail on."""

    facts = {}

    def __init__(self, spacing_mm=None, failing=(), exact=True, sign=1):
        self.spacing_mm, self.failing, self.exact, self.sign = spacing_mm, set(failing), exact, sign
        self.contexts = []

    def field_mm(self, lesion):
        return 2 * lesion.diameter_mm

    def __call__(self, context, lesion, seed):
        self.contexts.append(context)
        size = len(context.pixels)
        rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
        mask = np.hypot(rows, columns) * context.spacing_mm <= lesion.diameter_mm / 2
        mask &= seed not in self.failing
        channel = (self.sign * lesion.contrast * mask).astype(np.float32)
        return LesionChannel(channel, mask if self.exact else None)


def a_lesion(diameter_mm=10.0, contrast=0.5, seeds=(1,), sites=None) -> PlannedLesion:
    sites = sites or [0.5] * len(seeds)
    candidates = tuple(Candidate(site, seed) for site, seed in zip(sites, seeds, strict=True))
    terms = {"shape": "round", "margin": "circumscribed"}
    return PlannedLesion(Kind.MASS, Pathology.MALIGNANT, diameter_mm, contrast, terms, candidates)


def a_spec(**changes):
    post = {"minimum_area": 0.001, "edge_px": 5}
    lesion = {**MASS, "classes": ["malignant", "benign"], "post": post, **changes}
    return tiny.recipe(lesions=[lesion]).lesions[0]


def a_try(lesion=None, site=(100, 60), spec=None, attempt=0) -> Try:
    lesion = lesion or a_lesion()
    return Try(lesion, spec or a_spec(), lesion.candidates[0], attempt, site)
