"""All layouts, and which one a folder has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..sheet import Sheet
from . import brats, duke, features, ispy, mamamia, simulated, table, upenn


@dataclass(frozen=True)
class Layout:
    """One way to lay out a cohort.

    Attributes
    ----------
    name : "brats". title : what the user chooses.
    recognise : what speaks for the layout in a folder, one sentence; "" if nothing does.
    read : folder (or table) -> Sheet. It raises a CohortError or UnreadableFileError if there is nothing.
    """

    name: str
    title: str
    recognise: Callable[[Path], str]
    read: Callable[[Path], Sheet]


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            Layout("simulated", "simulated cohort", simulated.recognise, simulated.read),
            Layout("features", "feature table without images", features.recognise, features.read),
            Layout("table", "cohort.csv or cohort.xlsx with folders", table.recognise, table.read),
            Layout("brats", "BraTS (GLI, MEN, MET and earlier years)", brats.recognise, brats.read),
            Layout("upenn", "UPENN-GBM", upenn.recognise, upenn.read),
            Layout("mamamia", "MAMA-MIA", mamamia.recognise, mamamia.read),
            Layout("duke", "Duke-Breast-Cancer-MRI", duke.recognise, duke.read),
            Layout("ispy1", "I-SPY 1", ispy.recognise_1, ispy.read_1),
            Layout("ispy2", "I-SPY 2", ispy.recognise_2, ispy.read_2),
        )
    }
)


def guess_layout(folder: Path) -> tuple[str, str]:
    """Name of the layout of a folder or table and what speaks for it; "", "" if none fits."""
    for layout in LAYOUTS.values():
        if reason := layout.recognise(folder):
            return layout.name, reason
    return "", ""
