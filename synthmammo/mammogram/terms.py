"""BI-RADS terms for lesions and breast composition, and how often each term occurs in benign and malignant lesions.

The shares are round numbers in the direction of the BI-RADS atlas (5th edition, mammography, sections B1 and B2):
irregular shape, spiculated margin, pleomorphic and fine linear morphology and segmental distribution point to
malignancy. They are defaults; a recipe may state its own.
"""

from __future__ import annotations

from synthmammo.mammogram.sample import Kind, Pathology

DENSITIES = ("a", "b", "c", "d")
"""BI-RADS breast composition: almost entirely fatty, scattered, heterogeneously dense, extremely dense."""

VIEWS = ("CC", "MLO")
"""Standard views of screening: craniocaudal and mediolateral oblique."""

DENSITY_SHARES = {"a": 0.1, "b": 0.4, "c": 0.4, "d": 0.1}
"""Shares in a screening population, as the BI-RADS atlas gives them."""

ATTRIBUTES = {
    "area": "share of the image that is breast",
    "shape": "height of the breast over its reach from the chest wall",
    "position": "row of the breast's centre, as a share of the image's height",
    "density": "fibroglandular share of the breast",
    "brightness": "mean grey level of the breast, as a share of the range",
    "texture": "slope of the tissue's power spectrum; higher is smoother",
    "view": "probability of a mediolateral oblique view; 0 is craniocaudal",
    "pectoral_angle": "angle of the pectoral muscle's border to the horizontal, in degrees",
    "implant": "probability of an implant",
}
"""Attributes that are measured on whole mammograms, so that backgrounds can be edited and chosen by them."""

TERMS: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.MASS: {
        "shape": ("round", "oval", "irregular"),
        "margin": ("circumscribed", "microlobulated", "ill-defined", "spiculated"),
    },
    Kind.CALCIFICATION: {
        "morphology": ("punctate", "amorphous", "pleomorphic", "fine linear branching"),
        "distribution": ("grouped", "linear", "segmental"),
    },
}
"""BI-RADS terms by kind of lesion and descriptor."""

TERM_SHARES: dict[tuple[Kind, Pathology], dict[str, dict[str, float]]] = {
    (Kind.MASS, Pathology.MALIGNANT): {
        "shape": {"round": 0.10, "oval": 0.15, "irregular": 0.75},
        "margin": {"circumscribed": 0.05, "microlobulated": 0.15, "ill-defined": 0.35, "spiculated": 0.45},
    },
    (Kind.MASS, Pathology.BENIGN): {
        "shape": {"round": 0.30, "oval": 0.60, "irregular": 0.10},
        "margin": {"circumscribed": 0.75, "microlobulated": 0.15, "ill-defined": 0.10},
    },
    (Kind.CALCIFICATION, Pathology.MALIGNANT): {
        "morphology": {"punctate": 0.05, "amorphous": 0.25, "pleomorphic": 0.45, "fine linear branching": 0.25},
        "distribution": {"grouped": 0.50, "linear": 0.20, "segmental": 0.30},
    },
    (Kind.CALCIFICATION, Pathology.BENIGN): {
        "morphology": {"punctate": 0.70, "amorphous": 0.30},
        "distribution": {"grouped": 0.90, "linear": 0.05, "segmental": 0.05},
    },
}
"""Share of each term by kind, pathology and descriptor."""
