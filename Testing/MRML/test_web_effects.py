"""Editing effects of the browser application, against scipy, SimpleITK and closed forms."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

pytest.importorskip("trame_slicer", reason="the browser application is not installed")
import vtk
from trame_slicer.core import SlicerApp
from trame_slicer.segmentation import SegmentationEffectIslands, SegmentationEffectSmoothing
from trame_slicer.segmentation.segmentation_effect_smoothing import SmoothingEffectMode
from undo_stack import UndoStack
from virtualbiopsy.errors import EmptyRegionError, GeometryError, RegionError
from virtualbiopsy.scene.segments import mask_from_segment
from virtualbiopsy.scene.volumes import node_from_image
from virtualbiopsy.web import effects

pytestmark = pytest.mark.mrml

TUMOUR, BACKGROUND = "tumour", "background"
SHAPE = (24, 44, 52)
GRIDS = {
    "isotropic": ((1.0, 1.0, 1.0), np.eye(3)),
    "thick slices": ((0.8, 0.9, 3.1), np.eye(3)),
    "oblique, left-handed": ((0.8, 0.9, 2.5), None),
}


def rotation() -> np.ndarray:
    a, b = 0.4, 0.25
    first = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    second = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return first @ second @ np.diag([1, 1, -1])


def image_on(grid: str, array: np.ndarray) -> sitk.Image:
    spacing, direction = GRIDS[grid]
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetDirection((rotation() if direction is None else direction).ravel())
    image.SetOrigin((-20.0, 30.0, 11.0))
    return image


def dice(a, b) -> float:
    return 2.0 * np.logical_and(a, b).sum() / (a.sum() + b.sum())


def blobs(seed: int = 1) -> np.ndarray:
    """Several rounded pieces, some cut by the border of the volume."""
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    return ndimage.gaussian_filter(noise, (1.5, 4, 4)) > 0.02


def ellipsoid(scale: float = 1.0) -> np.ndarray:
    k, j, i = (np.arange(n) - (n - 1) / 2 for n in SHAPE)
    return (k[:, None, None] / 9) ** 2 + (j[:, None] / 15) ** 2 + (
        (i + 0.3 * j[:, None]) / 18
    ) ** 2 < scale**2


class Desk:
    """A volume with an empty tumour and an empty background segment in trame-slicer's editor."""

    def __init__(self, app: SlicerApp, image: sitk.Image) -> None:
        self.app, self.image = app, image
        self.editor = app.segmentation_editor
        self.volume = node_from_image(app.scene, image, "volume")
        self.node = self.editor.create_empty_segmentation_node()
        self.stack = UndoStack(undo_limit=20)
        self.editor.set_undo_stack(self.stack)
        for identity in (TUMOUR, BACKGROUND):
            self.node.GetSegmentation().AddEmptySegment(identity, identity.title())
        self.editor.set_active_segmentation(self.node, self.volume)
        self.editor.set_active_segment_id(TUMOUR)

    @property
    def spacing(self):
        return self.image.GetSpacing()[::-1]

    def put(self, array, identity=TUMOUR):
        self.editor.active_segment_modifier.set_segment_labelmap(identity, array.astype(np.uint8))
        self.stack.clear()

    def get(self, identity=TUMOUR) -> np.ndarray:
        return sitk.GetArrayFromImage(mask_from_segment(self.node, identity, self.volume)) > 0

    def all(self) -> dict[str, np.ndarray]:
        return {identity: self.get(identity) for identity in self.editor.get_segment_ids()}

    def effect(self, kind):
        return self.editor.set_active_effect_type(kind)

    def check_undo(self, before, steps: int = 1):
        """Undo gives exactly what was there before, redo what is there now, in one step."""
        after = self.all()
        assert self.stack.n_commands() == steps
        for _ in range(2):
            self.stack.undo()
            same(self.all(), before)
            self.stack.redo()
            same(self.all(), after)
        assert any((after[i] != before.get(i, ~after[i])).any() for i in after)


def same(a, b):
    assert a.keys() == b.keys()
    for identity in a:
        assert np.array_equal(a[identity], b[identity]), identity


