"""Recipes: a study as data — endpoint, sequences, preparation, features, classifier, validation (TOML)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FeatureError, ModelFormatError
from ..prepare.model import Kinetics, Preparation
from ..radiomics.keys import measured_key
from ..resources import resource
from ..tasks import MENINGIOMA, TASKS
from .ordinal import above

_ADVICE = "Compare it with the recipes in Resources/Recipes."
_TABLES = {
    "endpoint": None,
    "sequences": {"required", "optional"},
    "preparation": None,
    "classifier": None,
    "validation": {"folds", "repeats", "inner_folds", "bootstraps", "seed"},
    "background": {"rows", "seed"},
}
_OPTIONAL = {"published", "task"}
_OPTIONS = {"logistic": "l2", "gaussian_nb": "smoothing", "proportional_odds": "l2"}
_ENDPOINT, _ENDPOINT_MAY = {"name", "positive", "label"}, {"among", "classes"}


@dataclass(frozen=True)
class Recipe:
    """How one model is made.

    Attributes
    ----------
    recipe_id, title, version : as the model will carry them.
    simulated : whether it is a demonstration on simulated cases.
    endpoint, positive, label : "Ki-67", "Ki-67 ≥ 5 %", and the column of the feature table with 0 or 1.
    required, optional : sequence roles.
    preparation : how images are made comparable.
    features : ordered; why each is there, by key.
    classifier, option : "logistic" or "proportional_odds" (ordered classes) with the L2 weight, or
        "gaussian_nb" with its variance smoothing.
    calibration : "none" or "platt".
    validation : folds, repeats, inner_folds, bootstraps, seed.
    background : rows (at most) and seed of the stored background.
    published : what was published for such a model, external beside internal; "" without that table.
    task : key of :data:`virtualbiopsy.tasks.TASKS`.
    among : column of the feature table; only cases with 1 there are trained on; "" for all cases.
    classes : of "proportional_odds", from the lowest to the highest; then the label is 0, 1, 2, … and
        `positive` the classes above one of the cuts, joined by "or".
    """

    recipe_id: str
    title: str
    version: str
    simulated: bool
    endpoint: str
    positive: str
    label: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    preparation: Preparation
    features: Mapping[str, str]
    classifier: str
    option: float
    calibration: str
    validation: Mapping[str, int]
    background: Mapping[str, int]
    published: str = ""
    task: str = MENINGIOMA.task_id
    among: str = ""
    classes: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.features)

    @property
    def cut(self) -> int:
        """Number of the cut between ordered classes that `positive` lies above; 0 for two classes."""
        return _cuts(self.classes).index(self.positive) if self.classes else 0


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    ModelFormatError : the file cannot be read or a field is missing, unknown or of the wrong kind.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelFormatError(f"The recipe {path.name} cannot be read ({error}).", _ADVICE) from error
    try:
        return _recipe(content)
    except (KeyError, TypeError, ValueError, FeatureError) as error:
        raise ModelFormatError(f"The recipe {path.name} is not valid ({error}).", _ADVICE) from error


def builtin_recipes() -> list[Recipe]:
    """Return the recipes of Resources/Recipes, sorted by file name."""
    return [load_recipe(path) for path in sorted(resource("Recipes").glob("*.toml"))]


def _recipe(content: Mapping[str, Any]) -> Recipe:
    known = {"format", "id", "title", "version", "simulated", "features", *_TABLES}
    if set(content) - _OPTIONAL != known:
        raise ValueError(f"fields missing or unknown: {sorted(known ^ (set(content) - _OPTIONAL))}")
    task = content.get("task", MENINGIOMA.task_id)
    if task not in TASKS:
        raise ValueError(f"the task {task!r} is not one of {', '.join(TASKS)}")
    if content["format"] != 1:
        raise ValueError(f"format {content['format']!r} is not 1")
    for name, fields in _TABLES.items():
        if fields is not None and set(content[name]) != fields:
            raise ValueError(f"[{name}]: fields missing or unknown: {sorted(fields ^ set(content[name]))}")
    _check_endpoint(content["endpoint"], content["classifier"])
    classifier = content["classifier"]
    option = _OPTIONS.get(classifier["kind"])
    if option is None or set(classifier) != {"kind", "calibration", option}:
        raise ValueError(f"[classifier] is not one of {sorted(_OPTIONS)} with its option and calibration")
    if classifier["calibration"] not in ("none", "platt"):
        raise ValueError(f"calibration {classifier['calibration']!r} is neither none nor platt")
    features = {feature["key"]: feature["why"] for feature in content["features"]}
    if len(features) != len(content["features"]):
        raise ValueError("a feature is there twice")
    for key in features:
        measured_key(key)
    preparation = _preparation(content["preparation"])
    endpoint, sequences = content["endpoint"], content["sequences"]
    return Recipe(
        recipe_id=content["id"],
        title=content["title"],
        version=content["version"],
        simulated=content["simulated"],
        endpoint=endpoint["name"],
        positive=endpoint["positive"],
        label=endpoint["label"],
        required=tuple(sequences["required"]),
        optional=tuple(sequences["optional"]),
        preparation=preparation,
        features=features,
        classifier=classifier["kind"],
        option=float(classifier[option]),
        calibration=classifier["calibration"],
        validation=content["validation"],
        background=content["background"],
        published=_published(content["published"]) if "published" in content else "",
        task=task,
        among=endpoint.get("among", ""),
        classes=tuple(endpoint.get("classes", ())),
    )


def _preparation(table: Mapping[str, Any]) -> Preparation:
    """The table; all fields are stated, and those of `preparation.kinetics` where it is there."""
    for given, known, what in (
        (table, set(Preparation.__dataclass_fields__) - ({"kinetics"} - set(table)), "preparation"),
        (table.get("kinetics"), set(Kinetics.__dataclass_fields__), "preparation.kinetics"),
    ):
        if given is not None and set(given) != known:
            raise ValueError(f"[{what}]: fields missing or unknown: {sorted(known ^ set(given))}")
    fields = dict(table)
    fields["spacing"] = tuple(float(value) for value in table["spacing"])
    if "kinetics" in table:
        fields["kinetics"] = Kinetics(**table["kinetics"])
    return Preparation(**fields)


def _published(table: Mapping[str, str]) -> str:
    """One sentence from the optional table; no internal figure without what is known from outside."""
    fields = {"model", "figure", "internal", "external", "reference"}
    if set(table) != fields or not all(isinstance(text, str) and text.strip() for text in table.values()):
        raise ValueError(f"[published] does not have exactly these texts: {', '.join(sorted(fields))}")
    return (
        f"Published for {table['model']}: {table['figure']} {table['internal']} internal, "
        f"{table['external']} external ({table['reference']})."
    )


def _cuts(classes: tuple[str, ...]) -> list[str]:
    return [above(classes, cut) for cut in range(len(classes) - 1)]


def _check_endpoint(table: Mapping[str, Any], classifier: Mapping[str, Any]) -> None:
    if not _ENDPOINT <= set(table) <= _ENDPOINT | _ENDPOINT_MAY:
        raise ValueError(f"[endpoint]: fields missing or unknown: {sorted(_ENDPOINT ^ set(table))}")
    classes = table.get("classes", [])
    if (classifier["kind"] == "proportional_odds") != bool(classes):
        raise ValueError("[endpoint] classes belong to the classifier proportional_odds")
    if not classes:
        return
    if not isinstance(classes, list) or len(classes) < 3 or table["positive"] not in _cuts(tuple(classes)):
        raise ValueError("positive is not one of the cuts between three or more classes, joined by 'or'")
    if classifier["calibration"] != "none":
        raise ValueError("ordered classes are not calibrated")
