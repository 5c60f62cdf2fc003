"""A case from volume nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import vtk

from ..case.model import Case, Sequence
from ..case.roles import RoleGuess, guess_role
from .volumes import image_from_node, matrix_from_vtk

Tags = Callable[[Any], Mapping[str, str]]


def no_tags(node: Any) -> Mapping[str, str]:
    """Acquisition parameters of a volume of which nothing is known."""
    return {}


def case_from_nodes(
    volumes: Mapping[str, Any],
    clinical: Mapping[str, Any] | None = None,
    name: str = "",
    tags: Tags = no_tags,
) -> Case:
    """Copy the chosen volume nodes into a case.

    Parameters
    ----------
    volumes : vtkMRMLScalarVolumeNode by role; None is left out.
    clinical : values by variable name, checked by the session.
    name : name of the case; the first volume's name if empty.
    tags : gives acquisition parameters by DICOM keyword for a node; "FrameOfReferenceUID" and
        "SeriesDescription" may be among them and do not become part of the protocol.

    Raises
    ------
    DimensionError, GeometryError : a volume cannot be used; the message names it.
    """
    chosen = {role: node for role, node in volumes.items() if node is not None}
    sequences: list[Sequence] = []
    for role, node in chosen.items():
        known = dict(tags(node))
        frame = known.pop("FrameOfReferenceUID", None)
        known.pop("SeriesDescription", None)  # free text: only for guessing
        label = node.GetName() or role
        if label in [sequence.name for sequence in sequences]:
            label = f"{label} ({role})"
        sequences.append(
            Sequence(
                role=role,
                name=label,
                image=image_from_node(node),
                reason="chosen by the user",
                frame_of_reference=frame,
                protocol=known,
            )
        )
    title = name or (sequences[0].name if sequences else "case")
    return Case(name=title, sequences=tuple(sequences), clinical=dict(clinical or {}))


def case_signature(volumes: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a value that changes when a chosen volume, its voxels or its place changed."""
    parts = []
    for role, node in sorted((role, node) for role, node in volumes.items() if node is not None):
        data = node.GetImageData()
        transform = node.GetParentTransformNode()
        matrix = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        parts.append(
            (
                role,
                node.GetID(),
                node.GetName(),
                node.GetMTime() if data is None else data.GetMTime(),
                tuple(matrix_from_vtk(matrix).ravel().tolist()),
                transform.GetTransformToWorldMTime() if transform is not None else 0,
            )
        )
    return tuple(parts)


def guess_roles(
    nodes: Iterable[Any], roles: Iterable[str], tags: Tags = no_tags
) -> dict[str, tuple[Any, RoleGuess]]:
    """Guess for each wanted role which volume has it.

    Returns
    -------
    dict from role to (node, guess with the reason); the surer guess wins where two volumes have the same
    role.
    """
    wanted = set(roles)
    found: dict[str, tuple[Any, RoleGuess]] = {}
    for node in nodes:
        if (node.GetAttribute("VirtualBiopsy.Role") or "") or node.GetImageData() is None:
            continue
        known = dict(tags(node))
        guess = guess_role(node.GetName() or "", known, known.get("SeriesDescription", ""))
        best = found.get(guess.role)
        if guess.role in wanted and (best is None or guess.confidence > best[1].confidence):
            found[guess.role] = (node, guess)
    return found
