"""The report: one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import SimpleITK as sitk

from .. import RESEARCH_USE_ONLY, __version__
from ..case.model import Case
from ..models.radmodel import RadModel
from ..progress import Progress, part, silent
from ..tasks import MENINGIOMA, TASKS, Task
from . import sections
from .dynamic import dynamic_section
from .markup import esc, tag
from .page import page

if TYPE_CHECKING:
    from ..session import Result


def html_report(
    case: Case,
    result: Result,
    models: Sequence[RadModel],
    *,
    image: sitk.Image | None = None,
    mask: sitk.Image | None = None,
    created: datetime | None = None,
    progress: Progress = silent,
) -> str:
    """Write the report of one result.

    Parameters
    ----------
    case, result, models : as in the session; models that did not run are listed with the reason.
    image, mask : what the pictures show; without an image there are no pictures. Both in the space of the
        reference sequence.
    created : printed in the head; None leaves it out.

    Returns
    -------
    A complete HTML document: pictures as data URIs, SVG inline, no scripts, nothing loaded from elsewhere,
    all text escaped. Names of files and folders on this machine and DICOM identifiers are not in it.
    """
    title = f"VirtualBiopsy report: {result.case_name}"
    made = f", {created:%Y-%m-%d %H:%M %Z}".rstrip() if created else ""
    by_id = {model.model_id: model for model in models}
    body = [
        tag("h1", esc(title)),
        tag("p", esc(f"VirtualBiopsy {__version__}{made}"), "quiet"),
        sections.warnings(result),
        sections.case_section(case),
        sections.region_section(result, image, mask, part(progress, 0.0, 0.3)),
        dynamic_section(case.dynamic, mask),
    ]
    count = max(len(result.predictions), 1)
    for i, prediction in enumerate(result.predictions):
        inner = part(progress, 0.3 + 0.6 * i / count, 0.3 + 0.6 * (i + 1) / count)
        model = by_id.get(prediction.model_id)
        body.append(sections.model_section(result, prediction, model, image, mask, inner))
    progress(0.9, "Writing the report")
    body += [
        sections.skipped_section(result),
        sections.feature_section(result, by_id),
        sections.evidence_section(result, _task(models)),
        sections.provenance_section(result, models),
    ]
    progress(1.0, "Report written")
    return page(title, "".join(body), RESEARCH_USE_ONLY)


def _task(models: Sequence[RadModel]) -> Task:
    """What the models are for; of several tasks the first."""
    return next((TASKS[model.task] for model in models if model.task in TASKS), MENINGIOMA)
