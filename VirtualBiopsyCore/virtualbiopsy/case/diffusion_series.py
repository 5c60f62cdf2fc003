"""Finding the diffusion series among the images of a case."""

from __future__ import annotations

import re
from collections.abc import Sequence as Many
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from .diffusion import DiffusionSeries
from .geometry import same_grid
from .items import Item, common_name
from .roles import RoleGuess, words_of
from .tags import number


def take_diffusion(items: Many[Item]) -> tuple[list[Item], DiffusionSeries | None, list[str]]:
    """Find the diffusion series among the images of a case.

    Returns
    -------
    the images that stand for themselves (of the series, the one with the highest b-value), the series or
    None, and what the user should know.
    """
    rest, warnings = list(items), []
    diffusion: DiffusionSeries | None = None
    series = {item.series for item in rest if item.guess.role == "dwi" and item.series}
    weighted = [
        item
        for item in rest
        if item.guess.role == "dwi" or (item.series in series and "DiffusionBValue" in item.sequence.protocol)
    ]
    groups: list[list[Item]] = []
    for item in weighted:
        for group in groups:
            if same_grid(group[0].sequence.image, item.sequence.image):
                group.append(item)
                break
        else:
            groups.append([item])
    groups.sort(key=len, reverse=True)
    for group in groups:
        if len(group) < 2:
            continue
        known = [(b_value_of_item(item), item) for item in group]
        values = sorted({b for b, _ in known if b is not None})
        if len(values) < 2:
            what = "does not state its b-values" if not values else f"has b = {values[0]:g} s/mm² only"
            warnings.append(
                f"{common_name(group)} holds {len(group)} diffusion-weighted images but {what}; an ADC map "
                "needs two different b-values."
            )
            continue
        if diffusion is not None:
            break
        images, counts = [], []
        for value in values:
            same = _trace_or_all([item for b, item in known if b == value])
            images.append(_mean([item.sequence.image for item in same], geometric=value > 0))
            counts.append(len(same))
        last = [item for b, item in known if b == values[-1]][0]
        name = common_name(group)
        source = (
            "DiffusionBValue" if "DiffusionBValue" in last.sequence.protocol else "the names of the files"
        )
        diffusion = DiffusionSeries(
            name,
            tuple(values),
            tuple(images),
            tuple(counts),
            f"The b-values are from {source}.",
            dict(last.sequence.protocol),
            last.sequence.frame_of_reference,
            last.sequence.source,
        )
        gone = {id(item) for b, item in known if b is not None}
        rest = [item for item in rest if id(item) not in gone]
        listed = ", ".join(f"{b:g}" for b in values)
        reason = f"The highest of the b-values {listed} s/mm² of {name}."
        sequence = replace(last.sequence, name=f"{name} b{values[-1]:g}", image=images[-1])
        rest.append(replace(last, sequence=sequence, guess=RoleGuess("dwi", reason, 0.97)))
    return rest, diffusion, warnings


def b_value_of_item(item: Item) -> float | None:
    """b-value in s/mm² from the protocol, else from the name ("b800"); None if neither tells it."""
    value = number(item.sequence.protocol.get("DiffusionBValue"))
    if value is not None:
        return float(value)
    named = re.search(r" b ?=? ?(\d{1,5}) ", words_of(item.sequence.name))
    return float(named[1]) if named else None


def _trace_or_all(items: list[Item]) -> list[Item]:
    """Trace images where there are some; single directions beside them are the same data."""
    trace = [i for i in items if "TRACEW" in i.sequence.protocol.get("ImageType", "").upper().split("\\")]
    return trace or items


def _mean(images: list[sitk.Image], geometric: bool) -> sitk.Image:
    if len(images) == 1:
        return images[0]
    arrays = np.stack([sitk.GetArrayViewFromImage(image).astype(np.float32) for image in images])
    if geometric:
        with np.errstate(divide="ignore"):
            mean = np.exp(np.log(np.maximum(arrays, 0)).mean(axis=0))
    else:
        mean = arrays.mean(axis=0)
    result = sitk.GetImageFromArray(mean.astype(np.float32))
    result.CopyInformation(images[0])
    return result
