"""The b-value of a DICOM image, from the standard element or a vendor's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .tags import first_item, number, private_number, text_of

SIEMENS, GE, PHILIPS, UIH = (0x0019, 0x100C), (0x0043, 0x1039), (0x2001, 0x1003), (0x0065, 0x1009)
B_VALUE_TAGS = (SIEMENS, GE, PHILIPS, UIH)
_GE_MARK = 1_000_000_000
_LARGEST = 100_000.0


def b_value_of(dataset: Any, groups: Sequence[Any] = ()) -> float | None:
    """b-value in s/mm², None if the image states none.

    (0018,9087), in enhanced objects inside MR Diffusion Sequence (0018,9117); else Siemens (0019,100C),
    GE (0043,1039), whose first value may have 10⁹ added and whose 0 counts in echo-planar images only,
    Philips (2001,1003), United Imaging (0065,1009).
    """
    holders = [first_item(group, "MRDiffusionSequence") for group in groups]
    for holder in (*holders, dataset):
        value = number(text_of(getattr(holder, "DiffusionBValue", None)))
        if value is not None:
            return _plausible(value)
    maker = text_of(getattr(dataset, "Manufacturer", None)).lower()
    for name, tag in (("siemens", SIEMENS), ("ge ", GE), ("philips", PHILIPS), ("uih", UIH), ("united", UIH)):
        if name in maker + " " and tag in dataset:
            value = private_number(dataset[tag].value)
            if value is not None and tag == GE:
                value %= _GE_MARK
                # Scanners write 0 into images that have nothing to do with diffusion.
                if value == 0 and "EP" not in text_of(getattr(dataset, "ScanningSequence", None)).split("\\"):
                    return None
            return None if value is None else _plausible(value)
    return None


def _plausible(value: float) -> float | None:
    return value if 0 <= value < _LARGEST else None
