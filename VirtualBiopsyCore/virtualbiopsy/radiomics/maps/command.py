"""The command ``virtualbiopsy maps``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ... import RESEARCH_USE_ONLY


def register(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser."""
    maps = commands.add_parser("maps", help="voxel-wise maps of radiomic features, as NRRD")
    maps.add_argument("image", type=Path, help="image file (NIfTI, NRRD, MetaImage)")
    maps.add_argument("mask", type=Path, help="mask file on the grid of the image")
    maps.add_argument("--label", type=int, default=1, help="value of the mask that is the region (1)")
    maps.add_argument(
        "--features",
        required=True,
        help="family:name or family, separated by commas, for example glcm:joint_entropy,statistics",
    )
    radius = maps.add_mutually_exclusive_group()
    radius.add_argument("--radius", type=int, help="of the kernel, in voxels (1)")
    radius.add_argument("--radius-mm", type=float, help="of the kernel, in mm")
    maps.add_argument(
        "--kernel",
        choices=("masked", "full"),
        default="masked",
        help="whether voxels outside the region count in the kernel (masked: they do not)",
    )
    maps.add_argument("--discretisation", default="fbn32", help="fbn32 (default), fbw25, …")
    maps.add_argument("--profile", choices=("ibsi", "pyradiomics"), default="ibsi")
    maps.add_argument("--aggregation", choices=("3d_average", "3d_merged"), default="3d_average")
    maps.add_argument("--out", type=Path, required=True, help="folder for the maps")
    maps.add_argument("--overwrite", action="store_true", help="replace maps that are there")
    maps.add_argument("--quiet", action="store_true", help="no progress on stderr")
    maps.set_defaults(run=_maps)


def _maps(options: argparse.Namespace) -> None:
    import SimpleITK as sitk

    from ...case.read import read_image
    from ...errors import EmptyRegionError, GeometryError
    from ...prepare.geometry import same_grid
    from ...progress import show, silent
    from .compute import feature_maps
    from .files import write_maps

    image, mask = read_image(options.image), read_image(options.mask)
    if not same_grid(image, mask):
        raise GeometryError(
            f"{options.mask.name} is not on the grid of {options.image.name}.", "Resample the mask first."
        )
    inside = sitk.GetArrayFromImage(mask) == options.label
    if not inside.any():
        raise EmptyRegionError(f"{options.mask.name} holds no voxel of the value {options.label}.")
    radius = options.radius if options.radius is not None or options.radius_mm is not None else 1
    found = feature_maps(
        sitk.GetArrayFromImage(image),
        inside,
        image.GetSpacing()[::-1],
        [feature.strip() for feature in options.features.split(",")],
        radius=radius,
        radius_mm=options.radius_mm,
        kernel=options.kernel,
        discretisation=options.discretisation,
        profile=options.profile,
        aggregation=options.aggregation,
        progress=silent if options.quiet else show,
    )
    reach = f"{options.radius_mm:g} mm" if options.radius_mm is not None else f"{radius} voxels"
    settings = {
        "kernel": f"{options.kernel}, radius {reach}",
        "discretisation": options.discretisation,
        "profile": options.profile,
        "aggregation": options.aggregation,
    }
    written = write_maps(options.out, found, image, settings, options.overwrite)
    if not options.quiet:
        print(file=sys.stderr)
    print(RESEARCH_USE_ONLY)
    for path in written:
        print(path)
