"""Step 4 of the workbench: figures, warnings, report; install the model, try it on a case."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls

FILES = (("report", "report.html"), ("card", "card.md"), ("clear", "CLEAR.md"))


def result_step(app: Any) -> None:
    with html.Div(classes="vb-bench-open"):
        controls.path_field("Folder of a finished run", "bench_open_run", app.alerts.guard(app.cases.browse))
        controls.button(
            "Open",
            "bench_open_run_button",
            app.alerts.reading(app.workbench.open_run, "bench_open_run"),
            icon="mdi-folder-open-outline",
            disabled=("bench_job_active",),
        )
    html.Div("Train a model, or open a run.", v_if="!bench_outcome", classes="vb-note mt-4")
    with html.Div(v_if="bench_outcome", id="bench_outcome"):
        with html.Div(classes="d-flex align-center ga-2 mt-3"):
            html.H3("{{ bench_outcome.title }}")
            v.VChip(
                "simulated",
                v_if="bench_outcome.simulated",
                size="small",
                color="purple-lighten-2",
                variant="tonal",
                id="bench_is_simulated",
            )
        html.Div(
            "{{ [bench_outcome.endpoint, bench_outcome.positive].filter(x => x).join(': ') }}",
            classes="vb-note",
        )
        html.Div("{{ bench_outcome.data }}", id="bench_data", classes="mt-1")
        with html.Div(v_if="bench_outcome.warnings.length", id="bench_warnings", classes="vb-bench-warnings"):
            html.Div("Read this before the figures", style="font-weight:600")
            html.Div("{{ w }}", v_for="w in bench_outcome.warnings", key="w", classes="vb-warn mt-1")
        with html.Div(classes="vb-bench-columns"):
            _figures()
            with html.Div():
                _model(app)
                _files(app)
        _report(app)


def _figures() -> None:
    with html.Div(id="bench_figures"):
        with html.Div(v_for="t in bench_outcome.tests", key="t.name", classes="mb-3"):
            html.H4("{{ t.name }}")
            html.Div("{{ t.cases }}", classes="vb-note")
            with (
                html.Table(classes="vb-table"),
                html.Tbody(),
                html.Tr(v_for="r in t.rows", key="r.id"),
            ):
                html.Td("{{ r.figure }}")
                html.Td("{{ r.text }}", classes="num")
        with html.Div(v_if="bench_outcome.published", id="bench_published"):
            html.H4("Published, of another model on other patients")
            html.Div("{{ bench_outcome.published }}", classes="vb-note")


def _model(app: Any) -> None:
    reading, guard, library = app.alerts.reading, app.alerts.guard, app.library
    with controls.section("The model", "section_bench_model"):
        with html.Div(v_if="bench_outcome.model"):
            html.Div("{{ bench_outcome.model_id }}", style="font-weight:600")
            html.Div(
                "Installed, the model stands beside the bundled ones whenever a case of its kind is opened "
                "here or in Slicer. Only on this computer; nothing is sent anywhere. It can be removed.",
                classes="vb-note mb-2",
            )
            controls.switch(
                "Replace the installed model of this name",
                "bench_replace_model",
                v_if="bench_has_namesake && !bench_is_installed",
            )
            with html.Div(classes="vb-row"):
                controls.button(
                    "{{ bench_is_installed ? 'Installed' : 'Install the model' }}",
                    "bench_install",
                    reading(library.install, "bench_replace_model"),
                    icon="mdi-tray-arrow-down",
                    color="primary",
                    variant="flat",
                    disabled=("bench_is_installed || (bench_has_namesake && !bench_replace_model)",),
                )
            with html.Div(classes="vb-row mt-3", v_if="bench_outcome.tried_on"):
                html.Span("Try it on a case:")
                controls.button(
                    "Simulated sample case",
                    "bench_try_sample",
                    guard(library.try_sample),
                    icon="mdi-flask-outline",
                    disabled=("job_active",),
                )
                controls.button(
                    "Study of your own …",
                    "bench_try_own",
                    guard(library.try_own),
                    icon="mdi-folder-open-outline",
                )
            html.Div(
                "{{ bench_outcome.why_not_tried }}", v_if="!bench_outcome.tried_on", classes="vb-note mt-2"
            )
        html.Div(
            "{{ bench_outcome.why_no_model }}",
            v_if="!bench_outcome.model",
            classes="vb-warn",
            id="bench_no_model",
        )


def _files(app: Any) -> None:
    with controls.section("Files", "section_bench_files"):
        html.Div("{{ bench_outcome.folder }}", classes="vb-note mb-2", style="overflow-wrap:anywhere")
        trigger = app.server.controller.trigger_name(app.workbench.download)
        with html.Div(classes="vb-row"):
            for name, file in FILES:
                controls.button(
                    file,
                    f"bench_download_{name}",
                    f"utils.download('{file}', trigger('{trigger}', ['{name}']), 'application/octet-stream')",
                    icon="mdi-download",
                    v_if=f"bench_outcome.files.includes('{name}')",
                )


def _report(app: Any) -> None:
    """The report, without scripts and without an origin of its own."""
    controls.button(
        "{{ bench_report ? 'Put the report away' : 'Show the report' }}",
        "bench_show_report",
        app.alerts.guard(app.workbench.toggle_report),
        icon="mdi-file-document-outline",
        v_if="bench_outcome.files.includes('report')",
        classes="mt-2",
    )
    html.Iframe(
        v_if="bench_report",
        id="bench_report",
        classes="vb-bench-report",
        raw_attrs=[':srcdoc="bench_report"', 'sandbox=""', 'title="Report of the run"'],
    )
