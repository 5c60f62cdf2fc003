"""Last part of the workbench: the models that are installed on this computer."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls


def models_step(app: Any) -> None:
    guard, library = app.alerts.guard, app.library
    html.Div(
        "Models that you installed. They stand beside the bundled ones when a case of their kind is opened.",
        classes="vb-note mb-2",
    )
    html.Div("None is installed.", v_if="!bench_models.length", id="bench_no_models")
    with html.Div(
        v_for="m in bench_models",
        key="m.id",
        classes="vb-card",
        raw_attrs=[":id=\"'installed_' + m.id\""],
    ):
        with html.Div(classes="d-flex align-center ga-2"):
            html.B("{{ m.title }}", style="flex:1")
            v.VChip("simulated", v_if="m.simulated", size="small", color="purple-lighten-2", variant="tonal")
            controls.button(
                "Remove",
                "",
                "bench_removing = m.id",
                v_if="bench_removing !== m.id",
                raw_attrs=[":id=\"'remove_' + m.id\""],
            )
            controls.button(
                "Remove it from this computer",
                "",
                (guard(library.remove), "[m.id]"),
                color="error",
                v_if="bench_removing === m.id",
                raw_attrs=[":id=\"'really_remove_' + m.id\""],
            )
        html.Div("{{ m.id }} {{ m.version }}, recipe {{ m.recipe || 'unknown' }}: {{ m.positive }}")
        html.Div("{{ m.performance }}", classes="vb-note")
        html.Div("Trained on: {{ m.data }}", classes="vb-note")
    with html.Div(v_if="bench_broken.length", classes="mt-3", id="bench_broken"):
        html.Div("Files that cannot be used", style="font-weight:600")
        with html.Div(v_for="b in bench_broken", key="b.path", classes="d-flex align-center ga-2 mt-1"):
            html.Span("{{ b.path }}: {{ b.why }}", classes="vb-warn", style="flex:1;overflow-wrap:anywhere")
            controls.button("Remove", "", (guard(library.remove), "[b.name]"))
