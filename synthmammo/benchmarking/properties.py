"""Properties of images by which a benchmark forms subgroups."""

from __future__ import annotations

from synthmammo.mammogram.sample import Sample

SUBGROUPS = ("density", "view", "subtlety")
"""Properties by which tested images are grouped unless a configuration says otherwise."""

_OF_SAMPLE = ("view", "laterality", "label")


def property_of(sample: Sample, name: str) -> str:
    """A property of an image, or of its findings; an empty text where it is not known.

    Args:
        sample: The image.
        name: "density", "view", "laterality", "label", a name in its provenance, or a BI-RADS or other word of its
            findings such as "subtlety", "shape" or "margin".
    """
    if name in _OF_SAMPLE:
        return str(getattr(sample, name) or "")
    record = sample.history.background.record
    stated = record.get(name, sample.provenance.get(name))
    if stated is not None:
        return str(stated)
    words = {str(finding.descriptors[name]) for finding in sample.findings if name in finding.descriptors}
    return words.pop() if len(words) == 1 else ""
