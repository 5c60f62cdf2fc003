"""Tab "Series": phases, curve, maps and motion of a dynamic series; the bar below the views."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from ..tofts import INPUTS, MODELS, T1_LIMITS
from . import controls

NO_SERIES = "The case has no dynamic series. Open the folder that holds all of its phases."


def series_panel(app: Any) -> None:
    html.Div(NO_SERIES, v_if="!has_series", classes="vb-note mt-4", id="no_series")
    with html.Div(v_if="has_series"):
        _curve()
        _phases(app)
        _maps(app)
        _motion(app)
    with html.Div(v_if="case_name"):
        _earlier(app)


def _curve() -> None:
    with controls.section("Time–intensity curve", "section_curve"):
        html.Div(v_html=("curve_svg",), v_if="curve_svg", classes="vb-figure", id="curve")
        html.Div("{{ curve_note }}", v_if="curve_note", classes="vb-warn")
        html.Div(
            "Outline a lesion, or point at a voxel in the slice views while no tool is in hand.",
            v_if="!curve_svg",
            classes="vb-note",
        )


def _phases(app: Any) -> None:
    guard, series = app.alerts.guard, app.series
    with controls.section("Phases", "section_phases"):
        with html.Table(classes="vb-table", id="phases"):
            with html.Thead(), html.Tr():
                html.Th("Phase")
                html.Th("Start", style="text-align:right", title="Seconds after the first phase began")
                html.Th("After injection", style="text-align:right", title="Centre of the phase")
                html.Th("Before the agent", style="text-align:center")
            with (
                html.Tbody(),
                html.Tr(
                    v_for="r in phase_rows",
                    key="r.name + phase_edits",  # made anew, so that a refused mark goes back
                    classes=("series_mode && r.index === phase_index ? 'vb-chosen-row' : ''",),
                    raw_attrs=[":id=\"'phase_' + r.index\""],
                ),
            ):
                with (
                    html.Td(),
                    html.Button(
                        "{{ r.name }}",
                        click="phase_index = r.index; series_mode = series_mode || 'phase'",
                        classes="vb-link",
                        raw_attrs=[":aria-label=\"'Show ' + r.name\""],
                    ),
                ):
                    pass
                html.Td("{{ r.start }} s", classes="num", raw_attrs=[':title="r.source"'])
                html.Td("{{ r.centre }} s", classes="num", raw_attrs=[':title="r.source"'])
                with html.Td(style="text-align:center"):
                    html.Input(
                        type="checkbox",
                        change=(guard(series.mark), "[r.name, $event.target.checked]"),
                        raw_attrs=[
                            ':checked="r.precontrast"',
                            ":id=\"'precontrast_' + r.index\"",
                            ":aria-label=\"r.name + ' is before the contrast agent'\"",
                        ],
                    )
        with (
            html.Table(classes="vb-table mt-2"),
            html.Tbody(),
            html.Tr(v_for="f in series_facts", key="f.name"),
        ):
            html.Td("{{ f.name }}", style="white-space:nowrap;color:var(--vb-soft)")
            html.Td("{{ f.value }}", style="overflow-wrap:anywhere")


def _maps(app: Any) -> None:
    guard, maps = app.alerts.guard, app.maps
    with controls.section("Maps", "section_maps"):
        controls.button(
            "Compute maps",
            "compute_maps",
            guard(maps.compute),
            icon="mdi-calculator-variant-outline",
            color="primary",
            variant="flat",
            v_if="!map_rows.length",
        )
        _kinetics(app)
        with html.Div(
            v_for="m in map_rows",
            key="m.role",
            classes=("['vb-map', m.role === map_shown ? 'vb-chosen' : '']",),
            raw_attrs=[":id=\"'map_' + m.role\""],
        ):
            with html.Div(classes="d-flex align-center ga-1"):
                html.Span("{{ m.label }}", style="flex:1;min-width:0;font-weight:500")
                for what, icon, call in (
                    ("colours", "mdi-palette-outline", maps.show_colours),
                    ("image", "mdi-image-outline", maps.show_image),
                ):
                    words = "in colours over the images" if what == "colours" else "as the image"
                    with v.VBtn(
                        size="x-small",
                        variant="text",
                        click=(guard(call), "[m.role]"),
                        raw_attrs=[
                            ':icon="true"',
                            f":id=\"'{what}_' + m.role\"",
                            f":aria-label=\"'Show {words}: ' + m.label\"",
                            f'title="Show {words}"',
                        ],
                    ):
                        v.VIcon(icon, size="18")
            html.Div("{{ m.read ? 'Read: ' : '' }}{{ m.how }}", classes="vb-note")
            html.Div("In the outline: {{ m.inside }}", v_if="m.inside", classes="vb-note")
        with html.Div(v_for="m in map_missing", key="m.roles", classes="vb-note mt-2"):
            html.Span("{{ m.roles }}: ", style="font-weight:600")
            html.Span("{{ m.why }}")
        with html.Div(v_if="map_shown", classes="mt-2"):
            controls.slider("Opacity", "overlay_opacity", 0, 1, 0.05)
            controls.button("No map", "map_off", guard(maps.hide), icon="mdi-layers-off-outline")


def _kinetics(app: Any) -> None:
    """How pharmacokinetic maps are computed."""
    with html.Details(classes="mt-1", id="kinetics"):
        html.Summary("How Ktrans is computed", classes="vb-note", style="cursor:pointer")
        html.Div(
            "Another choice than the models' own is said with every result.", classes="vb-note mt-1 mb-3"
        )
        with html.Div(classes="vb-fields"):
            controls.select(
                "Arterial input", "aif", ("aif_items", [{"title": t, "value": k} for k, t in INPUTS])
            )
            with html.Div(v_if="aif === 'table'"):
                controls.path_field(
                    "Table of the arterial input", "aif_path", app.alerts.guard(app.cases.browse)
                )
            controls.select(
                "Model", "kinetic_model", ("kinetic_items", [{"title": t, "value": k} for k, t in MODELS])
            )
            v.VTextField(
                v_model_number=("tissue_t1",),
                label="T1 of tissue, if not measured",
                id="tissue_t1",
                suffix="ms",
                type="number",
                raw_attrs=controls.aria(min=str(T1_LIMITS[0]), max=str(T1_LIMITS[1]), step="50"),
                density="compact",
                variant="outlined",
                hide_details=True,
            )
        controls.button("As the models have it", "own_kinetics", app.alerts.guard(app.tofts.own))


def _motion(app: Any) -> None:
    guard, series = app.alerts.guard, app.series
    with controls.section("Motion between the phases", "section_motion"):
        with html.Div(classes="vb-row"):
            controls.button("Measure", "measure_motion", guard(series.measure), icon="mdi-axis-arrow")
            controls.button(
                "Align the phases", "correct_motion", guard(series.correct), icon="mdi-vector-combine"
            )
        html.Div("{{ motion_note }}", v_if="motion_note", classes="mt-2", id="motion_note")
        with html.Table(classes="vb-table mt-1", v_if="motion_rows.length", id="motion"):
            with html.Thead(), html.Tr():
                for title in ("Phase", "Shift", "Turn", "Likeness before", "after", ""):
                    html.Th(title)
            with html.Tbody(), html.Tr(v_for="r in motion_rows", key="r.name"):
                html.Td("{{ r.name }}")
                html.Td("{{ r.shift }}", classes="num")
                html.Td("{{ r.rotation }}", classes="num")
                html.Td("{{ r.before }}", classes="num")
                html.Td("{{ r.after }}", classes="num")
                html.Td("{{ r.state }}")


def _earlier(app: Any) -> None:
    guard, desk, browse = app.alerts.guard, app.earlier, app.alerts.guard(app.cases.browse)
    with controls.section("Earlier examination", "section_earlier"):
        html.Div(
            "Models of response compare this case with an examination before or early in therapy.",
            classes="vb-note mb-2",
        )
        controls.path_field("Folder of the earlier examination, or its saved session", "earlier_path", browse)
        html.Div(classes="mt-2")
        controls.path_field("Outline of the lesion there, if not in the folder", "earlier_mask", browse)
        with html.Div(classes="vb-row mt-2"):
            controls.button(
                "Open the earlier one",
                "open_earlier",
                app.alerts.reading(desk.open, "earlier_path", "earlier_mask"),
                icon="mdi-calendar-arrow-left",
            )
            controls.button("Without", "remove_earlier", guard(desk.remove), v_if="earlier_name")
        html.Div(
            "{{ earlier_name }}: {{ earlier_facts }}",
            v_if="earlier_name",
            classes="mt-2",
            id="earlier_said",
        )


def phase_bar(app: Any) -> None:
    """Phase slider and modes of the same views."""
    with html.Div(v_if="has_series && !start_open", classes="vb-phasebar", id="phase_bar"):
        with v.VBtnToggle(v_model=("series_mode",), density="compact", variant="outlined", divided=True):
            for mode, label, title in (
                ("phase", "Phase", "The chosen phase"),
                ("subtraction", "Subtraction", "The chosen phase minus the mean before the contrast agent"),
                ("mip", "MIP", "Maximum intensity projection of the subtraction through the breast"),
            ):
                v.VBtn(label, value=mode, id=f"mode_{mode}", title=title, size="small")
        v.VSlider(
            v_model=("phase_index",),
            min=0,
            max=("phase_count - 1",),
            step=1,
            show_ticks="always",
            hide_details=True,
            density="compact",
            thumb_size=14,
            track_size=3,
            color="primary",
            id="phase_index",
            raw_attrs=controls.aria(label="Phase of the dynamic series"),
        )
        html.Div("{{ phase_labels[phase_index] }}", classes="vb-phase-label", id="phase_label")
