"""The published studies as rows of a table, and what is known about one of them as lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..case.model import ROLES
from ..models.study import RUNS, StatedFeature, Study, find_study, load_studies
from ..tasks import TOPICS

if TYPE_CHECKING:
    from ..training.method import Spec
    from ..training.plan import Plan

CAN_RUN = "can be run"

_TEXTS = {
    "endpoint": "Endpoint",
    "positive": "Positive",
    "negative": "Told apart from",
    "cut_off": "Cut-off",
    "sequences": "Sequences",
    "regions": "Regions",
    "filters": "Filters",
    "time_points": "Time points",
    "clinical_variables": "Clinical variables",
    "spacing": "Spacing",
    "normalisation": "Normalisation",
    "discretisation": "Discretisation",
    "selection": "Selection",
    "classifier": "Model",
    "validation": "Validation",
    "centres": "Centres",
    "cases": "Cases",
    "rules": "Rules that quote it",
}


@dataclass(frozen=True)
class RecipeRow:
    """One published study in a list.

    Attributes
    ----------
    recipe : id, "M11". title, endpoint, modality : as in the study. disease : in words.
    state : "can be run", "rule", "needs the deep extra" or "not run".
    why_not : one line, "" if it can be run. reference : authors, year, number in its review.
    published : its figures, never one of ours, external beside internal; "" for none.
    sequences : the images that it uses, in words. runnable : whether `state` is "can be run".
    """

    recipe: str
    title: str
    disease: str
    endpoint: str
    modality: str
    state: str
    why_not: str
    reference: str
    published: str
    sequences: tuple[str, ...]
    runnable: bool


def recipe_rows() -> tuple[RecipeRow, ...]:
    """All shipped studies in the order of their ids.

    Raises
    ------
    ModelFormatError : a file is damaged.
    """
    return tuple(_row(study) for study in load_studies())


def _row(study: Study) -> RecipeRow:
    runs = study.state == RUNS
    return RecipeRow(
        recipe=study.study_id,
        title=study.title,
        disease=TOPICS[study.task],
        endpoint=study.endpoint,
        modality=study.modality,
        state=CAN_RUN if runs else study.state,
        why_not=study.why_not,
        reference=study.reference,
        published="; ".join(figure.words for figure in study.figures),
        sequences=tuple(ROLES.get(role, role) for role in study.sequences),
        runnable=runs,
    )


def recipe_facts(recipe: str) -> tuple[tuple[str, str], ...]:
    """What a study states, what it leaves out, and how a model of the same kind is trained: label and text.

    Raises
    ------
    ModelFormatError : there is no such study, or a file is damaged.
    """
    return tuple(study_facts(find_study(recipe)))


def study_facts(study: Study) -> Iterator[tuple[str, str]]:
    """As :func:`recipe_facts`."""
    from ..training.plan import plan_of

    yield "Study", f"{study.reference}. {study.modality}."
    for name, label in _TEXTS.items():
        if value := getattr(study, name):
            yield label, ", ".join(value) if isinstance(value, tuple) else str(value)
    for feature in study.features:
        yield "Feature", _feature(feature)
    for figure in study.figures:
        yield "Published figure", figure.words
    for caveat in study.caveats.values():
        yield "Caveat", caveat
    if study.missing:
        yield "Not stated", ", ".join(study.missing)
    plan = plan_of(study)
    if plan is None:
        yield "Not run", study.why_not
    else:
        yield from plan_facts(plan)


def plan_facts(plan: Plan) -> Iterator[tuple[str, str]]:
    """How a model of the same kind is trained, and which part of that the study does not state."""
    from ..training.plan import PARTS

    against = f" against {plan.negative}" if plan.negative else ""
    yield "Run", f"{plan.outcome}, {plan.positive}{against}"
    if plan.among is not None:
        yield "Cases that are used", f"only cases with {plan.among.words}"
    images = ", ".join(plan.roles) or "shape only"
    yield (
        "Candidate predictors",
        f"{len(plan.feature_keys())} features: {images} in {', '.join(plan.regions)}"
        + (f"; clinical: {', '.join(plan.clinical)}" if plan.clinical else ""),
    )
    method = plan.method
    yield "Steps", " → ".join(_spec(spec) for spec in method.steps) or "none"
    yield "Estimator", f"{_spec(method.estimator)}; calibration: {method.calibration}"
    for option, values in method.grid.items():
        yield "Tried in the inner loop", f"{option} of {', '.join(f'{v:g}' for v in values)}"
    yield "Test", _test(plan)
    if ours := "; ".join(PARTS[name][1] for name in plan.ours):
        yield "Ours, since the study does not state it", ours
    for sentence in plan.departs:
        yield "Otherwise than stated", sentence
    yield "Trial run on simulated cases", plan.stand_in.words


def _test(plan: Plan) -> str:
    v = plan.method.validation
    if v.scheme != "repeated_cv":
        return f"{v.scheme.replace('_', ' ')}, {v.bootstraps} bootstrap resamples"
    inner = f", {v.inner_folds} inner folds" if plan.method.grid or plan.method.calibration != "none" else ""
    return f"{v.repeats} × {v.folds} folds, grouped by patient{inner}; {v.bootstraps} bootstrap resamples"


def _feature(feature: StatedFeature) -> str:
    where = ", ".join(text for text in (feature.sequence, feature.region) if text)
    return f"{feature.words} ({where})" if where else feature.words


def _spec(spec: Spec) -> str:
    options = ", ".join(f"{name} {value}" for name, value in spec.options.items())
    return f"{spec.kind} ({options})" if options else spec.kind
