"""Levels apart from each other: regions, influence with the flip brush, hatching, strongest regions."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import vtk
from scene_support import SliceView, SolidView, Stage
from test_scene_overlay import composites
from test_scene_segments import ball, middle
from test_scene_volumes import GEOMETRIES, make_image
from virtualbiopsy.explain.regional import Influence, RegionExplanation
from virtualbiopsy.scene.colors import COLOR_TABLES, signed_colors
from virtualbiopsy.scene.flipmarks import FLIP_COLORS, FlipMarks, flip_masks
from virtualbiopsy.scene.hatching import LINE_MM, PERIOD_MM, stripes
from virtualbiopsy.scene.layer import LAYER_ROLES, any_layer_shown
from virtualbiopsy.scene.overlay import ExplanationOverlay
from virtualbiopsy.scene.persist import BundleReader, write_mrb
from virtualbiopsy.scene.regional import InfluenceOverlay, RegionsOverlay, influence_map, regions_map
from virtualbiopsy.scene.surfaces import StrongestRegions, closed_surface
from virtualbiopsy.scene.volumes import ijk_to_ras, image_from_node, matrix_from_vtk, node_from_image

pytestmark = pytest.mark.mrml


def parted(grid, mask):
    """Labels 1 and 2 for the halves of a mask (lower and upper i), -1 and -2 for those of its shell."""
    inside = sitk.GetArrayFromImage(mask) > 0
    shell = (sitk.GetArrayFromImage(sitk.BinaryDilate(mask, [3, 3, 1])) > 0) & ~inside
    upper = np.arange(inside.shape[2]) >= inside.shape[2] // 2
    labels = np.where(inside, 1 + upper, 0) - np.where(shell, 1 + upper, 0)
    image = sitk.GetImageFromArray(labels.astype(np.int32))
    image.CopyInformation(grid)
    return image


def region_explanation(labels, psi=(-0.8, 0.5), error=(0.0, 0.0)):
    counts = [int((sitk.GetArrayViewFromImage(labels) == n).sum()) for n in (1, 2)]
    inside = sitk.Cast(sitk.Maximum(labels, 0), sitk.sitkInt32)
    return RegionExplanation(
        model_id="m",
        kind="rim",
        game="erase",
        labels=inside,
        psi=np.array(psi),
        error=np.array(error),
        volume_ml=np.array(counts) * np.prod(labels.GetSpacing()) / 1000,
        nonspatial=0.1,
        baseline=-0.3,
        log_odds=-0.5,
        method="exact enumeration",
        evaluations=4,
    )


def influence_of(labels, erased=(0.1, -0.2), painted=(0.05, np.nan), flips=((True, False), (False, True))):
    return Influence(
        "m", labels, np.array(erased), np.array(painted), np.array(flips[0]), np.array(flips[1]), 0.45, 0.5, 3
    )


@pytest.fixture(params=["anisotropic", "oblique left-handed"])
def placed(request, stage):
    image = make_image(request.param, shape=(9, 40, 40))
    volume = node_from_image(stage.scene, image, "volume")
    mask = ball(image, middle(image), 7.0)
    ledger = sitk.Cast(mask, sitk.sitkFloat64) * 0.001
    return stage, volume, mask, ledger, parted(image, mask)


def test_overlays_lie_where_the_images_lie(placed):
    """IJK to RAS of every layer is that of the map's own grid, and values are where SimpleITK puts them."""
    stage, _, mask, ledger, labels = placed
    regions = RegionsOverlay(stage.scene).show(region_explanation(labels), "b")
    nodes = [
        ExplanationOverlay(stage.scene).show(ledger, "a", mask=mask),
        regions,
        InfluenceOverlay(stage.scene).show(influence_of(labels), "c"),
    ]
    for node in nodes:
        matrix = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        np.testing.assert_allclose(matrix_from_vtk(matrix), ijk_to_ras(labels), atol=1e-9)
    shown = image_from_node(regions)
    index = tuple(int(n) for n in np.argwhere(sitk.GetArrayFromImage(labels) == 2)[0][::-1])
    where = shown.TransformPhysicalPointToIndex(labels.TransformIndexToPhysicalPoint(index))
    voxels = (sitk.GetArrayViewFromImage(labels) == 2).sum()
    expected = 0.5 / (voxels * np.prod(labels.GetSpacing()) / 1000)
    assert shown.GetPixel(where) == pytest.approx(expected, rel=1e-6)


