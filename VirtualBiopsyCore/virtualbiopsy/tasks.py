"""The tasks that the house knows: which disease, which sequences, which models, rules and sample case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Task:
    """What distinguishes one module or page from another; everything else is shared.

    Attributes
    ----------
    task_id : "meningioma", "breast"; models and recipes name it.
    title : what the user chooses. lesion : the outlined thing, singular, lower case.
    question : which endpoints are estimated, one clause.
    reference : role of the sequence that outlines are drawn on.
    roles : sequence roles that are asked for, the reference first.
    maps : roles that are computed from a dynamic series; () for tasks without one.
    clinical : names of the clinical variables that are asked for.
    rules : name of the file in Resources/Rules. sample : folder in Resources/Cases.
    module : name of the Slicer module.
    review : what "the source review" of the rules is, a clause.
    organ : "brain" or "breast": where the figures of the trust card are measured, and which checks apply.
    """

    task_id: str
    title: str
    lesion: str
    question: str
    reference: str
    roles: tuple[str, ...]
    maps: tuple[str, ...]
    clinical: tuple[str, ...]
    rules: str
    sample: str
    module: str
    review: str
    organ: str

    @property
    def dynamic(self) -> bool:
        return bool(self.maps)


MENINGIOMA = Task(
    task_id="meningioma",
    title="Meningioma",
    lesion="meningioma",
    question="Ki-67 and progesterone receptor",
    reference="t1c",
    roles=("t1c", "t1", "t2", "flair", "adc"),
    maps=(),
    clinical=(
        "age",
        "sex",
        "location",
        "who_grade",
        "margin",
        "brain_interface",
        "enhancement_pattern",
        "dural_tail",
    ),
    rules="meningioma.toml",
    sample="meningioma-sample",
    module="MeningiomaPredictor",
    review=(
        "a review, in Chinese, of MR imaging for predicting Ki-67 and progesterone receptor expression in "
        "meningioma"
    ),
    organ="brain",
)

BREAST = Task(
    task_id="breast",
    title="Breast",
    lesion="breast lesion",
    question="HER2 status and response to neoadjuvant therapy",
    reference="dce",
    roles=("dce", "t2", "dwi", "adc"),
    maps=("pe", "ser", "washin", "washout", "ttp", "maxslope", "curvetype", "ktrans", "kep", "ve", "vp"),
    clinical=("age", "menopausal_status", "er_positive", "pr_positive", "histological_grade"),
    rules="breast.toml",
    sample="breast-sample",
    module="BreastHER2",
    review="a review, in Chinese, of multiparametric MR radiomics for predicting HER2 in breast cancer",
    organ="breast",
)

TASKS: Mapping[str, Task] = MappingProxyType({task.task_id: task for task in (MENINGIOMA, BREAST)})

TOPICS: Mapping[str, str] = MappingProxyType(
    {
        **{task_id: task.title for task_id, task in TASKS.items()},
        "glioma": "Glioma and brain metastasis",
        "nervous_system": "Other diseases of the nervous system",
        "elsewhere": "Outside the nervous system and the breast",
    }
)
"""What studies are about: the tasks of the house, and what it has no task for."""


def organ_of(reference: str) -> str:
    """The organ that the task with this reference role is about; the brain for other references."""
    return next((task.organ for task in TASKS.values() if task.reference == reference), MENINGIOMA.organ)
