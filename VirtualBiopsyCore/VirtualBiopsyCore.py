from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule


class VirtualBiopsyCore(ScriptedLoadableModule):
    """Makes the package `virtualbiopsy` importable for the other modules; has no user interface."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("VirtualBiopsy Core")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = []
        self.parent.contributors = ["The VirtualBiopsy contributors"]
        self.parent.hidden = True
        self.parent.helpText = _("Library of the VirtualBiopsy extension.")
        self.parent.acknowledgementText = _("Part of the VirtualBiopsy extension, Apache License 2.0.")
