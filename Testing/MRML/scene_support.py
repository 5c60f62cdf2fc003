"""A scene with the logics that the desktop and trame-slicer set up at start, on slicer-core alone; and a
slice view that is drawn off screen."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

LOGICS = {
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Colors": "vtkSlicerColorLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
}

SLICE_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)


class Stage:
    """A scene, its application logic and module logics, all kept alive together."""

    def __init__(self) -> None:
        self.scene = slicer.vtkMRMLScene()
        self.app_logic = slicer.vtkSlicerApplicationLogic()
        self.app_logic.SetMRMLScene(self.scene)
        if self.app_logic.GetSliceLogics() is None:
            self.app_logic.SetSliceLogics(vtk.vtkCollection())
        if self.app_logic.GetViewLogics() is None:
            self.app_logic.SetViewLogics(vtk.vtkCollection())
        self.logics = {}
        for name, kind in LOGICS.items():
            logic = getattr(slicer, kind)()
            logic.SetMRMLApplicationLogic(self.app_logic)
            logic.SetMRMLScene(self.scene)
            self.app_logic.SetModuleLogic(name, logic)
            self.logics[name] = logic
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)

    def segmentation(self, volume, name="Segmentation"):
        """Return a segmentation node whose reference geometry is that of `volume`."""
        node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        return node


def window_pixels(window, path=None) -> np.ndarray:
    """Draw a window and return what it shows, uint8 (rows, columns, RGB), top row first."""
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.ReadFrontBufferOff()
    grab.SetInputBufferTypeToRGB()
    grab.Update()
    if path is not None:
        writer = vtk.vtkPNGWriter()
        writer.SetFileName(str(path))
        writer.SetInputConnection(grab.GetOutputPort())
        writer.Write()
    data = grab.GetOutput()
    width, height, _ = data.GetDimensions()
    return vtk_to_numpy(data.GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()


class SliceView:
    """A slice view drawn off screen."""

    def __init__(self, stage: Stage, name="Red", orientation="Axial", size=(300, 300)) -> None:
        import vtkmodules.vtkRenderingContextOpenGL2
        import vtkmodules.vtkRenderingOpenGL2  # noqa: F401

        self.stage = stage
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.AddRenderer(self.renderer)
        self.window.SetSize(*size)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(stage.app_logic)
        stage.app_logic.GetSliceLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(stage.scene)
        self.node = self.logic.AddSliceNode(name)
        self.node.SetOrientation(orientation)
        self.composite = self.logic.GetSliceCompositeNode()
        self.logic.ResizeSliceNode(*size)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(stage.app_logic)
        for manager in SLICE_MANAGERS:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        self.group.Initialize(factory, self.renderer)
        self.group.SetMRMLDisplayableNode(self.node)
        self.mapper = vtk.vtkImageMapper()
        self.mapper.SetColorWindow(255)
        self.mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self.mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)

    def fit(self, offset: float | None = None) -> None:
        self.logic.FitSliceToBackground()
        if offset is not None:
            self.logic.SetSliceOffset(offset)

    def pixels(self, path=None) -> np.ndarray:
        """Return the picture as uint8 (rows, columns, RGB), top row first; write it as PNG if `path` is
        given."""
        self.mapper.SetInputConnection(self.logic.GetImageDataConnection())
        return window_pixels(self.window, path)


class SolidView:
    """A 3D view of the models of a scene, drawn off screen."""

    def __init__(self, stage: Stage, size=(300, 300)) -> None:
        import vtkmodules.vtkRenderingOpenGL2  # noqa: F401

        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.AddRenderer(self.renderer)
        self.window.SetSize(*size)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.node = stage.scene.AddNewNodeByClass("vtkMRMLViewNode", "View1")
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(stage.app_logic)
        if not factory.IsDisplayableManagerRegistered("vtkMRMLModelDisplayableManager"):
            factory.RegisterDisplayableManager("vtkMRMLModelDisplayableManager")
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        self.group.Initialize(factory, self.renderer)
        self.group.SetMRMLDisplayableNode(self.node)

    def pixels(self, path=None) -> np.ndarray:
        """Seen from the front (anterior), uint8 (rows, columns, RGB), top row first."""
        self.renderer.ResetCamera()
        camera = self.renderer.GetActiveCamera()
        focus = np.array(camera.GetFocalPoint())
        camera.SetPosition(*(focus + [0.0, camera.GetDistance(), 0.0]))
        camera.SetViewUp(0, 0, 1)
        self.renderer.ResetCameraClippingRange()
        return window_pixels(self.window, path)


def can_render() -> bool:
    """Say whether VTK finds an OpenGL; asked in a child process, because it crashes without one."""
    code = (
        "import vtk; w=vtk.vtkRenderWindow(); w.SetOffScreenRendering(1); "
        "w.AddRenderer(vtk.vtkRenderer()); w.SetSize(9,9); w.Render()"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            cwd=tempfile.gettempdir(),
            env=os.environ,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
