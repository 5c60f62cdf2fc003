"""How a model like that of a published study is trained: its `[run]` table as features and a method.

What a study leaves open was chosen here, and the table says so part by part (`ours`); where it departs from
what is stated, that is a sentence (`departs`). A stand-in names the simulated cohort that takes the place of
patients in a trial run, and which of its labels that of the endpoint; it says nothing about the endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import FeatureError, ModelFormatError, TrainingError
from ..models.calibration import KINDS as CALIBRATIONS
from ..models.recipe import builtin_recipes
from ..models.study import Study, find_study, load_studies
from ..prepare.model import Preparation
from ..radiomics.definitions import DEFINITIONS, FAMILIES, MASK, all_keys, describe
from ..radiomics.filters.spec import parse_filter
from ..radiomics.keys import clinical_key
from ..tasks import TASKS
from .dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL
from .estimators.make import KINDS
from .method import Method, Spec, Validation
from .steps.chain import STEPS, make_step

OUTCOMES = (BINARY, MULTICLASS, ORDINAL, SURVIVAL)

PREPARING = ("impute", "combat", "scale")
"""Steps that prepare; all others of :data:`virtualbiopsy.training.steps.STEPS` choose features."""

PARTS: Mapping[str, tuple[str, str]] = {
    "sequences": ("sequences", "which images"),
    "regions": ("regions", "where features are measured"),
    "features": ("features", "which features"),
    "preparation": ("normalisation", "imputation, scaling and how images are made comparable"),
    "discretisation": ("discretisation", "grey levels"),
    "selection": ("selection", "how features are chosen"),
    "estimator": ("classifier", "kind of model"),
    "validation": ("validation", "how it is tested"),
    "cut_off": ("cut_off", "where the marker is cut"),
    "clinical": ("clinical_variables", "which clinical variables"),
    "outcome": ("endpoint", "what is predicted"),
    "filters": ("filters", "filters and their settings"),
}
"""Parts of a run that can be ours: by name, the field of the study that may state them, and words."""

_SILENT = ("sequences", "regions", "features", "preparation", "discretisation", "selection", "estimator")
_MUST = {"outcome", "positive", "features", "steps", "estimator", "ours", "stand_in"}
_MAY = {"negative", "among", "clinical", "discretisation", "grid", "calibration", "validation", "departs"}
_ADVICE = "Compare it with the files in Resources/Recipes/published."


@dataclass(frozen=True)
class Wanted:
    """A block of radiomic features: every combination of its parts.

    Attributes
    ----------
    sequences : roles, or "mask" for shape. regions : names as in feature keys.
    families : keys of :data:`virtualbiopsy.radiomics.definitions.FAMILIES`.
    names : only these features; () for all of the families. filters : image types.
    """

    sequences: tuple[str, ...]
    regions: tuple[str, ...]
    families: tuple[str, ...]
    names: tuple[str, ...] = ()
    filters: tuple[str, ...] = ("original",)


@dataclass(frozen=True)
class StandIn:
    """Simulated cases in the place of patients.

    Attributes
    ----------
    task : key of :data:`virtualbiopsy.tasks.TASKS`; its simulated cohort.
    label : column of :data:`LABELS` of that cohort.
    at_least : labels of at least so much are positive; None where the label is a class already.
    instead : by role that the cohort lacks, the one whose image takes its place.
    whole : all cases are used, since too few of the simulated ones fulfil the condition of the plan.
    """

    task: str
    label: str
    at_least: float | None = None
    instead: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False

    @property
    def words(self) -> str:
        label = self.label if self.at_least is None else f"{self.label} of at least {self.at_least:g}"
        swaps = "".join(f"; {there} in the place of {role}" for role, there in self.instead.items())
        swaps += "; all cases" if self.whole else ""
        return f"{self.task} cohort, label {label}{swaps}. It says nothing about the endpoint of the study."


@dataclass(frozen=True)
class Condition:
    """Only cases with a column within limits are used, ``clinical:who_grade`` of at least 2, say."""

    column: str
    at_least: float = float("-inf")
    at_most: float = float("inf")

    @property
    def words(self) -> str:
        low = f" of at least {self.at_least:g}" if self.at_least > float("-inf") else ""
        high = f" of at most {self.at_most:g}" if self.at_most < float("inf") else ""
        return self.column + " and".join(part for part in (low, high) if part)


@dataclass(frozen=True)
class Plan:
    """How a model like that of a study is trained.

    Attributes
    ----------
    study_id : of the study. outcome : one of :data:`OUTCOMES`.
    positive, negative : classes of a binary outcome; of others, what a high score means and "".
    among : which cases are used; None for all.
    wanted : blocks of features. clinical : names in ``clinical:…``.
    discretisation : for histograms and texture matrices.
    method : preparation, selection, estimator, validation.
    ours : parts that the study does not state, keys of :data:`PARTS`.
    departs : what is done otherwise than stated, sentences.
    stand_in : simulated cohort for a trial run.
    """

    study_id: str
    outcome: str
    positive: str
    wanted: tuple[Wanted, ...]
    method: Method
    stand_in: StandIn
    negative: str = ""
    among: Condition | None = None
    clinical: tuple[str, ...] = ()
    discretisation: str = "fbn32"
    ours: tuple[str, ...] = ()
    departs: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles of the images that a case must have."""
        named = (role for block in self.wanted for role in block.sequences if role != MASK)
        return tuple(dict.fromkeys(named))

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(region for block in self.wanted for region in block.regions))

    @property
    def discretised(self) -> bool:
        """Whether any of the features needs grey levels."""
        return any(describe(key).discretised for key in self.feature_keys())

    def feature_keys(self, instead: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """The feature keys, clinical ones last.

        Parameters
        ----------
        instead : roles that others take the place of; see :attr:`StandIn.instead`.
        """
        keys = [str(key) for block in self.wanted for key in self._block(block, instead or {})]
        keys += [clinical_key(name) for name in self.clinical]
        return tuple(dict.fromkeys(keys))

    def _block(self, block: Wanted, instead: Mapping[str, str]):
        for sequence in block.sequences:
            for region in block.regions:
                for image in block.filters:
                    found = all_keys(
                        instead.get(sequence, sequence), region, self.discretisation, image=image
                    )
                    yield from (
                        key
                        for key in found
                        if key.family in block.families and (not block.names or key.name in block.names)
                    )


def preparation_of(plan: Plan, available: Iterable[str] = ()) -> Preparation:
    """How images are made comparable: as in the bundled recipes, since no study says enough about it.

    Parameters
    ----------
    available : roles that the cases have besides those of the plan; the common grid is that of the task's
        reference where it is there, else that of the plan's first image.
    """
    task = TASKS[plan.stand_in.task]
    base = next(recipe.preparation for recipe in builtin_recipes() if recipe.task == task.task_id)
    roles = plan.roles or (task.reference,)
    reference = task.reference if task.reference in (*roles, *available) else roles[0]
    normalise = "none" if find_study(plan.study_id).task == "elsewhere" else base.normalise
    return replace(base, reference=reference, normalise=normalise)


LABELS: Mapping[str, tuple[str, ...]] = {
    "meningioma": ("ki67_percent", "ki67_high", "pr_percent", "pr_positive", "who_grade", "survival"),
    "breast": ("her2_level", "her2_positive", "her2_low", "pcr"),
}
"""Labels of the simulated cohorts. "survival" is a time to recurrence, drawn from Ki-67 and grade."""


def plan_of(study: Study) -> Plan | None:
    """The plan of a study, None for one that is not run.

    Raises
    ------
    ModelFormatError : its `[run]` is damaged, or passes off as stated what the study does not state.
    """
    if not study.run:
        return None
    try:
        return _plan(study, study.run)
    except (KeyError, TypeError, ValueError, FeatureError, TrainingError) as error:
        raise ModelFormatError(
            f"[run] of the study {study.study_id} is not valid ({error}).", _ADVICE
        ) from error


def plans(task: str | None = None) -> dict[str, Plan]:
    """Plans of the shipped studies that can be run, by id, of one task or all."""
    found = {s.study_id: plan_of(s) for s in load_studies() if task is None or s.task == task}
    return {name: plan for name, plan in found.items() if plan is not None}


def _plan(study: Study, run: Mapping[str, Any]) -> Plan:
    if not _MUST <= set(run) <= _MUST | _MAY:
        raise ValueError(f"fields missing or unknown: {sorted(_MUST - set(run) | set(run) - _MUST - _MAY)}")
    outcome = run["outcome"]
    if outcome not in OUTCOMES:
        raise ValueError(f"the outcome {outcome!r} is not one of {', '.join(OUTCOMES)}")
    plan = Plan(
        study_id=study.study_id,
        outcome=outcome,
        positive=_text(run["positive"]),
        negative=_text(run["negative"]) if "negative" in run else "",
        among=Condition(**run["among"]) if "among" in run else None,
        wanted=tuple(_wanted(entry) for entry in run["features"]),
        clinical=_texts(run.get("clinical", [])),
        discretisation=_text(run.get("discretisation", "fbn32")),
        method=_method(run),
        ours=_texts(run["ours"]),
        departs=_texts(run.get("departs", [])),
        stand_in=_stand_in(run["stand_in"]),
    )
    if outcome not in KINDS[plan.method.estimator.kind][0]:
        raise ValueError(f"{plan.method.estimator.kind} is not for a {outcome} outcome")
    _check_keys(plan)
    _check_ours(plan, study)
    return plan


def _method(run: Mapping[str, Any]) -> Method:
    steps = tuple(_spec(entry, tuple(STEPS), "step") for entry in run["steps"])
    for step in steps:
        make_step(step)
    kinds = [step.kind for step in steps]
    if len(set(kinds)) != len(kinds):
        raise ValueError("a step is there twice")
    calibration = run.get("calibration", "none")
    if calibration not in CALIBRATIONS:
        raise ValueError(f"the calibration {calibration!r} is not one of {', '.join(CALIBRATIONS)}")
    grid = {name: tuple(values) for name, values in run.get("grid", {}).items()}
    if not all(grid.values()):
        raise ValueError("an option in [run.grid] has no values")
    estimator = _spec(run["estimator"], tuple(KINDS), "estimator")
    options = {*estimator.options, *grid} - set(KINDS[estimator.kind][1])
    if wrong := {name for name in options if "." not in name}:
        raise ValueError(f"{estimator.kind} has no option {', '.join(sorted(wrong))}")
    return Method(
        steps=steps,
        estimator=estimator,
        grid=grid,
        calibration=calibration,
        validation=Validation(**run.get("validation", {})),
    )


def _spec(entry: Mapping[str, Any], kinds: tuple[str, ...], what: str) -> Spec:
    options = dict(entry)
    kind = options.pop("kind")
    if kind not in kinds:
        raise ValueError(f"the {what} {kind!r} is not one of {', '.join(kinds)}")
    return Spec(kind, options)


def _wanted(entry: Mapping[str, Any]) -> Wanted:
    block = Wanted(**{name: _texts(values) for name, values in entry.items()})
    if not (block.sequences and block.regions and block.families and block.filters):
        raise ValueError("a block of features is empty")
    for family in block.families:
        if family not in FAMILIES:
            raise ValueError(f"the family {family!r} is unknown")
    for name in block.names:
        if not any((family, name) in DEFINITIONS for family in block.families):
            raise ValueError(f"none of the families has a feature {name!r}")
    for image in block.filters:
        parse_filter(image)
    if MASK in block.sequences and block.families != ("morphology",):
        raise ValueError("without an image there is shape only")
    return block


def _stand_in(entry: Mapping[str, Any]) -> StandIn:
    found = StandIn(**entry)
    if found.task not in LABELS or found.label not in LABELS[found.task]:
        raise ValueError(f"the simulated cohort {found.task!r} has no label {found.label!r}")
    return found


def _check_keys(plan: Plan) -> None:
    """All features exist, and the stand-in has all images but those that another takes the place of."""
    for key in plan.feature_keys(plan.stand_in.instead):
        describe(key)
    task = TASKS[plan.stand_in.task]
    lacking = set(plan.roles) - {*task.roles, *task.maps} - set(plan.stand_in.instead)
    if lacking:
        raise ValueError(f"the simulated cohort {task.task_id!r} has no {', '.join(sorted(lacking))}")
    if not plan.feature_keys():
        raise ValueError("there is no feature")


def _check_ours(plan: Plan, study: Study) -> None:
    unknown = set(plan.ours) - set(PARTS)
    if unknown:
        raise ValueError(f"ours names {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    silent = {part for part in _SILENT if not getattr(study, PARTS[part][0])}
    if all(step.kind in PREPARING for step in plan.method.steps):
        silent.discard("selection")
    if not plan.discretised:
        silent.discard("discretisation")
    if plan.clinical and not study.clinical_variables:
        silent.add("clinical")
    if any(block.filters != ("original",) for block in plan.wanted):
        silent.add("filters")
    if missed := silent - set(plan.ours):
        raise ValueError(f"the study does not state {', '.join(sorted(missed))}, and ours does not say so")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not text")
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise ValueError(f"{values!r} is not a list of texts")
    return tuple(values)
