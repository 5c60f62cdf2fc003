"""Tab "Outline": segments, tools, facts."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls
from .facts import facts_table

TOOLS = (
    ("none", "Look around (no tool)", "mdi-cursor-default-outline"),
    ("paint", "Paint", "mdi-brush"),
    ("erase", "Erase", "mdi-eraser"),
    ("scissors", "Scissors", "mdi-content-cut"),
    ("threshold", "Threshold", "mdi-contrast-box"),
    ("islands", "Islands: click one", "mdi-blur"),
    ("propose", "Propose a lesion: click it", "mdi-auto-fix"),
)


def outline_panel(app: Any) -> None:
    guard, reading, desk, outlines = app.alerts.guard, app.alerts.reading, app.desk, app.outlines
    with controls.section("Segments", "section_segments"):
        with html.Div(
            v_for="s in segments",
            key="s.id",
            click=(guard(outlines.choose), "[s.id]"),
            classes=("['vb-segment', s.active ? 'active' : '']",),
            raw_attrs=[
                ":id=\"'segment_' + s.id\"",
                'role="button"',
                'tabindex="0"',
                ':aria-pressed="s.active"',
                ":aria-label=\"'Edit ' + s.name\"",
            ],
            v_on_keydown_enter=(guard(outlines.choose), "[s.id]"),
        ):
            html.Span(classes="vb-dot", raw_attrs=[':style="{ background: s.colour }"'])
            html.Span("{{ s.name }}", style="flex:1;min-width:0;overflow-wrap:anywhere")
            v.VChip("predicted on", v_if="s.region", size="x-small", color="success", variant="tonal")
            with v.VBtn(
                v_if="!s.region",
                size="x-small",
                variant="text",
                v_on_click_stop=(guard(outlines.choose_region), "[s.id]"),
                raw_attrs=[":id=\"'region_' + s.id\"", ":aria-label=\"'Predict on ' + s.name\""],
            ):
                html.Span("predict on it")
            with v.VBtn(
                size="x-small",
                variant="text",
                v_on_click_stop=(guard(outlines.set_visible), "[s.id, !s.visible]"),
                raw_attrs=[
                    ':icon="true"',
                    ":id=\"'visible_' + s.id\"",
                    ":aria-label=\"(s.visible ? 'Hide ' : 'Show ') + s.name\"",
                ],
            ):
                v.VIcon("{{ s.visible ? 'mdi-eye' : 'mdi-eye-off' }}")
            with v.VBtn(
                size="x-small",
                variant="text",
                v_on_click_stop=(guard(outlines.remove), "[s.id]"),
                raw_attrs=[
                    ':icon="true"',
                    ":id=\"'remove_' + s.id\"",
                    ":aria-label=\"(s.fixed ? 'Empty ' : 'Remove ') + s.name\"",
                    ":title=\"s.fixed ? 'Empty this segment' : 'Remove this segment'\"",
                ],
            ):
                v.VIcon("{{ s.fixed ? 'mdi-backspace-outline' : 'mdi-delete-outline' }}")
        with html.Div(classes="vb-row mt-2"):
            controls.button(
                "Load the case's outline",
                "load_case_mask",
                guard(desk.load_case_mask),
                icon="mdi-vector-selection",
                color="primary",
                v_if="has_case_mask",
            )
            controls.button("New segment", "add_segment", guard(outlines.add), icon="mdi-plus")
            controls.button(
                "Centre on it", "centre", guard(desk.centre), icon="mdi-image-filter-center-focus"
            )
        with html.Div(classes="d-flex align-center ga-1 mt-3"):
            v.VTextField(
                v_model=("mask_path",),
                label="Mask file (NIfTI, NRRD)",
                id="mask_path",
                density="compact",
                variant="outlined",
                hide_details=True,
                spellcheck="false",
                v_on_keydown_enter=reading(desk.load_mask, "mask_path"),
            )
            controls.icon_button(
                "Browse the folders of this computer",
                "browse_mask_path",
                "mdi-folder-search-outline",
                (guard(app.cases.browse), "['mask_path']"),
            )
            controls.button("Add", "load_mask", reading(desk.load_mask, "mask_path"))
    with controls.section("Tools", "section_tools"):
        with html.Div(classes="d-flex align-center"):
            with v.VBtnToggle(
                v_model=("tool",), mandatory=True, density="compact", color="primary", variant="outlined"
            ):
                for name, label, icon in TOOLS:
                    offered = {"v_if": "has_series"} if name == "propose" else {}
                    with v.VBtn(
                        **offered,
                        value=name,
                        id=f"tool_{name}",
                        title=label,
                        size="small",
                        raw_attrs=controls.aria(label=label),
                    ):
                        v.VIcon(icon, size="20")
            v.VSpacer()
            controls.icon_button("Undo", "undo", "mdi-undo", guard(outlines.undo), disabled=("!can_undo",))
            controls.icon_button("Redo", "redo", "mdi-redo", guard(outlines.redo), disabled=("!can_redo",))
        html.Div(
            "Click into the enhancing part of a lesion in a slice or in the MIP. What enhances there becomes "
            "the outline; correct it with the other tools, or undo it.",
            v_if="tool === 'propose'",
            classes="vb-note mt-2",
        )
        html.Div("{{ proposal_note }}", v_if="proposal_note", classes="mt-2", id="proposal_note")
        with html.Div(v_if="tool === 'paint' || tool === 'erase'", classes="mt-2"):
            controls.slider("Brush", "brush_mm", 1, 40, 0.5, value="brush_mm + ' mm'")
            controls.switch("Ball (several slices at once)", "brush_sphere")
        with html.Div(v_if="tool === 'scissors'", classes="mt-2"):
            controls.select(
                "Scissors",
                "scissors_mode",
                (
                    "scissors_items",
                    [
                        {"title": "erase inside the drawn line", "value": "erase_inside"},
                        {"title": "erase outside", "value": "erase_outside"},
                        {"title": "fill inside", "value": "fill_inside"},
                    ],
                ),
            )
            html.Div("Draw a closed line in a view; it cuts through all slices.", classes="vb-note mt-1")
        with html.Div(v_if="tool === 'islands'", classes="mt-2"):
            with html.Div(classes="vb-row"):
                controls.button("Keep the largest", "keep_largest", guard(outlines.keep_largest))
                controls.button("Remove small ones", "remove_small", guard(desk.remove_small))
            with v.VRadioGroup(v_model=("island_mode",), inline=True, hide_details=True, density="compact"):
                v.VRadio(label="click keeps one", value="keep", id="island_keep")
                v.VRadio(label="click removes one", value="remove", id="island_remove")
            controls.slider("Small: below", "island_voxels", 1, 1000, 1, value="island_voxels + ' voxels'")
        with html.Div(v_if="tool === 'threshold' || paint_in_range", classes="mt-2"):
            with html.Div(classes="vb-slider", style="grid-template-columns:108px 1fr"):
                html.Label("Grey values", id="threshold_label")
                v.VRangeSlider(
                    v_model=("threshold",),
                    min=("window_limits[0]",),
                    max=("window_limits[1]",),
                    step=("window_step",),
                    id="threshold",
                    raw_attrs=controls.aria(labelledby="threshold_label"),
                    hide_details=True,
                    density="compact",
                    thumb_size=14,
                    track_size=3,
                    color="primary",
                )
            html.Div(
                "{{ Number(threshold[0].toPrecision(4)) }} to {{ Number(threshold[1].toPrecision(4)) }}",
                classes="vb-value",
                id="threshold_text",
            )
            with html.Div(classes="vb-row", v_if="tool === 'threshold'"):
                controls.button(
                    "Apply threshold", "apply_threshold", guard(desk.apply_threshold), color="primary"
                )
                controls.button("Otsu", "auto_threshold", guard(desk.auto_threshold))
        controls.switch("Edit only voxels within a range of grey values", "paint_in_range")
    with controls.section("Whole segment", "section_whole"):
        with html.Div(classes="vb-row"):
            controls.button(
                "Grow from seeds",
                "grow_seeds",
                guard(desk.grow_from_seeds),
                icon="mdi-sprout-outline",
                title="Paint a stroke in the tumour and one in the background first",
            )
            controls.button(
                "Fill between slices",
                "fill_slices",
                guard(outlines.fill_between_slices),
                icon="mdi-layers-triple-outline",
            )
        with html.Div(classes="vb-row mt-2", style="flex-wrap:nowrap"):
            controls.select(
                "Smoothing",
                "smooth_mode",
                (
                    "smooth_items",
                    [
                        {"title": "median", "value": "median"},
                        {"title": "opening", "value": "opening"},
                        {"title": "closing", "value": "closing"},
                        {"title": "gaussian", "value": "gaussian"},
                    ],
                ),
                style="max-width:130px",
            )
            _millimetres("smooth_mm", "Size")
            controls.button("Smooth", "smooth", guard(desk.smooth))
        with html.Div(classes="vb-row mt-2", style="flex-wrap:nowrap"):
            _millimetres("margin_mm", "Margin")
            controls.button("Grow", "margin_grow", guard(desk.margin_grow))
            controls.button("Shrink", "margin_shrink", guard(desk.margin_shrink))
    with controls.section("Facts", "section_facts"):
        html.Div("{{ facts_note || 'Nothing is outlined yet.' }}", v_if="!facts.length", classes="vb-note")
        facts_table("fact")


def _millimetres(name: str, label: str) -> None:
    v.VTextField(
        v_model_number=(name,),
        label=label,
        id=name,
        suffix="mm",
        type="number",
        raw_attrs=controls.aria(min="0.5", step="0.5"),
        density="compact",
        variant="outlined",
        hide_details=True,
        style="max-width:110px",
    )
