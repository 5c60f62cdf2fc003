"""Tab "Engine": whether the features are right, checked on this machine."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from . import controls

_THIRD = "{{ c.kind === 'certificate' ? 'no reference' : 'one engine' }}"


def engine_panel(app: Any) -> None:
    reading, desk, browse = app.alerts.reading, app.engine, app.alerts.guard(app.cases.browse)
    with controls.section("What computes the features", "section_engine"):
        html.Div("VirtualBiopsy's own engine, kernels: {{ engine_kernels }}.", id="engine_kernels")
        html.Div(
            "{{ engine_peer ? `pyradiomics ${engine_peer} can be compared with.` : engine_peer_reason }}",
            classes="vb-note mt-1",
            id="engine_peer",
        )
    with controls.section("IBSI reference tests", "section_certify"):
        html.Div(
            "Computes the published reference values of the Image Biomarker Standardisation Initiative on "
            "this very machine. It says whether features are computed as defined, nothing about patients.",
            classes="vb-note mb-2",
        )
        controls.path_field("Folder with the CT phantom (optional, longer)", "engine_data", browse)
        controls.button(
            "Run the reference tests",
            "certify",
            reading(desk.certify, "engine_data"),
            icon="mdi-check-decagram-outline",
            color="primary",
            variant="flat",
            classes="mt-2",
        )
    with controls.section("Compare with pyradiomics", "section_compare"):
        html.Div(
            "Every feature of the {{ task_reference_label }} image inside the outline, by both engines. "
            "Features that disagree cannot enter a model.",
            classes="vb-note mb-2",
        )
        controls.switch("Filtered images as well", "engine_filtered")
        controls.button(
            "Compare on this outline",
            "compare_engines",
            reading(desk.compare, "engine_filtered"),
            icon="mdi-compare",
            color="primary",
            variant="flat",
            disabled=("!engine_peer || !case_name",),
        )
    _outcomes(app)


def _outcomes(app: Any) -> None:
    trigger = app.server.controller.trigger_name(app.engine.download)
    with html.Div(
        v_for="c in engine_checks", key="c.kind", classes="vb-card", raw_attrs=[":id=\"'check_' + c.kind\""]
    ):
        with html.Div(classes="d-flex align-start ga-2"):
            html.Div("{{ c.title }}", style="flex:1;font-weight:600")
            v.VChip(
                "{{ c.good ? 'as expected' : 'differences' }}",
                size="small",
                color=("c.good ? 'success' : 'error'",),
                variant="tonal",
            )
        html.Div("{{ c.sentence }}", classes="my-1")
        with html.Table(classes="vb-table", style="width:100%"):
            with html.Thead(), html.Tr():
                for title in ("", "equal", "differ", _THIRD):
                    html.Th(title, style="text-align:left")
            with html.Tbody(), html.Tr(v_for="g in c.groups", key="g.name"):
                html.Td("{{ g.name }}", style="overflow-wrap:anywhere")
                html.Td("{{ g.passed }}")
                html.Td("{{ g.failed }}", raw_attrs=[':style="{ fontWeight: g.failed ? 700 : 400 }"'])
                html.Td("{{ g.none }}")
        html.Div(
            "{{ f }}",
            v_for="f in c.failures",
            key="f",
            classes="vb-warn mt-1",
            style="overflow-wrap:anywhere",
        )
        with html.Div(classes="vb-row mt-2"):
            v.VBtn(
                "{{ n }}",
                v_for="n in c.files",
                key="n",
                size="small",
                variant="tonal",
                prepend_icon="mdi-download",
                click=f"utils.download(n, trigger('{trigger}', [n]), 'application/octet-stream')",
                raw_attrs=[":id=\"'download_' + n.replace('.', '_')\""],
            )
