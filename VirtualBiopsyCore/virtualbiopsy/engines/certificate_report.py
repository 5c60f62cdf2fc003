"""The certificate as a page and as JSON."""

from __future__ import annotations

from pathlib import Path

from ..report.files import write_files
from ..report.markup import facts, paragraph, tag
from .certificate import Certificate, Check, certificate_json
from .pages import head, number, page, rows, verdict

NAMES = {"json": "certificate.json", "html": "certificate.html"}


def write_certificate(folder: Path, certificate: Certificate, *, overwrite: bool = False) -> list[Path]:
    """Write certificate.json and certificate.html.

    Raises
    ------
    ExistingFileError, UnreadableFileError
    """
    texts = {NAMES["json"]: certificate_json(certificate), NAMES["html"]: certificate_html(certificate)}
    return write_files(Path(folder), texts, overwrite)


def certificate_html(certificate: Certificate) -> str:
    """A complete HTML document, nothing loaded from elsewhere."""
    body = [
        head(certificate.created, certificate.machine),
        verdict(certificate.sentence(), certificate.passed),
        paragraph(
            "A certificate that this copy of VirtualBiopsy made for itself: it compares what this machine "
            "computes with the reference values of the Image Biomarker Standardisation Initiative "
            "(Zwanenburg, Radiology 2020;295:328 and Whybra, Radiology 2024;310:e231319). It is "
            "not issued or endorsed by the initiative, and says nothing about the use for patients."
        ),
        tag("h2", "Summary"),
        _summary(certificate),
    ]
    if certificate.skipped:
        body += [tag("h2", "Not run"), facts(certificate.skipped.items())]
    for group in certificate.groups:
        checks = [check for check in certificate.checks if check.group == group]
        body += [tag("h2", f"{group} ({len(checks)})"), _table(checks)]
    return page("VirtualBiopsy: IBSI self-certificate", body)


def _summary(certificate: Certificate) -> str:
    lines = []
    for group in certificate.groups:
        good, bad, without = certificate.counts(group)
        lines.append((bad == 0, [group, str(good), str(bad), str(without)]))
    return rows(["tests", "passed", "failed", "no published value"], lines)


def _table(checks: list[Check]) -> str:
    states = {True: "passed", False: "FAILED", None: "no reference"}
    return rows(
        ["what", "IBSI", "reference", "tolerance", "this machine", "", "note"],
        [
            (
                check.passed is not False,
                [
                    check.name,
                    check.ibsi_code,
                    number(check.reference),
                    number(check.tolerance),
                    number(check.ours),
                    states[check.passed],
                    check.note,
                ],
            )
            for check in checks
        ],
    )
