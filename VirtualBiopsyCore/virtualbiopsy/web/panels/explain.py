"""Tab "Explain": waterfall, map over the images, what is not localised; tab "Features"."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls


def explain_panel(app: Any) -> None:
    html.Div("There is no result yet.", v_if="!has_result", classes="vb-note mt-4")
    with html.Div(v_if="has_result"):
        with controls.section("Model", "section_model"):
            controls.select("Model", "explained_model", ("explained_models",))
            html.Div(
                "Out of date: the outline or the case has changed since.",
                v_if="stale",
                classes="vb-warn mt-1",
            )
        with controls.section("Contributions to the log-odds", "section_waterfall"):
            html.Div(v_html=("waterfall",), classes="vb-figure", id="waterfall")
        with controls.section("Map over the images", "section_map"):
            controls.select("Shown in the map", "explained_map", ("explained_maps",))
            html.Div("{{ map_note }}", v_if="map_note", classes="vb-warn mt-1")
            with html.Div(classes="d-flex flex-wrap", style="column-gap:18px"):
                controls.switch("Map", "overlay_shown")
                controls.switch("Legend", "legend_shown")
                controls.switch("Diameter", "diameter_shown")
                controls.switch("3D surface", "surface_shown")
            controls.slider(
                "Opacity", "overlay_opacity", 0, 1, 0.05, value="Math.round(100 * overlay_opacity) + ' %'"
            )
            controls.slider(
                "Colour range",
                "overlay_window",
                ("overlay_window_limit / 100",),
                ("overlay_window_limit",),
                ("overlay_window_limit / 100",),
                value="'± ' + Number(overlay_window.toPrecision(2))",
            )
            html.Div("Red raises, blue lowers the score; {{ overlay_unit }}.", classes="vb-note")
            html.Div("{{ localised_text }}", classes="vb-note mt-2", id="localised")
            html.Div("The map explains the model, not the biology.", classes="vb-note mt-1")
        with (
            controls.section(
                "Not localised in the image", "section_not_localised", v_if="not_localised.length"
            ),
            html.Table(classes="vb-table", id="not_localised"),
            html.Tbody(),
            html.Tr(v_for="r in not_localised", key="r.key"),
        ):
            with html.Td():
                html.Div("{{ r.label }}")
                html.Small("{{ r.note }}")
            html.Td("{{ r.phi }}", classes="num")


def features_panel(app: Any) -> None:
    html.Div("There is no result yet.", v_if="!has_result", classes="vb-note mt-4")
    with html.Div(v_if="has_result", classes="mt-3"):
        v.VTextField(
            v_model=("feature_search",),
            label="Search features",
            id="feature_search",
            density="compact",
            variant="outlined",
            hide_details=True,
            clearable=True,
            prepend_inner_icon="mdi-magnify",
        )
        html.Div(
            "Out of date: the outline or the case has changed since.", v_if="stale", classes="vb-warn mt-1"
        )
        with html.Table(classes="vb-table mt-2", id="features"):
            with html.Thead(), html.Tr():
                html.Th("Feature")
                html.Th("Value", style="text-align:right")
            with (
                html.Tbody(),
                html.Tr(
                    v_for="f in features.filter(f => !feature_search || "
                    "(f.label + f.place + f.code + f.models).toLowerCase()"
                    ".includes(feature_search.toLowerCase()))",
                    key="f.key",
                    raw_attrs=[':title="f.key"'],
                ),
            ):
                with html.Td():
                    with html.Details():
                        with html.Summary(style="cursor:pointer"):
                            html.Span("{{ f.label }}")
                            html.Small("{{ f.place }}", classes="ml-2")
                        html.Div("{{ f.description }}", classes="vb-note mt-1")
                        html.Div("IBSI {{ f.code }}", v_if="f.code", classes="vb-note")
                        html.Div("Used for {{ f.models }}", v_if="f.models", classes="vb-note")
                    html.Div("{{ f.why }}", v_if="f.why", classes="vb-warn")
                with html.Td(classes="num"):
                    html.Span("{{ f.value }}")
