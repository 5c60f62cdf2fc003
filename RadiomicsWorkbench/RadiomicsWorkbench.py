import importlib.util
import os
import sys

from slicer.i18n import tr as _

if importlib.util.find_spec("virtualbiopsy") is None:
    # Only this module's folder was added (source checkout): the package is in the sibling folder.
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "VirtualBiopsyCore"))

from virtualbiopsy.desktop import workbench_module, workbench_selftest


class RadiomicsWorkbench(workbench_module.WorkbenchModule):
    """Train, validate and install models on cases with labels, by the recipes of published studies."""

    def __init__(self, parent):
        purpose = _(
            "Trains and validates a model on cases with labels, by the recipe of a published study, "
            "writes the reports that reviewers ask for, and installs the model for the other modules."
        )
        super().__init__(parent, _("Radiomics Workbench"), purpose)


class RadiomicsWorkbenchWidget(workbench_module.WorkbenchWidget):
    pass


class RadiomicsWorkbenchLogic(workbench_module.WorkbenchLogic):
    """Example::

    logic = slicer.util.getModuleLogic("RadiomicsWorkbench")
    outcome = logic.train(recipe="M11", cohort="my-cohort", out="m11")
    print(outcome.model, outcome.warnings)
    """


class RadiomicsWorkbenchTest(workbench_selftest.WorkbenchTest):
    pass
