"""All figures of a record, by name."""

from __future__ import annotations

from .figures import sheet
from .figures.calibration import calibration_svg
from .figures.confusion import confusion_svg
from .figures.decision import decision_svg
from .figures.nomogram import nomogram_svg
from .figures.ranking import ranking_svg
from .figures.roc import roc_svg
from .figures.survival import survival_svg
from .record import StudyRecord, Tested


def record_figures(record: StudyRecord, dark: bool = False) -> dict[str, str]:
    """SVG by name: "test1-roc", "test1-calibration", "test1-decision", "test1-confusion", "test1-survival"
    for each test in order, then "ranking" and "nomogram"; only those that there is something for."""
    look = sheet.Look(dark=dark, simulated=record.design.simulated)
    wide = sheet.Look(dark=dark, simulated=record.design.simulated, width=sheet.WIDE.width)
    drawn: dict[str, str] = {}
    for number, test in enumerate(record.tests or (), 1):
        for name, figure in _of_test(test, record.design.positive or record.design.endpoint, look).items():
            drawn[f"test{number}-{name}"] = figure
    if record.ranking:
        drawn["ranking"] = ranking_svg(record.ranking, wide, axis=record.ranking_axis)
    if record.nomogram is not None:
        drawn["nomogram"] = nomogram_svg(record.nomogram, wide)
    return drawn


def _of_test(test: Tested, endpoint: str, look: sheet.Look) -> dict[str, str]:
    what = f"{endpoint}, {test.name}"
    drawn = {}
    if test.roc:
        drawn["roc"] = roc_svg(test.roc, look, f"ROC: {what}", test.operating)
    if test.calibration is not None:
        drawn["calibration"] = calibration_svg(test.calibration, look, f"Calibration: {what}")
    if test.decision is not None:
        drawn["decision"] = decision_svg(test.decision, look, f"Decision curve: {what}")
    if test.confusion is not None:
        drawn["confusion"] = confusion_svg(test.confusion, look, f"Confusion matrix: {what}")
    if test.survival:
        title, note = f"Survival: {what}", test.survival_note
        drawn["survival"] = survival_svg(test.survival, test.survival_unit, look, title, note)
    return drawn