def test_regions_keep_their_sum_and_their_own_legend(placed):
    stage, _, mask, ledger, labels = placed
    explanation = region_explanation(labels)
    assert sitk.GetArrayFromImage(regions_map(explanation)).sum() == pytest.approx(-0.3, abs=1e-12)
    first, second, third = (
        ExplanationOverlay(stage.scene),
        RegionsOverlay(stage.scene),
        InfluenceOverlay(stage.scene),
    )
    first.show(ledger, "Ki-67", mask=mask)
    second.show(explanation, "Ki-67")
    third.show(influence_of(labels), "Ki-67")
    titles = [layer.legend.GetTitleText() for layer in (first, second, third)]
    assert titles == [
        "Where the features sit\nKi-67\nlog-odds per mL",
        "What if this part were missing\nKi-67\nlog-odds per mL",
        "What if the outline changed here\nKi-67\nchange of probability",
    ]
    assert len({layer.volume.GetID() for layer in (first, second, third)}) == 3
    assert len({layer.volume.GetName() for layer in (first, second, third)}) == 3


def test_influence_by_part_and_no_answer(placed):
    stage, _, _, _, labels = placed
    influence = influence_of(labels)
    values = sitk.GetArrayFromImage(influence_map(influence))
    array = sitk.GetArrayFromImage(labels)
    for part, expected in ((1, 0.1), (2, -0.2), (-1, 0.05)):
        assert (values[array == part] == expected).all()
    assert np.isnan(values[array == -2]).all() and (values[array == 0] == 0).all()
    layer = InfluenceOverlay(stage.scene)
    node = layer.show(influence, "Ki-67")
    display = node.GetDisplayNode()
    shown = sitk.GetArrayFromImage(image_from_node(node))
    visible = (shown > display.GetLowerThreshold()) & (shown < display.GetUpperThreshold())
    np.testing.assert_array_equal(visible, np.isin(array, (1, 2, -1)))
    assert layer.window == pytest.approx(0.2)
    point = np.array(
        labels.TransformIndexToPhysicalPoint(tuple(int(n) for n in np.argwhere(array == 1)[5][::-1]))
    )
    assert layer.value_at(point * [-1, -1, 1]) == pytest.approx(0.1)
    point = labels.TransformIndexToPhysicalPoint(tuple(int(n) for n in np.argwhere(array == -2)[5][::-1]))
    assert layer.value_at(np.array(point) * [-1, -1, 1]) is None and layer.value_at((1e4, 0, 0)) is None


def test_layers_are_never_mixed_in_a_view(placed):
    stage, volume, mask, ledger, labels = placed
    red, green = composites(stage)
    red.SetForegroundVolumeID(volume.GetID())
    red.SetForegroundOpacity(0.3)
    segmentation = stage.segmentation(volume)
    segmentation.GetDisplayNode().SetOpacity2DFill(0.6)
    first, second, third = (
        ExplanationOverlay(stage.scene),
        RegionsOverlay(stage.scene),
        InfluenceOverlay(stage.scene),
    )
    first.show(ledger, "a", mask=mask)
    second.show(region_explanation(labels), "b")
    assert not first.shown and second.shown and any_layer_shown(stage.scene)
    third.show(influence_of(labels), "c", composite_nodes=[green])
    assert red.GetForegroundVolumeID() == second.volume.GetID()
    assert green.GetForegroundVolumeID() == third.volume.GetID()
    third.hide()
    assert second.shown and segmentation.GetDisplayNode().GetOpacity2DFill() == 0
    second.hide()
    assert not any_layer_shown(stage.scene)
    assert red.GetForegroundVolumeID() == volume.GetID() and red.GetForegroundOpacity() == 0.3
    assert green.GetForegroundVolumeID() is None
    assert segmentation.GetDisplayNode().GetOpacity2DFill() == pytest.approx(0.6)
    assert set(LAYER_ROLES) == {"map", *(type(layer).role for layer in (first, second, third))}


