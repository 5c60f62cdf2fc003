"""The trust card: a light with its reasons, and the click that a red one puts before the number."""

from __future__ import annotations

from trame.widgets import html
from trame.widgets import vuetify3 as v

HIDDEN = "(c.trust.light === 'red' && !shown_anyway.includes(c.id))"
"""Page expression: whether the number of card `c` is behind a click."""
SHOW = "shown_anyway = [...shown_anyway, c.id]"
ICONS = (
    "{ green: 'mdi-check-circle', amber: 'mdi-alert', red: 'mdi-alert-octagon', "
    "none: 'mdi-help-circle-outline' }"
)


def light(size: str = "18", light_of: str = "c.trust.light") -> None:
    """The light as an icon whose shape says the same as its colour."""
    v.VIcon(icon=(f"({ICONS})[{light_of}]",), size=size, classes=(f"'vb-icon-' + {light_of}",))


def show_anyway(prefix: str) -> None:
    """The button behind which the number of card `c` is."""
    v.VBtn(
        "Show the number anyway",
        click=SHOW,
        size="small" if prefix != "head" else "x-small",
        variant="outlined",
        raw_attrs=[
            f":id=\"'{prefix}_anyway_' + c.id\"",
            ":aria-label=\"'Show the number anyway: ' + c.positive\"",
        ],
    )


def trust_block() -> None:
    """Light, reasons, conformal answer and published figures of card `c`."""
    with html.Div(
        classes=("['vb-trust', 'vb-trust-' + c.trust.light]",),
        raw_attrs=[":id=\"'trust_' + c.id\"", ':data-light="c.trust.light"'],
    ):
        with html.Div(classes="vb-trust-head"):
            light("22")
            html.Span("Can you trust it here?", classes="vb-note")
            html.B("{{ c.trust.word }}", style="margin-left:auto")
        with html.Div(v_for="r in c.trust.reasons", key="r.code + r.text", classes="vb-reason"):
            light("15", "r.light")
            html.Span("{{ r.text }}")
        with html.Details(v_if="c.trust.fine.length", classes="vb-note mt-1"):
            html.Summary(
                "{{ c.trust.fine.length }} check{{ c.trust.fine.length > 1 ? 's' : '' }} as expected",
                style="cursor:pointer",
            )
            with html.Div(v_for="r in c.trust.fine", key="r.code + r.text", classes="vb-reason"):
                light("15", "r.light")
                html.Span("{{ r.text }}")
        with html.Div(v_if="c.trust.answer", classes="mt-1 vb-note", raw_attrs=[':title="c.trust.caveat"']):
            html.Span("{{ c.trust.answer }} ")
            with html.Details(style="display:inline"):
                html.Summary(
                    "What this covers", style="cursor:pointer;display:inline;text-decoration:underline dotted"
                )
                html.Div("{{ c.trust.caveat }}")
        html.Div("{{ c.trust.published }}", v_if="c.trust.published", classes="vb-note mt-1")
