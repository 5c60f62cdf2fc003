"""Step 1 of the workbench: the table of published studies, and what one of them states."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls

FOUND = (
    "bench_recipes.filter(r => (!bench_disease || r.disease === bench_disease) "
    "&& (!bench_state || (bench_state === 'can be run') === r.runnable) "
    "&& (bench_search || '').toLowerCase().split(/\\s+/).every(w => r.words.includes(w)))"
)


def recipe_step(app: Any) -> None:
    with html.Div(classes="vb-bench-two"):
        with html.Div():
            _filters()
            _table(app)
        _facts()


def _filters() -> None:
    with html.Div(classes="vb-bench-filters"):
        v.VTextField(
            v_model=("bench_search",),
            label="Search: id, title, disease, endpoint, sequence",
            id="bench_search",
            density="compact",
            variant="outlined",
            hide_details=True,
            clearable=True,
            autocomplete="off",
            prepend_inner_icon="mdi-magnify",
        )
        controls.select(
            "Disease",
            "bench_disease",
            ("[{ title: 'all', value: '' }, ...bench_diseases.map(d => ({ title: d, value: d }))]",),
        )
        controls.select(
            "State",
            "bench_state",
            (
                "[{ title: 'all', value: '' }, { title: 'can be run', value: 'can be run' }, "
                "{ title: 'not run, with the reason', value: 'other' }]",
            ),
        )
    html.Div(
        f"{{{{ {FOUND}.length }}}} of {{{{ bench_recipes.length }}}} published studies, "
        f"{{{{ {FOUND}.filter(r => r.runnable).length }}}} can be run. A model trained here is one of the "
        "same kind on other cases; it repeats no study.",
        classes="vb-note my-1",
        id="bench_found",
    )


def _table(app: Any) -> None:
    choose = app.server.controller.trigger_name(app.alerts.guard(app.workbench.choose))
    with html.Div(classes="vb-bench-scroll"), html.Table(classes="vb-table", id="bench_table"):
        with html.Thead(), html.Tr():
            for label in ("", "Study", "Disease", "State"):
                html.Th(label)
        with (
            html.Tbody(),
            html.Tr(
                v_for=f"r in {FOUND}",
                key="r.recipe",
                click=f"trigger('{choose}', [r.recipe])",
                style="cursor:pointer",
                classes=(
                    "[bench_shown && r.recipe === bench_shown.recipe ? 'vb-chosen-row' : '', "
                    "r.runnable ? '' : 'vb-faint']",
                ),
                raw_attrs=[":id=\"'recipe_' + r.recipe\""],
            ),
        ):
            html.Td("{{ r.recipe }}", style="white-space:nowrap;font-weight:600")
            with html.Td():
                html.Button("{{ r.title }}", classes="vb-plain-button")
                html.Div("{{ r.endpoint }}, {{ r.modality }}", classes="vb-note")
            html.Td("{{ r.disease }}")
            with html.Td(style="min-width:90px"):
                html.Span("{{ r.state }}", classes=("r.runnable ? 'vb-icon-green' : ''",))
                html.Div("{{ r.why_not }}", v_if="r.why_not", classes="vb-note")


def _facts() -> None:
    with html.Div(classes="vb-bench-facts", id="bench_facts"):
        html.Div(
            "Choose a study to read what it states, what it leaves out, and how a model of its kind is made.",
            v_if="!bench_shown",
            classes="vb-note",
        )
        with html.Div(v_if="bench_shown"):
            html.H3("{{ bench_shown.recipe }}: {{ bench_shown.title }}", classes="mb-2")
            html.Div(
                "Cannot be run: {{ bench_shown.why_not }}",
                v_if="!bench_shown.runnable",
                classes="vb-warn mb-2",
                id="bench_why_not",
            )
            controls.button(
                "Go on with {{ bench_shown.recipe }}",
                "bench_take",
                "bench_step = 'cases'",
                icon="mdi-arrow-right",
                color="primary",
                variant="flat",
                classes="mb-2",
                v_if="bench_shown.runnable",
            )
            html.Div(
                "Figures below are those of the publication, on its own patients, not of a model made here.",
                classes="vb-note mb-1",
            )
            with (
                html.Table(classes="vb-table"),
                html.Tbody(),
                html.Tr(v_for="f in bench_facts", key="f.id"),
            ):
                html.Td("{{ f.label }}", style="color:var(--vb-soft);width:150px")
                html.Td("{{ f.value }}", style="overflow-wrap:anywhere")
