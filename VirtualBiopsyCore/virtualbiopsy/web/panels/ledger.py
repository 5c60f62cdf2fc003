"""The ledger as a tree: every line shows its layer when it is clicked, and says what it is."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls

SEEN = "r.parents.every(p => ledger_open.includes(p))"
TOGGLE = (
    "ledger_open = ledger_open.includes(r.id) ? ledger_open.filter(x => x !== r.id) : [...ledger_open, r.id]"
)
TELL = "ledger_told = ledger_told === r.id ? '' : r.id"
ALL = "ledger_open = ledger.filter(r => r.more).map(r => r.id)"


def ledger_tree(app: Any) -> None:
    """Baseline, sequences, classes, features, what has no place, total and calibrated probability."""
    choose = app.server.controller.trigger_name(app.alerts.guard(app.explanations.choose_line))
    with html.Div(classes="vb-row mb-1"):
        html.Span("Click a line to see where it sits in the image.", classes="vb-note", style="flex:1")
        controls.button("Open all", "ledger_all", ALL, size="x-small", v_if="ledger_open.length < 3")
        controls.button(
            "Close all", "ledger_none", "ledger_open = []", size="x-small", v_if="ledger_open.length"
        )
    with (
        html.Div(id="ledger", raw_attrs=controls.aria(role="tree", label="Ledger of the estimate")),
        html.Template(v_for="r in ledger", key="r.id"),
    ):
        with html.Div(
            v_if=SEEN,
            classes=(
                "['vb-line', 'vb-level' + r.level, r.edge ? 'vb-edge' : '', "
                "layer === 'sits' && explained_map === r.id ? 'vb-chosen' : '']",
            ),
            click=f"trigger('{choose}', [r.id])",
            v_on_keydown_enter=f"trigger('{choose}', [r.id])",
            raw_attrs=[
                ":id=\"'line_' + r.id\"",
                'role="treeitem"',
                'tabindex="0"',
                ':aria-level="r.level + 1"',
                ':aria-expanded="r.more ? ledger_open.includes(r.id) : undefined"',
                ":aria-selected=\"layer === 'sits' && explained_map === r.id\"",
                ":aria-label=\"r.label + ' ' + r.phi\"",
                ':data-phi="r.exact"',
            ],
        ):
            _chevron()
            with html.Div(classes="vb-line-words"):
                html.Div("{{ r.label }}", classes="vb-line-label")
                html.Div(
                    "{{ r.detail }}{{ r.detail && r.note ? ' · ' : '' }}{{ r.note }}",
                    v_if="r.detail || r.note",
                    classes="vb-line-detail",
                )
            with html.Div(classes="vb-track", v_if="!r.edge"):
                html.Div(
                    classes=("['vb-bar-piece', r.sign > 0 ? 'up' : 'down']",),
                    raw_attrs=[":style=\"{ width: r.size + '%', [r.sign > 0 ? 'left' : 'right']: '50%' }\""],
                )
            html.Div(
                "{{ r.probability }}", classes="vb-track vb-note", v_if="r.edge", style="background:none"
            )
            html.Div("{{ r.phi }}", classes="vb-phi")
            _tell()
        with html.Div(v_if=f"{SEEN} && r.key && ledger_told === r.id", classes="vb-told"):
            html.Div("{{ (feature_words[r.key] || {}).definition }}")
            html.Div(v_html=("(feature_words[r.key] || {}).picture",), classes="vb-figure mt-1")
            html.Div(
                "IBSI {{ feature_words[r.key].code }} · schemes, not images of patients",
                v_if="feature_words[r.key] && feature_words[r.key].code",
            )


def _chevron() -> None:
    with v.VBtn(
        v_if="r.more",
        size="x-small",
        variant="text",
        v_on_click_stop=TOGGLE,
        classes="vb-chevron",
        raw_attrs=[
            ':icon="true"',
            ":id=\"'open_' + r.id\"",
            ":aria-label=\"(ledger_open.includes(r.id) ? 'Close ' : 'Open ') + r.label\"",
        ],
    ):
        v.VIcon(icon=("ledger_open.includes(r.id) ? 'mdi-chevron-down' : 'mdi-chevron-right'",), size="18")
    html.Span(v_if="!r.more", classes="vb-chevron")


def _tell() -> None:
    with v.VBtn(
        v_if="r.key",
        size="x-small",
        variant="text",
        v_on_click_stop=TELL,
        classes="vb-tell",
        title="What is this?",
        raw_attrs=[
            ':icon="true"',
            ":id=\"'tell_' + r.id\"",
            ":aria-label=\"'What is ' + r.label + '?'\"",
            ':aria-expanded="ledger_told === r.id"',
        ],
    ):
        v.VIcon("mdi-information-outline", size="16")
    html.Span(v_if="!r.key", classes="vb-tell")
