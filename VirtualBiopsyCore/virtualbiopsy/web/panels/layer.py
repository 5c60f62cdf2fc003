"""The layer over the images: which one, how it is shown, and what belongs to it."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from ...scene.colors import COLOR_TABLES
from ..questions import GAMES, KINDS
from . import controls

LAYERS = (
    ("sits", "Where the features sit", "mdi-map-marker-outline"),
    ("missing", "What if this part were missing", "mdi-puzzle-remove-outline"),
    ("outline", "What if the outline changed here", "mdi-vector-polyline-edit"),
)
COLOUR_NAMES = {"blue-red": "blue – red", "blue-black-orange": "blue – black – orange (any colour vision)"}


def layer_choice() -> None:
    """Three layers, one at a time."""
    with html.Div(
        raw_attrs=controls.aria(role="radiogroup", label="Layer over the images"), classes="vb-layers"
    ):
        for name, label, icon in LAYERS:
            with html.Div(
                classes=(f"['vb-layer', layer === '{name}' ? 'vb-chosen' : '']",),
                click=f"layer = '{name}'",
                v_on_keydown_enter=f"layer = '{name}'",
                id=f"layer_{name}",
                raw_attrs=['role="radio"', 'tabindex="0"', f":aria-checked=\"layer === '{name}'\""],
            ):
                v.VIcon(icon, size="18")
                html.Span(label)
    html.Div("{{ map_note }}", v_if="map_note && layer === 'sits'", classes="vb-warn mt-1", id="map_note")


def missing_parts(app: Any) -> None:
    """Level 2: its parts and its button."""
    guard, questions = app.alerts.guard, app.questions
    with html.Div(v_if="layer === 'missing'", id="section_missing", classes="vb-sub"):
        html.Div(
            "The tumour in parts; every part is left out and all is measured again. Another question than "
            "where the features sit.",
            classes="vb-note mb-2",
        )
        with html.Div(style="display:grid;gap:8px"):
            items = [{"title": words, "value": kind} for kind, words in KINDS.items()]
            controls.select("Parts", "parts_kind", ("parts_kinds", items))
            items = [{"title": words, "value": game} for game, words in GAMES.items()]
            controls.select("A part is", "parts_game", ("parts_games", items))
        controls.slider("Number of parts", "parts_count", 2, 16, 1, v_if="true")
        with html.Div(classes="vb-row"):
            controls.button(
                "Compute",
                "ask_parts",
                guard(questions.ask_parts),
                icon="mdi-play",
                color="primary",
                disabled=("stale || parts_busy",),
            )
            controls.button(
                "Refine",
                "refine_parts",
                guard(questions.refine_parts),
                icon="mdi-grid",
                title="Split the strongest parts into pieces that share their value",
                v_if="parts_rows.length && !stale",
                disabled=("parts_busy",),
            )
            html.Span("being computed …", v_if="parts_busy", classes="vb-note")
        html.Div("{{ parts_warning }}", v_if="parts_warning", classes="vb-warn mt-2", id="parts_warning")
        with html.Div(v_if="parts_rows.length", id="parts", classes="mt-2"):
            with html.Div(
                v_for="r in parts_rows",
                key="r.id",
                classes="vb-line vb-level1",
                click=(guard(questions.go_to), "[r.id]"),
                title="Go there",
            ):
                html.Span(classes="vb-chevron")
                with html.Div(classes="vb-line-words"):
                    html.Span("{{ r.label }}", classes="vb-line-label")
                    html.Span("{{ r.volume }}", classes="vb-note ml-2")
                with html.Div(classes="vb-track"):
                    html.Div(
                        classes=("['vb-bar-piece', r.sign > 0 ? 'up' : 'down']",),
                        raw_attrs=[
                            ":style=\"{ width: r.size + '%', [r.sign > 0 ? 'left' : 'right']: '50%' }\""
                        ],
                    )
                html.Div("{{ r.phi }}", classes="vb-phi")
                html.Span(classes="vb-tell")
            html.Div("{{ parts_note }}", classes="vb-note mt-1")


def outline_changes(app: Any) -> None:
    """The influence of the outline: the flip brush and the strongest parts."""
    guard, questions = app.alerts.guard, app.questions
    with html.Div(v_if="layer === 'outline'", id="section_outline_changes", classes="vb-sub"):
        html.Div(
            "Inside: the probability if this part were erased. Around: if this part were painted in. "
            "It follows every edit.",
            classes="vb-note mb-1",
        )
        html.Div("being computed …", v_if="influence_busy", classes="vb-note")
        html.Div(
            "{{ influence_note }}",
            v_if="influence_note",
            id="influence_note",
            classes=("influence_flips ? 'vb-warn' : 'vb-note'",),
        )
        with (
            html.Table(classes="vb-table mt-1", v_if="influence_rows.length", id="influence"),
            html.Tbody(),
            html.Tr(
                v_for="r in influence_rows",
                key="r.id",
                click=(guard(questions.go_to), "[r.part]"),
                style="cursor:pointer",
                title="Go there",
            ),
        ):
            with html.Td():
                html.Span(
                    classes=("['vb-dot', r.flips ? 'vb-flip-' + r.what : 'vb-noflip']",),
                    style="display:inline-block;margin-right:6px",
                )
                html.Span("{{ r.label }}")
                html.Small("{{ r.volume }}", classes="ml-2")
            html.Td("{{ r.change }}", classes="num")
            html.Td("→ {{ r.after }}", classes="num")


def layer_settings() -> None:
    """How every layer is drawn."""
    with html.Div(classes="d-flex flex-wrap mt-2", style="column-gap:18px"):
        controls.switch("Layer", "overlay_shown")
        controls.switch("Legend", "legend_shown")
        controls.switch(
            "Hatching", "hatching_shown", title="Where small changes of the outline turn the sign"
        )
        controls.switch("Strongest in 3D", "strongest_shown", title="The strongest tenth of the voxels")
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
    items = [{"title": COLOUR_NAMES.get(key, title), "value": key} for key, title in COLOR_TABLES.items()]
    controls.select("Colours", "colors", ("color_items", items), classes="mt-2")
    html.Div(
        "{{ colors === 'blue-red' ? 'Red' : 'Orange' }} raises, blue lowers the estimate; "
        "{{ overlay_unit }}; zero is transparent.",
        classes="vb-note mt-2",
    )
    html.Div(
        "{{ hatching_note }}", v_if="hatching_note && layer === 'sits'", classes="vb-note", id="hatching_note"
    )
    html.Div("Move the pointer over the images to read a place.", classes="vb-note")
    html.Div("The map explains the model, not the biology.", classes="vb-note mt-1", style="color:#c9d1d9")
