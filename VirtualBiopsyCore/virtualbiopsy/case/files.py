"""Single image files (NIfTI, NRRD, MetaImage) and masks, checked before they are loaded."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import DimensionError, EmptyRegionError, NonFiniteError, OversizedFileError, UnreadableFileError
from .limits import MAX_BYTES, readable_size
from .nifti import check_nifti, is_nifti

IMAGE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr")
MAX_LABELS = 64
_SEQUENCE_SUFFIXES = (".seq.nrrd", ".seq.nhdr", ".seq.mha")

_BYTES = {
    sitk.sitkUInt8: 1, sitk.sitkInt8: 1, sitk.sitkUInt16: 2, sitk.sitkInt16: 2, sitk.sitkUInt32: 4,
    sitk.sitkInt32: 4, sitk.sitkUInt64: 8, sitk.sitkInt64: 8, sitk.sitkFloat32: 4, sitk.sitkFloat64: 8,
}  # fmt: skip

_COLOUR = (sitk.sitkVectorUInt8,)
_SCALAR = {
    sitk.sitkVectorUInt8: sitk.sitkUInt8, sitk.sitkVectorInt8: sitk.sitkInt8,
    sitk.sitkVectorUInt16: sitk.sitkUInt16, sitk.sitkVectorInt16: sitk.sitkInt16,
    sitk.sitkVectorUInt32: sitk.sitkUInt32, sitk.sitkVectorInt32: sitk.sitkInt32,
    sitk.sitkVectorFloat32: sitk.sitkFloat32,
}  # fmt: skip


def is_image_file(path: Path) -> bool:
    """Whether the name ends like that of an image file that is read here."""
    return path.name.lower().endswith(IMAGE_SUFFIXES)


def stem(path: Path) -> str:
    """File name without its image suffix (".nii.gz" and ".seq.nrrd" are one)."""
    name = path.name
    for suffix in sorted((*IMAGE_SUFFIXES, *_SEQUENCE_SUFFIXES), key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem


def read_image(path: Path | str, *, max_bytes: int = MAX_BYTES) -> sitk.Image:
    """Read a 3D scalar image.

    Raises
    ------
    UnreadableFileError : missing, damaged, truncated, or not an image.
    OversizedFileError : the header announces more than `max_bytes`; nothing is allocated then.
    DimensionError : 2D, 4D, colour, vector or complex.
    NonFiniteError : no voxel has a finite value.
    """
    path = Path(path)
    reader = header_of(path)
    size = list(reader.GetSize())
    _check_scalar(path, reader, size)
    needed = prod(size) * bytes_per_voxel(reader)
    if needed > max_bytes:
        raise OversizedFileError(
            f"{path.name} needs {readable_size(needed)}, more than the limit of {readable_size(max_bytes)}.",
            "Check the file; crop or resample the image if it is really that large.",
        )
    if reader.GetDimension() > 3:
        reader.SetExtractSize([*size[:3], *[0] * (reader.GetDimension() - 3)])
    not_finite = check_nifti(path) if is_nifti(path) else None
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise _unreadable(path) from error
    if not_finite is not None:
        values = sitk.GetArrayFromImage(image)
        values[not_finite.reshape(values.shape)] = np.nan
        marked = sitk.GetImageFromArray(values)
        marked.CopyInformation(image)
        image = marked
    if image.GetPixelID() in (sitk.sitkFloat32, sitk.sitkFloat64):
        values = sitk.GetArrayViewFromImage(image)
        if not np.isfinite(values).any():
            raise NonFiniteError(f"{path.name} holds no finite value.", "Export the image again.")
    return image


def header_of(path: Path) -> sitk.ImageFileReader:
    """A reader that has read the header of an image file.

    Raises
    ------
    UnreadableFileError : missing, empty, damaged, or not an image.
    """
    _check_exists(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path) from error
    return reader


def bytes_per_voxel(reader: sitk.ImageFileReader) -> int:
    """Bytes of one component."""
    return _BYTES.get(reader.GetPixelID(), _BYTES.get(_SCALAR.get(reader.GetPixelID(), -1), 8))


def is_colour(reader: sitk.ImageFileReader) -> bool:
    """Whether the file is a colour picture: three or four components of one byte."""
    return reader.GetNumberOfComponents() in (3, 4) and reader.GetPixelID() in _COLOUR


def read_mask(path: Path | str, *, max_bytes: int = MAX_BYTES) -> sitk.Image:
    """Read a mask as uint8, 1 inside: the union of all labels above 0.

    Raises
    ------
    EmptyRegionError : no voxel is labelled.
    UnreadableFileError, OversizedFileError, DimensionError : as :func:`read_image`, or the file holds an
        image and not labels.
    """
    return read_labels(path, max_bytes=max_bytes)[0]


def read_labels(path: Path | str, *, max_bytes: int = MAX_BYTES) -> tuple[sitk.Image, tuple[int, ...]]:
    """Read a mask as :func:`read_mask`, with the labels above 0 that it was made from."""
    path = Path(path)
    image = read_image(path, max_bytes=max_bytes)
    labels = labels_of(image)
    if labels is None:
        raise UnreadableFileError(
            f"{path.name} is an image and not a mask: its values are not a few whole numbers.",
            "Choose the file with the outline.",
        )
    inside = tuple(label for label in labels if label > 0)
    if not inside:
        raise EmptyRegionError(f"The mask {path.name} holds no voxel.", "Choose another file.")
    return binary(image), inside


def labels_of(image: sitk.Image) -> tuple[int, ...] | None:
    """Sorted label values of an image that holds at most 64 different whole numbers, otherwise None."""
    values = sitk.GetArrayViewFromImage(image)
    sample = np.unique(values.ravel()[:: max(1, values.size // 100_000)])
    if sample.size > MAX_LABELS:
        return None
    found = np.unique(values)
    if found.size > MAX_LABELS or not np.isfinite(found).all() or (found != np.round(found)).any():
        return None
    return tuple(int(v) for v in found)


def binary(image: sitk.Image) -> sitk.Image:
    """uint8 mask of the voxels above 0."""
    mask = sitk.GetImageFromArray((sitk.GetArrayViewFromImage(image) > 0).astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def _check_exists(path: Path) -> None:
    if path.is_dir():
        raise UnreadableFileError(f"{path.name} is a folder, not an image.", "Open it as a case.")
    if not path.is_file():
        raise UnreadableFileError(f"There is no file {path.name}.", "Check the name and the folder.")
    if path.stat().st_size == 0:
        raise UnreadableFileError(f"{path.name} is empty.", "Export or copy the image again.")


def _check_scalar(path: Path, reader: sitk.ImageFileReader, size: list[int]) -> None:
    components = reader.GetNumberOfComponents()
    if components > 1:
        kind = "a colour picture" if is_colour(reader) else None
        raise DimensionError(
            f"{path.name} is {kind or f'a stack of {components} volumes'}, not a 3D image.",
            "Export one volume of grey values, for a dynamic or diffusion series the one that is to be read.",
        )
    if reader.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64):
        raise DimensionError(f"{path.name} holds complex values.", "Export the magnitude image.")
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    volumes = prod(size[3:])
    if volumes > 1:
        raise DimensionError(
            f"{path.name} is four-dimensional: it holds {volumes} volumes of {'×'.join(map(str, size[:3]))}.",
            "Export the one that is to be read: a b-value, an echo or a phase.",
        )
    if len(size) < 3:
        raise DimensionError(
            f"{path.name} is a single two-dimensional picture of {'×'.join(map(str, size))}.",
            "Open the whole series instead.",
        )


def _unreadable(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path.name} cannot be read: it is damaged, truncated, or not an image.",
        "Copy or export it again; NIfTI, NRRD, MetaImage and DICOM are read.",
    )
