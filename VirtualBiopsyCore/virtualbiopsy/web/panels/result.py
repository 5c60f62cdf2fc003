"""Tab "Result": one card for each model, facts, warnings."""

from __future__ import annotations

from typing import Any

from trame.widgets import html

from . import controls
from .facts import facts_table
from .trust import HIDDEN, show_anyway, trust_block


def result_panel(app: Any) -> None:
    html.Div(
        "Outline the tumour, then press Predict.", v_if="!has_result", classes="vb-note mt-4", id="no_result"
    )
    with html.Div(
        v_for="c in cards",
        key="c.id",
        classes=("['vb-card', stale ? 'stale' : '']",),
        raw_attrs=[":id=\"'card_' + c.id\"", ':data-p="c.exact"'],
    ):
        trust_block()
        with html.Div(v_if=HIDDEN, classes="vb-behind", raw_attrs=[":id=\"'behind_' + c.id\""]):
            html.Div("Estimated probability of {{ c.positive }}: not shown", style="font-weight:600")
            html.Div(
                "The reasons in red above: the number would mean nothing here.",
                classes="vb-note mb-2",
            )
            show_anyway("card")
        _origin()
        html.Div(v_html=("c.svg",), classes="vb-figure", v_if=f"!{HIDDEN}")
        _classes()
        _survival()
        html.Div(
            "{{ c.delta }}",
            v_if=f"c.delta && !stale && !{HIDDEN}",
            raw_attrs=[":id=\"'delta_' + c.id\""],
            style="font-weight:500",
            classes="mb-1",
        )
        _moved()
        with html.Div(classes="vb-note"):
            html.Div("{{ c.log_odds }}", v_if=f"!{HIDDEN}")
            html.Div("How sure: being computed …", v_if="!c.has_stability && !stale")
            html.Div("{{ c.performance }}", raw_attrs=[":id=\"'performance_' + c.id\""])
        html.Div(
            "Not in this case, replaced by the training mean: {{ c.imputed.join('; ') }}.",
            v_if="c.imputed.length",
            classes="vb-warn mt-2",
        )
        html.Div(
            "Outside the range seen in training: {{ c.out_of_range.join('; ') }}.",
            v_if="c.out_of_range.length",
            classes="vb-warn mt-1",
        )
        with html.Details(classes="vb-note mt-2"):
            html.Summary("About this model ({{ c.version }})", style="cursor:pointer")
            html.P("{{ c.title }}", classes="mt-1")
            html.P("{{ c.trained }}")
            html.P("{{ c.intended_use }}")
            html.P("{{ c.limits }}")
    with html.Div(v_for="s in skipped", key="s.id", classes="vb-card"):
        html.Div("{{ s.title }} was not run", style="font-weight:600")
        html.Div("{{ s.why }}", classes="vb-warn")
    with controls.section("What to know before the numbers", "section_warnings", v_if="warnings.length"):
        html.Div("{{ w }}", v_for="w in warnings", key="w", classes="vb-warn mb-1")
    with controls.section("The outline", "section_result_facts", v_if="facts.length"):
        facts_table("result_fact")
    with (
        controls.section("How it was computed", "section_provenance", v_if="provenance.length"),
        html.Details(classes="vb-note"),
    ):
        html.Summary("{{ provenance.length }} steps, last update {{ update_ms }} ms", style="cursor:pointer")
        with html.Ol(style="padding-left:20px"):
            html.Li("{{ step }}", v_for="step in provenance", key="step", style="overflow-wrap:anywhere")


def _origin() -> None:
    """Which model it is, what it was trained on, and whether it is the user's own."""
    with html.Div(classes="vb-note mb-1", raw_attrs=[":id=\"'origin_' + c.id\""]):
        html.Span("{{ c.title }}; {{ c.trained_on }}.")
        html.Span(" {{ model_origins[c.id] }}.", v_if="model_origins[c.id]", style="color:#e6eaee")


def _classes() -> None:
    """Probabilities of ordered classes, lowest first."""
    with html.Div(
        v_if=f"c.classes.length && !{HIDDEN}", classes="vb-classes", raw_attrs=[":id=\"'classes_' + c.id\""]
    ):
        with html.Div(
            v_for="k in c.classes", key="k.name", classes="vb-class", raw_attrs=[':data-p="k.exact"']
        ):
            html.Span("{{ k.name }}")
            with html.Div(classes="vb-class-track"):
                html.Div(classes="vb-class-fill", raw_attrs=[":style=\"{ width: k.share + '%' }\""])
            html.Span("{{ k.p }}", classes="vb-value")
        html.Div("{{ c.classes_note }}", v_if="c.classes_note", classes="vb-note mt-1")


def _survival() -> None:
    """Curve and risk group of a survival model."""
    with html.Div(
        v_if=f"c.survival.length && !{HIDDEN}", classes="mb-1", raw_attrs=[":id=\"'survival_' + c.id\""]
    ):
        html.Div(v_html=("c.curve",), classes="vb-figure", v_if="c.curve")
        html.Div("{{ words }}", v_for="words in c.survival", key="words", classes="vb-note mt-1")


def _moved() -> None:
    """What the last edit moved, feature by feature."""
    with html.Details(
        v_if="c.moved.text && !stale", raw_attrs=[":id=\"'moved_' + c.id\""], classes="vb-moved mb-1"
    ):
        html.Summary("{{ c.moved.text }}", style="cursor:pointer")
        with html.Table(classes="vb-table"), html.Tbody(), html.Tr(v_for="t in c.moved.terms", key="t.key"):
            with html.Td():
                html.Div("{{ t.label }}")
                html.Small("{{ t.change }}")
            html.Td("{{ t.phi }}", classes="num", raw_attrs=[':data-phi="t.exact"'])
