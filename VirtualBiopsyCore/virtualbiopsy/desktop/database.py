"""How a volume was acquired: from the DICOM database, from the node, from a file beside its own.

Nothing that names a patient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import slicer

from ..case.files import stem
from ..case.sidecar import read_sidecar
from ..case.tags import protocol_of, protocol_of_sidecar

ACQUIRED = "VirtualBiopsy.Acquired"
SIDECAR_TIMES = ("InjectionStart", "AcquisitionDuration")

TAGS: Mapping[str, str] = {
    "Modality": "0008,0060",
    "ImageType": "0008,0008",
    "BodyPartExamined": "0018,0015",
    "SeriesDescription": "0008,103E",
    "ContrastBolusAgent": "0018,0010",
    "ScanningSequence": "0018,0020",
    "SequenceVariant": "0018,0021",
    "MRAcquisitionType": "0018,0023",
    "SequenceName": "0018,0024",
    "SliceThickness": "0018,0050",
    "RepetitionTime": "0018,0080",
    "EchoTime": "0018,0081",
    "InversionTime": "0018,0082",
    "MagneticFieldStrength": "0018,0087",
    "EchoTrainLength": "0018,0091",
    "FlipAngle": "0018,1314",
    "DiffusionBValue": "0018,9087",
    "FrameOfReferenceUID": "0020,0052",
}
NOT_PROTOCOL = ("SeriesDescription", "FrameOfReferenceUID")
TIME_TAGS: Mapping[str, str] = {
    "AcquisitionDateTime": "0008,002A",
    "AcquisitionDate": "0008,0022",
    "AcquisitionTime": "0008,0032",
    "TriggerTime": "0018,1060",
    "TemporalPositionIdentifier": "0020,0100",
    "TemporalResolution": "0020,0110",
    "ContentDate": "0008,0023",
    "ContentTime": "0008,0033",
    "ContrastBolusStartTime": "0018,1042",
}
"""When an image was acquired; read for the differences between phases, never kept."""


def dicom_instances(node: Any) -> list[str]:
    """Return the SOP instance UIDs of the images that a volume was loaded from."""
    database = getattr(slicer, "dicomDatabase", None)
    if database is None:
        return []
    instances = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    if not instances and node.GetScene() is not None:  # other readers leave only the series
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
        item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
        series = hierarchy.GetItemUID(item, "DICOM") if item else ""
        instances = database.instancesForSeries(series) if series else ()
    return list(instances)


def dicom_files(node: Any) -> list[str]:
    """Return the paths of the DICOM files that a volume was loaded from; none for other volumes."""
    paths = [slicer.dicomDatabase.fileForInstance(instance) for instance in dicom_instances(node)]
    return [path for path in paths if path]


def _elements(node: Any, tags: Mapping[str, str]) -> dict[str, str]:
    """Elements of the first image that a volume was loaded from, by keyword; as the database writes them."""
    database = getattr(slicer, "dicomDatabase", None)
    instances = dicom_instances(node)
    path = database.fileForInstance(instances[0]) if instances else ""
    if not path:
        return {}
    values = {keyword: database.fileValue(path, tag) for keyword, tag in tags.items()}
    return {keyword: str(value) for keyword, value in values.items() if value}


def dicom_tags(node: Any) -> dict[str, str]:
    """Return acquisition parameters of a volume by DICOM keyword, field strength in tesla."""
    found = _elements(node, TAGS)
    kept = {keyword: found[keyword] for keyword in NOT_PROTOCOL if keyword in found}
    return {**protocol_of(SimpleNamespace(**found)), **kept}


def dicom_times(node: Any) -> dict[str, str]:
    """Return what tells when a volume was acquired, by DICOM keyword; for the phases of a series."""
    return _elements(node, TIME_TAGS)


def volume_tags(node: Any) -> dict[str, str]:
    """Return acquisition parameters of a volume or sequence node by DICOM keyword, from wherever they are."""
    return dicom_tags(node) or {k: v for k, v in acquired(node).items() if k not in SIDECAR_TIMES}


def volume_times(node: Any) -> dict[str, str]:
    """Return what tells when a volume was acquired, or the injection in a series (seconds), by keyword."""
    return dicom_times(node) or {k: v for k, v in acquired(node).items() if k in SIDECAR_TIMES}


def acquired(node: Any) -> dict[str, str]:
    """Return what the node was given by :func:`keep_acquired`, or what the JSON file beside its own says."""
    text = node.GetAttribute(ACQUIRED)
    if text:
        try:
            return {str(key): str(value) for key, value in json.loads(text).items()}
        except (ValueError, AttributeError):
            return {}
    storage = node.GetStorageNode() if node.GetScene() is not None else None
    name = storage.GetFileName() if storage is not None else None
    return sidecar_of(Path(name)) if name else {}


def sidecar_of(path: Path) -> dict[str, str]:
    """Return acquisition parameters and times of a series from the BIDS sidecar of an image file."""
    beside = path.with_name(stem(path) + ".json")
    content = read_sidecar(beside)
    times = {key: str(content[key]) for key in SIDECAR_TIMES if isinstance(content.get(key), (int, float))}
    return {**protocol_of_sidecar(beside), **times}


def keep_acquired(node: Any, path: Path) -> None:
    """Let a node carry what the sidecar of its file says, for nodes that lose their file."""
    found = sidecar_of(path)
    if found:
        node.SetAttribute(ACQUIRED, json.dumps(found, sort_keys=True))