@pytest.fixture(scope="module")
def app():
    return SlicerApp()


@pytest.fixture
def desk(app):
    made = []

    def make(grid="isotropic", array=None):
        if array is None:
            array = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
        made.append(Desk(app, image_on(grid, array) if isinstance(grid, str) else grid))
        return made[-1]

    yield make
    app.scene.Clear(False)


# Margin and hollow ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("mm", [1.0, 2.6, 5.0, 3.1])
def test_margin_grows_to_the_distance(desk, grid, mm):
    d = desk(grid)
    mask = blobs()
    d.put(mask)
    before = d.all()
    d.effect(effects.Margin).apply(mm)
    expected = ndimage.distance_transform_edt(~mask, sampling=d.spacing) <= mm + 1e-4
    assert np.array_equal(d.get(), expected)
    d.check_undo(before)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("mm", [1.0, 2.6, 3.1])
def test_margin_shrinks_by_the_distance(desk, grid, mm):
    d = desk(grid)
    mask = blobs()
    d.put(mask)
    before = d.all()
    d.effect(effects.Margin).apply(-mm)
    expected = ndimage.distance_transform_edt(mask, sampling=d.spacing) > mm + 1e-4
    assert np.array_equal(d.get(), expected)
    d.check_undo(before)


@pytest.mark.parametrize("grid", GRIDS)
def test_margin_of_a_ball_is_a_ball_in_space(desk, grid):
    d = desk(grid)
    index = [n // 2 for n in d.image.GetSize()]
    centre = np.array(d.image.TransformIndexToPhysicalPoint(index))
    k, j, i = np.indices(SHAPE)
    matrix = np.reshape(d.image.GetDirection(), (3, 3)) * np.array(d.image.GetSpacing())
    points = np.stack([i, j, k], -1) @ matrix.T + np.array(d.image.GetOrigin())
    distance = np.linalg.norm(points - centre, axis=-1)
    d.put(distance == distance.min())
    d.effect(effects.Margin).apply(7.0)
    assert np.array_equal(d.get(), distance <= 7.0001)


def test_margin_of_zero_changes_nothing(desk):
    d = desk()
    d.put(ellipsoid())
    d.effect(effects.Margin).apply(0.0)
    assert np.array_equal(d.get(), ellipsoid())


def test_margin_of_a_full_volume(desk):
    d = desk()
    d.put(np.ones(SHAPE))
    d.effect(effects.Margin).apply(-3.0)
    assert d.get().all()


def test_shrinking_to_nothing_is_refused(desk):
    d = desk()
    d.put(ellipsoid())
    with pytest.raises(EmptyRegionError, match="30 mm"):
        d.effect(effects.Margin).apply(-30.0)
    assert np.array_equal(d.get(), ellipsoid()) and d.stack.n_commands() == 0


@pytest.mark.parametrize("grid", GRIDS)
def test_hollow(desk, grid):
    d = desk(grid)
    mask = ellipsoid()
    inner = ndimage.distance_transform_edt(mask, sampling=d.spacing)
    outer = ndimage.distance_transform_edt(~mask, sampling=d.spacing)
    d.put(mask)
    before = d.all()
    d.effect(effects.Hollow).apply(2.6)
    assert np.array_equal(d.get(), mask & (inner <= 2.6001))
    d.check_undo(before)
    d.put(mask)
    d.effect(effects.Hollow).apply(2.6, inside=False)
    assert np.array_equal(d.get(), ~mask & (outer <= 2.6001))
    with pytest.raises(EmptyRegionError, match="no voxel"):
        d.effect(effects.Hollow).apply(0.1, inside=False)


# Fill between slices -------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("axis", "step"), [(0, 3), (1, 5), (2, 4)])
def test_fill_between_slices(desk, grid, axis, step):
    d = desk(grid)
    whole = ellipsoid()
    used = np.flatnonzero(whole.any(axis=tuple(a for a in range(3) if a != axis)))
    chosen = np.unique([*used[::step], used[-1]])
    drawn = np.zeros_like(whole)
    np.moveaxis(drawn, axis, 0)[chosen] = np.moveaxis(whole, axis, 0)[chosen]
    d.put(drawn)
    before = d.all()
    added = d.effect(effects.FillBetweenSlices).apply()
    filled = d.get()
    assert added == filled.sum() - drawn.sum() > 0
    assert dice(filled, whole) > 0.95 > dice(drawn, whole)
    assert np.array_equal(np.moveaxis(filled, axis, 0)[chosen], np.moveaxis(whole, axis, 0)[chosen])
    d.check_undo(before)


def test_fill_follows_a_shift_between_slices(desk):
    """A disc that moves: the filled slices lie between, as in shape-based interpolation with alignment."""
    d = desk("thick slices")
    j, i = np.indices(SHAPE[1:])
    drawn = np.zeros(SHAPE, bool)
    for k, centre in ((6, 18), (12, 30)):
        drawn[k] = (j - 22) ** 2 + (i - centre) ** 2 < 8**2
    d.put(drawn)
    d.effect(effects.FillBetweenSlices).apply()
    filled = d.get()
    assert dice(filled[9], (j - 22) ** 2 + (i - 24) ** 2 < 8**2) > 0.9
    assert not filled[:6].any() and not filled[13:].any()


def test_fill_needs_a_gap(desk):
    d = desk()
    d.put(ellipsoid())
    with pytest.raises(effects.NoGapError, match="no empty slices"):
        d.effect(effects.FillBetweenSlices).apply()
    one = np.zeros(SHAPE)
    one[5, 10:20, 10:20] = 1
    d.put(one)
    with pytest.raises(effects.NoGapError):
        d.effect(effects.FillBetweenSlices).apply()
    assert d.stack.n_commands() == 0


# Grow from seeds -----------------------------------------------------------------------------------------


def seeded(d, whole, spacing):
    inner = ndimage.distance_transform_edt(whole, sampling=spacing)
    outer = ndimage.distance_transform_edt(~whole, sampling=spacing)
    seeds = inner > 0.6 * inner.max()
    around = (outer > 4) & (outer < 7)
    d.put(around, BACKGROUND)
    d.put(seeds)
    return seeds, around


def bright(whole, noise=0.25, seed=0):
    return (whole * 1.0 + np.random.default_rng(seed).normal(scale=noise, size=SHAPE)).astype(np.float32)


@pytest.mark.parametrize("grid", GRIDS)
def test_grow_from_seeds(desk, grid):
    whole = ellipsoid(0.7)
    d = desk(grid, bright(whole))
    seeds, around = seeded(d, whole, d.spacing)
    before = d.all()
    counts = d.effect(effects.GrowFromSeeds).apply()
    grown = d.get()
    assert counts == {TUMOUR: grown.sum()}
    assert dice(grown, whole) > 0.95 > dice(seeds, whole)
    assert grown[seeds].all() and not grown[around].any()
    assert np.array_equal(d.get(BACKGROUND), around)
    d.check_undo(before)


def test_grow_again_after_more_background_seeds(desk):
    """The seeds of the background are still there, so the outcome can be corrected."""
    whole = ellipsoid(0.7)
    d = desk("isotropic", bright(whole))
    seeds, around = seeded(d, whole, d.spacing)
    grow = d.effect(effects.GrowFromSeeds)
    grow.apply()
    d.put(d.get() & ~whole | seeds)
    grow.apply()
    assert np.array_equal(d.get(BACKGROUND), around)
    assert dice(d.get(), whole) > 0.95


def test_grow_writes_every_foreground_segment_as_one_step(desk):
    """Two lesions at once."""
    lesions = np.zeros((2, *SHAPE), bool)
    lesions[0, 4:12, 10:30, 6:18] = True
    lesions[1, 10:20, 12:32, 30:46] = True
    d = desk("thick slices", bright(lesions.any(0)))
    second = d.editor.add_empty_segment(segment_name="second")
    d.editor.set_active_segment_id(TUMOUR)
    outer = ndimage.distance_transform_edt(~lesions.any(0), sampling=d.spacing)
    d.put((outer > 3) & (outer < 5), BACKGROUND)
    for identity, lesion in zip((TUMOUR, second), lesions, strict=True):
        d.put(ndimage.binary_erosion(lesion, iterations=3), identity)
    before = d.all()
    counts = d.effect(effects.GrowFromSeeds).apply()
    assert set(counts) == {TUMOUR, second}
    assert dice(d.get(TUMOUR), lesions[0]) > 0.95 and dice(d.get(second), lesions[1]) > 0.95
    d.check_undo(before)


def test_grow_ignores_the_paint_range_but_margin_keeps_it(desk):
    whole = ellipsoid(0.7)
    d = desk("isotropic", bright(whole, noise=0.01))
    seeded(d, whole, d.spacing)
    d.editor.editor_node.SetSourceVolumeIntensityMaskRange(5.0, 6.0)
    d.editor.editor_node.SetSourceVolumeIntensityMask(True)
    try:
        d.effect(effects.GrowFromSeeds).apply()
        assert dice(d.get(), whole) > 0.95
        assert d.editor.editor_node.GetSourceVolumeIntensityMask()
        d.editor.editor_node.SetSourceVolumeIntensityMaskRange(0.5, 2.0)
        d.effect(effects.Margin).apply(3.0)
        assert np.array_equal(d.get() & ~whole, np.zeros(SHAPE, bool))
    finally:
        d.editor.editor_node.SetSourceVolumeIntensityMask(False)


def test_seeds_are_required(desk):
    d = desk()
    grow = d.effect(effects.GrowFromSeeds)
    with pytest.raises(effects.SeedsError, match="background"):
        grow.apply()
    d.put(ellipsoid(0.3))
    with pytest.raises(effects.SeedsError):
        grow.apply()
    d.put(~ellipsoid(0.9), BACKGROUND)
    d.editor.set_segment_visibility(BACKGROUND, False)
    with pytest.raises(effects.SeedsError):
        grow.apply()
    assert d.stack.n_commands() == 0 and np.array_equal(d.get(), ellipsoid(0.3))


def real(name):
    root = os.environ.get("VIRTUALBIOPSY_DATA")
    if not root:
        pytest.skip("VIRTUALBIOPSY_DATA is not set")
    found = sorted(Path(root).glob(f"volumes/pyradiomics/**/{name}"))
    if not found:
        pytest.skip(f"{name} is not in VIRTUALBIOPSY_DATA")
    return sitk.ReadImage(str(found[0]))


def test_real_tumour(desk):
    """Grow from seeds, and fill between slices, against the expert's outline of brain1."""
    d = desk(real("brain1_image.nrrd"))
    expert = sitk.GetArrayFromImage(real("brain1_label.nrrd")) > 0
    outer = ndimage.distance_transform_edt(~expert, sampling=d.spacing)
    inner = ndimage.distance_transform_edt(expert, sampling=d.spacing)
    d.put((outer > 6) & (outer < 9), BACKGROUND)
    d.put(inner > 3.0)
    before = d.all()
    d.effect(effects.GrowFromSeeds).apply()
    assert dice(d.get(), expert) > 0.8 > dice(before[TUMOUR], expert)
    d.check_undo(before)
    used = np.flatnonzero(expert.any(axis=(1, 2)))
    drawn = np.zeros_like(expert)
    drawn[used[::2]] = expert[used[::2]]
    drawn[used[-1]] = expert[used[-1]]
    d.put(drawn)
    d.effect(effects.FillBetweenSlices).apply()
    assert dice(d.get(), expert) > 0.8 > dice(drawn, expert)


# Empty, missing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda d: d.effect(effects.Margin).apply(2.0),
        lambda d: d.effect(effects.Hollow).apply(2.0),
        lambda d: d.effect(effects.FillBetweenSlices).apply(),
    ],
)
def test_empty_or_missing_segment(desk, call):
    d = desk()
    with pytest.raises(EmptyRegionError, match="Tumour"):
        call(d)
    d.editor.active_segment_modifier.active_segment_id = ""
    with pytest.raises(RegionError, match="No segment"):
        call(d)
    assert d.stack.n_commands() == 0


