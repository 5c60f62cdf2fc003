"""Write a dynamic series as a Slicer sequence file (.seq.nrrd), which Slicer opens with its times."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk


def write_sequence_file(
    path: Path, phases: Sequence[sitk.Image], times_s: Sequence[float], *, compression: int = 4
) -> None:
    """Write int16 images of one grid and the second at which each began.

    The list axis comes first and its values are interleaved, as Slicer writes and reads volume sequences; the
    header follows the NRRD definition (teem.sourceforge.net/nrrd/format.html). Same input, same bytes.
    """
    first = phases[0]
    spacing, direction = first.GetSpacing(), np.reshape(first.GetDirection(), (3, 3))
    vectors = ["(" + ",".join(f"{v:.12g}" for v in direction[:, n] * spacing[n]) + ")" for n in range(3)]
    header = "\n".join(
        (
            "NRRD0005",
            "type: short",
            "dimension: 4",
            "space: left-posterior-superior",
            f"sizes: {len(phases)} " + " ".join(map(str, first.GetSize())),
            "space directions: none " + " ".join(vectors),
            "kinds: list domain domain domain",
            'labels: "time" "" "" ""',
            'units: "s" "" "" ""',
            "endian: little",
            "encoding: gzip",
            "space origin: (" + ",".join(f"{v:.12g}" for v in first.GetOrigin()) + ")",
            "DataNodeClassName:=vtkMRMLScalarVolumeNode",
            "axis 0 index type:=numeric",
            "axis 0 index values:=" + " ".join(f"{t:g}" for t in times_s),
        )
    )
    values = np.stack([sitk.GetArrayViewFromImage(phase) for phase in phases], axis=-1)
    data = gzip.compress(values.astype("<i2").tobytes(), compression, mtime=0)
    path.write_bytes(header.encode("ascii") + b"\n\n" + data)
