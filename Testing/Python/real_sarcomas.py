"""The 16 real sarcomas with outlines: features are extracted here; outcome: metastasis or recurrence."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

from virtualbiopsy.cohort.dataset import to_dataset
from virtualbiopsy.cohort.endpoints import Definition
from virtualbiopsy.cohort.extract import extract_cohort
from virtualbiopsy.cohort.measured import Extraction
from virtualbiopsy.cohort.read import read_cohort
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.training.dataset import Dataset
from virtualbiopsy.training.method import Method, Spec, Validation

TABLE = "sts_pyradiomics_outcome.csv"
ENDPOINT = Definition("metastasis", column="met", classes=("none seen", "metastasis or recurrence"))
KEYS = (
    "mask:tumour:original:morphology:volume:3d:none:ibsi",
    "mask:tumour:original:morphology:sphericity:3d:none:ibsi",
    "t1:tumour:original:statistics:skewness:3d:none:ibsi",
    "t1:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi",
)
PREPARATION = Preparation(
    reference="t1", spacing=(2.0, 2.0, 2.0), bias_correction=False, normalise="none", register=False
)


def sarcomas(data: Path) -> Dataset:
    """Extract the features of all cases and join the outcome."""
    with (data / "tables" / TABLE).open(encoding="utf-8") as stream:
        outcome = {row["ID"]: row["met_event"] for row in csv.DictReader(stream)}
    volumes = data / "volumes" / "sts_mr_t1"
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lines = ["patient,t1,mask,met"]
        for case in sorted(path.name for path in volumes.iterdir() if path.name in outcome):
            image, mask = (volumes / case / f"MR_T1_{what}.nii.gz" for what in ("image", "mask"))
            lines.append(f"{case},{image},{mask},{outcome[case]}")
        (folder / "cohort.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        cohort = read_cohort(folder, endpoints={ENDPOINT.name: ENDPOINT})
        extraction = Extraction(KEYS, PREPARATION, images=False)
        extracted = extract_cohort(cohort, extraction, folder / "features", processes=1)
    if extracted.failed:
        raise AssertionError(f"{len(extracted.failed)} cases failed")
    return to_dataset(extracted.table, cohort, ENDPOINT.name)


def method() -> Method:
    """Four features that were chosen beforehand; no selection."""
    settings = Validation(folds=4, repeats=10, inner_folds=3, bootstraps=1000, seed=7)
    steps = (Spec("impute", {"strategy": "median"}), Spec("scale"))
    return Method(steps, Spec("logistic", {"penalty": "l2", "C": 0.1}), validation=settings)
