"""Tab "Evidence": published rules, evaluated on what is known about the case."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v


def evidence_panel(app: Any) -> None:
    html.Div("There is no result yet.", v_if="!has_result", classes="vb-note mt-4")
    with html.Div(v_if="has_result"):
        html.Div(
            "Published findings with their source. The estimates do not use them; nothing here is advice.",
            classes="vb-note mt-3",
        )
        with html.Div(
            v_for="r in evidence", key="r.id", classes="vb-card", raw_attrs=[":id=\"'rule_' + r.id\""]
        ):
            with html.Div(classes="d-flex align-start ga-2"):
                html.Div("{{ r.title }}", style="flex:1;font-weight:600")
                v.VChip("{{ r.status }}", size="small", color=("r.colour",), variant="tonal")
            html.Div("{{ r.finding }}", classes="my-1")
            html.Div("{{ r.statement }}", classes="vb-note", v_if="r.statement")
            html.Div("{{ r.caveat }}", classes="vb-warn mt-1", v_if="r.caveat")
            html.Div("{{ r.reference }} ({{ r.id }})", classes="vb-note mt-1")
