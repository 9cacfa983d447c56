"""One lesion put onto one image, or taken off it, outside any dataset.

An inserted lesion is that of a build: the recipe with this one entry under `lesions` and this seed is planned, and its
first row goes through the same placement, generator and composition. So `insert_lesion(film, seed=7)` gives the pixels
that the first sample of that recipe has on that background.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synthmammo._version import PIXELS_VERSION
from synthmammo.arguments import a_name, a_number, a_positive, a_seed, wrong
from synthmammo.building.canvas import Canvas, Ground, Try
from synthmammo.building.insertion import Inserter
from synthmammo.building.placement import Site
from synthmammo.errors import GeneratorError, nearest
from synthmammo.generators.contextual import ContextualRemoval
from synthmammo.mammogram.history import Change, changed_record
from synthmammo.mammogram.planned import Candidate, PlannedLesion
from synthmammo.mammogram.sample import Box, Finding, Kind, Mask, Pathology, Sample
from synthmammo.mammogram.terms import TERMS
from synthmammo.models.names import is_model
from synthmammo.models.threads import one_thread
from synthmammo.planning.lesions import lesion_column
from synthmammo.planning.table import as_lesion
from synthmammo.recipe import LesionSpec, Recipe
from synthmammo.recipe.lesions import PAPER_POST

REMOVAL_MODEL = "zoo/contextual-removal"
MOST_FINDINGS = 255
"""Labels of lesions are 8 bits wide."""

_GRADES = ("normal", "benign", "malignant")
_PATHOLOGIES = (Pathology.MALIGNANT, Pathology.BENIGN)
_SPACING_HINT = (
    "State it: Sample.from_array(pixels, spacing_mm=...), assume_spacing_mm at ingest, or "
    "sample.with_(spacing_mm=(0.05, 0.05), spacing_origin=SpacingOrigin.ASSUMED)."
)
_MODEL = "the name of a model: zoo/NAME, the path of a .safetensors file, or hf://ORG/REPO/FILE@REVISION"


def insert_lesion(
    sample: Sample,
    *,
    seed: int,
    kind: str = "mass",
    pathology: str = "malignant",
    diameter_mm: float | None = None,
    contrast: float | None = None,
    descriptors: Mapping[str, str] | None = None,
    model: str | None = None,
    site: Site | None = None,
) -> Sample:
    """Put one synthetic lesion onto an image.

    Whatever is not stated is drawn from the seed, by the distributions that recipes have by default for the kind and
    the pathology. The same arguments give the same bytes. Outside the softened mask of the lesion no pixel changes.

    Args:
        sample: Image of a breast with known or assumed pixel spacing.
        seed: Seed of all draws, 0 to 2^63 - 1.
        kind: "mass" or "calcification".
        pathology: "malignant" or "benign": what the finding says, and what the draws go by.
        diameter_mm: Longest extent in millimetres, without spicules; default drawn.
        contrast: Peak of the lesion in units of [-1, 1], where 0.3 is 15 % of the grey levels of the breast; default
            drawn.
        descriptors: BI-RADS terms: `shape` and `margin` of a mass, `morphology` and `distribution` of calcifications,
            e.g. `{"margin": "spiculated"}`; those not named are drawn.
        model: Contextual GAN that makes the lesion, as zoo/NAME, path or hf://ORG/REPO/FILE@REVISION; default a drawn
            lesion. A network decides size, contrast and form itself, so that none of them may be stated.
        site: Middle of the lesion as (row, column) in pixels; default a place with enough tissue, off the pectoral
            muscle of oblique views and 3 mm away from other findings.

    Returns:
        A new sample with the lesion in `image` and `lesions`, a finding behind the others (`synthetic=True`, with box
        and descriptors), and a provenance whose `changes` say what was done. A `label` that is "normal", "benign" or
        "malignant" becomes the pathology where that is the graver one; other classes stay.

    Raises:
        GeneratorError: An argument makes no sense (its name comes first), the spacing is unknown, the lesion has no
            place, or the model makes something else.
        CheckpointError: There is no such model, or it is no contextual GAN.

    Example:
        >>> import numpy as np, synthmammo as sm
        >>> rows, columns = np.mgrid[:120, :80]
        >>> breast = np.hypot((rows - 60) / 55, columns / 75) < 1
        >>> film = sm.Sample.from_array(np.where(breast, 0.3 + rows / 400, 0), breast=breast, spacing_mm=1.0)
        >>> with_mass = sm.insert_lesion(film, kind="mass", diameter_mm=12, site=(60, 30), seed=7)
        >>> with_mass.label, len(with_mass.findings), bool((with_mass.image != film.image).any())
        ('malignant', 1, True)
    """
    _check_film(sample)
    recipe = _recipe(seed, kind, pathology, diameter_mm, contrast, descriptors, model)
    inserter, planned = Inserter(recipe), _planned(recipe)
    canvas, ground = _laid_out(sample, planned)
    with one_thread():
        if site is None:
            _check_room(ground, planned, canvas, recipe.lesions[0])
            reason = inserter.put((planned,), canvas, ground.places)
        else:
            reason = inserter.put_at(planned, canvas, _site(site, sample))
    if reason:
        raise _no_place(reason, sample, planned, site, model)
    change = Change("insert", seed, lesion=inserter.account(canvas.placed[0]), pixels_version=PIXELS_VERSION)
    return canvas.sample().with_(
        label=_graver(sample.label, planned.pathology), provenance=changed_record(sample.provenance, change)
    )


def remove_lesion(sample: Sample, finding: int = 0, *, model: str = REMOVAL_MODEL, seed: int = 0) -> Sample:
    """Take a finding off an image: a network paints tissue over its mask, or over its box where there is no mask.

    This is never an undo, neither of an inserted lesion nor of a real finding. The zoo's network learned it on masses
    of 8 to 17 mm drawn onto phantoms. On six masses of digitised films it took 20 to 70 % of the brightness above the
    surroundings and left a rim, so that larger round masses become rings; calcifications it does not know.

    Args:
        sample: Image with the finding, and with known or assumed pixel spacing.
        finding: Number of the finding in `sample.findings`, from 0.
        model: Contextual GAN that takes lesions off, as zoo/NAME, path or hf://ORG/REPO/FILE@REVISION.
        seed: Seed of the network's random numbers, 0 to 2^63 - 1.

    Returns:
        A new sample without the finding and its pixels in `lesions`. Pixels farther than 4 mm from the mask (the
        box) are those of `sample`. `provenance["changes"]` names the model and what was removed. A `label` that is
        "normal", "benign" or "malignant" becomes the gravest pathology left, "normal" where none is; it stays where a
        finding of unknown pathology, or one without a place, is left.

    Raises:
        GeneratorError: An argument makes no sense (its name comes first), the spacing is unknown, the finding is
            larger than what the network sees, or the model does not take lesions off.
        CheckpointError: There is no such model, or it is no contextual GAN.

    Example:
        >>> import numpy as np, synthmammo as sm
        >>> rows, columns = np.mgrid[:120, :80]
        >>> breast = np.hypot((rows - 60) / 55, columns / 75) < 1
        >>> film = sm.Sample.from_array(np.where(breast, 0.3 + rows / 400, 0), breast=breast, spacing_mm=1.0)
        >>> film = sm.insert_lesion(film, diameter_mm=12, site=(60, 30), seed=7)
        >>> without = sm.remove_lesion(film, 0)
        >>> without.label, without.findings, without.history.changes[-1].action
        ('normal', (), 'remove')
    """
    _check_film(sample)
    found = _finding(sample, finding)
    seed, model = a_seed(seed, "seed", GeneratorError), _model(model)
    generator = ContextualRemoval(model)
    tried = _removal_try(found, sample, model, seed)
    _check_field(found, finding, sample, generator.field_mm(tried.lesion), model)
    with one_thread():
        image = Canvas.of(sample).without(generator, tried, _extent(found, sample))
    left = tuple(one for number, one in enumerate(sample.findings) if number != finding)
    lesions = np.where(sample.lesions == found.label, np.uint8(0), sample.lesions) if found.label else sample.lesions
    removed: dict[str, Any] = {"kind": str(found.kind), "pathology": str(found.pathology), "box": list(found.box)}
    removed |= {"synthetic": found.synthetic, "descriptors": found.descriptors}
    change = Change("remove", seed, removed, model, generator.checkpoint.digest, PIXELS_VERSION)
    return sample.with_(
        image=image,
        lesions=lesions,
        findings=left,
        label=_label_left(sample, left),
        provenance=changed_record(sample.provenance, change),
    )


def _check_film(sample: Sample) -> None:
    if not isinstance(sample, Sample):
        raise wrong("sample", "a Sample", sample, GeneratorError, "Sample.from_array makes one of an array.")
    if sample.spacing_mm is None:
        message = "the pixel spacing is unknown, so a lesion's size in millimetres means nothing"
        raise GeneratorError(message, where=sample.key, hint=_SPACING_HINT)
    if not sample.breast.any():
        raise GeneratorError("its breast mask is empty", where=sample.key, hint="State it: sample.with_(breast=...).")


def _recipe(
    seed: object,
    kind: object,
    pathology: object,
    diameter_mm: object,
    contrast: object,
    descriptors: object,
    model: object,
) -> Recipe:
    """The recipe whose first row has the lesion."""
    kind, pathology = (
        a_name(kind, TERMS, "kind", GeneratorError),
        a_name(pathology, _PATHOLOGIES, "pathology", GeneratorError),
    )
    stated: dict[str, Any] = {}
    for name, value, unit in (
        ("diameter_mm", diameter_mm, "millimetres"),
        ("contrast", contrast, "half the grey levels"),
    ):
        if value is not None:
            stated[name] = a_positive(value, name, unit, GeneratorError)
    if descriptors is not None:
        stated["descriptors"] = _descriptors(descriptors, Kind(kind))
    if model is not None:
        stated["generator"] = _model(model)
        for name in ("diameter_mm", "contrast", "descriptors"):
            if name in stated:
                hint = "Leave it out, or leave out the model: then the lesion is drawn as stated."
                raise GeneratorError("a network decides this itself", where=name, hint=hint)
    entry = {"kind": kind, "classes": [pathology], **stated}
    content = {"seed": a_seed(seed, "seed", GeneratorError), "classes": {pathology: 1}, "lesions": [entry]}
    return Recipe.model_validate({"version": 1, "name": "film", "size": 1, **content})


def _descriptors(given: object, kind: Kind) -> dict[str, str]:
    terms = TERMS[kind]
    if not isinstance(given, Mapping):
        raise wrong("descriptors", "a mapping, e.g. {'margin': 'spiculated'}", given, GeneratorError)
    for term, word in given.items():
        if term not in terms:
            raise GeneratorError(f"a {kind} has no {term}", where="descriptors", hint=nearest(str(term), terms))
        a_name(word, terms[term], f"descriptors: {term}", GeneratorError)
    return dict(given)


def _model(given: object) -> str:
    if not isinstance(given, str | Path) or not is_model(str(given)):
        raise wrong("model", _MODEL, given, GeneratorError)
    return str(given)


def _planned(recipe: Recipe) -> PlannedLesion:
    first = np.zeros(1, np.int64)
    (lesion,) = lesion_column(recipe, first, first, first).to_pylist()[0]
    return as_lesion(lesion)


def _laid_out(sample: Sample, planned: PlannedLesion) -> tuple[Canvas, Ground]:
    if len(sample.findings) >= MOST_FINDINGS:
        raise GeneratorError(f"it has {len(sample.findings)} findings, the most there can be", where=sample.key)
    assert sample.spacing_mm and (breast := Box.around(sample.breast))
    height_mm, width_mm = breast.height * sample.spacing_mm[0], breast.width * sample.spacing_mm[1]
    if planned.diameter_mm > min(height_mm, width_mm):
        found = f"{planned.diameter_mm:.1f} mm is more than the breast has, {height_mm:.0f} mm by {width_mm:.0f} mm"
        hint = "State a smaller diameter_mm. Is the pixel spacing of the image right?"
        raise GeneratorError(found, where="diameter_mm", hint=hint)
    if planned.diameter_mm < min(sample.spacing_mm):
        found = f"{planned.diameter_mm:g} mm is less than a pixel has, {min(sample.spacing_mm):g} mm"
        raise GeneratorError(found, where="diameter_mm", hint="State a larger diameter_mm.")
    ground = Ground.of(sample)
    return Canvas.of(sample, ground), ground


def _check_room(ground: Ground, planned: PlannedLesion, canvas: Canvas, spec: LesionSpec) -> None:
    placement = spec.placement
    if len(ground.places.free(placement, planned.diameter_mm, canvas.taken)):
        return
    square = f"square of {placement.window_mm:g} mm"
    message = f"no site with enough tissue: no {square} that is {placement.tissue_share:.0%} breast is free of findings"
    raise GeneratorError(message, where=canvas.host.key, hint="Name one with site=(row, column).")


def _no_place(
    reason: str, sample: Sample, planned: PlannedLesion, site: Site | None, model: str | None
) -> GeneratorError:
    hint = "95 % of the square around a lesion must be breast, without another lesion in it; try another seed or site."
    if model:
        hint += " It may also be that the network sees nothing to put there."
    if site is None:
        return GeneratorError(reason, where=sample.key, hint=hint)
    return GeneratorError(f"a {planned.kind} of {planned.diameter_mm:.1f} mm cannot lie there", where="site", hint=hint)


def _site(given: object, sample: Sample) -> Site:
    expected = f"(row, column) inside the image of {sample.shape} pixels"
    if not isinstance(given, tuple | list | np.ndarray) or len(given) != 2:
        raise wrong("site", expected, given, GeneratorError)
    for place, side in zip(given, sample.shape, strict=True):
        if not isinstance(place, int | np.integer) or isinstance(place, bool) or not 0 <= place < side:
            raise wrong("site", expected, tuple(given), GeneratorError)
    return int(given[0]), int(given[1])


def _graver(label: str, pathology: Pathology) -> str:
    if label not in _GRADES:
        return label
    return max(label, str(pathology), key=_GRADES.index)


def _label_left(sample: Sample, left: tuple[Finding, ...]) -> str:
    pathologies = {str(one.pathology) for one in left} or {"normal"}
    if sample.label not in _GRADES or sample.unlocated or not pathologies <= set(_GRADES):
        return sample.label
    return max(pathologies, key=_GRADES.index)


def _finding(sample: Sample, number: object) -> Finding:
    count = len(sample.findings)
    if not count:
        raise GeneratorError("it has no findings, so there is nothing to take off", where=sample.key)
    place = a_number(number, "finding", GeneratorError, least=0)
    if place >= count:
        raise wrong("finding", f"a number below {count}, as many findings as there are", number, GeneratorError)
    return sample.findings[place]


def _removal_try(found: Finding, sample: Sample, model: str, seed: int) -> Try:
    assert sample.spacing_mm
    box, (down, right) = found.box, sample.spacing_mm
    diameter_mm = max(box.height * down, box.width * right)
    lesion = PlannedLesion(found.kind, found.pathology, diameter_mm, 1.0, found.descriptors, ())
    spec = LesionSpec(kind=Kind.MASS, classes=["any"], generator=model, post=PAPER_POST[Kind.MASS])
    middle = (box.row0 + box.row1) // 2, (box.col0 + box.col1) // 2
    return Try(lesion, spec, Candidate(0.0, seed), 0, middle)


def _check_field(found: Finding, number: int, sample: Sample, field_mm: float, model: str) -> None:
    assert sample.spacing_mm
    sides = found.box.height * sample.spacing_mm[0], found.box.width * sample.spacing_mm[1]
    if max(sides) > field_mm:
        message = f"finding {number} is {sides[0]:.1f} mm by {sides[1]:.1f} mm, {model} sees {field_mm:.1f} mm"
        raise GeneratorError(message, where="finding", hint="A model with a larger field can take it off; this cannot.")


def _extent(found: Finding, sample: Sample) -> Mask:
    """The pixels of a finding: its mask, or all of its box where its source gave none."""
    if found.label:
        return np.equal(sample.lesions, found.label)
    mask = np.zeros(sample.shape, np.bool_)
    mask[found.box.slices] = True
    return mask
