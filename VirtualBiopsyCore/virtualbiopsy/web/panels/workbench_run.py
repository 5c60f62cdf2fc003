"""Step 3 of the workbench: options, the folder of the results, and the button."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from ..workbench import FIELDS
from . import controls
from .workbench_cases import few_events, wrong


def run_step(app: Any) -> None:
    with html.Div(classes="vb-bench-columns"):
        with controls.section("Validation", "section_bench_validation"):
            _validation()
        with controls.section("Other cohorts", "section_bench_external", v_if="bench_source === 'cohort'"):
            _external(app)
        with controls.section("Reports", "section_bench_statement"):
            controls.path_field(
                "Statement: what only people know (TOML)",
                "bench_statement",
                app.alerts.guard(app.cases.browse),
                **wrong("statement"),
            )
            html.Div(
                "Ethics, reference standard, readers: items of the reports that no file of the run can tell. "
                "Without it they stay open.",
                classes="vb-note mt-1",
            )
        with controls.section("Results", "section_bench_out"):
            _out(app)


def _validation() -> None:
    with html.Div(classes="vb-bench-pair"):
        for name, label in (("folds", "Folds"), ("repeats", "Repeats")):
            v.VTextField(
                v_model=(f"bench_{name}",),
                label=label,
                placeholder="as in the recipe",
                persistent_placeholder=True,
                id=f"bench_{name}",
                type="number",
                density="compact",
                variant="outlined",
                hide_details=True,
                **wrong(name),
            )
    controls.switch("Compare clinical, radiomic and combined models", "bench_compare")
    with html.Div(v_if="bench_source === 'cohort'"):
        few_events()


def _external(app: Any) -> None:
    guard, bench = app.alerts.guard, app.workbench
    html.Div(
        "The finished model is tested on these, too; they take no part in training.", classes="vb-note mb-2"
    )
    controls.path_field(
        "Folder or table of another cohort",
        "bench_external_path",
        guard(app.cases.browse),
        **wrong("external"),
    )
    controls.button(
        "Add",
        "bench_add_external",
        app.alerts.reading(bench.add_external, "bench_external_path"),
        icon="mdi-plus",
        classes="mt-2",
        disabled=("!bench_external_path",),
    )
    with html.Div(v_for="path in bench_external", key="path", classes="d-flex align-center ga-2 mt-1"):
        html.Span("{{ path }}", style="flex:1;overflow-wrap:anywhere")
        with v.VBtn(
            size="x-small",
            variant="text",
            click=(guard(bench.remove_external), "[path]"),
            raw_attrs=[':icon="true"', ":aria-label=\"'Leave out ' + path\""],
        ):
            v.VIcon("mdi-close")


def _out(app: Any) -> None:
    controls.path_field(
        "Folder for model, reports and scores",
        "bench_out",
        app.alerts.guard(app.cases.browse),
        **wrong("out"),
    )
    controls.switch("Replace results that are there", "bench_overwrite")
    with html.Div(classes="vb-row mt-2"):
        controls.button(
            "Train and validate",
            "bench_run",
            app.alerts.reading(app.workbench.run, *FIELDS),
            icon="mdi-play",
            color="success",
            variant="flat",
            size="default",
            disabled=("bench_job_active || !!bench_missing || !bench_recipe",),
        )
    html.Div(
        "{{ bench_note }}", v_if="bench_note && !bench_job_active", classes="vb-warn mt-2", id="bench_note"
    )
