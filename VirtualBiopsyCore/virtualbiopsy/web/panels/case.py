"""Tab "Case": path, sequences and roles, shown sequence, clinical variables."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from .. import present
from . import controls


def case_panel(app: Any) -> None:
    guard, reading, cases = app.alerts.guard, app.alerts.reading, app.cases
    with controls.section("Open", "section_open"):
        controls.path_field(
            "Folder, image file or DICOM folder",
            "case_path",
            guard(cases.browse),
            v_on_keydown_enter=reading(cases.open, "case_path"),
        )
        with html.Div(classes="vb-row mt-2"):
            controls.button(
                "Open case",
                "open_case",
                reading(cases.open, "case_path"),
                icon="mdi-folder-open-outline",
                color="primary",
                variant="flat",
            )
            controls.button(
                "Add to this case",
                "add_file",
                reading(cases.add_file, "case_path"),
                icon="mdi-plus",
                disabled=("!case_name",),
            )
    with controls.section("What it is for", "section_task", v_if="case_name"):
        controls.select("Task", "task", ("task_items",), item_props=True)
        html.Div("{{ task_reason }}", classes="vb-note mt-1", id="task_reason")
    with controls.section("Sequences and their roles", "section_roles", v_if="sequences.length"):
        html.Div(
            "No sequence has the role {{ task_reference }} ({{ task_reference_label }}), which the models "
            "need.",
            v_if="!has_reference",
            classes="vb-warn mb-2",
            id="no_reference",
        )
        controls.button(
            "Use the displayed volume as {{ task_reference }}",
            "use_shown",
            guard(cases.use_shown_as_reference),
            icon="mdi-target",
            color="warning",
            v_if="!has_reference",
            classes="mb-2",
        )
        with html.Div(v_for="s in sequences", key="s.name", classes="mb-3"):
            with html.Div(classes="d-flex align-center ga-2"):
                with v.VBtn(
                    size="small",
                    variant="text",
                    density="comfortable",
                    click=(guard(cases.show), "[s.name]"),
                    raw_attrs=[
                        ":id=\"'show_' + s.name\"",
                        ':icon="true"',
                        ":aria-label=\"'Display ' + s.name\"",
                        ':aria-pressed="s.name === shown"',
                        ":color=\"s.name === shown ? 'primary' : ''\"",
                        'title="Display this sequence"',
                    ],
                ):
                    v.VIcon("{{ s.name === shown ? 'mdi-eye' : 'mdi-eye-outline' }}")
                html.Span("{{ s.name }}", style="flex:1;min-width:0;overflow-wrap:anywhere;font-weight:500")
                v.VSelect(
                    model_value=("s.role",),
                    update_modelValue=(guard(cases.set_role), "[s.name, $event]"),
                    items=("role_items",),
                    density="compact",
                    variant="outlined",
                    hide_details=True,
                    style="max-width:130px",
                    item_props=("true",),
                    raw_attrs=[":id=\"'role_' + s.name\"", ":aria-label=\"'Role of ' + s.name\""],
                )
            html.Div("{{ s.reason }}", classes="vb-note", style="padding-left:40px")
            html.Div("{{ s.grid }}", classes="vb-note", style="padding-left:40px")
        controls.switch(("`Register the other sequences to ${task_reference} (rigid)`",), "register")
        controls.switch("Correct the bias field (N4)", "bias_correction")
        html.Div("{{ w }}", v_for="w in case_warnings", key="w", classes="vb-warn")
    with controls.section("Display", "section_display", v_if="sequences.length"):
        controls.select("Displayed sequence", "shown", ("shown_items",))
        with html.Div(classes="vb-slider mt-2"):
            html.Label("Grey window", id="window_label")
            v.VRangeSlider(
                v_model=("window",),
                min=("window_limits[0]",),
                max=("window_limits[1]",),
                step=("window_step",),
                id="window",
                raw_attrs=controls.aria(labelledby="window_label"),
                hide_details=True,
                density="compact",
                thumb_size=14,
                track_size=3,
                color="primary",
            )
            controls.button("auto", "auto_window", guard(app.auto_window), size="x-small", variant="text")
    with (
        controls.section(
            "Clinical variables (leave unknown ones empty)", "section_clinical", v_if="case_name"
        ),
        v.VRow(dense=True),
    ):
        for field in present.clinical_fields():
            with v.VCol(cols=6, v_if=f"task_clinical.includes('{field['name']}')"):
                _clinical_field(field)


def _clinical_field(field: dict[str, Any]) -> None:
    common = {
        "v_model": (field["key"], ""),
        "label": field["label"],
        "id": field["key"],
        "title": field["description"],
        "density": "compact",
        "variant": "outlined",
        "hide_details": "auto",
    }
    if field["kind"] == "number":
        v.VTextField(
            **common,
            suffix=field["unit"],
            placeholder="unknown",
            persistent_placeholder=True,
            hint=field["limits"],
            inputmode="decimal",
            error_messages=(f"clinical_errors['{field['name']}'] || []",),
        )
    else:
        v.VSelect(**common, items=(f"{field['key']}_items", field["items"]))
