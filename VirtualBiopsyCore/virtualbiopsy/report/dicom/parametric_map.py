"""The voxel ledger as a DICOM Parametric Map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from ... import RESEARCH_USE_ONLY
from ...errors import EmptyRegionError
from ...explain.model import Explanation
from .identity import MAKER, MAP, UTF8, scale_of, short, uid
from .library import highdicom

SERIES_NUMBER = 9101
_PERCENTILE = 99.0


def parametric_map(
    explanation: Explanation, headers: Sequence[Any], region_digest: str, instance_number: int = 1
) -> Any:
    """Level 1 of one model as a Parametric Map (float pixels; real world values are log-odds per voxel, or of
    the score that the explanation adds up to).

    The pixels are the voxels of `explanation.total` on its own grid, in the frame of reference of the source
    images; their sum is the localised part of that score (to the precision of 32 bits for each voxel).

    Parameters
    ----------
    headers : of the reference series, see :func:`virtualbiopsy.report.dicom.headers.source_headers`.
    region_digest : SHA-256 of the outline; identifiers follow from it.

    Returns
    -------
    pydicom Dataset (highdicom.pm.ParametricMap).

    Raises
    ------
    EmptyRegionError : nothing is localised, there is no map.
    MissingPackageError : highdicom is not installed.
    """
    hd = highdicom()
    if explanation.total is None:
        raise EmptyRegionError(
            f"The model {explanation.model_id} has no map: no feature has a place in the image.",
            "Export the structured report only.",
        )
    values = sitk.GetArrayFromImage(explanation.total).astype(np.float32)
    largest = float(np.abs(values).max())
    limit = float(np.percentile(np.abs(values[values != 0]), _PERCENTILE)) if largest > 0 else 1.0
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="LOGODDS" if explanation.sums_to == "log-odds" else "SCORE",
        lut_explanation=f"{explanation.sums_to} per voxel",
        unit=scale_of(explanation.sums_to).per_voxel,
        value_range=(-largest, largest),
        slope=1.0,
        intercept=0.0,
        quantity_definition=MAP,
    )
    first = headers[0]
    identity = (str(first.StudyInstanceUID), region_digest, explanation.model_id)
    made = hd.pm.ParametricMap(
        source_images=list(headers),
        pixel_array=values,
        series_instance_uid=uid("parametric map series", *identity[:2]),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid("parametric map", *identity),
        instance_number=instance_number,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            hd.VOILUTTransformation(window_center=0.0, window_width=max(2.0 * limit, 1e-12))
        ],
        content_label="VB_CONTRIBUTIONS",
        content_description=RESEARCH_USE_ONLY,
        content_qualification="RESEARCH",
        series_description=short(f"VirtualBiopsy {explanation.model_id}: contributions (research)"),
        specific_character_set=UTF8,
        **_geometry(hd, explanation.total),
        **MAKER,
    )
    made.ImageComments = (
        f"{RESEARCH_USE_ONLY}. Contribution of each voxel to the {explanation.sums_to} of the model "
        f"{explanation.model_id}, outline {region_digest}. The map explains the model, not the biology."
    )
    return made


def _geometry(hd: Any, image: sitk.Image) -> dict[str, Any]:
    """Pixel measures, orientation and plane positions of an image's slices."""
    direction = np.reshape(image.GetDirection(), (3, 3))
    dx, dy, dz = image.GetSpacing()
    return {
        "pixel_measures": hd.PixelMeasuresSequence(
            pixel_spacing=(dy, dx), slice_thickness=dz, spacing_between_slices=dz
        ),
        "plane_orientation": hd.PlaneOrientationSequence(
            coordinate_system="PATIENT",
            image_orientation=[float(x) for x in (*direction[:, 0], *direction[:, 1])],
        ),
        "plane_positions": [
            hd.PlanePositionSequence(
                coordinate_system="PATIENT",
                image_position=[float(x) for x in image.TransformIndexToPhysicalPoint((0, 0, k))],
            )
            for k in range(image.GetSize()[2])
        ],
    }
