"""Write what is reported about a training run to a folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ...models.radmodel import RadModel
from ...progress import Progress, silent
from ...report.files import write_files
from .card import study_card
from .clear import clear_markdown
from .drawn import record_figures
from .html import study_report
from .quality import quality_markdown
from .record import StudyRecord


def write_reports(
    directory: Path,
    record: StudyRecord,
    model: RadModel | None = None,
    progress: Progress = silent,
    created: datetime | None = None,
    overwrite: bool = True,
) -> tuple[Path, ...]:
    """Write ``report.html``, ``card.md``, ``CLEAR.md``, ``quality.md`` and ``figures/*.svg``.

    Each file is written whole or not at all; files of an earlier run are replaced unless `overwrite` is
    False.

    Returns
    -------
    The paths, ``report.html`` first.

    Raises
    ------
    Cancelled, TrainingError, ExistingFileError, UnreadableFileError
    """
    texts = {"report.html": study_report(record, created)}
    progress(0.5, "Writing the report")
    texts |= {
        "card.md": study_card(record, model),
        "CLEAR.md": clear_markdown(record),
        "quality.md": quality_markdown(record),
        **{f"figures/{name}.svg": figure for name, figure in record_figures(record).items()},
    }
    progress(0.9, "Writing the report")
    paths = write_files(directory, texts, overwrite)
    progress(1.0, "Report written")
    return tuple(paths)
