"""Tab "Explain": ledger, layer over the images, what if; tab "Features"."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls
from .layer import layer_choice, layer_settings, missing_parts, outline_changes
from .ledger import ledger_tree
from .trust import HIDDEN, light, show_anyway
from .whatif import whatif_panel

HIDDEN_HERE = f"cards.some(c => c.id === explained_model && {HIDDEN})"


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
        with html.Div(
            v_for="c in cards.filter(c => c.id === explained_model && c.trust.light !== 'green')",
            key="c.id",
            classes=("['vb-trust', 'vb-trust-' + c.trust.light, 'mt-2']",),
            id="explain_trust",
        ):
            with html.Div(classes="vb-trust-head"):
                light("20")
                html.B("{{ c.trust.word }}")
                html.Span("Reasons: tab Result", classes="vb-note", style="margin-left:auto")
            html.Div("{{ (c.trust.reasons[0] || {}).text }}", classes="vb-note")
            with html.Div(v_if=HIDDEN, classes="mt-2"):
                show_anyway("explain")
        with controls.section(
            "From the average case to this one", "section_ledger", v_show=f"!({HIDDEN_HERE})"
        ):
            ledger_tree(app)
            html.Div("{{ ledger_note }}", classes="vb-note mt-2", id="ledger_note")
            with html.Details(classes="mt-2"):
                html.Summary("The features one after the other", classes="vb-note", style="cursor:pointer")
                html.Div(v_html=("waterfall",), classes="vb-figure", id="waterfall")
        with controls.section("Layer over the images", "section_map", v_show=f"!({HIDDEN_HERE})"):
            layer_choice()
            missing_parts(app)
            outline_changes(app)
            layer_settings()
        with controls.section(
            "What if a value were another one", "section_whatif", v_show=f"!({HIDDEN_HERE})"
        ):
            whatif_panel(app)


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
