"""The section "Images": one selector for each role of the task, filled by hand or by guessing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from ..case.model import ROLES
from ..scene.cases import Tags, guess_roles
from ..scene.dynamic import can_hold_series, sequence_of
from ..scene.nodes import all_nodes
from ..tasks import Task
from .pictures import say


def sequence_words(role: str) -> str:
    """What a role is called inside a sentence."""
    return ROLES.get(role, role)


def capitalised(words: str) -> str:
    """The words as a label begins; abbreviations stay as they are."""
    return words[:1].upper() + words[1:]


class ImageControls:
    """Builds the selectors and keeps them; they are bound to the parameter node through `ui`.

    Parameters
    ----------
    ui : has imagesFrame, displayedVolumeButton, guessRolesButton and rolesLabel; gets "<role>Selector" for
        every role, each with the property SlicerParameterName.
    tags : acquisition parameters of a volume node.
    settings : returns the parameter node, or None.
    tell : shows a line of text.
    series : returns the controls of the dynamic series, None for tasks without one.
    """

    def __init__(
        self,
        ui: Any,
        scene: Any,
        task: Task,
        tags: Tags,
        settings: Callable[[], Any],
        tell: Callable[[str], None],
        series: Callable[[], Any] = lambda: None,
    ) -> None:
        self._ui, self._scene, self._task = ui, scene, task
        self._series = series
        self._tags, self._settings, self._tell = tags, settings, tell
        self.roles = (*task.roles, *task.maps)
        self.selectors: dict[str, Any] = {}
        form = qt.QFormLayout(ui.imagesFrame)
        form.setContentsMargins(0, 0, 0, 0)
        for role in task.roles:
            form.addRow(self._label(role), self._selector(role))
        if task.maps:
            self._add_maps(form)
        ui.displayedVolumeButton.connect("clicked(bool)", self.use_displayed)
        ui.guessRolesButton.connect("clicked(bool)", self.guess)

    def _add_maps(self, form: Any) -> None:
        """Maps that were read from files, folded away until they are looked for."""
        section = ctk.ctkCollapsibleGroupBox()
        section.title = _("Maps that came with the study")
        section.collapsed = True
        inner = qt.QFormLayout(section)
        for role in self._task.maps:
            inner.addRow(self._label(role), self._selector(role))
        form.addRow(section)

    def _label(self, role: str) -> str:
        return _("{sequence}:").format(sequence=capitalised(sequence_words(role)))

    def _selector(self, role: str) -> Any:
        selector = slicer.qMRMLNodeComboBox()
        selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        selector.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
        selector.addEnabled = selector.removeEnabled = selector.selectNodeUponCreation = False
        selector.noneEnabled = True
        needed = role == self._task.reference
        selector.noneDisplay = _("choose a volume") if needed else _("not available")
        words = {"sequence": capitalised(sequence_words(role))}
        selector.toolTip = (
            _("{sequence} volume (required). The outline is drawn on it.").format(**words)
            if needed
            else _("{sequence} volume (optional).").format(**words)
        )
        selector.setProperty("SlicerParameterName", role)
        selector.setMRMLScene(self._scene)
        self.selectors[role] = selector
        setattr(self._ui, f"{role}Selector", selector)
        return selector

    def volumes(self) -> dict[str, Any]:
        """The chosen volume node by role, None where nothing is chosen."""
        return {role: getattr(self._settings(), role) for role in self.roles}

    def enable(self, enabled: bool) -> None:
        for widget in (
            *self.selectors.values(),
            self._ui.displayedVolumeButton,
            self._ui.guessRolesButton,
        ):
            widget.enabled = enabled

    def _free_volumes(self) -> list[Any]:
        """Volume nodes that nobody chose yet; phases shown from a sequence and maps of ours are none."""
        taken = [node.GetID() for node in self.volumes().values() if node is not None]
        return [
            node
            for node in all_nodes(self._scene, "vtkMRMLScalarVolumeNode")
            if not node.IsA("vtkMRMLLabelMapVolumeNode")
            and node.GetID() not in taken
            and not can_hold_series(node)
            and sequence_of(node) is None
        ]

    def use_displayed(self, checked: bool = False) -> None:
        """Take the background of the Red slice view as the reference volume."""
        volume = None
        for composite in all_nodes(self._scene, "vtkMRMLSliceCompositeNode"):
            if composite.GetLayoutName() == "Red":
                volume = self._scene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
        usable = volume is not None and volume.IsA("vtkMRMLScalarVolumeNode")
        if not usable or volume.IsA("vtkMRMLLabelMapVolumeNode"):
            self._tell(_("The red slice view shows no volume in its background."))
        elif self._settings() is not None:
            if self._series() is None or not self._series().take(volume):
                setattr(self._settings(), self._task.reference, volume)
            self._tell("")

    def guess(self, checked: bool = False) -> None:
        """Fill the empty selectors by names and DICOM tags, and say why."""
        settings = self._settings()
        if settings is None:
            return
        lines = self._series().guess() if self._series() is not None else []
        lines = [escape(line) for line in lines]
        empty = [role for role, node in self.volumes().items() if node is None]
        found = guess_roles(self._free_volumes(), empty, self._tags)
        with slicer.util.NodeModify(settings):
            for role, (node, guess) in found.items():
                setattr(settings, role, node)
                text = _("{volume} is taken as {role}: {reason}").format(
                    volume=node.GetName(), role=sequence_words(role), reason=guess.reason
                )
                lines.append(escape(text))
        say(self._ui.rolesLabel, "<br>".join(lines) or escape(_("No further sequence was recognised.")))


def show_behind(scene: Any, volume: Any) -> None:
    """Make the volume the background of the slice views unless one of them shows it."""
    composites = all_nodes(scene, "vtkMRMLSliceCompositeNode")
    shown = [(c.GetBackgroundVolumeID(), c.GetForegroundVolumeID()) for c in composites]
    if not any(volume.GetID() in layers for layers in shown):
        for composite in composites:
            composite.SetBackgroundVolumeID(volume.GetID())


def chosen_nodes(volumes: Mapping[str, Any]) -> dict[str, Any]:
    """The nodes that are there, by role."""
    return {role: node for role, node in volumes.items() if node is not None}
