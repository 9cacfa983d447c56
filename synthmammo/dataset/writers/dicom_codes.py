"""Views, findings and BI-RADS terms as DICOM codes (DICOM PS3.16, context groups 4014 and 6004 to 6016)."""

from __future__ import annotations

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from synthmammo.mammogram.sample import Kind, Pathology, View

VIEWS: dict[View, Code] = {
    View.CC: codes.cid4014.CranioCaudal,
    View.MLO: codes.cid4014.MedioLateralObliqueProjection,
}
"""CID 4014, View for Mammography."""

BREAST = codes.SCT.Breast
ABNORMAL = codes.SCT.MorphologicallyAbnormalStructure

STRUCTURES: dict[Kind, Code] = {
    Kind.MASS: codes.SCT.Mass,
    Kind.CALCIFICATION: codes.SCT.PathologicCalcification,
    Kind.DISTORTION: codes.SCT.ArchitecturalDistortionOfBreast,
    Kind.ASYMMETRY: codes.SCT.AsymmetricBreastTissue,
    Kind.OTHER: codes.SCT.Lesion,
}
"""What a segment shows."""

FINDINGS: dict[Kind, Code] = {
    Kind.MASS: codes.SCT.MammographicBreastMass,
    Kind.CALCIFICATION: codes.SCT.CalcificationCluster,
    Kind.DISTORTION: codes.SCT.ArchitecturalDistortionOfBreast,
    Kind.ASYMMETRY: codes.SCT.AsymmetricBreastTissue,
    Kind.OTHER: codes.SCT.Lesion,
}
"""CID 6014, Mammography Single Image Finding."""

PATHOLOGIES: dict[Pathology, Code] = {
    Pathology.MALIGNANT: codes.SCT.Malignant,
    Pathology.BENIGN: codes.SCT.Benign,
}
PATHOLOGY = codes.DCM.Pathology

TERMS: dict[str, tuple[Code, dict[str, Code]]] = {
    "shape": (
        codes.SCT.Shape,
        {"round": codes.SCT.RoundShape, "oval": codes.SCT.OvoidShapeOval, "irregular": codes.SCT.Irregular},
    ),
    "margin": (
        codes.DCM.Margins,
        {
            "circumscribed": codes.SCT.CircumscribedLesion,
            "microlobulated": codes.SCT.MicrolobulatedLesion,
            "obscured": codes.SCT.ObscuredLesion,
            "ill-defined": codes.SCT.IndistinctLesion,
            "spiculated": codes.SCT.SpiculatedLesion,
        },
    ),
    "morphology": (
        codes.DCM.CalcificationType,
        {
            "punctate": codes.SCT.PunctateCalcification,
            "amorphous": codes.SCT.AmorphousCalcification,
            "pleomorphic": codes.DCM.FinePleomorphicCalcification,
            "fine linear branching": codes.SCT.FineLinearBranchingCastingCalcification,
        },
    ),
    "distribution": (
        codes.DCM.CalcificationDistribution,
        {
            "grouped": codes.SCT.GroupedCalcificationDistribution,
            "linear": codes.SCT.LinearCalcificationDistribution,
            "segmental": codes.SCT.SegmentalCalcificationDistribution,
        },
    ),
}
"""Concept and values by descriptor (CID 6004, 6006, 6010, 6012); words of real archives beyond these have none."""
