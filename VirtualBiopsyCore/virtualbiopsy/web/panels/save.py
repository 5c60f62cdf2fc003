"""Tab "Save": session folders, result files, downloads."""

from __future__ import annotations

from typing import Any

from trame.widgets import html

from . import controls

FILES = (
    ("report.html", "Report (HTML)", "mdi-file-document-outline"),
    ("result.json", "Result (JSON)", "mdi-code-json"),
    ("features.csv", "Features (CSV)", "mdi-table"),
    ("explanation.nrrd", "Map (NRRD)", "mdi-cube-scan"),
)


def save_panel(app: Any) -> None:
    reading, saver, exports, browse = (
        app.alerts.reading,
        app.saver,
        app.exports,
        app.alerts.guard(app.cases.browse),
    )
    with controls.section("Save the session", "section_save"):
        controls.path_field("New or empty folder", "save_path", browse)
        controls.switch("Copy the images into the folder", "save_copies")
        controls.button(
            "Save session",
            "save_session",
            reading(saver.save, "save_path", "save_copies", "replace_files"),
            icon="mdi-content-save-outline",
            color="primary",
            variant="flat",
            disabled=("!case_name",),
        )
    with controls.section("Restore a session", "section_restore"):
        controls.path_field("Session folder", "restore_path", browse)
        controls.button(
            "Restore session",
            "restore_session",
            reading(saver.restore, "restore_path"),
            icon="mdi-restore",
            color="primary",
            classes="mt-2",
        )
    with controls.section("Results as files", "section_export"):
        controls.path_field("Folder for the results", "export_path", browse)
        controls.switch("Replace files that are there", "replace_files")
        controls.button(
            "Write results",
            "export",
            reading(exports.export, "export_path", "replace_files"),
            icon="mdi-export",
            color="primary",
            variant="flat",
            disabled=("!has_result || stale",),
        )
        html.Div(
            "{{ path }}",
            v_for="path in exported",
            key="path",
            classes="vb-note",
            style="overflow-wrap:anywhere",
        )
    with controls.section("Downloads", "section_download"):
        trigger = app.server.controller.trigger_name(exports.download)
        with html.Div(classes="vb-row"):
            for name, label, icon in FILES:
                controls.button(
                    label,
                    f"download_{name.replace('.', '_')}",
                    f"utils.download('{name}', trigger('{trigger}', ['{name}']), 'application/octet-stream')",
                    icon=icon,
                    disabled=("!has_result || stale",),
                )
