"""Step 2 of the workbench: a cohort with all its faults, or simulated cases."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from ..workbench import FIELDS
from ..workbench_rows import ABOUT as NAMES
from . import controls

ABOUT = f"[{', '.join(f'bench_{name}' for name in NAMES)}, ...bench_external].map(TEXT).join('|')".replace(
    "TEXT", "x => x === true ? 'True' : x || ''"
)
"""As :func:`virtualbiopsy.web.workbench_rows.about`."""

FEW = (
    "With fewer than five events per candidate predictor the model describes chance: its figures look better "
    "than they are, and other cases will not bear them out. Report and card say so."
)


def wrong(*names: str) -> dict[str, Any]:
    """Marks a field that was refused."""
    return {"error": (" || ".join(f"bench_wrong === '{name}'" for name in names),)}


def cases_step(app: Any) -> None:
    with v.VBtnToggle(v_model=("bench_source",), mandatory=True, density="compact", classes="mb-3"):
        v.VBtn("A cohort of your own", value="cohort", id="source_cohort", size="small")
        v.VBtn("Simulated cases", value="simulated", id="source_simulated", size="small")
    with html.Div(v_if="bench_source === 'simulated'", classes="vb-bench-form"):
        _simulated()
    with html.Div(v_if="bench_source === 'cohort'"):
        with html.Div(classes="vb-bench-form"):
            _cohort(app)
        _examination()
    controls.button(
        "Go on",
        "bench_to_run",
        "bench_step = 'run'",
        icon="mdi-arrow-right",
        color="primary",
        classes="mt-3",
        disabled=("bench_source === 'cohort' && !(bench_exam && bench_exam.usable)",),
    )


def few_events() -> None:
    """The switch, with what it means."""
    controls.switch("Go on below five events per candidate predictor", "bench_few")
    html.Div(FEW, v_if="bench_few", classes="vb-warn", id="bench_few_warning")


def _simulated() -> None:
    v.VTextField(
        v_model=("bench_simulated",),
        label="Number of simulated cases",
        id="bench_simulated",
        type="number",
        density="compact",
        variant="outlined",
        hide_details=True,
        raw_attrs=controls.aria(min="8", max="5000"),
        **wrong("simulated"),
    )
    html.Div(
        "The images are computed; there is no patient behind them. Another label stands in for the endpoint "
        "of the study, so the run shows that the recipe works and says nothing about the endpoint. The model "
        "is for nobody. Computing and measuring takes about 15 s of one processor for each case; what a run "
        "has measured is kept in its folder.",
        classes="vb-note",
    )


def _cohort(app: Any) -> None:
    guard, bench = app.alerts.guard, app.workbench
    browse = guard(app.cases.browse)
    controls.path_field("Folder or table of the cohort", "bench_cohort", browse, **wrong("cohort"))
    controls.path_field("Table of endpoints, if it lies elsewhere", "bench_labels", browse, **wrong("labels"))
    with html.Div(classes="vb-bench-pair"):
        controls.select("Layout", "bench_layout", ("bench_layouts",), **wrong("layout"))
        v.VTextField(
            v_model=("bench_time_point",),
            label="Only this examination (time point)",
            id="bench_time_point",
            density="compact",
            variant="outlined",
            hide_details=True,
            autocomplete="off",
            **wrong("time_point"),
        )
    controls.button(
        "Examine the cohort",
        "bench_examine",
        app.alerts.reading(bench.examine, *FIELDS),
        icon="mdi-magnify-scan",
        color="primary",
        variant="flat",
        disabled=("bench_job_active",),
    )


def _examination() -> None:
    with html.Div(v_if="bench_exam", id="bench_exam", classes="mt-4"):
        html.Div(
            "The recipe, the cohort or the endpoint has changed since. Examine it again.",
            v_if=f"bench_exam.of !== {ABOUT}",
            classes="vb-warn mb-2",
            id="bench_exam_stale",
        )
        with html.Div(classes="mb-2"):
            html.B(
                "{{ bench_exam.usable ? 'The cohort can be used.' : 'The cohort cannot be used as it is.' }}",
                classes=("bench_exam.usable ? 'vb-icon-green' : 'vb-icon-red'",),
                id="bench_usable",
            )
            html.Span(
                "{{ bench_exam.patients }} patients. Read as: {{ bench_exam.layout }} "
                "({{ bench_exam.reason }}).",
                v_if="bench_exam.layout",
                classes="ml-2",
            )
        _faults()
        with html.Div(classes="vb-bench-form", v_if="bench_exam.endpoints.length"):
            v.VSelect(
                v_model=("bench_endpoint",),
                items=(
                    "[{ title: 'the endpoint of the study', value: '', subtitle: '' }, "
                    "...bench_exam.endpoints]",
                ),
                label="Endpoint in the cohort",
                id="bench_endpoint",
                density="compact",
                variant="outlined",
                hide_details=True,
                item_props=True,
                **wrong("endpoint"),
            )
        html.Div("{{ bench_exam.outlook }}", v_if="bench_exam.outlook", classes="my-2", id="bench_outlook")
        with html.Div(v_if="bench_exam.verdict === 'too few' || bench_few"):
            few_events()
        with (
            html.Table(classes="vb-table vb-narrow"),
            html.Tbody(),
            html.Tr(v_for="f in bench_exam.facts", key="f.id"),
        ):
            html.Td("{{ f.label }}", style="color:var(--vb-soft);width:200px")
            html.Td("{{ f.value }}", style="overflow-wrap:anywhere")


def _faults() -> None:
    html.Div("No faults were found.", v_if="!bench_exam.faults.length", classes="vb-note mb-2")
    with (
        html.Div(v_if="bench_exam.faults.length", classes="vb-bench-scroll vb-bench-faults mb-3"),
        html.Table(classes="vb-table", id="bench_faults"),
    ):
        with html.Thead(), html.Tr():
            for label in ("Kind", "Where", "What is wrong", "What to do"):
                html.Th(label)
        with (
            html.Tbody(),
            html.Tr(
                v_for="f in bench_exam.faults",
                key="f.id",
                raw_attrs=[':data-kind="f.kind"'],
            ),
        ):
            html.Td("{{ f.kind }}", classes=("f.kind === 'fault' ? 'vb-icon-red' : 'vb-warn'",))
            for name in ("where", "what", "hint"):
                html.Td(f"{{{{ f.{name} }}}}", style="overflow-wrap:anywhere")