# Masks from elsewhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", GRIDS)
def test_segment_from_a_mask_on_another_grid(desk, grid):
    d = desk(grid)
    size = [70, 64, 60]
    mask = sitk.Image(size, sitk.sitkInt16)
    mask.SetSpacing((1.1, 1.0, 1.3))
    centre = np.array(d.image.TransformContinuousIndexToPhysicalPoint([n / 2 for n in d.image.GetSize()]))
    mask.SetOrigin(centre - 0.5 * np.array(size) * mask.GetSpacing())
    k, j, i = np.indices(size[::-1])
    array = (((i - 35) / 12) ** 2 + ((j - 32) / 9) ** 2 + ((k - 30) / 8) ** 2 < 1) * 3
    filled = sitk.GetImageFromArray(array.astype(np.int16))
    filled.CopyInformation(mask)
    before = d.all()
    identity = effects.add_segment_from_mask(d.editor, filled, "From file")
    expected = sitk.Resample(sitk.Cast(filled > 0, sitk.sitkUInt8), d.image, sitk.Transform(), 1, 0)
    assert np.array_equal(d.get(identity), sitk.GetArrayFromImage(expected) > 0)
    assert d.get(identity).sum() > 100
    assert d.node.GetSegmentation().GetSegment(identity).GetName() == "From file"
    assert d.editor.active_segment_id == identity
    after = d.all()
    d.stack.undo()
    same(d.all(), before)
    d.stack.redo()
    same(d.all(), after)


