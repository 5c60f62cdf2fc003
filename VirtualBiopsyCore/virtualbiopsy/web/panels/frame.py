"""The page: bar with the research-use notice, side panel with tabs, views."""

from __future__ import annotations

from typing import Any

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import client, html
from trame.widgets import vuetify3 as v

from . import controls
from .alerts import alert_list
from .case import case_panel
from .engine import engine_panel
from .evidence import evidence_panel
from .explain import explain_panel, features_panel
from .outline import outline_panel
from .result import result_panel
from .save import save_panel
from .series import phase_bar, series_panel
from .start import start_page
from .style import CSS
from .trust import HIDDEN, SHOW, light
from .workbench import training_note, workbench_sheet

TABS = (
    ("case", "Case", case_panel),
    ("series", "Series", series_panel),
    ("outline", "Outline", outline_panel),
    ("result", "Result", result_panel),
    ("explain", "Explain", explain_panel),
    ("features", "Features", features_panel),
    ("evidence", "Evidence", evidence_panel),
    ("save", "Save", save_panel),
    ("engine", "Engine", engine_panel),
)
LAYOUTS = (
    ("main", "Axial large", "mdi-view-quilt-outline"),
    ("sagittal", "Sagittal large", "mdi-view-dashboard-outline"),
    ("quad", "Four equal views", "mdi-view-grid-outline"),
    ("slices", "Slices only", "mdi-view-compact-outline"),
    ("axial", "Axial only", "mdi-square-outline"),
    ("solid", "3D only", "mdi-cube-outline"),
)
PANEL_WIDTH = 430
POINTER_LEFT = "@mouseleave=\"probe_view = ''; pointer_left = pointer_left + 1\""


def build_page(app: Any) -> VAppLayout:
    """Build the whole page and return its layout."""
    with VAppLayout(app.server, theme="dark") as page:
        page.root.theme = "dark"
        client.Style(CSS)
        _bar(app)
        with v.VNavigationDrawer(permanent=True, width=PANEL_WIDTH, disable_resize_watcher=True):
            _head(app)
            with v.VTabs(
                v_model=("tab",),
                density="compact",
                classes="vb-tabs",
                color="primary",
                height=36,
                show_arrows=False,
            ):
                for name, label, _ in TABS:
                    shown = {"v_if": "task_dynamic"} if name == "series" else {}
                    v.VTab(label, value=name, id=f"tab_{name}", **shown)
            with html.Div(classes="vb-body", id="panel"):
                for name, _, panel in TABS:
                    with html.Div(
                        v_show=f"tab === '{name}'",
                        raw_attrs=controls.aria(role="tabpanel"),
                        id=f"panel_{name}",
                    ):
                        panel(app)
        with (
            v.VMain(),
            html.Div(classes="vb-stage"),
        ):
            with html.Div(classes="vb-views", raw_attrs=[POINTER_LEFT]):
                app.viewer.layouts.initialize_layout_grid(page)
            phase_bar(app)
            start_page(app)
        workbench_sheet(app)
        _path_browser(app)
    return page


def _bar(app: Any) -> None:
    guard = app.alerts.guard
    with v.VAppBar(density="compact", flat=True, color="#101215", classes="vb-bar"):
        html.Div("VirtualBiopsy", classes="vb-name")
        controls.icon_button("Start page", "show_start", "mdi-home-outline", guard(app.tasks.show_start))
        html.Div("{{ case_name }}", classes="vb-case", id="case_name")
        v.VChip(
            "simulated",
            v_if="case_simulated",
            size="small",
            color="purple-lighten-2",
            variant="tonal",
            id="case_simulated",
            title="The images were computed; there is no patient behind them",
        )
        v.VChip("{{ task_title }}", v_if="case_name", size="small", variant="tonal", id="task_chip")
        v.VSpacer()
        html.Div(
            "{{ research_use_only }}",
            classes="vb-research",
            id="research_use_only",
            raw_attrs=controls.aria(role="note"),
        )
        v.VSpacer()
        with v.VBtnToggle(v_model=("layout_name",), mandatory=True, density="compact", classes="mr-3"):
            for name, label, icon in LAYOUTS:
                with v.VBtn(
                    value=name,
                    id=f"layout_{name}",
                    title=label,
                    size="small",
                    raw_attrs=controls.aria(label=label),
                ):
                    v.VIcon(icon, size="20")


