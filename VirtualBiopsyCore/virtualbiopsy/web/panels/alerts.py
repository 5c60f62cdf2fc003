"""The list of alerts, wherever it is in sight."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls


def alert_list(app: Any, shown: str) -> None:
    """The alerts with their hints, while the expression `shown` holds."""
    with (
        html.Div(v_if=shown),
        html.Div(v_for="a in alerts", key="a.id"),
        v.VAlert(
            type=("a.kind",),
            density="compact",
            variant="tonal",
            classes="vb-alert",
            raw_attrs=[*controls.aria(role="alert"), ':data-kind="a.kind"'],
        ),
        html.Div(classes="d-flex align-start"),
    ):
        with html.Div(style="flex:1;overflow-wrap:anywhere"):
            html.Div("{{ a.text }}", classes="vb-alert-text")
            html.Div("{{ a.hint }}", v_if="a.hint", style="opacity:.8")
        with v.VBtn(
            size="x-small",
            variant="text",
            click=(app.alerts.dismiss, "[a.id]"),
            raw_attrs=[*controls.aria(label="Dismiss"), ':icon="true"', ":id=\"'dismiss_' + a.id\""],
        ):
            v.VIcon("mdi-close")