def test_segment_from_a_mask_replaces_a_segment(desk):
    d = desk("oblique, left-handed")
    d.put(blobs())
    before = d.all()
    mask = image_on("oblique, left-handed", ellipsoid().astype(np.uint8))
    assert effects.add_segment_from_mask(d.editor, mask, segment_id=TUMOUR) == TUMOUR
    assert np.array_equal(d.get(), ellipsoid())
    d.check_undo(before)


def test_mask_from_another_place_is_refused(desk):
    d = desk()
    before = d.all()
    far = image_on("isotropic", ellipsoid().astype(np.uint8))
    far.SetOrigin((1000.0, 0.0, 0.0))
    empty = image_on("isotropic", np.zeros(SHAPE, np.uint8))
    for mask in (far, empty):
        with pytest.raises(EmptyRegionError, match="inside"):
            effects.add_segment_from_mask(d.editor, mask, "far")
    with pytest.raises(RegionError, match="does not exist"):
        effects.add_segment_from_mask(d.editor, far, segment_id="nothing")
    same(d.all(), before)
    assert d.stack.n_commands() == 0


# Parent transforms ---------------------------------------------------------------------------------------


def transform_node(app, matrix):
    node = app.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    vtk_matrix = vtk.vtkMatrix4x4()
    vtk_matrix.DeepCopy(np.asarray(matrix, float).ravel())
    node.SetMatrixTransformToParent(vtk_matrix)
    return node


