"""The sheet of the workbench: its frame with the steps, and what is seen of a run elsewhere."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls
from .alerts import alert_list
from .workbench_cases import cases_step
from .workbench_models import models_step
from .workbench_recipe import recipe_step
from .workbench_result import result_step
from .workbench_run import run_step

STEPS = (
    ("recipe", "1 Recipe", recipe_step),
    ("cases", "2 Cases", cases_step),
    ("run", "3 Train", run_step),
    ("result", "4 Result", result_step),
    ("models", "Installed models", models_step),
)


def workbench_sheet(app: Any) -> None:
    """A sheet over the whole page below the bar."""
    guard, bench = app.alerts.guard, app.workbench
    with html.Div(
        v_if="bench_open",
        classes="vb-bench",
        id="workbench",
        raw_attrs=controls.aria(role="dialog", label="Train and validate a model"),
    ):
        with html.Div(classes="vb-bench-head"):
            html.H2("Train and validate a model")
            with html.Nav(classes="vb-bench-steps", raw_attrs=controls.aria(label="Steps")):
                for name, label, _ in STEPS:
                    html.Button(
                        label,
                        click=f"bench_step = '{name}'",
                        id=f"step_{name}",
                        classes=(f"['vb-bench-step', bench_step === '{name}' ? 'on' : '']",),
                        raw_attrs=[f":aria-current=\"bench_step === '{name}' ? 'step' : false\""],
                    )
            v.VSpacer()
            controls.icon_button("Close; a run goes on", "close_workbench", "mdi-close", guard(bench.close))
        _chosen()
        with html.Div(classes="vb-bench-body"):
            alert_list(app, "bench_open")
            _running(app)
            for name, _, step in STEPS:
                with html.Div(v_if=f"bench_step === '{name}'", id=f"pane_{name}"):
                    step(app)
            html.Div(
                "Everything stays on this computer. {{ research_use_only }}.",
                classes="vb-note mt-6",
            )


def _chosen() -> None:
    """What is chosen so far, in one line."""
    with html.Div(classes="vb-bench-chosen", id="bench_chosen"):
        with html.Span(v_if="bench_recipe"):
            html.B("{{ bench_recipe }}")
            html.Span(" {{ bench_title }}")
        html.Span("No recipe is chosen", v_if="!bench_recipe")
        html.Span("·")
        html.Span(
            "{{ bench_simulated || 'No' }} simulated cases: the model will be for nobody",
            v_if="bench_source === 'simulated'",
            classes="vb-warn",
        )
        html.Span("{{ bench_cohort || 'No cohort is chosen' }}", v_if="bench_source !== 'simulated'")
        with html.Span(v_if="bench_missing", classes="vb-warn", id="bench_missing"):
            html.Span(
                "{{ bench_missing }} is not installed: recipes and the examination of a cohort work, "
                "training does not. Install it with "
            )
            html.Code('pip install "virtualbiopsy[train]"')
            html.Span(" and start VirtualBiopsy again.")


def _running(app: Any) -> None:
    """Progress of a run or an examination, on every step."""
    with html.Div(v_if="bench_job_active", id="bench_job", classes="vb-card"):
        with html.Div(classes="d-flex align-center ga-3"):
            v.VProgressLinear(
                model_value=("bench_job_percent",),
                height=8,
                rounded=True,
                color="primary",
                indeterminate=("bench_job_percent === 0",),
                id="bench_progress",
                raw_attrs=controls.aria(label="Progress of the workbench"),
            )
            html.Span("{{ bench_job_percent }} %", classes="vb-value", style="min-width:42px")
            controls.button("Cancel", "bench_cancel", app.alerts.guard(app.workbench.cancel))
        html.Div(
            "{{ bench_job_title }}{{ bench_job_message ? ': ' + bench_job_message : '' }}",
            classes="mt-1",
            id="bench_job_text",
            raw_attrs=controls.aria(role="status", live="polite"),
        )
        html.Div(
            "A run that is cancelled keeps what is done; run it again with the same folder and options, and "
            "it goes on. You can close this sheet and work on a case meanwhile.",
            classes="vb-note",
        )


def training_note(app: Any) -> None:
    """At the head of the panel: a run that goes on behind a case."""
    with (
        html.Div(v_if="bench_job_active && !bench_open", classes="mt-2"),
        html.Button(
            click=app.alerts.guard(app.workbench.open),
            classes="vb-link vb-note",
            id="show_workbench",
        ),
    ):
        html.Span("{{ bench_job_title }}: {{ bench_job_percent }} %")
