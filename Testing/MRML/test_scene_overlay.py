"""The explanation over the images: colours, threshold, legend, and everything put back."""

import numpy as np
import pytest
import SimpleITK as sitk
from scene_support import SliceView
from test_scene_segments import ball, middle
from test_scene_volumes import make_image
from virtualbiopsy.errors import GeometryError
from virtualbiopsy.report.theme import diverging
from virtualbiopsy.scene.overlay import COLOR_TABLES, ExplanationOverlay, color_table_node
from virtualbiopsy.scene.segments import write_segment
from virtualbiopsy.scene.volumes import image_from_node, node_from_image

pytestmark = pytest.mark.mrml


def composites(stage, count=2):
    nodes = []
    for name in ("Red", "Green")[:count]:
        node = stage.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode", name)
        node.SetLayoutName(name)
        nodes.append(node)
    return nodes


@pytest.fixture
def scene_with_map(stage):
    image = make_image("anisotropic", shape=(9, 40, 40))
    volume = node_from_image(stage.scene, image, "volume")
    mask = ball(image, middle(image), 8.0)
    inside = sitk.GetArrayFromImage(mask) > 0
    values = np.zeros(inside.shape)
    half = inside.shape[2] // 2
    values[..., :half][inside[..., :half]] = -0.002
    values[..., half:][inside[..., half:]] = 0.002
    values[4, 20, 20] = 0.0  # zero inside the region stays visible
    ledger = sitk.GetImageFromArray(values)
    ledger.CopyInformation(image)
    return stage, volume, mask, ledger


def test_values_unit_and_threshold(scene_with_map):
    stage, _, mask, ledger = scene_with_map
    overlay = ExplanationOverlay(stage.scene)
    node = overlay.show(ledger, "Ki-67", mask=mask)
    shown = sitk.GetArrayFromImage(image_from_node(node))
    inside = sitk.GetArrayFromImage(mask) > 0
    millilitres = np.prod(ledger.GetSpacing()) / 1000
    np.testing.assert_allclose(shown[inside] * millilitres, sitk.GetArrayFromImage(ledger)[inside], rtol=1e-6)
    assert (shown[~inside] == -1e4).all()
    display = node.GetDisplayNode()
    assert display.GetApplyThreshold() and not display.GetAutoThreshold() and not display.GetInterpolate()
    assert display.GetLowerThreshold() > -1e4 and display.GetLowerThreshold() < shown[inside].min()
    assert display.GetUpperThreshold() > shown[inside].max()
    assert display.GetWindowLevelMin() == -display.GetWindowLevelMax()
    assert overlay.window == pytest.approx(0.002 / millilitres, rel=1e-5)
    assert node.GetAttribute("VirtualBiopsy.Unit") == "log-odds per mL"


def test_very_strong_values_stay_visible(scene_with_map):
    """A tiny voxel may carry thousands of log-odds per mL: the sentinel keeps below."""
    stage, _, mask, ledger = scene_with_map
    overlay = ExplanationOverlay(stage.scene)
    node = overlay.show(ledger * 1e6, "Ki-67", mask=mask)
    display = node.GetDisplayNode()
    shown = sitk.GetArrayFromImage(image_from_node(node))
    inside = sitk.GetArrayFromImage(mask) > 0
    assert shown[inside].min() > display.GetLowerThreshold() > shown[~inside].max()
    assert shown[inside].max() < display.GetUpperThreshold()


def test_layers_opacity_and_fill_are_put_back(scene_with_map):
    stage, volume, mask, ledger = scene_with_map
    red, green = composites(stage)
    fused = node_from_image(stage.scene, mask, "the user's own foreground")
    red.SetBackgroundVolumeID(volume.GetID())
    red.SetForegroundVolumeID(fused.GetID())
    red.SetForegroundOpacity(0.35)
    segmentation = stage.segmentation(volume)
    segmentation.GetDisplayNode().SetOpacity2DFill(0.6)
    overlay = ExplanationOverlay(stage.scene)
    assert not overlay.shown
    node = overlay.show(ledger, "Ki-67", mask=mask, opacity=0.7)
    overlay.show(ledger, "PR", mask=mask)  # a second map must not overwrite what was remembered
    assert overlay.shown and overlay.volume is node
    for composite in (red, green):
        assert composite.GetForegroundVolumeID() == node.GetID()
        assert composite.GetForegroundOpacity() == 0.7
    assert segmentation.GetDisplayNode().GetOpacity2DFill() == 0
    overlay.set_opacity(0.4)
    assert red.GetForegroundOpacity() == 0.4
    overlay.set_opacity(0.9, [green])
    assert (red.GetForegroundOpacity(), green.GetForegroundOpacity()) == (0.4, 0.9)
    overlay.hide()
    assert red.GetForegroundVolumeID() == fused.GetID() and red.GetForegroundOpacity() == 0.35
    assert red.GetBackgroundVolumeID() == volume.GetID()
    assert green.GetForegroundVolumeID() is None and green.GetForegroundOpacity() == 0
    assert segmentation.GetDisplayNode().GetOpacity2DFill() == pytest.approx(0.6)
    assert not overlay.shown


