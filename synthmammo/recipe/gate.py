"""What an audit must find before a dataset counts as releasable: thresholds on the blocks of `audit.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from synthmammo.recipe.draws import Strict


class AtMost(Strict):
    """A number that must not be exceeded."""

    at_most: float = Field(description="Greatest value that passes")


class AtLeast(Strict):
    """A number that must be reached."""

    at_least: float = Field(description="Least value that passes")


class AuditGate(Strict):
    """An audit after the build, and what it must find.

    A dataset that misses a threshold is finished all the same, and marked as not releasable. An audit that is not able
    to judge never passes.
    """

    reference: str = Field(description="Dataset of real images the generators never saw; its splits other than train")
    train: str = Field(description="Dataset of the images the generators were trained on; its split train")
    memorised: AtMost | None = Field(None, description="Share of samples that look like training images; default any")
    near_duplicates: AtMost | None = Field(None, description="Share of samples in groups of near-duplicates")
    kernel_distance_x1000: AtMost | None = Field(None, description="Kernel distance to the real images, times 1000")
    frechet_distance: AtMost | None = Field(None, description="Frechet distance to the real images")
    two_sample_auc: AtMost | None = Field(None, description="AUC by which a classifier tells samples from real images")
    two_sample_auc_of_residues: AtMost | None = Field(None, description="The same on high-pass residues")
    seams: AtMost | None = Field(None, description="AUC of the detector of inserted lesions' borders")
    precision: AtLeast | None = Field(None, description="Share of samples that lie among real images")
    recall: AtLeast | None = Field(None, description="Share of real images that lie among samples")
    density: AtLeast | None = Field(None, description="Mean number of real neighbourhoods around a sample, over 5")
    coverage: AtLeast | None = Field(None, description="Share of real images with a sample near")

    @model_validator(mode="after")
    def _demands_something(self) -> AuditGate:
        if not self.demanded():
            raise ValueError("states no threshold; give one, e.g. memorised: {at_most: 0.01}")
        return self

    def demanded(self) -> dict[str, AtMost | AtLeast]:
        """The thresholds that are stated, by name."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in found.items() if isinstance(value, AtMost | AtLeast)}

    def unmet(self, record: Mapping[str, Any]) -> list[str]:
        """What an audit found that the gate does not let pass, as sentences; empty where it passes.

        Args:
            record: Content of `audit.json`.
        """
        found = [] if record["memorised"]["able"] else [f"the audit was {record['memorised']['verdict']}"]
        for name, limit in self.demanded().items():
            value = _value(name, record)
            if value is None:
                found.append(f"{name} could not be measured")
            elif isinstance(limit, AtMost) and not value <= limit.at_most:
                found.append(f"{name} is {value:.4g}, at most {limit.at_most:g} is demanded")
            elif isinstance(limit, AtLeast) and not value >= limit.at_least:
                found.append(f"{name} is {value:.4g}, at least {limit.at_least:g} is demanded")
        return found


def _value(name: str, record: Mapping[str, Any]) -> float | None:
    if name == "memorised":
        return float(record["memorised"]["share"])
    if name == "near_duplicates":
        return float(record["diversity"]["near_duplicates"]["share"])
    figure = record["seams"] if name == "seams" else record["realism"].get(name, {})
    value: float | None = figure.get("value")
    return value


def blamed(gate: AuditGate, record: Mapping[str, Any]) -> list[str]:
    """Keys of the samples without which the gate would be nearer to passing, sorted.

    They are the samples that look like training images and, where near-duplicates are limited, all but the first of
    each group.

    Args:
        gate: The gate.
        record: Content of `audit.json`.
    """
    keys = set(record["memorised"]["keys"]) if gate.memorised else set()
    if gate.near_duplicates:
        keys |= {key for group in record["diversity"]["near_duplicates"]["groups"] for key in sorted(group)[1:]}
    return sorted(keys)
