"""The earlier examination of the same patient, for models of the change between two time points."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from slicer.i18n import tr as _

from .pictures import say
from .study import EarlierInputs


class EarlierControls:
    """Series and outline of the earlier examination.

    Parameters
    ----------
    ui : has earlierSelector, earlierRegionSelector and earlierStateLabel.
    on_region : called with (segmentation node or None, segment id) when the user chose.
    """

    def __init__(self, ui: Any, on_region: Callable[[Any, str], None]) -> None:
        self._ui = ui
        self._on_region = on_region
        self._updating = False
        ui.earlierSelector.setProperty("SlicerParameterName", "earlier")
        ui.earlierRegionSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._node_chosen)
        ui.earlierRegionSelector.connect("currentSegmentChanged(QString)", self._segment_chosen)

    def show(self, inputs: EarlierInputs) -> None:
        """Bring the selectors in line with what was chosen."""
        selector = self._ui.earlierRegionSelector
        self._updating = True
        try:
            if selector.currentNode() is not inputs.segmentation:
                selector.setCurrentNode(inputs.segmentation)
            chosen = inputs.segmentation is not None and inputs.segment_id
            if chosen and selector.currentSegmentID() != inputs.segment_id:
                selector.setCurrentSegmentID(inputs.segment_id)
        finally:
            self._updating = False
        words = ""
        if inputs.dynamic is not None and not inputs.complete:
            words = _("Choose the outline of the lesion in the earlier series.")
        elif inputs.complete:
            words = _("Models of change compare with {series}.").format(series=inputs.dynamic.GetName())
        say(self._ui.earlierStateLabel, escape(words))

    def enable(self, enabled: bool) -> None:
        self._ui.earlierSelector.enabled = self._ui.earlierRegionSelector.enabled = enabled

    def _node_chosen(self, node: Any) -> None:
        if not self._updating:
            self._on_region(node, only_segment(node, self._ui.earlierRegionSelector.currentSegmentID()))

    def _segment_chosen(self, segment_id: str) -> None:
        if not self._updating:
            self._on_region(self._ui.earlierRegionSelector.currentNode(), segment_id or "")


def only_segment(node: Any, segment_id: str | None) -> str:
    """The chosen segment, or the only one that a segmentation has."""
    if node is not None and not segment_id and node.GetSegmentation().GetNumberOfSegments() == 1:
        return node.GetSegmentation().GetNthSegmentID(0)
    return segment_id or ""