def painted_centre(d, target):
    """Paint a ball at a world position (RAS); its centre in world space."""
    ball = vtk.vtkSphereSource()
    ball.SetRadius(4.0)
    ball.SetThetaResolution(32)
    ball.SetPhiResolution(32)
    ball.Update()
    where = vtk.vtkPoints()
    where.InsertNextPoint(*target)
    d.editor.active_segment_modifier.apply_glyph(ball.GetOutput(), where)
    mask = mask_from_segment(d.node, TUMOUR, d.volume)
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(mask)
    return np.array(shape.GetCentroid(1)) * [-1, -1, 1] if shape.HasLabel(1) else None


def test_brush_hits_after_the_transform_is_hardened(desk, app):
    matrix = np.eye(4)
    matrix[:3, :3] = rotation() @ np.diag([1, 1, -1])
    matrix[:3, 3] = [30.0, -8.0, 5.0]
    d = desk("oblique, left-handed")
    d.volume.SetAndObserveTransformNodeID(transform_node(app, matrix).GetID())
    ijk_to_ras = vtk.vtkMatrix4x4()
    d.volume.GetIJKToRASMatrix(ijk_to_ras)
    middle = ijk_to_ras.MultiplyPoint([n / 2 for n in d.image.GetSize()] + [1.0])
    target = (matrix @ np.array(middle))[:3]
    assert effects.harden_parent_transform(d.volume)
    assert d.volume.GetParentTransformNode() is None
    d.editor.set_active_segmentation(d.node, d.volume)
    d.editor.set_active_segment_id(TUMOUR)
    assert np.linalg.norm(painted_centre(d, target) - target) < 1.5
    assert not effects.harden_parent_transform(d.volume)


