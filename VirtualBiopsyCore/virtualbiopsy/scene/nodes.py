"""Finding this package's nodes in a scene."""

from __future__ import annotations

from typing import Any

ROLE = "VirtualBiopsy.Role"


def all_nodes(scene: Any, kind: str) -> list[Any]:
    """Return the nodes of class `kind` (subclasses included)."""
    return [scene.GetNthNodeByClass(i, kind) for i in range(scene.GetNumberOfNodesByClass(kind))]


def nodes_with_role(scene: Any, kind: str, role: str) -> list[Any]:
    """Return the nodes of class `kind` whose attribute VirtualBiopsy.Role is `role`."""
    return [node for node in all_nodes(scene, kind) if node.GetAttribute(ROLE) == role]


def view_name(composite: Any) -> str:
    """Name of the view of a slice composite node, stable over saving and loading."""
    return composite.GetLayoutName() or composite.GetID()


def remove_with_parts(scene: Any, node: Any) -> None:
    """Take a displayable node, its displays and its storage out of the scene."""
    parts = [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]
    parts.append(node.GetStorageNode())
    for part in parts:
        if part is not None:
            scene.RemoveNode(part)
    scene.RemoveNode(node)


def number(text: str | None, default: float) -> float:
    """Return a number that was kept as an attribute."""
    try:
        return float(text) if text is not None else default
    except ValueError:
        return default