def test_stripes_cover_the_unstable_voxels_only_and_every_slice(placed):
    _, _, mask, _, _ = placed
    labels, matrix = stripes(mask)
    index = np.argwhere(labels > 0)[:, ::-1]
    ras = index @ matrix[:3, :3].T + matrix[:3, 3]
    back = np.linalg.solve(ijk_to_ras(mask), np.c_[ras, np.ones(len(ras))].T).T[:, :3]
    at = np.rint(back).astype(int)
    inside = sitk.GetArrayViewFromImage(mask) > 0
    assert inside[at[:, 2], at[:, 1], at[:, 0]].all()
    hatched = np.zeros_like(inside)
    hatched[at[:, 2], at[:, 1], at[:, 0]] = True
    many = inside.sum(axis=(1, 2)) > 60
    assert (hatched.sum(axis=(1, 2))[many] > 0).all()
    factors = np.prod(np.array(labels.shape) / inside.shape)
    share = (labels > 0).sum() / (inside.sum() * factors)
    assert share == pytest.approx(2 * LINE_MM / PERIOD_MM, abs=0.06)
    phase = np.mod(ras.sum(axis=1), PERIOD_MM)
    assert (phase < 2 * LINE_MM + 1e-3).all()


def test_hatching_is_put_on_and_taken_off(placed):
    stage, volume, mask, ledger, labels = placed
    (red,) = composites(stage, 1)
    red.SetLabelVolumeID(volume.GetID())
    red.SetLabelOpacity(0.4)
    before = stage.scene.GetNumberOfNodes()
    layer = ExplanationOverlay(stage.scene)
    layer.show(ledger, "a", mask=mask, unstable=mask)
    assert layer.hatching.shown and red.GetLabelVolumeID() == layer.hatching.volume.GetID()
    assert red.GetLabelOpacity() == 1.0
    layer.hide()
    assert red.GetLabelVolumeID() == volume.GetID() and red.GetLabelOpacity() == 0.4
    layer.show_again()
    assert layer.hatching.shown
    layer.show(ledger, "a", mask=mask)
    assert layer.hatching.volume is None and red.GetLabelVolumeID() == volume.GetID()
    regions = RegionsOverlay(stage.scene)
    regions.show(region_explanation(labels, error=(0.5, 0.1)), "b")
    hatched = sitk.GetArrayViewFromImage(sitk.Cast(image_from_node(regions.hatching.volume), sitk.sitkUInt8))
    assert hatched.any() and regions.hatching.shown
    layer.show(ledger, "a", mask=mask)
    assert not regions.hatching.shown, "hatching stays with its layer"
    regions.remove()
    layer.remove()
    tables = sum(
        (node.GetAttribute("VirtualBiopsy.Role") or "").startswith("colors:")
        for node in [stage.scene.GetNthNode(n) for n in range(stage.scene.GetNumberOfNodes())]
    )
    assert stage.scene.GetNumberOfNodes() == before + tables


def test_unstable_outside_the_map_is_not_hatched(placed):
    stage, _, mask, ledger, _ = placed
    layer = ExplanationOverlay(stage.scene)
    layer.show(ledger, "a", mask=mask, unstable=mask == 0)
    assert layer.hatching.volume is None


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_surfaces_enclose_the_part_in_ras(stage, geometry):
    image = make_image(geometry, shape=(11, 40, 40))
    mask = ball(image, middle(image), 5.0)
    surface = closed_surface(sitk.GetArrayFromImage(mask) > 0, mask, smooth=False)
    mass = vtk.vtkMassProperties()
    triangles = vtk.vtkTriangleFilter()
    triangles.SetInputData(surface)
    mass.SetInputConnection(triangles.GetOutputPort())
    voxel = np.prod(mask.GetSpacing())
    assert mass.GetVolume() == pytest.approx(sitk.GetArrayViewFromImage(mask).sum() * voxel, rel=0.2)
    bounds = np.array(surface.GetBounds()).reshape(3, 2)
    np.testing.assert_allclose(
        bounds.mean(axis=1), np.array(middle(image)) * [-1, -1, 1], atol=0.6 * max(mask.GetSpacing())
    )
    normals = surface.GetPointData().GetNormals()
    centre = np.array(middle(image)) * [-1, -1, 1]
    outward = np.mean(
        [
            np.dot(normals.GetTuple3(n), np.subtract(surface.GetPoint(n), centre))
            for n in range(surface.GetNumberOfPoints())
        ]
    )
    assert outward > 0, "normals point out, on left-handed grids as well"


