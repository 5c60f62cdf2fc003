"""State in the scene, and scene bundles without the desktop application."""

from __future__ import annotations

import json
import os
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import slicer

from ..errors import OversizedFileError, UnreadableFileError
from .nodes import ROLE, nodes_with_role

FORMAT = "virtualbiopsy-state"
VERSION = 1
_ROLE_PREFIX = "virtualBiopsy"


def save_state(scene: Any, state: Mapping[str, Any], nodes: Mapping[str, Any] | None = None) -> Any:
    """Keep a JSON-serialisable state in the scene's one VirtualBiopsy text node and return that node.

    Parameters
    ----------
    state : numbers, text, lists and dicts; NaN and infinities are refused.
    nodes : nodes by name; kept as node references, which survive saving, importing and renumbering.

    Raises
    ------
    ValueError, TypeError : if `state` cannot be written as JSON.
    """
    text = json.dumps(
        {"format": FORMAT, "version": VERSION, "state": state},
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
    )
    found = nodes_with_role(scene, "vtkMRMLTextNode", "state")
    node = found[0] if found else scene.AddNewNodeByClass("vtkMRMLTextNode", "VirtualBiopsy state")
    for extra in found[1:]:
        scene.RemoveNode(extra)
    modifying = node.StartModify()
    node.SetAttribute(ROLE, "state")
    node.SetHideFromEditors(False)
    node.SetEncoding(node.VTK_ENCODING_UTF_8 if hasattr(node, "VTK_ENCODING_UTF_8") else 22)
    node.SetText(text)
    roles: list[str] = []
    node.GetNodeReferenceRoles(roles)
    kept = {f"{_ROLE_PREFIX}{name}": target for name, target in (nodes or {}).items()}
    for role in roles:
        if role.startswith(_ROLE_PREFIX) and role not in kept:
            node.SetNodeReferenceID(role, None)
    for role, target in kept.items():
        node.SetNodeReferenceID(role, target.GetID() if target is not None else None)
    node.EndModify(modifying)
    return node


def load_state(scene: Any) -> dict[str, Any] | None:
    """Return the state that the scene carries, None if it carries none.

    Raises
    ------
    UnreadableFileError : if the text node is damaged or from a newer version.
    """
    found = nodes_with_role(scene, "vtkMRMLTextNode", "state")
    if not found:
        return None
    try:
        data = json.loads(found[-1].GetText() or "")
        if data["format"] != FORMAT or not isinstance(data["state"], dict):
            raise ValueError("not a VirtualBiopsy state")
        version = int(data["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableFileError(
            "The VirtualBiopsy state in this scene is damaged.",
            "Delete the node 'VirtualBiopsy state' and predict again.",
        ) from error
    if version > VERSION:
        raise UnreadableFileError(
            f"The VirtualBiopsy state in this scene was written by a newer version (format {version}).",
            "Update VirtualBiopsy.",
        )
    return data["state"]


def load_nodes(scene: Any) -> dict[str, Any]:
    """Return the nodes that :func:`save_state` was given, by name; those that were deleted are absent."""
    found = nodes_with_role(scene, "vtkMRMLTextNode", "state")
    if not found:
        return {}
    roles: list[str] = []
    found[-1].GetNodeReferenceRoles(roles)
    nodes = {}
    for role in roles:
        target = found[-1].GetNodeReference(role)
        if role.startswith(_ROLE_PREFIX) and target is not None:
            nodes[role.removeprefix(_ROLE_PREFIX)] = target
    return nodes


def write_mrb(scene: Any, path: Path | str) -> Path:
    """Write the scene as a bundle; the file appears only when it is complete.

    Raises
    ------
    UnreadableFileError : if Slicer cannot write it.
    """
    path = Path(path)
    if path.suffix.lower() != ".mrb":
        path = path.with_name(path.name + ".mrb")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".bundle-") as folder:
        bundle = Path(folder) / path.name
        if not scene.WriteToMRB(str(bundle)) or not bundle.exists():
            raise UnreadableFileError(
                f"The scene could not be written to {path.name}.", "Check space and permissions."
            )
        os.replace(bundle, path)
    return path