def test_hidden_map_can_be_shown_again(scene_with_map):
    stage, volume, mask, ledger = scene_with_map
    (red,) = composites(stage, 1)
    segmentation = stage.segmentation(volume)
    overlay = ExplanationOverlay(stage.scene)
    overlay.show_again()  # nothing to show yet
    node = overlay.show(ledger, "Ki-67", mask=mask)
    overlay.hide()
    adopted = ExplanationOverlay(stage.scene)
    adopted.show_again(0.6)
    assert adopted.shown and adopted.volume is node and red.GetForegroundOpacity() == 0.6
    assert segmentation.GetDisplayNode().GetOpacity2DFill() == 0
    adopted.hide()
    assert red.GetForegroundVolumeID() is None and segmentation.GetDisplayNode().GetOpacity2DFill() > 0


def test_a_foreground_chosen_meanwhile_is_left_alone(scene_with_map):
    stage, volume, mask, ledger = scene_with_map
    (red,) = composites(stage, 1)
    overlay = ExplanationOverlay(stage.scene)
    overlay.show(ledger, "Ki-67", mask=mask)
    red.SetForegroundVolumeID(volume.GetID())
    red.SetForegroundOpacity(0.2)
    overlay.hide()
    assert red.GetForegroundVolumeID() == volume.GetID() and red.GetForegroundOpacity() == 0.2


def test_showing_in_some_views_only(scene_with_map):
    stage, _, mask, ledger = scene_with_map
    red, green = composites(stage)
    overlay = ExplanationOverlay(stage.scene)
    node = overlay.show(ledger, "Ki-67", mask=mask, composite_nodes=[green])
    assert red.GetForegroundVolumeID() is None and green.GetForegroundVolumeID() == node.GetID()


def test_remove_leaves_no_node_behind(scene_with_map):
    stage, _, mask, ledger = scene_with_map
    composites(stage)
    for key in COLOR_TABLES:
        color_table_node(stage.scene, key)
    ids = {stage.scene.GetNthNode(i).GetID() for i in range(stage.scene.GetNumberOfNodes())}
    overlay = ExplanationOverlay(stage.scene)
    overlay.show(ledger, "Ki-67", mask=mask)
    overlay.remove()
    assert {stage.scene.GetNthNode(i).GetID() for i in range(stage.scene.GetNumberOfNodes())} == ids
    overlay.remove()
    overlay.show(ledger, "Ki-67", mask=mask)
    stage.scene.RemoveNode(overlay.volume)  # by the user
    assert overlay.volume is None and not overlay.shown
    overlay.hide()
    overlay.set_window(2.0)
    overlay.set_opacity(0.5)
    overlay.show(ledger, "Ki-67", mask=mask)
    assert overlay.shown


def test_color_tables_are_visible_symmetric_and_made_once(stage):
    for key in COLOR_TABLES:
        node = color_table_node(stage.scene, key)
        assert color_table_node(stage.scene, key) is node
        assert not node.GetHideFromEditors() and node.GetAttribute("Category") == "VirtualBiopsy"
        assert node.GetNumberOfColors() % 2 == 1
        colors = np.array(
            [node.GetLookupTable().GetTableValue(i)[:3] for i in range(node.GetNumberOfColors())]
        )
        assert colors[0, 2] > colors[0, 0] and colors[-1, 0] > colors[-1, 2]  # blue and red ends
    dark = color_table_node(stage.scene, "blue-black-orange")
    colors = np.array([dark.GetLookupTable().GetTableValue(i)[:3] for i in range(dark.GetNumberOfColors())])
    lightness = colors @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness[:128]) < 1e-3).all() and (np.diff(lightness[127:]) > -1e-3).all()
    overlay = ExplanationOverlay(stage.scene)
    overlay.set_colors("blue-black-orange")  # nothing to colour yet: no error


def test_views_and_report_share_their_colours(stage):
    node = color_table_node(stage.scene)
    for t in (-1.0, -0.5, 0.5, 1.0):
        index = round((t + 1) / 2 * (node.GetNumberOfColors() - 1))
        exact = 2 * index / (node.GetNumberOfColors() - 1) - 1
        np.testing.assert_allclose(
            node.GetLookupTable().GetTableValue(index)[:3], diverging(exact), atol=0.5 / 255 + 1e-6
        )


