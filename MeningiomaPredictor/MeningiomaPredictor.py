import importlib.util
import os
import sys

from slicer.i18n import tr as _

if importlib.util.find_spec("virtualbiopsy") is None:
    # Only this module's folder was added (source checkout): the package is in the sibling folder.
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "VirtualBiopsyCore"))

from virtualbiopsy.desktop import module, selftest
from virtualbiopsy.tasks import MENINGIOMA


class MeningiomaPredictor(module.PredictorModule):
    """Estimated probability of Ki-67 and PR status of a meningioma, and where in the image it comes from."""

    def __init__(self, parent):
        purpose = _(
            "Estimates the probability of Ki-67 ≥ 5 % and of progesterone-receptor positivity of an outlined "
            "meningioma from MR images, and shows the features and voxels that the estimate rests on."
        )
        super().__init__(parent, MENINGIOMA, _("Meningioma Predictor"), purpose)


class MeningiomaPredictorWidget(module.PredictorWidget):
    task = MENINGIOMA


class MeningiomaPredictorLogic(module.PredictorLogic):
    """Example::

    logic = slicer.util.getModuleLogic("MeningiomaPredictor")
    result = logic.predict({"t1c": volume}, segmentation, segmentId, {"age": "61"})
    print(result.predictions[0].probability)
    """

    task = MENINGIOMA


class MeningiomaPredictorTest(selftest.PredictorTest):
    task = MENINGIOMA