def check_mrb(path: Path | str, max_bytes: int = 4 << 30) -> None:
    """Refuse a bundle that is damaged, too large, or names files outside itself.

    A storage path inside a bundle can point to any file of this machine; bundles from elsewhere must not.

    Raises
    ------
    UnreadableFileError, OversizedFileError
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as bundle:
            infos = bundle.infolist()
            total = sum(info.file_size for info in infos)
            if total > max_bytes or len(infos) > 20_000:
                raise OversizedFileError(f"{path.name} holds {total / 1e9:.1f} GB, more than is read.")
            for info in infos:
                _check_member(info.filename, path.name)
            scenes = [info for info in infos if info.filename.lower().endswith(".mrml")]
            if len(scenes) != 1:
                raise UnreadableFileError(f"{path.name} holds {len(scenes)} scenes instead of one.")
            if scenes[0].file_size > 64 << 20:
                raise OversizedFileError(f"The scene description in {path.name} is larger than 64 MB.")
            text = bundle.read(scenes[0]).decode("utf-8", "replace")
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UnreadableFileError(
            f"{path.name} is not a readable scene bundle (.mrb).", "Save it again."
        ) from error
    pattern = r'\b(?:fileName|fileListMember\d*|uri|uriListMember\d*)\s*=\s*(["\'])(.*?)\1'
    for match in re.finditer(pattern, text, re.DOTALL):
        if match.group(2):
            _check_member(match.group(2), path.name)


def _check_member(name: str, bundle: str) -> None:
    plain = re.sub(r"&#(x[0-9a-fA-F]+|\d+);|&[a-z]+;", "?", name)
    for _round in range(2):
        plain = re.sub(r"%([0-9a-fA-F]{2})", lambda m: chr(int(m.group(1), 16)), plain)
    plain = plain.replace("\\", "/")
    pure = PurePosixPath(plain)
    if (
        pure.is_absolute()
        or ".." in pure.parts
        or re.match(r"^[A-Za-z][A-Za-z0-9+.-]*:", plain)
        or "&#" in name
    ):
        raise UnreadableFileError(
            f"{bundle} refers to a file outside itself.", "Open only bundles that you trust."
        )


class BundleReader:
    """What a scene needs to read bundles where there is no Qt application; keep it as long as the scene.

    Parameters
    ----------
    scene, application_logic : as set up by slicer-core or trame-slicer.
    folder : existing folder for the unpacked files.
    """

    def __init__(self, scene: Any, application_logic: Any, folder: Path | str) -> None:
        self._scene = scene
        if scene.GetCacheManager() is None or scene.GetDataIOManager() is None:
            self._remote = slicer.vtkMRMLRemoteIOLogic()
            self._remote.SetMRMLScene(scene)
            self._remote.SetMRMLApplicationLogic(application_logic)
            self._data = slicer.vtkDataIOManagerLogic()
            self._data.SetMRMLScene(scene)
            self._data.SetMRMLApplicationLogic(application_logic)
            self._data.SetAndObserveDataIOManager(self._remote.GetDataIOManager())
            self._remote.AddDataIOToScene()
        scene.GetCacheManager().SetRemoteCacheDirectory(str(folder))

    def read(self, path: Path | str, clear: bool = True) -> None:
        """Check a bundle and read it into the scene, which is cleared before unless told otherwise.

        Raises
        ------
        UnreadableFileError, OversizedFileError : before the scene is touched, if the bundle cannot be
            trusted.
        """
        check_mrb(path)
        if not self._scene.ReadFromMRB(str(path), clear):
            raise UnreadableFileError(f"{Path(path).name} could not be read completely.", "Save it again.")