def test_legend_has_signed_labels_and_the_unit(scene_with_map):
    stage, _, mask, ledger = scene_with_map
    overlay = ExplanationOverlay(stage.scene)
    overlay.show(ledger, "Ki-67 ≥ 5 %", mask=mask)
    legend = overlay.legend
    assert legend.GetTitleText() == "Where the features sit\nKi-67 ≥ 5 %\nlog-odds per mL"
    assert legend.GetLabelFormat().startswith("%+.") and legend.GetVisibility()
    overlay.set_window(0.005)
    assert legend.GetLabelFormat() == "%+.5f" and overlay.window == 0.005
    overlay.set_window(250)
    assert legend.GetLabelFormat() == "%+.0f"
    overlay.set_window(float("nan"))
    assert overlay.window == 1.0
    overlay.set_legend_visible(False)
    assert not legend.GetVisibility()
    overlay.show(ledger, "PR", mask=mask)
    assert overlay.legend is legend and not legend.GetVisibility() and "PR" in legend.GetTitleText()


def test_mask_on_another_grid_is_refused(scene_with_map):
    stage, _, mask, ledger = scene_with_map
    with pytest.raises(GeometryError):
        ExplanationOverlay(stage.scene).show(ledger, "Ki-67", mask=mask[1:])


def test_slice_view_shows_red_and_blue_inside_and_grey_outside(opengl, scene_with_map, tmp_path):
    stage, volume, mask, ledger = scene_with_map
    segmentation = stage.segmentation(volume)
    write_segment(segmentation, "", mask, volume, "Tumour")
    segmentation.GetDisplayNode().SetVisibility2DOutline(False)
    segmentation.GetDisplayNode().SetVisibility2DFill(True)
    view = SliceView(stage)
    view.composite.SetBackgroundVolumeID(volume.GetID())
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevelMinMax(-400, 400)
    view.fit(middle(mask)[2])
    overlay = ExplanationOverlay(stage.scene)

    def colours(pixels):
        r, g, b = (pixels[..., c].astype(int) for c in range(3))
        red, blue = (r > b + 60) & (r > g + 60), (b > r + 60) & (b > g + 60)
        return red, blue

    overlay.show(ledger, "Ki-67", mask=mask, opacity=1.0)
    overlay.set_legend_visible(False)
    shown = view.pixels(tmp_path / "shown.png")
    red, blue = colours(shown)
    assert red.sum() > 1000 and blue.sum() > 1000
    assert abs(red.sum() - blue.sum()) < 0.25 * red.sum()
    # the positive half has the higher i, which is the patient's left and lies on the right of the picture
    assert np.mean(np.nonzero(red)[1]) > np.mean(np.nonzero(blue)[1]) + 20
    # exactly the region is coloured: about as many pixels as the mask's slice covers
    millimetres = np.array(view.node.GetFieldOfView())[:2] / np.array(view.node.GetDimensions())[:2]
    k = mask.TransformPhysicalPointToIndex(middle(mask))[2]
    area = sitk.GetArrayViewFromImage(mask)[k].sum() * mask.GetSpacing()[0] * mask.GetSpacing()[1]
    coloured = (red | blue).sum() * millimetres.prod()
    assert coloured == pytest.approx(area, rel=0.05)
    outside = shown[~(red | blue)]
    grey = np.ptp(outside.astype(int), axis=1) < 12
    assert grey.mean() > 0.97

    overlay.set_opacity(0.1)
    red, blue = colours(view.pixels())
    assert red.sum() + blue.sum() < 0.2 * coloured / millimetres.prod()
    overlay.set_colors("blue-black-orange")
    overlay.set_opacity(1.0)
    orange = view.pixels().astype(int)
    assert ((orange[..., 0] > orange[..., 2] + 60) & (orange[..., 1] > orange[..., 2] + 40)).sum() > 1000
    overlay.hide()
    segmentation.GetDisplayNode().SetVisibility(False)
    red, blue = colours(view.pixels())
    assert red.sum() + blue.sum() == 0


def test_legend_is_drawn(opengl, scene_with_map):
    stage, volume, mask, ledger = scene_with_map
    view = SliceView(stage)
    view.composite.SetBackgroundVolumeID(volume.GetID())
    view.fit(middle(mask)[2])
    overlay = ExplanationOverlay(stage.scene)
    overlay.show(ledger, "Ki-67", mask=mask, opacity=0.0)
    without = view.pixels() if overlay.set_legend_visible(False) is None else None
    overlay.set_legend_visible(True)
    assert (view.pixels() != without).any(axis=-1).sum() > 300
