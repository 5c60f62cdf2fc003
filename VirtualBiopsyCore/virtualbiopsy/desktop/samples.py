"""The shipped simulated cases, in Slicer's Sample Data module."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from ..resources import resource
from ..tasks import Task

CATEGORY = "VirtualBiopsy"
SERIES_SUFFIX = ".seq.nrrd"
MASK_WORDS = ("tumour", "lesion", "mask", "label", "seg")
EARLIER = "earlier"
COMPARED = ("dce", "tumour_mask")
"""Of an earlier time point: what models of change look at."""

OUTLINES = ("tumour_mask", "lesion_mask", "tumour", "mask")
"""Files of a case that hold its outline, the first that is there."""

LEFT_OUT = ("breast_mask", "dwi_b0")
"""Files of a case that the modules do not ask for."""


def sample_name(task: Task) -> str:
    """Name in the Sample Data module, for example "MeningiomaSample"."""
    return "".join(word.capitalize() for word in task.sample.split("-"))


def sample_folder(task: Task) -> Path | None:
    """Return the folder of the shipped case, None if it is not there."""
    try:
        folder = resource(f"Cases/{task.sample}")
    except FileNotFoundError:
        return None
    return folder if sample_files(folder) else None


def sample_files(folder: Path) -> list[Path]:
    """The images and outlines of a case that the modules ask for, those of an earlier time point last; never
    its truth."""
    images = [path for path in sorted(folder.iterdir()) if path.name.endswith((".nrrd", ".nii.gz"))]
    chosen = [path for path in images if not path.name.startswith(LEFT_OUT)]
    earlier = folder / EARLIER
    before = sorted(earlier.iterdir()) if earlier.is_dir() else []
    return chosen + [path for path in before if path.name.startswith(COMPARED) and path.suffix != ".json"]


def _stem(path: Path, folder: Path) -> str:
    """Name of a file without its endings; that of an earlier time point says so."""
    name = path.name
    for suffix in (SERIES_SUFFIX, ".seg.nrrd", ".nii.gz", ".nrrd"):
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    return name if path.parent == folder else f"{EARLIER}-{name}"


def _endings(path: Path) -> str:
    return path.name[path.name.index(".") :]


def _file_type(path: Path) -> str:
    if path.name.endswith(SERIES_SUFFIX):
        return "SequenceFile"
    is_mask = any(word in path.name.lower() for word in MASK_WORDS)
    return "SegmentationFile" if is_mask else "VolumeFile"


def register_sample(task: Task, module_file: str) -> None:
    """Offer the shipped case of a task in the Sample Data module.

    Parameters
    ----------
    module_file : path of the module; its thumbnail is Resources/Icons/<sample name>.png beside it.
    """
    folder, name = sample_folder(task), sample_name(task)
    if folder is None:
        logging.info("%s: the sample case is not installed", task.module)
        return
    import SampleData

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # new in Slicer 5.12
        logic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    files = sample_files(folder)
    stems = [_stem(path, folder) for path in files]
    icon = Path(module_file).parent / "Resources" / "Icons" / f"{name}.png"
    logic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=name,
        thumbnailFileName=str(icon) if icon.exists() else None,
        uris=[path.as_uri() for path in files],
        fileNames=[f"{name}-{stem}{_endings(path)}" for path, stem in zip(files, stems, strict=True)],
        nodeNames=[f"{name}-{stem}" for stem in stems],
        loadFileTypes=[_file_type(path) for path in files],
        checksums=["SHA256:" + hashlib.sha256(path.read_bytes()).hexdigest() for path in files],
        customDownloader=lambda source: list(load_case(task).values()),
    )


def load_case(task: Task) -> dict[str, Any]:
    """Load the shipped case into the scene and return its nodes by file stem.

    The nodes carry how they were acquired, and forget their files: saving the scene must not write into the
    installed extension.
    """
    import slicer

    from .database import keep_acquired

    folder, nodes = sample_folder(task), {}
    for path in sample_files(folder) if folder is not None else ():
        stem = _stem(path, folder)
        properties = {"name": f"{sample_name(task)}-{stem}"}
        node = slicer.util.loadNodeFromFile(str(path), _file_type(path), properties)
        node = node[0] if isinstance(node, (list, tuple)) else node  # a sequence comes with its browser
        keep_acquired(node, path)
        storage = node.GetStorageNode()
        if storage is not None:
            slicer.mrmlScene.RemoveNode(storage)
        nodes[stem] = node
    return nodes


def sample_parameters(task: Task, nodes: dict[str, Any], logic: Any) -> dict[str, Any]:
    """What the parameter node of a module holds for the shipped case, by name.

    Parameters
    ----------
    nodes : of :func:`load_case`. logic : of the task's module.
    """
    chosen: dict[str, Any] = {
        role: next((node for stem, node in nodes.items() if stem.split("_")[0] == role), None)
        for role in (*task.roles, *task.maps)
    }
    if task.dynamic:
        chosen["dynamic"] = logic.seriesOf(nodes["dce"])
        chosen["dce"] = logic.earlyPhase(chosen["dynamic"])
    segmentation = next(nodes[name] for name in OUTLINES if name in nodes)
    chosen["segmentation"] = segmentation
    chosen["segmentId"] = segmentation.GetSegmentation().GetNthSegmentID(0)
    if f"{EARLIER}-dce" in nodes:
        outline = nodes[f"{EARLIER}-tumour_mask"]
        chosen["earlier"] = logic.seriesOf(nodes[f"{EARLIER}-dce"])
        chosen["earlierSegmentation"] = outline
        chosen["earlierSegmentId"] = outline.GetSegmentation().GetNthSegmentID(0)
    return chosen