def _head(app: Any) -> None:
    guard = app.alerts.guard
    with html.Div(classes="vb-head"):
        with html.Div(classes="d-flex align-center ga-2"):
            controls.button(
                "Predict",
                "predict",
                guard(app.predictions.predict),
                icon="mdi-chart-bell-curve-cumulative",
                color="success",
                variant="flat",
                size="default",
                disabled=("!case_name || !has_reference",),
            )
            controls.switch("Live", "live", title="Predict again after every edit")
            _estimates()
            v.VChip(
                "stale",
                v_if="stale",
                size="small",
                color="warning",
                id="stale",
                variant="flat",
                title="The outline or the case has changed since",
            )
        html.Div(
            "{{ stale_reason }}", v_if="stale && stale_reason", classes="vb-warn mt-1", id="stale_reason"
        )
        _moved()
        with html.Div(v_if="job_active", classes="mt-2", id="job"):
            with html.Div(classes="d-flex align-center ga-2"):
                v.VProgressLinear(
                    model_value=("job_percent",),
                    height=6,
                    rounded=True,
                    color="primary",
                    indeterminate=("job_percent === 0",),
                    id="progress",
                    raw_attrs=controls.aria(label="Progress"),
                )
                controls.button("Cancel", "cancel", guard(app.cancel), size="x-small")
            html.Div(
                "{{ job_title }}{{ job_message ? ': ' + job_message : '' }}", classes="vb-note", id="job_text"
            )
        alert_list(app, "!bench_open")
        training_note(app)


def _estimates() -> None:
    """The estimates in short, always in sight; behind a click where they mean nothing."""
    row = {"v_for": "c in cards", "key": "c.id", "classes": "d-flex align-center ga-1"}
    fade = [':style="{ opacity: stale ? 0.5 : 1 }"']
    with (
        html.Div(
            style="flex:1;min-width:0;line-height:1.25", raw_attrs=controls.aria(role="status", live="polite")
        ),
        html.Div(**row, raw_attrs=fade),
    ):
        light("15")
        html.Span("{{ c.positive }}", style="flex:1", classes="vb-note")
        with v.VBtn(
            v_if=HIDDEN,
            click=SHOW,
            size="x-small",
            variant="outlined",
            title="Show the number anyway",
            raw_attrs=[
                ":id=\"'head_anyway_' + c.id\"",
                ":aria-label=\"'Show the number anyway: ' + c.positive\"",
            ],
        ):
            html.Span("not shown")
        html.B(
            "{{ c.p_text }}",
            v_if=f"!{HIDDEN}",
            raw_attrs=[":id=\"'head_' + c.id\"", ':data-p="c.exact"'],
        )


def _moved() -> None:
    """What the last edit moved, in sight while the outline is edited."""
    with html.Div(
        v_for="c in cards.filter(c => c.moved.text && c.id === explained_model)",
        key="c.id",
        id="moved",
        classes="vb-moved mt-1",
        style=("'visibility:' + (stale ? 'hidden' : 'visible')",),  # what lies below stays where it is
        raw_attrs=controls.aria(role="status", live="polite"),
    ):
        html.Span("{{ c.endpoint }}: ", style="color:var(--vb-soft)")
        html.Span("{{ c.moved.text }}")


def _path_browser(app: Any) -> None:
    guard, cases = app.alerts.guard, app.cases
    name = app.server.controller.trigger_name
    enter, choose = name(guard(cases.list_folder)), name(guard(cases.choose_path))
    with v.VDialog(v_model=("browser_open",), max_width=640), v.VCard(id="path_browser"):
        with v.VCardTitle(classes="d-flex align-center ga-2"):
            controls.icon_button("Parent folder", "browser_up", "mdi-arrow-up", guard(cases.list_parent))
            html.Span("{{ browser_folder }}", style="font-size:14px;overflow-wrap:anywhere;flex:1")
            controls.button(
                "Use this folder",
                "browser_use",
                (guard(cases.choose_path), "[browser_folder]"),
                color="primary",
            )
        with v.VCardText(style="max-height:60vh;overflow-y:auto"), v.VList(density="compact"):
            v.VListItem(
                v_for="r in browser_rows",
                key="r.path",
                title=("r.name",),
                prepend_icon=("r.folder ? 'mdi-folder-outline' : 'mdi-file-outline'",),
                click=f"trigger(r.folder ? '{enter}' : '{choose}', [r.path])",
            )
            html.Div("Nothing to open here.", v_if="!browser_rows.length", classes="vb-note")