def test_sheared_or_curved_transform_is_refused(desk, app):
    d = desk()
    shear = np.eye(4)
    shear[0, 1] = 0.4
    d.volume.SetAndObserveTransformNodeID(transform_node(app, shear).GetID())
    with pytest.raises(GeometryError):
        effects.harden_parent_transform(d.volume)
    assert d.volume.GetParentTransformNode() is not None
    curved = app.scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    spline = vtk.vtkThinPlateSplineTransform()
    curved.SetAndObserveTransformToParent(spline)
    d.volume.SetAndObserveTransformNodeID(curved.GetID())
    with pytest.raises(GeometryError, match="non-linear"):
        effects.harden_parent_transform(d.volume)
    assert d.volume.GetParentTransformNode() is not None


# What trame-slicer brings, as the application uses it ------------------------------------------------------


@pytest.mark.parametrize("grid", GRIDS)
def test_islands(desk, grid):
    d = desk(grid)
    mask = blobs()
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())[1:]
    second = 1 + int(np.argsort(sizes)[-2])
    k, j, i = (int(v) for v in np.argwhere(labels == second)[5])
    place = np.array(d.image.TransformIndexToPhysicalPoint([i, j, k])) * [-1, -1, 1]
    d.put(mask)
    before = d.all()
    islands = d.effect(SegmentationEffectIslands)
    for act, expected in (
        (islands.keep_largest_island, labels == 1 + sizes.argmax()),
        (lambda: islands.remove_small_islands(50), np.isin(labels, 1 + np.flatnonzero(sizes >= 50))),
        (lambda: islands.keep_island_at_position(tuple(place)), labels == second),
        (lambda: islands.remove_island_at_position(tuple(place)), mask & (labels != second)),
    ):
        act()
        assert np.array_equal(d.get(), expected)
        d.check_undo(before)
        d.put(mask)


@pytest.mark.parametrize("grid", GRIDS)
def test_smoothing(desk, grid):
    """Away from the border of the volume, where conventions differ."""
    d = desk(grid)
    mask = blobs(3)
    inside = np.zeros(SHAPE, bool)
    inside[6:-6, 8:-8, 8:-8] = True
    mask &= inside
    before = None
    smooth = d.effect(SegmentationEffectSmoothing)
    smooth.set_kernel_size(3.0)
    smooth.set_standard_deviation(1.5)
    size = [max(1, round((3.0 / s + 1) / 2) * 2 - 1) for s in d.spacing]
    blurred = ndimage.gaussian_filter(mask.astype(float), [1.5 / s for s in d.spacing])
    for mode, expected, doubtful in (
        (SmoothingEffectMode.MEDIAN, ndimage.median_filter(mask, size=size), np.zeros(SHAPE, bool)),
        (SmoothingEffectMode.GAUSSIAN, blurred >= 0.5, np.abs(blurred - 0.5) < 0.01),
    ):
        d.put(mask)
        before = d.all()
        smooth.set_smoothing_mode(mode)
        smooth.apply_smoothing()
        assert np.array_equal(d.get() & ~doubtful, expected & ~doubtful), mode
        assert not np.array_equal(d.get(), mask)
        d.check_undo(before)
    for mode, grows in ((SmoothingEffectMode.OPENING, False), (SmoothingEffectMode.CLOSING, True)):
        d.put(mask)
        smooth.set_smoothing_mode(mode)
        smooth.apply_smoothing()
        smaller, larger = (mask, d.get()) if grows else (d.get(), mask)
        assert (larger | ~smaller).all() and (larger != smaller).any(), mode
        d.check_undo(before)
