"""A case as a document and image files beside it, and back; paths never lead out of the folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ..case.clinical import CLINICAL, check_clinical
from ..case.diffusion import DiffusionSeries
from ..case.dynamic import DynamicSeries, Phase, PhaseMotion
from ..case.dynamic_series import with_dynamic
from ..case.model import ROLES, Case, Sequence
from ..case.read import read_case, read_image
from ..errors import UnreadableFileError
from ..progress import Progress, part
from .localpaths import local_path

Images = dict[str, sitk.Image]
"""Images to be written, by path relative to the folder."""


# Out ---------------------------------------------------------------------------------------------


class CaseWriter:
    """Turns cases into documents and collects the images that go with them.

    Parameters
    ----------
    folder : for the images, relative. copies : whether images that came from files are copied too.
    """

    def __init__(self, folder: str, copies: bool) -> None:
        self._folder, self._copies = folder, copies
        self.images: Images = {}

    def add(self, image: sitk.Image, name: str) -> str:
        """Keep an image for writing; returns its path."""
        path = f"{self._folder}/{len(self.images):02d}_{_plain(name)}.nrrd"
        self.images[path] = image
        return path

    def case(self, case: Case, path: str) -> dict[str, Any]:
        """The document of a case that was opened from `path`; clinical values are kept elsewhere."""
        return {
            "name": case.name,
            "path": path,
            "sequences": [self._sequence(sequence) for sequence in case.sequences],
            "regions": {name: self.add(mask, f"region_{name}") for name, mask in case.regions.items()},
            "warnings": list(case.warnings),
            "dynamic": self._dynamic(case.dynamic),
            "diffusion": self._diffusion(case.diffusion),
        }

    def _sequence(self, sequence: Sequence) -> dict[str, Any]:
        entry = _words(sequence, ("image",))
        if self._copies or not sequence.source:
            entry["image"] = self.add(sequence.image, sequence.name)
        return entry

    def _dynamic(self, series: DynamicSeries | None) -> dict[str, Any] | None:
        if series is None:
            return None
        entry = _words(series, ("phases", "motion", "flip_angles"))
        moved = any(motion.corrected for motion in series.motion)
        kept = self._copies or moved or not series.source
        entry["motion"] = [_words(motion, ()) for motion in series.motion]
        entry["phases"] = []
        for phase in series.phases:
            entry["phases"].append(_words(phase, ("image",)))
            if kept:
                entry["phases"][-1]["image"] = self.add(phase.image, f"{series.name}_{phase.name}")
        if kept:
            entry["flip_angles"] = {
                repr(float(angle)): self.add(image, f"{series.name}_flip_{angle:g}")
                for angle, image in series.flip_angles.items()
            }
        return entry

    def _diffusion(self, series: DiffusionSeries | None) -> dict[str, Any] | None:
        if series is None:
            return None
        entry = _words(series, ("images",))
        if self._copies or not series.source:
            entry["images"] = [
                self.add(image, f"{series.name}_b{b:g}")
                for b, image in zip(series.b_values, series.images, strict=True)
            ]
        return entry


def _words(value: Any, left_out: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a dataclass that JSON can hold."""
    found = {}
    for item in fields(value):
        if item.name in left_out:
            continue
        content = getattr(value, item.name)
        if isinstance(content, Mapping):
            content = {str(k): str(v) for k, v in content.items()}
        elif isinstance(content, tuple):
            content = list(content)
        if content is None or isinstance(content, (str, int, float, bool, dict, list)):
            found[item.name] = content
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:60] or "image"


def without_tags(image: sitk.Image) -> sitk.Image:
    """A copy without the meta-data dictionary, which may hold DICOM tags of a patient."""
    bare = sitk.Image(image)
    for key in bare.GetMetaDataKeys():
        bare.EraseMetaData(key)
    return bare


# Back --------------------------------------------------------------------------------------------


