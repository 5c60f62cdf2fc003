"""What is known about a training run, as plain values, from which everything else is filled.

"", None and () mean unknown, except where an attribute says what they mean. Unknown things score nothing and
stand as "not available" in the checklists; nothing is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .curves import (
    CalibrationCurve,
    Confusion,
    DecisionCurves,
    Nomogram,
    Ranked,
    RocCurve,
    SurvivalCurve,
)

CROSS_VALIDATION, INTERNAL, TEMPORAL, EXTERNAL = "cross-validation", "internal", "temporal", "external"
KINDS = (CROSS_VALIDATION, INTERNAL, TEMPORAL, EXTERNAL)
"""How cases were kept apart: resampled; held out of the same source; later ones of it; of other places."""

CLINICAL, RADIOMIC, COMBINED, SIMPLE, SINGLE, STANDARD = (
    "clinical",
    "radiomic",
    "combined",
    "simple",
    "single sequence",
    "standard",
)
"""What is compared: without and with radiomic features, a simple reference model, one sequence alone, what is
used in practice today."""

Figures = Mapping[str, Mapping[str, float]]
"""Figures by name ("auc", "brier", …), each with "value" and, where known, "low" and "high" (95 %)."""


@dataclass(frozen=True)
class Finding:
    """Whether something holds, and what shows it.

    met : None if unknown. evidence : one sentence; without it a finding counts as unknown.
    """

    met: bool | None = None
    evidence: str = ""

    @property
    def known(self) -> bool:
        return self.met is not None and bool(self.evidence.strip())


@dataclass(frozen=True)
class Table:
    """A table of plain texts; `numbers` are the columns that are set right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Told:
    """One step of a method: its kind (a `Spec.kind`) and what it did, one sentence."""

    kind: str
    text: str


@dataclass(frozen=True)
class Design:
    """What the study is for and how it was planned.

    Attributes
    ----------
    title, endpoint, positive : "Ki-67 of meningiomas", "Ki-67", "Ki-67 ≥ 5 %" ("" for survival).
    recipe : id of the recipe. reference : publication that the recipe follows. published : its figures.
    simulated : whether any case is simulated; then everything says so.
    prospective : None if unknown. readiness : level 1 … 9 of RQS 2.0; simulated studies are at 1.
    Others : plain text, as in the checklists.
    """

    title: str
    endpoint: str
    positive: str = ""
    simulated: bool = False
    recipe: str = ""
    reference: str = ""
    published: str = ""
    keywords: tuple[str, ...] = ()
    background: str = ""
    rationale: str = ""
    objective: str = ""
    population: str = ""
    intended_use: str = ""
    users: str = ""
    inequalities: str = ""
    guidelines: tuple[str, ...] = ()
    ethics: str = ""
    sample_size: str = ""
    nature: str = ""
    prospective: bool | None = None
    registration: str = ""
    protocol: str = ""
    eligibility: str = ""
    representative: bool | None = None
    flow: str = ""
    funding: str = ""
    conflicts: str = ""
    involvement: str = ""
    limits: str = ""
    licence: str = ""
    readiness: int | None = None


@dataclass(frozen=True)
class Data:
    """Cases and what is known about them.

    Attributes
    ----------
    source, overlap, dates, setting, treatment, missing, interval : plain text.
    cases, patients, sites, scanners : counts. classes : cases by class; for survival "event" and "censored".
    split : how cases were divided. split_level : "patient", "case", "site".
    protocol : acquisition, one sentence or range each. protocol_public : whether it is a public protocol.
    clinical : variables that are no image features, with their definition.
    standard : the reference standard. standard_sound : whether it is tissue, genomics or follow-up.
    retest : examinations at further time points of the same patients to see which features are steady.
    baseline : characteristics of the cases. provenance : how features and labels came about.
    """

    source: str = ""
    overlap: str = ""
    dates: str = ""
    setting: str = ""
    treatment: str = ""
    cases: int | None = None
    patients: int | None = None
    sites: int | None = None
    scanners: int | None = None
    classes: Mapping[str, int] = field(default_factory=dict)
    split: str = ""
    split_level: str = ""
    protocol: tuple[str, ...] = ()
    protocol_public: bool | None = None
    clinical: Mapping[str, str] = field(default_factory=dict)
    standard: str = ""
    standard_sound: bool | None = None
    interval: str = ""
    retest: str = ""
    missing: str = ""
    baseline: Table | None = None
    provenance: tuple[str, ...] = ()


@dataclass(frozen=True)
class Segmentation:
    """How outlines came about.

    Attributes
    ----------
    used : whether features come from outlines; None if unknown. method : "manual", "semi-automatic" or
        "automatic". rule, operators : plain text.
    repeated : outlines by several readers or methods, or perturbed ones, and what was found.
    single_reader : whether test outlines come from one reader or one tool. evaluated : of an automatic
        method, how it was compared with experts.
    """

    used: bool | None = None
    method: str = ""
    rule: str = ""
    operators: str = ""
    repeated: str = ""
    single_reader: bool | None = None
    evaluated: str = ""