def test_flip_marks_follow_the_flags(placed):
    stage, _, _, _, labels = placed
    array = sitk.GetArrayFromImage(labels)
    masks = flip_masks(influence_of(labels))
    np.testing.assert_array_equal(masks["erase"], array == 1)
    np.testing.assert_array_equal(masks["paint"], array == -2)
    both = influence_of(labels, flips=((True, True), (False, False)))
    np.testing.assert_array_equal(flip_masks(both)["erase"], array > 0)
    surface = replace(both, boundary=1)
    np.testing.assert_array_equal(flip_masks(surface)["erase"], array == 1)
    marks = FlipMarks(stage.scene)
    nodes = marks.show(influence_of(labels))
    assert set(nodes) == {"flip:erase", "flip:paint"} and marks.shown
    for role, node in nodes.items():
        display = node.GetDisplayNode()
        assert display.GetVisibility2D() and display.GetColor() == FLIP_COLORS[role.split(":")[1]]
    marks.hide()
    assert not marks.shown
    marks.show(influence_of(labels, flips=((False, True), (False, False))))
    assert set(marks.nodes) == {"flip:erase"} and marks.shown
    marks.show(influence_of(labels, flips=((False, False), (False, False))))
    assert not marks.nodes
    before = stage.scene.GetNumberOfNodes()
    FlipMarks(stage.scene).show(influence_of(labels))
    FlipMarks(stage.scene).remove()
    assert stage.scene.GetNumberOfNodes() == before


def test_marks_belong_to_their_layer(placed):
    stage, _, mask, ledger, labels = placed
    composites(stage)
    layer = InfluenceOverlay(stage.scene)
    layer.show(influence_of(labels), "a")
    assert layer.marks.shown
    ExplanationOverlay(stage.scene).show(ledger, "b", mask=mask)
    assert not FlipMarks(stage.scene).shown, "another level is shown: its marks go with it"
    layer.show(influence_of(labels), "a", marks=False)
    assert layer.shown and not layer.marks.shown


@pytest.mark.parametrize("colors", COLOR_TABLES)
def test_strongest_regions_by_sign(placed, colors):
    stage, _, mask, _, labels = placed
    array = sitk.GetArrayFromImage(labels)
    values = np.where(array == 1, -0.001, np.where(array == 2, 0.001, 0.0))
    strong = np.zeros(array.shape, bool)
    strong[3:6, 16:24, 22:25] = True
    values[strong & (array == 2)] = 0.01
    ledger = sitk.GetImageFromArray(values)
    ledger.CopyInformation(mask)
    regions = StrongestRegions(stage.scene)
    share = (strong & (array == 2)).sum() / (array > 0).sum()
    nodes = regions.show(ledger, share=share, colors=colors)
    assert set(nodes) == {"strongest:raises"}
    display = nodes["strongest:raises"].GetDisplayNode()
    np.testing.assert_allclose(display.GetColor(), signed_colors(colors)[-1])
    assert not display.GetVisibility2D() and display.GetVisibility()
    nodes = regions.show(ledger, share=1.0, colors=colors)
    assert set(nodes) == {"strongest:raises", "strongest:lowers"}
    bounds = {role: np.array(node.GetPolyData().GetBounds()).reshape(3, 2) for role, node in nodes.items()}
    assert not np.allclose(bounds["strongest:raises"], bounds["strongest:lowers"], atol=1.0)
    regions.hide()
    assert not regions.shown
    regions.remove()
    assert not regions.nodes


# drawn


@pytest.fixture
def drawn(opengl, stage):
    image = make_image("anisotropic", shape=(9, 60, 60))
    image = sitk.Cast(image * 0 + 100, sitk.sitkFloat32)
    volume = node_from_image(stage.scene, image, "volume")
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevelMinMax(0, 200)
    mask = ball(image, middle(image), 9.0)
    view = SliceView(stage)
    view.composite.SetBackgroundVolumeID(volume.GetID())
    view.fit(middle(mask)[2])
    return stage, view, mask, parted(image, mask)


def near(pixels, color, tolerance=12):
    return (np.abs(pixels.astype(int) - np.rint(np.array(color) * 255)) <= tolerance).all(axis=-1)