class CaseReader:
    """Puts cases together again from the documents of a session folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def image(self, relative: object) -> sitk.Image:
        """Read an image of the folder.

        Raises
        ------
        UnreadableFileError : it is missing or damaged, or its path leads out of the folder.
        """
        path = (self._folder / str(relative)).resolve()
        if not path.is_relative_to(self._folder) or os.path.isabs(str(relative)):
            raise UnreadableFileError(f"{relative} leads out of the session folder.", "Do not trust it.")
        return read_image(path)

    def case(self, entry: Mapping[str, Any], clinical: Mapping[str, Any], progress: Progress) -> Case:
        """Put a case together; images that were not copied are read where they were.

        Raises
        ------
        UnreadableFileError : an image or the document is damaged or missing, or a path leads out.
        """
        original = str(entry.get("path", ""))
        found = None
        if _refers(entry):
            found = read_case(local_path(original), progress=part(progress, 0.0, 0.7))
        progress(0.7, "Reading the images")
        try:
            case = Case(
                name=str(entry.get("name") or self._folder.name),
                sequences=tuple(self._sequence(item, found, original) for item in entry["sequences"]),
                regions={str(k): self.image(v) for k, v in dict(entry.get("regions") or {}).items()},
                clinical=check_clinical({k: v for k, v in clinical.items() if k in CLINICAL}),
                warnings=tuple(map(str, entry.get("warnings") or ())),
                dynamic=self._dynamic(entry.get("dynamic"), found),
                diffusion=self._diffusion(entry.get("diffusion"), found),
            )
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise UnreadableFileError(
                f"The case in {self._folder} is damaged ({str(error)[:100]}).",
                "Choose a folder that VirtualBiopsy saved.",
            ) from error
        if found is not None and found.dynamic is not None and case.dynamic is not None:
            # The marks decide which phase is the early one; what was read has the one of before.
            case = with_dynamic(replace(case, dynamic=found.dynamic), case.dynamic)
        return case

    def _sequence(self, entry: Mapping[str, Any], found: Case | None, original: str) -> Sequence:
        name, role = str(entry.get("name", "")), str(entry.get("role", "other"))
        common = {"role": role if role in ROLES else "other", "reason": str(entry.get("reason", ""))}
        if "image" not in entry:
            known = {sequence.name: sequence for sequence in found.sequences} if found is not None else {}
            if name not in known and role == "dce" and found is not None and found.dynamic is not None:
                name = found.sequence(role).name  # the early phase, which is named after its number
            if name not in known:
                raise UnreadableFileError(f"{name} is no longer at {original}.", "Put the images back there.")
            return replace(known[name], **common)
        return Sequence(
            name=name,
            image=self.image(entry["image"]),
            unit=_text(entry.get("unit")),
            frame_of_reference=_text(entry.get("frame_of_reference")),
            protocol=_protocol(entry),
            source=str(entry.get("source") or self._folder / str(entry["image"])),
            **common,
        )

    def _dynamic(self, entry: Mapping[str, Any] | None, found: Case | None) -> DynamicSeries | None:
        if entry is None:
            return None
        before = found.dynamic if found is not None else None
        known = {phase.name: phase.image for phase in before.phases} if before is not None else {}
        phases = []
        for item in entry["phases"]:
            name = str(item["name"])
            if "image" not in item and name not in known:
                raise UnreadableFileError(
                    f"{name} of the dynamic series is no longer there.", "Put the images back."
                )
            image = self.image(item["image"]) if "image" in item else known[name]
            phases.append(
                Phase(
                    name,
                    image,
                    _number(item.get("start_s")),
                    str(item.get("time_source", "")),
                    item.get("precontrast") is True,
                )  # fmt: skip
            )
        flips = {float(k): self.image(v) for k, v in dict(entry.get("flip_angles") or {}).items()}
        common = _series_words(entry, DynamicSeries, ("phases", "motion", "flip_angles"))
        return DynamicSeries(
            phases=tuple(phases),
            motion=tuple(PhaseMotion(**item) for item in entry.get("motion") or ()),
            flip_angles=flips or (before.flip_angles if before is not None else {}),
            **common,
        )

    def _diffusion(self, entry: Mapping[str, Any] | None, found: Case | None) -> DiffusionSeries | None:
        if entry is None:
            return None
        if "images" not in entry:
            return found.diffusion if found is not None else None
        common = _series_words(entry, DiffusionSeries, ("images", "b_values", "averaged"))
        return DiffusionSeries(
            images=tuple(self.image(path) for path in entry["images"]),
            b_values=tuple(map(float, entry["b_values"])),
            averaged=tuple(map(int, entry.get("averaged") or ())),
            **common,
        )


def segment_mask(path: Path, segment_id: str) -> sitk.Image:
    """One segment of a .seg.nrrd file as a mask (uint8).

    Raises
    ------
    UnreadableFileError : the file cannot be read, or has no such segment.
    """
    try:
        image = sitk.ReadImage(str(path))
        keys = [
            k for k in image.GetMetaDataKeys() if k.endswith("_ID") and image.GetMetaData(k) == segment_id
        ]
        number = keys[0].removesuffix("_ID")
        label = float(image.GetMetaData(f"{number}_LabelValue"))
        layer = f"{number}_Layer"
        index = int(image.GetMetaData(layer)) if image.HasMetaDataKey(layer) else 0
        if image.GetNumberOfComponentsPerPixel() > 1:
            image = sitk.VectorIndexSelectionCast(image, index)
        return without_tags(sitk.Cast(image == label, sitk.sitkUInt8))
    except (RuntimeError, IndexError, ValueError) as error:
        raise UnreadableFileError(
            f"The outline {segment_id!r} cannot be read from {path}.", "Save that session again."
        ) from error


def _refers(entry: Mapping[str, Any]) -> bool:
    """Whether a document names images without holding copies of them."""
    items = [*entry.get("sequences", ()), *((entry.get("dynamic") or {}).get("phases") or ())]
    return any("image" not in item for item in items)


def _series_words(entry: Mapping[str, Any], kind: type, left_out: tuple[str, ...]) -> dict[str, Any]:
    """Fields of a series that are words or numbers."""
    convert: dict[str, Callable[[Any], Any]] = {
        "protocol": lambda _: _protocol(entry),
        "frame_of_reference": _text,
        "duration_s": _number,
        "injection_s": _number,
    }
    return {
        item.name: convert.get(item.name, str)(entry[item.name])
        for item in fields(kind)
        if item.name in entry and item.name not in left_out
    }


def _protocol(entry: Mapping[str, Any]) -> dict[str, str]:
    return {str(k): str(v) for k, v in dict(entry.get("protocol") or {}).items()}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
