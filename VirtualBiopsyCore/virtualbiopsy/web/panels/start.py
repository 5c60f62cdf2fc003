"""The start page: which task, the simulated sample case or a study of one's own."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls


def start_page(app: Any) -> None:
    """A sheet over the views; an open case stays behind it."""
    guard, tasks = app.alerts.guard, app.tasks
    name = app.server.controller.trigger_name
    sample, own = name(guard(tasks.open_sample)), name(guard(tasks.own_study))
    with (
        html.Div(v_if="start_open", classes="vb-start", id="start_page"),
        html.Div(classes="vb-start-sheet"),
    ):
        html.H2("What is the study for?")
        html.Div(
            "The choice decides which sequences, models and published rules are offered. It is guessed when "
            "you open a study, can be changed under Case, and is remembered for each case.",
            classes="vb-note mb-4",
        )
        with (
            html.Div(classes="vb-start-tasks"),
            html.Div(
                v_for="t in start_tasks",
                key="t.id",
                classes="vb-card vb-start-task",
                raw_attrs=[":id=\"'start_' + t.id\""],
            ),
        ):
            html.H3("{{ t.title }}")
            html.Div("{{ t.question }}", classes="mb-1")
            html.Div(
                "{{ t.models ? `${t.models} demonstration model${t.models > 1 ? 's' : ''}, trained on "
                "simulated cases` : 'no model is bundled' }}{{ t.own ? `, ${t.own} of your own` : '' }}",
                classes="vb-note mb-3",
            )
            with html.Div(classes="vb-row"):
                v.VBtn(
                    "Simulated sample case",
                    v_if="t.sample",
                    click=f"trigger('{sample}', [t.id])",
                    size="small",
                    color="primary",
                    variant="flat",
                    prepend_icon="mdi-flask-outline",
                    disabled=("job_active",),
                    raw_attrs=[":id=\"'sample_' + t.id\""],
                )
                v.VBtn(
                    "Study of your own …",
                    click=f"trigger('{own}', [t.id])",
                    size="small",
                    variant="tonal",
                    prepend_icon="mdi-folder-open-outline",
                    raw_attrs=[":id=\"'own_' + t.id\""],
                )
        with html.Div(classes="vb-card vb-start-task mt-4", id="start_workbench"):
            html.H3("Train and validate a model")
            html.Div(
                "A recipe of a published study, your own labelled cases or simulated ones", classes="mb-1"
            )
            html.Div(
                "All faults of the cohort at once, validation, reports, a model that you can try on a case",
                classes="vb-note mb-3",
            )
            controls.button(
                "Open the workbench …",
                "open_workbench",
                guard(app.workbench.open),
                icon="mdi-tune-vertical",
            )
        html.Div(
            "Images stay on this computer. {{ research_use_only }}.",
            classes="vb-note mt-4",
        )
        controls.button(
            "Back to {{ case_name }}",
            "start_close",
            "start_open = false",
            v_if="case_name",
            icon="mdi-arrow-left",
            classes="mt-3",
        )