@pytest.mark.parametrize("colors", COLOR_TABLES)
def test_sign_in_pixels_and_legend_and_zero_is_transparent(drawn, colors, tmp_path):
    """What raises is drawn in the colour at the + end of the legend, what lowers in that at the − end, and
    exactly zero shows the image itself."""
    stage, view, mask, labels = drawn
    array = sitk.GetArrayFromImage(labels)
    values = np.where(array == 1, -0.001, np.where(array == 2, 0.001, 0.0))
    hole = (array > 0) & (np.indices(array.shape)[1] >= 30)
    values[hole] = 0.0
    ledger = sitk.GetImageFromArray(values)
    ledger.CopyInformation(mask)
    background = view.pixels()
    layer = ExplanationOverlay(stage.scene)
    layer.show(ledger, "Ki-67", opacity=1.0, colors=colors)
    layer.set_legend_visible(False)
    shown = view.pixels(tmp_path / "sign.png")
    table = signed_colors(colors)
    raises, lowers = near(shown, table[-1]), near(shown, table[0])
    assert raises.sum() > 300 and lowers.sum() > 300
    # the positive half has the higher i: the patient's left, on the right of the picture
    assert np.nonzero(raises)[1].min() > np.nonzero(lowers)[1].max()
    coloured = (shown != background).any(axis=-1)
    assert (raises | lowers)[coloured].all(), "nothing is drawn where the map is zero"
    millimetres = np.array(view.node.GetFieldOfView())[:2] / np.array(view.node.GetDimensions())[:2]
    k = mask.TransformPhysicalPointToIndex(middle(mask))[2]
    area = (values[k] != 0).sum() * np.prod(mask.GetSpacing()[:2])
    assert coloured.sum() * millimetres.prod() == pytest.approx(area, rel=0.06)

    layer.set_opacity(0.0)
    bare = view.pixels()
    layer.set_legend_visible(True)
    legend = view.pixels(tmp_path / "legend.png")
    drawn_legend = (legend != bare).any(axis=-1)
    plus, minus = near(legend, table[-1]) & drawn_legend, near(legend, table[0]) & drawn_legend
    assert plus.sum() > 5 and minus.sum() > 5
    assert np.nonzero(plus)[0].mean() < np.nonzero(minus)[0].mean(), "the + end of the legend is on top"
    assert layer.legend.GetLabelFormat().startswith("%+")


def test_hatching_in_pixels(drawn, tmp_path):
    stage, view, mask, labels = drawn
    ledger = sitk.Cast(mask, sitk.sitkFloat64) * 0.001
    layer = ExplanationOverlay(stage.scene)
    layer.show(ledger, "a", opacity=1.0)
    layer.set_legend_visible(False)
    plain = view.pixels()
    layer.show(ledger, "a", opacity=1.0, unstable=labels == 2)
    layer.set_legend_visible(False)
    hatched = view.pixels(tmp_path / "hatched.png")
    changed = (plain != hatched).any(axis=-1)
    dark, light = hatched.max(axis=-1) < 40, hatched.min(axis=-1) > 220
    assert (changed & dark).sum() > 200 and (changed & light).sum() > 200
    red = near(plain, signed_colors()[-1])
    middle_column = np.nonzero(red)[1].mean()
    assert np.nonzero(changed)[1].min() > middle_column - 6, "only the half with the unstable sign"
    assert 0.25 < changed.sum() / (red.sum() / 2) < 0.65


def test_flip_marks_in_pixels_outline_the_part(drawn, tmp_path):
    stage, view, _, labels = drawn
    before = view.pixels()
    marks = FlipMarks(stage.scene)
    marks.show(influence_of(labels))
    shown = view.pixels(tmp_path / "flip.png")
    yellow, magenta = near(shown, FLIP_COLORS["erase"], 40), near(shown, FLIP_COLORS["paint"], 40)
    assert yellow.sum() > 100 and magenta.sum() > 100
    inside = (sitk.GetArrayViewFromImage(labels) == 1).any(axis=0).sum() * np.prod(labels.GetSpacing()[:2])
    millimetres = np.array(view.node.GetFieldOfView())[:2] / np.array(view.node.GetDimensions())[:2]
    assert yellow.sum() * millimetres.prod() < 0.6 * inside, "a line around the part, not a fill"
    assert np.nonzero(yellow)[1].mean() < np.nonzero(magenta)[1].mean()
    marks.hide()
    assert (view.pixels() == before).all()


def test_only_the_raised_layer_has_a_legend_on_screen(drawn):
    stage, view, mask, labels = drawn
    first, second = ExplanationOverlay(stage.scene), RegionsOverlay(stage.scene)
    second.show(region_explanation(labels), "b", opacity=0.0)
    alone = view.pixels()
    second.remove()
    first.show(sitk.Cast(mask, sitk.sitkFloat64), "a", opacity=0.0)
    second.show(region_explanation(labels), "b", opacity=0.0)
    assert (view.pixels() == alone).mean() > 0.999


