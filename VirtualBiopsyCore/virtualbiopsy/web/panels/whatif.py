"""What if a value were another one: sliders, and a number that says hypothetical."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls

MOVED = "whatif.changed && whatif.changed.includes(r.key)"


def whatif_panel(app: Any) -> None:
    with html.Div(
        classes=("['vb-hypothetical', whatif.changed && whatif.changed.length ? 'on' : '']",), id="whatif"
    ):
        with html.Div(classes="d-flex align-center ga-2"):
            v.VChip(
                "hypothetical",
                v_if="whatif.changed && whatif.changed.length",
                size="small",
                color="purple-lighten-2",
                variant="flat",
                id="whatif_mark",
            )
            html.Span("As measured", v_if="!whatif.changed || !whatif.changed.length", classes="vb-note")
            html.Span(
                "{{ whatif.actual }} → ", v_if="whatif.changed && whatif.changed.length", classes="vb-note"
            )
            html.B(
                "{{ whatif.p }}", id="whatif_p", style="font-size:20px", raw_attrs=[':data-p="whatif.exact"']
            )
            html.Span(
                "{{ whatif.moved }} log-odds, {{ whatif.side }} the threshold",
                v_if="whatif.changed && whatif.changed.length",
                classes="vb-note",
                style="flex:1",
            )
        with html.Div(classes="vb-scale", v_if="whatif.exact"):
            html.Div(classes="fill", raw_attrs=[":style=\"{ width: whatif.share + '%' }\""])
            html.Div(
                classes="mark", raw_attrs=[":style=\"{ left: whatif.threshold + '%' }\""], title="threshold"
            )
            html.Div(
                classes="real",
                raw_attrs=[":style=\"{ left: whatif.actual_share + '%' }\""],
                title="as measured",
            )
        html.Div("{{ whatif.note }}", v_if="whatif.changed && whatif.changed.length", classes="vb-note mt-1")
    with html.Div(
        v_for="r in whatif_rows",
        key="r.key",
        classes="vb-whatif-row",
        raw_attrs=[":id=\"'whatif_' + r.key\""],
    ):
        with html.Div(classes="d-flex"):
            html.Span("{{ r.label }}", style="flex:1")
            html.Span(
                "{{ (whatif.texts || {})[r.key] }}",
                classes=(f"['vb-value', {MOVED} ? 'vb-moved-value' : '']",),
                raw_attrs=[":title=\"'measured: ' + r.measured\""],
            )
        v.VSlider(
            hide_details=True,
            density="compact",
            thumb_size=14,
            track_size=3,
            color=(f"{MOVED} ? 'purple-lighten-2' : 'grey'",),
            raw_attrs=[
                ':model-value="whatif_values[r.key]"',
                '@update:model-value="whatif_values = { ...whatif_values, [r.key]: $event }"',
                ':min="r.low"',
                ':max="r.high"',
                ':step="r.step"',
                ":aria-label=\"'What if: ' + r.label\"",
            ],
        )
    with html.Div(classes="vb-row mt-1"):
        controls.button(
            "As measured",
            "whatif_reset",
            app.alerts.guard(app.hypothesis.reset),
            icon="mdi-restore",
            disabled=("!whatif.changed || !whatif.changed.length",),
        )
        html.Span("Values are moved one by one, as if they did not hang together.", classes="vb-note")
