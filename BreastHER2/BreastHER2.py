import importlib.util
import os
import sys

from slicer.i18n import tr as _

if importlib.util.find_spec("virtualbiopsy") is None:
    # Source checkout with this folder only
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "VirtualBiopsyCore"))

from virtualbiopsy.desktop import module, selftest
from virtualbiopsy.tasks import BREAST


class BreastHER2(module.PredictorModule):
    """Estimated probability of HER2 status of a breast lesion, from the dynamic series."""

    def __init__(self, parent):
        purpose = _(
            "Estimates the probability that an outlined breast lesion is HER2-positive or HER2-low, and that "
            "it responds completely between two time points, from dynamic contrast-enhanced MRI, and shows "
            "the features and voxels that the estimate rests on."
        )
        super().__init__(parent, BREAST, _("Breast HER2"), purpose)


class BreastHER2Widget(module.PredictorWidget):
    task = BREAST


class BreastHER2Logic(module.PredictorLogic):
    """Example::

    logic = slicer.util.getModuleLogic("BreastHER2")
    series = slicer.util.getNode("BreastSample-dce")
    result = logic.predict({"dce": logic.earlyPhase(series)}, segmentation, segmentId, dynamic=series)
    """

    task = BREAST


class BreastHER2Test(selftest.PredictorTest):
    task = BREAST