@dataclass(frozen=True)
class Processing:
    """Images and features.

    Attributes
    ----------
    handcrafted : whether features have formulas; None if unknown. steps : preparation of the images.
    resampling, discretisation, image_types, defaults : plain text.
    extractor : software with version. standardised : whether it complies with IBSI.
    families : number of features by family. features : number in all. sequences : roles.
    phantom : a phantom study on all scanners, and what was found.
    """

    handcrafted: bool | None = None
    steps: tuple[str, ...] = ()
    resampling: str = ""
    discretisation: str = ""
    image_types: str = ""
    extractor: str = ""
    standardised: bool | None = None
    families: Mapping[str, int] = field(default_factory=dict)
    features: int | None = None
    sequences: tuple[str, ...] = ()
    defaults: str = ""
    phantom: str = ""


@dataclass(frozen=True)
class Modelling:
    """From features to an answer.

    Attributes
    ----------
    steps : what each step of the final fit did, in order; None if unknown, () for none.
    inside_folds : whether everything that looks at data was fitted on the training parts only.
    estimator, software, tuning, selection, imbalance, confounders, calibration : plain text.
    confounded : a proxy was found, and nothing was done about it.
    confounders_checked : what was found when sites, scanners or sizes were compared with the endpoint.
    deep : whether a network goes from image to answer; None if unknown. tabular : features in a table.
    kept : features of the final model. equation : its weights by feature, with "(intercept)"; {} for none.
    candidates : features that selection started from, with the smaller class or the events:
    events_per_candidate : None if unknown. threshold : probability; threshold_rule : how it was found.
    explanation : how answers are explained.
    """

    steps: tuple[Told, ...] | None = None
    inside_folds: bool | None = None
    estimator: str = ""
    software: str = ""
    tuning: str = ""
    selection: str = ""
    imbalance: str = ""
    confounders: str = ""
    confounders_checked: str = ""
    confounded: bool = False
    calibration: str = ""
    deep: bool | None = None
    tabular: bool | None = None
    kept: tuple[str, ...] = ()
    equation: Mapping[str, float] = field(default_factory=dict)
    candidates: int | None = None
    events_per_candidate: float | None = None
    threshold: float | None = None
    threshold_rule: str = ""
    explanation: str = ""


@dataclass(frozen=True, eq=False)
class Tested:
    """One test of the model.

    Attributes
    ----------
    name : "repeated cross-validation", "hospital B". kind : one of :data:`KINDS`.
    scheme : how, one sentence. cases, positive : counts. institutions : number of distinct ones, 0 unknown.
    figures : see :data:`Figures`. uncertainty : how the intervals were found ("2000 bootstrap resamples").
    resampled : whether resampling was used (cross-validation or bootstrap).
    subgroups : figures by subgroup. faults : folds that could not be used and why.
    """

    name: str
    kind: str
    figures: Figures
    scheme: str = ""
    cases: int | None = None
    positive: int | None = None
    institutions: int = 0
    uncertainty: str = ""
    resampled: bool = False
    roc: tuple[RocCurve, ...] = ()
    operating: tuple[float, float] | None = None
    calibration: CalibrationCurve | None = None
    decision: DecisionCurves | None = None
    confusion: Confusion | None = None
    survival: tuple[SurvivalCurve, ...] = ()
    survival_unit: str = ""
    survival_note: str = ""
    subgroups: Table | None = None
    faults: tuple[str, ...] = ()

    def figure(self, name: str) -> Mapping[str, float] | None:
        """A figure with its 95 % interval; None if there is none or no interval."""
        found = self.figures.get(name)
        return found if found is not None and {"value", "low", "high"} <= set(found) else None


@dataclass(frozen=True)
class Compared:
    """Two models on the same cases.

    Attributes
    ----------
    first, second : what they are (one of the words above, or a name). figure : "AUC". difference : first −
        second with its 95 % interval. p : of the test; NaN without. test : "DeLong".
    note : what keeps the p from being taken at its word; "" if nothing does.
    """

    first: str
    second: str
    figure: str
    difference: float
    low: float = float("nan")
    high: float = float("nan")
    p: float = float("nan")
    test: str = ""
    note: str = ""


@dataclass(frozen=True)
class Sharing:
    """Where things are open; "" for not shared or unknown."""

    images: str = ""
    outlines: str = ""
    features: str = ""
    scripts: str = ""
    code: str = ""
    model: str = ""
    system: str = ""


@dataclass(frozen=True, eq=False)
class StudyRecord:
    """All of it.

    Attributes
    ----------
    tests : None if unknown, () for none at all.
    ranking, ranking_axis : features of the final model and what their figure is.
    answers : what only people know, by "rqs:<criterion>", "metrics:<item>", "clear:<item>" and
        "tripod:<item>" ("tripod:6a"); they stand above what was found by the software.
    warnings : few events per candidate, leaks, folds left out: shown first.
    provenance : versions, seeds, hashes, one sentence each.
    """

    design: Design
    data: Data = Data()
    segmentation: Segmentation = Segmentation()
    processing: Processing = Processing()
    modelling: Modelling = Modelling()
    tests: tuple[Tested, ...] | None = None
    comparisons: tuple[Compared, ...] = ()
    ranking: tuple[Ranked, ...] = ()
    ranking_axis: str = "weight on the standardised feature"
    nomogram: Nomogram | None = None
    sharing: Sharing = Sharing()
    answers: Mapping[str, Finding] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    provenance: tuple[str, ...] = ()

    def answer(self, key: str) -> Finding | None:
        """What somebody said about it, if that is complete."""
        found = self.answers.get(key)
        return found if found is not None and found.known else None
