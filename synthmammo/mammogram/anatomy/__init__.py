"""Where things are on a mammogram: breast, chest wall, pectoral muscle, and the places a lesion can go."""

from synthmammo.mammogram.anatomy.breast import (
    Side,
    breast_mask,
    chest_wall_side,
    exposed,
    fibroglandular_share,
    foreign_objects,
    orient,
)
from synthmammo.mammogram.anatomy.pectoral import LEAST_SCORE, find_pectoral, pectoral_mask
from synthmammo.mammogram.anatomy.tissue import Sites, admissible_sites, site_from_draw, tissue_share, tissue_share_map

__all__ = [
    "LEAST_SCORE",
    "Side",
    "Sites",
    "admissible_sites",
    "breast_mask",
    "chest_wall_side",
    "exposed",
    "fibroglandular_share",
    "find_pectoral",
    "foreign_objects",
    "orient",
    "pectoral_mask",
    "site_from_draw",
    "tissue_share",
    "tissue_share_map",
]
