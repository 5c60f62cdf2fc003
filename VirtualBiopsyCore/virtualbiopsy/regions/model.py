"""Facts about a region that a reader wants to see beside the picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RegionFacts:
    """Measured on the outline as drawn, on its own grid.

    Attributes
    ----------
    voxels : number of voxels inside.
    volume_ml : voxel volume in mL.
    slices : number of axial slices touched.
    components : number of 26-connected parts.
    touches_border : whether a voxel lies on the border of the image.
    diameter_mm : maximum 3D diameter of the surface mesh, mm.
    diameter_ends : the two end points, LPS mm.
    axial_diameter_mm : maximum diameter in the axial slice with the largest area, mm.
    axial_diameter_ends : its two end points, LPS mm.
    """

    voxels: int
    volume_ml: float
    slices: int
    components: int
    touches_border: bool
    diameter_mm: float
    diameter_ends: tuple[tuple[float, float, float], tuple[float, float, float]]
    axial_diameter_mm: float
    axial_diameter_ends: tuple[tuple[float, float, float], tuple[float, float, float]]
