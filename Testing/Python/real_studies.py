"""The real tables as studies: what is asked of each, by which method. No row of the data is kept here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from virtualbiopsy.cohort.assemble import assemble
from virtualbiopsy.cohort.dataset import to_dataset
from virtualbiopsy.cohort.endpoints import Definition
from virtualbiopsy.cohort.layouts.features import FeatureColumns, read
from virtualbiopsy.cohort.model import raise_faults
from virtualbiopsy.cohort.tables import read_text_table, write_text_table
from virtualbiopsy.training.dataset import SURVIVAL, Dataset
from virtualbiopsy.training.method import Method, Spec, Validation

ISPY1 = "ispy1_dce_radiomics_clinical.csv"
_ISPY1_LATER = (
    *("sstat", "survDtD2 (tx)", "RFS", "rfs_ind", "PCR", "RCBClass"),
    *("MRI LD 1-3dAC", "MRI LD InterReg", "MRI LD PreSurg"),
)
_ISPY1_OTHER = ("race_id", "BilateralCa", "Laterality", "HR Pos", "HR_HER2_*", "MRI LD Baseline")
_RECEPTORS = ("ERpos", "PgRpos", "Her2MostPos")


@dataclass(frozen=True)
class RealStudy:
    """One question to one table.

    Attributes
    ----------
    key, title : "ispy1_her2", "I-SPY 1: HER2". file : in the folder of tables. source : where it is from.
    endpoint : how it is read. names : columns by our names. leave_out : columns that are no features.
    expected : what was expected before the run. all_seen : the table has no column of events: all were seen.
    """

    key: str
    title: str
    file: str
    source: str
    endpoint: Definition
    expected: str
    names: Mapping[str, str] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    all_seen: bool = False

    def dataset(self, folder: Path) -> Dataset:
        """Read the table."""
        columns = FeatureColumns(
            dict(self.names), {self.endpoint.name: self.endpoint}, leave_out=self.leave_out
        )
        with TemporaryDirectory() as scratch:
            sheet = read(self._prepared(folder / self.file, Path(scratch)), columns)
        cohort, faults = assemble(sheet)
        raise_faults(faults)
        return to_dataset(None, cohort, self.endpoint.name)

    def _prepared(self, file: Path, folder: Path) -> Path:
        """The table, with a column of events where all were seen."""
        if not self.all_seen:
            return file
        table = read_text_table(file)
        rows = [{**row, self.endpoint.column: "1"} for _, row in table.rows]
        path = folder / f"{self.key}.csv"
        write_text_table(path, [*table.columns, self.endpoint.column], rows)
        return path

    def method(self) -> Method:
        """Blind reduction, then ten features by their own test, then a linear model; all inside the folds."""
        steps = (
            Spec("impute", {"strategy": "median"}),
            Spec("scale"),
            Spec("variance"),
            Spec("correlation", {"threshold": 0.9, "keep": ["clinical:"]}),
        )
        settings = Validation(folds=5, repeats=10, inner_folds=5, bootstraps=1000, seed=7)
        if self.endpoint.kind == SURVIVAL:
            chosen = Spec("select_k_best", {"score": "f_test", "k": 5, "keep": ["clinical:"]})
            return Method((*steps, chosen), Spec("cox", {"l2": 10.0}), validation=settings)
        chosen = Spec("select_k_best", {"score": "f_test", "k": 10, "keep": ["clinical:"]})
        estimator = Spec("logistic", {"penalty": "l2", "C": 0.1})
        return Method((*steps, chosen), estimator, validation=settings)


def _ispy1(key: str, title: str, endpoint: Definition, expected: str, names: Mapping[str, str]) -> RealStudy:
    used = {*names.values(), endpoint.column, endpoint.time}
    left = tuple(c for c in (*_ISPY1_LATER, *_ISPY1_OTHER, *_RECEPTORS) if c not in used)
    source = "I-SPY 1 (TCIA ISPY1, ISPY1-Tumor-SEG-Radiomics), features of the first examination"
    return RealStudy(key, title, ISPY1, source, endpoint, expected, {"patient": "SUBJECTID", **names}, left)


_AGE = {"age": "age"}
_KNOWN = {**_AGE, "er_positive": "ERpos", "pr_positive": "PgRpos", "subgroup:HER2": "Her2MostPos"}

STUDIES: tuple[RealStudy, ...] = (
    RealStudy(
        "gvm",
        "Glioblastoma or metastasis",
        "GvM_undersampled.csv",
        "cohort of “do not split small samples”, undersampled table",
        Definition("metastasis", column="Label", classes=("glioblastoma", "metastasis")),
        "a clear signal",
    ),
    RealStudy(
        "men",
        "Grade of meningiomas",
        "MEN_undersampled.csv",
        "cohort of “do not split small samples”, undersampled table",
        Definition("high grade", column="Label", classes=("low grade", "high grade")),
        "a clear signal",
    ),
    _ispy1(
        "ispy1_her2",
        "I-SPY 1: HER2",
        Definition("HER2", column="Her2MostPos", classes=("HER2 negative", "HER2 positive")),
        "AUC about 0.6",
        _AGE,
    ),
    _ispy1(
        "ispy1_pr",
        "I-SPY 1: progesterone receptor",
        Definition("PR", column="PgRpos", classes=("PR negative", "PR positive")),
        "chance",
        _AGE,
    ),
    _ispy1(
        "ispy1_pcr",
        "I-SPY 1: complete response",
        Definition("pCR", column="PCR", classes=("no pCR", "pCR")),
        "weak",
        _KNOWN,
    ),
    _ispy1(
        "ispy1_rfs",
        "I-SPY 1: recurrence-free survival",
        Definition("RFS", SURVIVAL, column="rfs_ind", time="RFS", unit="days"),
        "weak",
        _KNOWN,
    ),
    RealStudy(
        "arita_idh",
        "Glioma: IDH mutation",
        "radmlbench_Arita2018_glioma_IDH.csv.gz",
        "Arita et al. 2018, table of radMLBench",
        Definition("IDH", column="Target", classes=("class 0", "class 1")),
        "a clear signal",
        {"patient": "ID"},
    ),
    RealStudy(
        "brats_os",
        "Glioblastoma: overall survival",
        "brats19_features_OS.xlsx",
        "BraTS 2019, table of BraTS_OS (no censoring)",
        Definition("OS", SURVIVAL, column="Event", time="Survival", unit="days"),
        "weak, mostly age",
        {"patient": "ID", "age": "Age"},
        all_seen=True,
    ),
)
