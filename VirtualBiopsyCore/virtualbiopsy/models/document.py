"""`model.json`: written with sorted keys, read with every field checked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case.model import ROLES
from ..errors import FeatureError, ModelFormatError
from ..prepare.model import Kinetics, Preparation
from ..radiomics.keys import CLINICAL_PREFIX, is_clinical, measured_key
from ..tasks import MENINGIOMA
from .calibration import Calibrator, calibrator_problem
from .classifier import NEEDS_CALIBRATION, SOFTMAX_KINDS, SPECS, SURVIVAL_KINDS, classifier_problem
from .container import ADVICE
from .ordinal import MAX_CLASSES, Ordinal, ordinal_problem
from .survival import MAX_TIMES, Survival, survival_problem

if TYPE_CHECKING:
    from .radmodel import RadModel

MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
FORMAT, FORMAT_VERSION = "radmodel", 1
MAX_FEATURES, MAX_BACKGROUND, MAX_TEXT, MAX_KNOTS = 2000, 5000, 20000, 5000
MAX_CONFORMAL, MAX_IMAGE_FIGURES = 20000, 50

_TEXTS = (
    "model_id",
    "title",
    "version",
    "endpoint",
    "positive",
    "validation",
    "data_statement",
    "intended_use",
    "limits",
    "licence",
    "recipe",
)
_OPTIONAL_TEXTS = ("engine", "published")
_OPTIONAL = (
    *_OPTIONAL_TEXTS,
    "task",
    "ordinal",
    "nominal",
    "survival",
    "conformal_cases",
    "image_statistics",
)
"""Written where there is something to say; files without them are as before."""
_FEATURE = {"key", "impute", "mean", "scale", "low", "high"}
_PREPARATION = {
    "reference": tuple(ROLES),
    "interpolator": ("linear", "bspline"),
    "mask_interpolator": ("nearest", "linear"),
    "bias_correction": (True, False),
    "normalise": ("none", "zscore_head", "zscore_brain", "zscore_breast"),
    "register": (True, False),
}
KINETIC_CHOICES = {
    "motion": ("none", "rigid"),
    "model": ("tofts", "extended_tofts"),
    "aif": ("parker", "georgiou", "weinmann", "measured", "table"),
}
_SURVIVAL_LISTS = ("times", "hazard", "groups", "cuts")
_KEYS = {
    *_TEXTS,
    "format",
    "format_version",
    "simulated",
    "preparation",
    "features",
    "required_sequences",
    "optional_sequences",
    "classifier",
    "calibrator",
    "threshold",
    "metrics",
    "protocol_ranges",
}


def write(content: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a document."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1, sort_keys=True)
    return text.encode("utf-8") + b"\n"


def read(data: bytes, where: str) -> dict[str, Any]:
    """Parse JSON strictly: UTF-8, no repeated keys, no NaN, exactly the known fields of this version.

    Raises
    ------
    ModelFormatError
    """
    refuse = _refuser(where)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            raise ValueError("a key is there twice")
        return found

    def constant(text: str) -> float:
        raise ValueError(f"the number {text}")

    try:
        content = json.loads(data.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise refuse(f"it is not valid JSON ({str(error)[:120]})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise refuse(f'it does not say "format": "{FORMAT}"')
    if content.get("format_version") != FORMAT_VERSION or isinstance(content["format_version"], bool):
        raise ModelFormatError(
            f"{where} has the format version {str(content.get('format_version'))[:20]}; "
            f"this VirtualBiopsy reads version {FORMAT_VERSION}.",
            "Use the version of VirtualBiopsy that the model was made for.",
        )
    present = {name for name in _OPTIONAL if content.get(name)}
    _exactly(content, _KEYS | present | {"sha256"}, "the document", refuse)
    if not isinstance(content["sha256"], str):
        raise refuse("sha256 is not text")
    return content


def encode(model: RadModel) -> dict[str, Any]:
    """Return the document of a model, without its SHA-256."""
    content: dict[str, Any] = {name: getattr(model, name) for name in _TEXTS}
    content.update({name: text for name in _OPTIONAL_TEXTS if (text := getattr(model, name))})
    preparation = asdict(model.preparation)
    if preparation["spacing"] is not None:
        preparation["spacing"] = [float(value) for value in preparation["spacing"]]
    if preparation["kinetics"] is None:
        del preparation["kinetics"]
    if model.task != MENINGIOMA.task_id:
        content["task"] = model.task
    content.update(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        simulated=model.simulated,
        preparation=preparation,
        features=[
            {
                "key": key,
                "impute": float(model.imputer[key]),
                "mean": float(model.scaler.mean[j]),
                "scale": float(model.scaler.scale[j]),
                "low": float(model.feature_ranges[key][0]),
                "high": float(model.feature_ranges[key][1]),
            }
            for j, key in enumerate(model.feature_keys)
        ],
        required_sequences=list(model.required_sequences),
        optional_sequences=list(model.optional_sequences),
        classifier={"kind": model.classifier.kind},
        calibrator=_calibrator_table(model.calibrator),
        threshold=float(model.threshold),
        metrics={name: {k: float(v) for k, v in values.items()} for name, values in model.metrics.items()},
        protocol_ranges={
            name: [float(value) for value in values] for name, values in model.protocol_ranges.items()
        },
    )
    if model.ordinal is not None:
        content["ordinal"] = {
            "classes": list(model.ordinal.classes),
            "shifts": [float(shift) for shift in model.ordinal.shifts],
        }
    if model.nominal:
        content["nominal"] = list(model.nominal)
    if model.survival is not None:
        content["survival"] = _survival_table(model.survival)
    if model.conformal_scores:
        content["conformal_cases"] = len(model.conformal_scores[0])
    if model.image_statistics:
        content["image_statistics"] = {
            role: {name: [float(value) for value in values] for name, values in figures.items()}
            for role, figures in model.image_statistics.items()
        }
    return content


def decode(content: Mapping[str, Any], where: str) -> tuple[dict[str, Any], str, dict[str, int]]:
    """Return the fields of a RadModel, the kind of its classifier, and the lengths of its arrays.

    The lengths are "p" of the features and, where there are held-out scores, "c" of these.

    Raises
    ------
    ModelFormatError : a field is of the wrong type.
    """
    from .radmodel import Scaler

    refuse = _refuser(where)
    fields: dict[str, Any] = {}
    for name in (*_TEXTS, *(name for name in _OPTIONAL_TEXTS if name in content)):
        if not isinstance(content[name], str) or len(content[name]) > MAX_TEXT:
            raise refuse(f"{name} is not text of at most {MAX_TEXT} characters")
        fields[name] = content[name]
    fields["task"] = content.get("task", MENINGIOMA.task_id)
    if not isinstance(fields["task"], str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", fields["task"]):
        raise refuse(f"the task {str(fields['task'])[:40]!r} is not a short, plain name")
    if not isinstance(content["simulated"], bool):
        raise refuse("simulated is neither true nor false")
    fields["simulated"] = content["simulated"]
    fields["preparation"] = _preparation(content["preparation"], refuse)
    features = content["features"]
    if not isinstance(features, list) or not 1 <= len(features) <= MAX_FEATURES:
        raise refuse(f"features is not a list of 1 to {MAX_FEATURES}")
    for number, feature in enumerate(features):
        if not isinstance(feature, dict):
            raise refuse(f"feature {number} is not a table")
        _exactly(feature, _FEATURE, f"feature {number}", refuse)
        if not isinstance(feature["key"], str):
            raise refuse(f"the key of feature {number} is not text")
        for name in sorted(_FEATURE - {"key"}):
            feature[name] = _number(feature[name], f"{name} of feature {number}", refuse)
    fields["feature_keys"] = tuple(f["key"] for f in features)
    if len(set(fields["feature_keys"])) != len(features):
        raise refuse("a feature is there twice")
    fields["imputer"] = {f["key"]: f["impute"] for f in features}
    fields["scaler"] = Scaler(tuple(f["mean"] for f in features), tuple(f["scale"] for f in features))
    fields["feature_ranges"] = {f["key"]: (f["low"], f["high"]) for f in features}
    for name in ("required_sequences", "optional_sequences"):
        roles = content[name]
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise refuse(f"{name} is not a list of roles")
        fields[name] = tuple(roles)
    classifier, calibrator = content["classifier"], content["calibrator"]
    if not isinstance(classifier, dict) or not isinstance(calibrator, dict):
        raise refuse("classifier or calibrator is not a table")
    _exactly(classifier, {"kind"}, "classifier", refuse)
    if classifier["kind"] not in list(SPECS):
        raise refuse(f"the classifier kind {str(classifier['kind'])[:40]!r} is not one of {', '.join(SPECS)}")
    fields["calibrator"] = _calibrator(calibrator, refuse)
    fields["threshold"] = _number(content["threshold"], "threshold", refuse)
    fields["metrics"] = _metrics(content["metrics"], refuse)
    fields["protocol_ranges"] = _ranges(content["protocol_ranges"], "protocol range", 200, refuse)
    if "ordinal" in content:
        fields["ordinal"] = _ordinal(content["ordinal"], refuse)
    if "nominal" in content:
        fields["nominal"] = _names(content["nominal"], "nominal", MAX_CLASSES, refuse)
    if "survival" in content:
        fields["survival"] = _survival(content["survival"], refuse)
    lengths = {"p": len(features)}
    if "conformal_cases" in content:
        lengths["c"] = _count(content["conformal_cases"], "conformal_cases", MAX_CONFORMAL, refuse)
    if "image_statistics" in content:
        fields["image_statistics"] = _image_statistics(content["image_statistics"], refuse)
    return fields, classifier["kind"], lengths


def check(model: RadModel, where: str) -> None:
    """Check what makes sense together: keys, sequences, scales, ranges, classifier, background.

    Raises
    ------
    ModelFormatError
    """
    refuse = _refuser(where)
    if not MODEL_ID.fullmatch(model.model_id):
        raise refuse(f"the model id {model.model_id[:80]!r} is not short, lower-case and plain")
    if model.simulated and "simulated" not in model.title.lower():
        raise refuse("it was trained on simulated cases and its title does not say so")
    sequences = model.required_sequences + model.optional_sequences
    for role in sequences:
        if role not in ROLES:
            raise refuse(f"the sequence role {role[:40]!r} is unknown")
    if len(set(sequences)) != len(sequences):
        raise refuse("a sequence is listed twice")
    keys = model.feature_keys
    p = len(keys)
    for key in keys:
        if is_clinical(key):
            if not re.fullmatch(r"[a-z0-9_]{1,64}", key[len(CLINICAL_PREFIX) :]):
                raise refuse(f"{key[:80]!r} is not a clinical key")
            continue
        try:
            sequence = measured_key(key).sequence
        except FeatureError as error:
            raise refuse(error.message.rstrip(".")) from error
        if sequence != "mask" and sequence not in sequences:
            raise refuse(f"the feature {key} needs the sequence {sequence!r}, which the model does not list")
    if set(model.imputer) != set(keys) or set(model.feature_ranges) != set(keys):
        raise refuse("imputer or feature ranges are not for the model's features")
    if len(model.scaler.mean) != p or len(model.scaler.scale) != p:
        raise refuse("the scaler is not for the model's features")
    if not all(value > 0 for value in model.scaler.scale):
        raise refuse("a scale is not positive")
    if any(low > high for low, high in model.feature_ranges.values()):
        raise refuse("a feature range ends before it begins")
    problem = calibrator_problem(model.calibrator)
    if problem:
        raise refuse(problem)
    if model.ordinal is not None:
        problem = ordinal_problem(model.ordinal)
        if problem:
            raise refuse(problem)
        if not model.calibrator.affine:
            raise refuse("ordered classes need a calibrator that is affine in the log-odds")
    if model.classifier.kind in NEEDS_CALIBRATION and model.calibrator.kind == "none":
        raise refuse(f"a {model.classifier.kind} gives no log-odds without Platt or other calibration")
    if not 0 < model.threshold < 1:
        raise refuse("the threshold is not between 0 and 1")
    problem = classifier_problem(model.classifier.kind, model.classifier.arrays, p) or _kind_problem(model)
    if problem:
        raise refuse(problem)
    shape = np.shape(model.background)
    if len(shape) != 2 or shape[1] != p or not 1 <= shape[0] <= MAX_BACKGROUND:
        raise refuse(f"the background has the shape {shape}, not (1…{MAX_BACKGROUND}, {p})")
    if not np.isfinite(model.background).all():
        raise refuse("the background holds NaN or infinite numbers")
    problem = _conformal_problem(model.conformal_scores)
    if problem:
        raise refuse(problem)


def _kind_problem(model: RadModel) -> str:
    """What is wrong between the classifier and what several classes or survival need; "" if nothing."""
    kind, calibrated = model.classifier.kind, model.calibrator.kind
    if (kind in SOFTMAX_KINDS) != bool(model.nominal):
        return f"a {kind} classifier and the class names {', '.join(model.nominal) or '(none)'} do not agree"
    if model.nominal:
        classes = model.classifier.class_scores(np.zeros((1, len(model.feature_keys)))).shape[1]
        if len(set(model.nominal)) != len(model.nominal) or len(model.nominal) != classes:
            return "there is not one different name for each class"
        if calibrated != "none":
            return "a softmax classifier has no calibrator: a temperature belongs into its numbers"
    if (kind in SURVIVAL_KINDS) != (model.survival is not None) or (kind in SURVIVAL_KINDS) != (
        calibrated == "cloglog"
    ):
        return "a survival model, and no other, has a horizon and a calibrator of the kind cloglog"
    if model.ordinal is not None and (model.nominal or model.survival is not None):
        return "a model has ordered classes, classes without order, or survival, not several of these"
    return "" if model.survival is None else survival_problem(model.survival, model.calibrator)


def _conformal_problem(scores: tuple[np.ndarray, ...]) -> str:
    """What is wrong with held-out log-odds and labels; "" if nothing, or if there are none."""
    if not scores:
        return ""
    if len(scores) != 2:
        return "the conformal scores are not log-odds and labels"
    log_odds, labels = (np.asarray(array) for array in scores)
    if log_odds.ndim != 1 or labels.shape != log_odds.shape or not 1 <= log_odds.size <= MAX_CONFORMAL:
        return (
            f"the conformal log-odds and labels have the shapes {log_odds.shape} and {labels.shape}, not two "
            f"times (1…{MAX_CONFORMAL},)"
        )
    if not np.isfinite(log_odds).all():
        return "the conformal log-odds hold NaN or infinite numbers"
    if set(np.unique(labels).tolist()) != {0, 1}:
        return "the conformal labels are not 0 and 1, both of them"
    return ""


def _refuser(where: str) -> Callable[[str], ModelFormatError]:
    return lambda problem: ModelFormatError(f"{where}, model.json: {problem}.", ADVICE)


def _exactly(table: Mapping[str, Any], keys: set[str], what: str, refuse: Callable) -> None:
    if set(table) != keys:
        lacking, extra = sorted(keys - set(table)), sorted(set(table) - keys)
        text = f"{what} lacks {', '.join(lacking)}" if lacking else f"{what} has"
        if extra:
            text += (
                f"{' and has' if lacking else ''} the unknown {', '.join(ascii(e)[:40] for e in extra[:3])}"
            )
        raise refuse(text)


def _number(value: Any, what: str, refuse: Callable) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(f"{what} is not a number")
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise refuse(f"{what} is not finite")
    return value


def _preparation(table: Any, refuse: Callable) -> Preparation:
    if not isinstance(table, dict):
        raise refuse("preparation is not a table")
    optional = {"kinetics"} - set(table)
    _exactly(table, set(Preparation.__dataclass_fields__) - optional, "preparation", refuse)
    _choices(table, _PREPARATION, "preparation", refuse)
    spacing = table["spacing"]
    if spacing is not None:
        if not isinstance(spacing, list) or len(spacing) != 3:
            raise refuse("preparation.spacing is neither null nor three numbers")
        spacing = tuple(_number(value, "preparation.spacing", refuse) for value in spacing)
        if not all(0.05 <= value <= 20 for value in spacing):
            raise refuse("preparation.spacing is not between 0.05 and 20 mm")
    fields = {**table, "spacing": spacing}
    if "kinetics" in table:
        fields["kinetics"] = _kinetics(table["kinetics"], refuse)
    return Preparation(**fields)


def _kinetics(table: Any, refuse: Callable) -> Kinetics:
    what = "preparation.kinetics"
    if not isinstance(table, dict):
        raise refuse(f"{what} is not a table")
    _exactly(table, set(Kinetics.__dataclass_fields__), what, refuse)
    _choices(table, KINETIC_CHOICES, what, refuse)
    fields = dict(table)
    for name in sorted(set(table) - set(KINETIC_CHOICES)):
        fields[name] = _number(table[name], f"{what}.{name}", refuse)
        if not fields[name] > 0:
            raise refuse(f"{what}.{name} is not positive")
    if not fields["haematocrit"] < 1:
        raise refuse(f"{what}.haematocrit is not between 0 and 1")
    return Kinetics(**fields)


def _choices(
    table: Mapping[str, Any], choices: Mapping[str, tuple[Any, ...]], what: str, refuse: Callable
) -> None:
    for name, allowed in choices.items():
        value = table[name]
        if type(value) is not type(allowed[0]) or value not in allowed:
            raise refuse(f"{what}.{name} is not one of {', '.join(map(str, allowed))}")


def _calibrator_table(calibrator: Calibrator) -> dict[str, Any]:
    table = {
        "kind": calibrator.kind,
        "slope": float(calibrator.slope),
        "intercept": float(calibrator.intercept),
    }
    if calibrator.x or calibrator.y:
        table.update(x=[float(v) for v in calibrator.x], y=[float(v) for v in calibrator.y])
    return table


def _calibrator(table: Mapping[str, Any], refuse: Callable) -> Calibrator:
    knots = {"x", "y"} if table.get("kind") == "isotonic" else set()
    _exactly(table, {"kind", "slope", "intercept"} | knots, "calibrator", refuse)
    for name in knots:
        if not isinstance(table[name], list) or len(table[name]) > MAX_KNOTS:
            raise refuse(f"calibrator {name} is not a list of at most {MAX_KNOTS} numbers")
    return Calibrator(
        str(table["kind"]),
        _number(table["slope"], "calibrator slope", refuse),
        _number(table["intercept"], "calibrator intercept", refuse),
        **{name: tuple(_number(v, f"calibrator {name}", refuse) for v in table[name]) for name in knots},
    )


def _ordinal(table: Any, refuse: Callable) -> Ordinal:
    if not isinstance(table, dict):
        raise refuse("ordinal is not a table")
    _exactly(table, {"classes", "shifts"}, "ordinal", refuse)
    classes, shifts = table["classes"], table["shifts"]
    if not isinstance(classes, list) or not all(isinstance(c, str) and len(c) <= 80 for c in classes):
        raise refuse("ordinal.classes is not a list of short names")
    if not isinstance(shifts, list):
        raise refuse("ordinal.shifts is not a list of numbers")
    return Ordinal(tuple(classes), tuple(_number(value, "ordinal.shifts", refuse) for value in shifts))


def _survival_table(survival: Survival) -> dict[str, Any]:
    table: dict[str, Any] = {
        "event": survival.event,
        "horizon": float(survival.horizon),
        "unit": survival.unit,
    }
    for name in _SURVIVAL_LISTS:
        table[name] = list(getattr(survival, name))
    return table


def _survival(table: Any, refuse: Callable) -> Survival:
    if not isinstance(table, dict):
        raise refuse("survival is not a table")
    _exactly(table, {"event", "horizon", "unit", *_SURVIVAL_LISTS}, "survival", refuse)
    for name in ("event", "unit"):
        if not isinstance(table[name], str) or len(table[name]) > 80:
            raise refuse(f"survival.{name} is not a short text")
    numbers = {}
    for name in ("times", "hazard", "cuts"):
        if not isinstance(table[name], list) or len(table[name]) > MAX_TIMES:
            raise refuse(f"survival.{name} is not a list of at most {MAX_TIMES} numbers")
        numbers[name] = tuple(_number(value, f"survival.{name}", refuse) for value in table[name])
    return Survival(
        event=table["event"],
        horizon=_number(table["horizon"], "survival.horizon", refuse),
        unit=table["unit"],
        groups=_names(table["groups"], "survival.groups", MAX_CLASSES, refuse),
        **numbers,
    )


def _names(values: Any, what: str, most: int, refuse: Callable) -> tuple[str, ...]:
    if (
        not isinstance(values, list)
        or len(values) > most
        or not all(isinstance(name, str) and 0 < len(name) <= 80 for name in values)
    ):
        raise refuse(f"{what} is not a list of at most {most} short names")
    return tuple(values)


def _metrics(table: Any, refuse: Callable) -> dict[str, dict[str, float]]:
    if not isinstance(table, dict) or len(table) > 200:
        raise refuse("metrics is not a table of at most 200 figures")
    found = {}
    for name, values in table.items():
        if not isinstance(values, dict) or not {"value"} <= set(values) <= {"value", "low", "high"}:
            raise refuse(f"the metric {name[:40]!r} is not a table with value, low and high")
        found[name] = {key: _number(number, f"metric {name[:40]}", refuse) for key, number in values.items()}
    return found


def _ranges(table: Any, what: str, most: int, refuse: Callable) -> dict[str, tuple[float, float]]:
    if not isinstance(table, dict) or len(table) > most:
        raise refuse(f"the {what}s are not a table of at most {most} ranges")
    found = {}
    for name, values in table.items():
        if not isinstance(values, list) or len(values) != 2:
            raise refuse(f"the {what} {name[:40]!r} is not a pair")
        low, high = (_number(value, f"{what} {name[:40]}", refuse) for value in values)
        if low > high:
            raise refuse(f"the {what} {name[:40]!r} ends before it begins")
        found[name] = (low, high)
    return found


def _count(value: Any, what: str, most: int, refuse: Callable) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise refuse(f"{what} is not a number from 1 to {most}")
    return value


def _image_statistics(table: Any, refuse: Callable) -> dict[str, dict[str, tuple[float, float]]]:
    if not isinstance(table, dict):
        raise refuse("image_statistics is not a table by role")
    found = {}
    for role, figures in table.items():
        if role not in ROLES:
            raise refuse(f"image_statistics: the sequence role {role[:40]!r} is unknown")
        found[role] = _ranges(figures, f"image figure of {role}", MAX_IMAGE_FIGURES, refuse)
    return found
