import hashlib
import importlib.util
import logging
import os
import sys
from typing import Annotated

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

PACKAGE = "virtualbiopsy"
if importlib.util.find_spec(PACKAGE) is None:
    # Only this module's folder was added (source checkout): the package is in the sibling folder.
    sys.path.append(
        os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "VirtualBiopsyCore")
    )

NAME = "MeningiomaPredictor"
ROLES = ("t1c", "t1", "t2", "flair", "adc")
SAMPLE_NAME = "MeningiomaSample"
DICOM_TAGS = {
    "Modality": "0008,0060",
    "ImageType": "0008,0008",
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


class MeningiomaPredictor(ScriptedLoadableModule):
    """Estimated probability of Ki-67 and PR status of a meningioma, and where in the image it comes from."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Meningioma Predictor")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy"]
        self.parent.contributors = ["The VirtualBiopsy contributors"]
        self.parent.helpText = _(
            "Estimates the probability of Ki-67 ≥ 5 % and of progesterone-receptor positivity of an outlined "
            "meningioma from MR images, and shows the features and voxels that the estimate rests on. "
            "The bundled models were trained on simulated cases. "
            "Research use only — not for diagnosis or treatment."
        )
        self.parent.helpText += self.getDefaultModuleDocumentationLink()
        self.parent.acknowledgementText = _(
            "Written by the VirtualBiopsy contributors, Apache License 2.0. "
            "Features follow the Image Biomarker Standardisation Initiative."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def sampleFolder():
    """Return the folder of the shipped case, None if it is not there."""
    from virtualbiopsy.resources import resource

    try:
        folder = resource("Cases/meningioma-sample")
    except FileNotFoundError:
        return None
    return folder if any(folder.glob("*.nrrd")) or any(folder.glob("*.nii.gz")) else None


def registerSampleData():
    """Offer the shipped simulated case in the Sample Data module."""
    folder = sampleFolder()
    if folder is None:
        logging.info("%s: the sample case is not installed", NAME)
        return
    import SampleData

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # new in Slicer 5.12
        logic.registerCustomSampleDataCategory("VirtualBiopsy", title="VirtualBiopsy")
    files = sorted(path for path in folder.iterdir() if path.name.endswith((".nrrd", ".nii.gz")))
    stems = [path.name.removesuffix(".gz").rsplit(".", 1)[0].removesuffix(".seg") for path in files]
    isMask = [any(word in stem.lower() for word in ("tumour", "mask", "label", "seg")) for stem in stems]
    icon = os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "Resources", "Icons", SAMPLE_NAME + ".png"
    )
    logic.registerCustomSampleDataSource(
        category="VirtualBiopsy",
        sampleName=SAMPLE_NAME,
        thumbnailFileName=icon if os.path.exists(icon) else None,
        uris=[path.as_uri() for path in files],
        fileNames=[f"{SAMPLE_NAME}-{path.name}" for path in files],
        nodeNames=[f"{SAMPLE_NAME}-{stem}" for stem in stems],
        loadFileTypes=["SegmentationFile" if mask else "VolumeFile" for mask in isMask],
        checksums=["SHA256:" + hashlib.sha256(path.read_bytes()).hexdigest() for path in files],
    )


def dicomInstances(node):
    """Return the SOP instance UIDs of the images that a volume was loaded from."""
    database = getattr(slicer, "dicomDatabase", None)
    if database is None:
        return []
    instances = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    if not instances:  # other readers leave only the series in the subject hierarchy
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
        item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
        series = hierarchy.GetItemUID(item, "DICOM") if item else ""
        instances = database.instancesForSeries(series) if series else ()
    return list(instances)


def dicomFiles(node):
    """Return the paths of the DICOM files that a volume was loaded from; none for other volumes."""
    paths = [slicer.dicomDatabase.fileForInstance(instance) for instance in dicomInstances(node)]
    return [path for path in paths if path]


def dicomTags(node):
    """Return acquisition parameters of a volume by DICOM keyword; nothing that names a patient."""
    database = getattr(slicer, "dicomDatabase", None)
    instances = dicomInstances(node)
    path = database.fileForInstance(instances[0]) if instances else ""
    if not path:
        return {}
    values = {keyword: database.fileValue(path, tag) for keyword, tag in DICOM_TAGS.items()}
    return {keyword: str(value) for keyword, value in values.items() if value}


@parameterNodeWrapper
class MeningiomaPredictorParameterNode:
    """Everything that the user chooses; saved with the scene.

    t1c, t1, t2, flair, adc - volumes by role.
    segmentation, segmentId - the outline.
    clinical - text values by variable name; unknown ones are absent.
    liveUpdate - predict again after edits.
    explainedModel, overlayMap - what is explained ("model id", "model id|sequence").
    overlayWindow - range of the colours, per cent of the map's own.
    followInfluence - compute the influence of the outline again after every edit.
    """

    t1c: vtkMRMLScalarVolumeNode
    t1: vtkMRMLScalarVolumeNode
    t2: vtkMRMLScalarVolumeNode
    flair: vtkMRMLScalarVolumeNode
    adc: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    segmentId: str
    clinical: dict[str, str]
    liveUpdate: bool = True
    explainedModel: str
    overlayMap: str
    overlayVisible: bool = True
    overlayOpacity: Annotated[float, WithinRange(0, 1)] = 0.75
    overlayWindow: Annotated[float, WithinRange(10, 400)] = 100.0
    overlayColors: str = "blue-red"
    legendVisible: bool = True
    diameterVisible: bool = True
    hatchingVisible: bool = True
    flipMarksVisible: bool = True
    strongestVisible: bool = False
    followInfluence: bool = False


class MeningiomaPredictorWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Life cycle only; the work is in virtualbiopsy.desktop.panel."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self._parameterNode = None
        self._guiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from virtualbiopsy.desktop.panel import PredictorPanel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/MeningiomaPredictor.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = MeningiomaPredictorLogic()
        self.panel = PredictorPanel(self.ui, slicer.mrmlScene, self.logic.study, ROLES, NAME)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndBatchProcessEvent, self.onParametersModified)
        self.initializeParameterNode()

    def cleanup(self):
        self.setParameterNode(None)
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()
            self.panel = None

    def enter(self):
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self):
        self.panel.exit()
        self.setParameterNode(None)

    def onReload(self):
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)
        self.panel.scene_about_to_close()

    def onSceneChanged(self, caller, event):
        self.panel.scene_changed()
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, node):
        if self._parameterNode:
            if self._guiTag is not None:
                self._parameterNode.disconnectGui(self._guiTag)
            if self.hasObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified):
                self.removeObserver(
                    self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified
                )
        self._parameterNode, self._guiTag = node, None
        if node:
            self._guiTag = node.connectGui(self.ui)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        if self.panel is not None:
            self.panel.bind(node)

    def onParametersModified(self, caller=None, event=None):
        if self._parameterNode and self.panel is not None:
            self.panel.refresh()


class MeningiomaPredictorLogic(ScriptedLoadableModuleLogic):
    """For scripts: predict without a widget.

    Example::

        logic = slicer.util.getModuleLogic("MeningiomaPredictor")
        result = logic.predict({"t1c": volume}, segmentation, segmentId, {"age": "61"})
        print(result.predictions[0].probability)
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        from virtualbiopsy.desktop.study import Study

        self.study = Study(tags=dicomTags, files=dicomFiles)

    def getParameterNode(self):
        return MeningiomaPredictorParameterNode(super().getParameterNode())

    def predict(self, volumes, segmentation, segmentId, clinical=None):
        """Compute the result for volumes (node by role), one segment and clinical values; waits for it."""
        from virtualbiopsy.desktop.study import Inputs

        return self.study.predict(Inputs(volumes, segmentation, segmentId, clinical or {}))


class MeningiomaPredictorTest(ScriptedLoadableModuleTest):
    """Runs inside Slicer on the shipped sample case."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def loadSample(self):
        """Load the sample case and return (volumes by role, segmentation, segment id)."""
        import SampleData

        registerSampleData()
        nodes = SampleData.downloadSamples(SAMPLE_NAME)
        volumes, segmentation = {}, None
        for node in nodes:
            if node.IsA("vtkMRMLSegmentationNode"):
                segmentation = node
            else:
                volumes[node.GetName().removeprefix(SAMPLE_NAME + "-").lower()] = node
        volumes = {role: volumes.get(role) for role in ROLES}
        self.assertIsNotNone(volumes["t1c"])
        self.assertIsNotNone(segmentation)
        return volumes, segmentation, segmentation.GetSegmentation().GetNthSegmentID(0)

    def test_logic(self):
        volumes, segmentation, segmentId = self.loadSample()
        result = MeningiomaPredictorLogic().predict(volumes, segmentation, segmentId)
        self.assertGreater(len(result.predictions), 0)
        for prediction, explanation in zip(result.predictions, result.explanations, strict=True):
            self.assertTrue(0.0 < prediction.probability < 1.0)
            total = explanation.baseline + sum(c.phi for c in explanation.contributions)
            self.assertAlmostEqual(total, prediction.log_odds, places=9)

    def test_widget(self):
        slicer.util.selectModule(NAME)
        widget = slicer.util.getModuleWidget(NAME)
        volumes, segmentation, segmentId = self.loadSample()
        parameterNode = widget._parameterNode
        parameterNode.liveUpdate = True
        for role, volume in volumes.items():
            setattr(parameterNode, role, volume)
        parameterNode.segmentation = segmentation
        parameterNode.segmentId = segmentId
        self.delayDisplay("Predict")
        widget.panel.predict()
        widget.panel.wait_for_completion()
        first = widget.panel.result
        self.assertIsNotNone(first)
        self.assertTrue(widget.panel.overlay.overlay.shown)

        self.delayDisplay("Ledger, parts and influence")
        panel = widget.panel
        for prediction in first.predictions:
            if panel.cards.withheld(first, prediction.model_id):
                next(button for button in panel.cards.buttons if button.visible).click()
        line = next(line for line in panel.ledger.lines if line.path == ("t1c",))
        panel.ledger.choose(line)
        self.assertTrue(parameterNode.overlayMap.endswith("|t1c"))
        panel.questions.ask_regions()
        panel.wait_for_completion()
        self.assertTrue(panel.overlay.regions.shown)
        panel.questions.ask_influence()
        panel.wait_for_completion()
        self.assertTrue(panel.overlay.influence.shown)

        self.delayDisplay("Edit")
        from virtualbiopsy.scene.segments import mask_from_segment, write_segment

        mask = mask_from_segment(segmentation, segmentId, volumes["t1c"])
        import SimpleITK as sitk

        write_segment(segmentation, segmentId, sitk.BinaryErode(mask, [1, 1, 1]), volumes["t1c"])
        self.assertTrue(widget.panel.stale)
        widget.panel.outline.settle_now()
        widget.panel.wait_for_completion()
        self.assertNotEqual(widget.panel.result.predictions[0].log_odds, first.predictions[0].log_odds)

        self.delayDisplay("Leave, come back, close the scene")
        slicer.util.selectModule("Data")
        slicer.util.selectModule(NAME)
        self.assertIsNotNone(widget.panel.result)
        slicer.mrmlScene.Clear()
        self.assertIsNone(widget.panel.result)