def test_surfaces_in_the_three_dimensional_view(opengl, stage, tmp_path):
    """What raises most is drawn red, what lowers most blue, on the sides where they lie; marks as well."""
    image = make_image("anisotropic", shape=(9, 60, 60))
    mask = ball(image, middle(image), 9.0)
    labels = parted(image, mask)
    array = sitk.GetArrayFromImage(labels)
    ledger = sitk.GetImageFromArray(np.where(array == 1, -0.001, np.where(array == 2, 0.001, 0.0)))
    ledger.CopyInformation(mask)
    view = SolidView(stage)
    regions = StrongestRegions(stage.scene)
    regions.show(ledger, share=1.0)
    shown = view.pixels(tmp_path / "strongest.png").astype(int)
    red = (shown[..., 0] > shown[..., 2] + 50) & (shown[..., 0] > shown[..., 1] + 50)
    blue = (shown[..., 2] > shown[..., 0] + 50) & (shown[..., 2] > shown[..., 1] + 50)
    assert red.sum() > 2000 and blue.sum() > 2000
    # seen from the front, the patient's left (higher i, where the map is positive) is on the right
    assert np.nonzero(red)[1].mean() > np.nonzero(blue)[1].mean() + 30
    regions.hide()
    marks = FlipMarks(stage.scene)
    marks.show(influence_of(labels))
    shown = view.pixels(tmp_path / "flips.png").astype(int)
    assert np.ptp(shown.reshape(-1, 3), axis=0).max() > 60, "the marks are there"
    marks.hide()
    empty = view.pixels().astype(int)
    assert not ((empty[..., 0] > empty[..., 2] + 50) | (empty[..., 2] > empty[..., 0] + 90)).any()


def test_layers_come_back_from_a_bundle_and_can_be_taken_off(stage, tmp_path):
    image = make_image("oblique", shape=(9, 40, 40))
    volume = node_from_image(stage.scene, image, "volume")
    mask = ball(image, middle(image), 7.0)
    labels = parted(image, mask)
    red, green = composites(stage)
    red.SetForegroundVolumeID(volume.GetID())
    red.SetLabelVolumeID(volume.GetID())
    ledger = sitk.Cast(mask, sitk.sitkFloat64) * 0.001
    ExplanationOverlay(stage.scene).show(ledger, "a", unstable=mask, composite_nodes=[red])
    InfluenceOverlay(stage.scene).show(influence_of(labels), "b", composite_nodes=[green])
    path = write_mrb(stage.scene, tmp_path / "case.mrb")
    other = Stage()
    (tmp_path / "cache").mkdir()
    BundleReader(other.scene, other.app_logic, tmp_path / "cache").read(path)
    first, second = ExplanationOverlay(other.scene), InfluenceOverlay(other.scene)
    assert first.shown and second.shown and first.hatching.shown and second.marks.shown
    assert set(second.marks.nodes) == {"flip:erase", "flip:paint"}
    assert second.legend.GetTitleText().startswith("What if the outline changed here")
    shown = image_from_node(second.volume)
    assert (np.abs(sitk.GetArrayFromImage(shown) - 0.1) < 1e-6).sum() == (
        sitk.GetArrayViewFromImage(labels) == 1
    ).sum()
    first.hide()
    second.hide()
    back = {
        c.GetLayoutName(): c
        for c in (other.scene.GetNthNodeByClass(n, "vtkMRMLSliceCompositeNode") for n in range(2))
    }
    name = other.scene.GetNodeByID(back["Red"].GetForegroundVolumeID()).GetName()
    assert name == "volume" == other.scene.GetNodeByID(back["Red"].GetLabelVolumeID()).GetName()
    assert back["Green"].GetForegroundVolumeID() is None and not second.marks.shown
    first.remove()
    second.remove()
    for kind in ("vtkMRMLModelNode", "vtkMRMLLabelMapVolumeNode", "vtkMRMLColorLegendDisplayNode"):
        left = [
            other.scene.GetNthNodeByClass(n, kind) for n in range(other.scene.GetNumberOfNodesByClass(kind))
        ]
        assert not [node for node in left if node.GetAttribute("VirtualBiopsy.Role")]
