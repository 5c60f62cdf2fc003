"""The bundled demonstration models, from a simulated cohort to the files; same seed, same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import RESEARCH_USE_ONLY, __version__
from ..engines.agreement import Agreement, refused_keys
from ..errors import FeatureError
from ..models.radmodel import SUFFIX, RadModel, save_radmodel
from ..models.recipe import Recipe, builtin_recipes
from ..progress import Progress, part, silent
from .card import model_card
from .cohort import HEADER, IMAGE, PROTOCOL, simulated_table
from .fit import fit, positives, rounded
from .table import FeatureTable, read_table, write_table
from .validate import Metrics, conformal_scores, figures, held_out_log_odds

CASES, SEED = 160, 2026
TABLE_NAME = "meningioma-demo-features.csv"

_PROTOCOL_NAMES = {
    "tesla": "MagneticFieldStrength (T)",
    "t1c_slice_mm": "t1c SliceThickness (mm)",
    "adc_slice_mm": "adc SliceThickness (mm)",
    "t2_slice_mm": "t2 SliceThickness (mm)",
}
_UNITS = {
    "MagneticFieldStrength": "T",
    "RepetitionTime": "ms",
    "EchoTime": "ms",
    "InversionTime": "ms",
    "FlipAngle": "degrees",
    "SliceThickness": "mm",
    "DiffusionBValue": "s/mm²",
    "PixelSpacing": "mm",
    "SpacingBetweenSlices": "mm",
    "SliceTilt": "degrees",
}


def demo_recipes() -> list[Recipe]:
    """The recipes of the bundled models: those that are marked simulated."""
    return [recipe for recipe in builtin_recipes() if recipe.simulated]


def demo_keys(recipes: list[Recipe]) -> tuple[str, ...]:
    """All features that the recipes use, each once."""
    return tuple(dict.fromkeys(key for recipe in recipes for key in recipe.keys))


def train_demo(
    out_dir: Path | str,
    n: int = CASES,
    seed: int = SEED,
    features_csv: Path | str | None = None,
    progress: Progress = silent,
    *,
    agreement: Agreement | None = None,
) -> list[Path]:
    """Make the demonstration models and write them with their feature table into `out_dir`.

    Parameters
    ----------
    n, seed : size and seed of the simulated cohort.
    features_csv : feature table to train from instead of simulating (`n` and `seed` are not used then).
    agreement : as for :func:`train_model`.

    Returns
    -------
    The files written: the table, then one .radmodel for each recipe.

    Raises
    ------
    VirtualBiopsyError : scikit-learn is not installed, or the table cannot be used.
    FeatureError : the engines disagree about a feature of a recipe.
    TemplateMissingError : the anatomical template is not installed.
    Cancelled : nothing was written.
    """
    out = Path(out_dir)
    recipes = demo_recipes()
    for recipe in recipes:
        check_agreement(recipe.keys, agreement)
    if features_csv is None:
        table = simulated_table(n, seed, demo_keys(recipes), recipes[0].preparation, part(progress, 0.0, 0.9))
    else:
        table = read_table(Path(features_csv))
    models = []
    for number, recipe in enumerate(recipes):
        share = part(progress, 0.9 + 0.1 * number / len(recipes), 0.9 + 0.1 * (number + 1) / len(recipes))
        models.append(train_model(recipe, table, share, agreement=agreement))
    progress(1.0, "Models trained")
    out.mkdir(parents=True, exist_ok=True)
    write_table(table, out / TABLE_NAME)
    written = [out / TABLE_NAME]
    for model in models:
        save_radmodel(model, out / (model.model_id + SUFFIX))
        written.append(out / (model.model_id + SUFFIX))
    return written


def train_model(
    recipe: Recipe,
    table: FeatureTable,
    progress: Progress = silent,
    *,
    agreement: Agreement | None = None,
) -> RadModel:
    """Cross-validate the recipe on the table, fit it on all of it, and return the model with its card.

    Parameters
    ----------
    agreement : record of a comparison of engines; features on which they disagree are refused, and the model
        keeps the summary.

    Raises
    ------
    FeatureError : the engines disagree about a feature of the recipe.
    """
    check_agreement(recipe.keys, agreement)
    rows, labels = table.matrix(recipe.keys), table.column(recipe.label)
    held_out = held_out_log_odds(recipe, rows, labels, progress)
    metrics = figures(recipe, labels, held_out)
    rng = np.random.default_rng(recipe.background["seed"])
    fitted = fit(recipe, rows, labels, recipe.validation["seed"])
    complete = np.where(np.isnan(rows), fitted.imputer, rows)
    chosen = np.sort(rng.permutation(labels.size)[: recipe.background["rows"]])
    background = complete[chosen]
    model = RadModel(
        model_id=recipe.recipe_id,
        title=recipe.title,
        version=recipe.version,
        endpoint=recipe.endpoint,
        positive=recipe.positive,
        simulated=recipe.simulated,
        preparation=recipe.preparation,
        feature_keys=recipe.keys,
        required_sequences=recipe.required,
        optional_sequences=recipe.optional,
        imputer=dict(zip(recipe.keys, rounded(background.mean(axis=0)).tolist(), strict=True)),
        scaler=fitted.scaler,
        classifier=fitted.classifier,
        calibrator=fitted.calibrator,
        threshold=fitted.threshold,
        background=background,
        feature_ranges={
            key: (float(column.min()), float(column.max()))
            for key, column in zip(recipe.keys, complete.T, strict=True)
        },
        metrics=metrics,
        recipe=recipe.recipe_id,
        engine=""
        if agreement is None
        else f"Features by VirtualBiopsy {__version__}. {agreement.sentence()}",
        conformal_scores=conformal_scores(held_out, positives(recipe, labels)),
        image_statistics=table.ranges(IMAGE),
        published=recipe.published,
        task=recipe.task,
        licence="Apache-2.0",
        **_texts(recipe, table, metrics),
    )
    return replace(model, card=model_card(model, recipe))


def check_agreement(keys: Sequence[str], agreement: Agreement | None) -> None:
    """Refuse features on which engines disagree; sequence and region do not matter.

    Raises
    ------
    FeatureError : names the features and the two values.
    """
    refused = {} if agreement is None else refused_keys(keys, agreement)
    if refused:
        told = " ".join(f"{key}: {reason}" for key, reason in refused.items())
        raise FeatureError(
            f"{len(refused)} of {len(keys)} features cannot enter a model. {told}",
            "Take them out of the recipe, or find out which engine is right.",
        )


def _protocol_ranges(table: FeatureTable) -> dict[str, tuple[float, float]]:
    """Ranges by "<role> <DICOM keyword> (<unit>)"; field strength and slices only, if no more is known."""
    found = {
        f"{role} {keyword}" + (f" ({_UNITS[keyword]})" if keyword in _UNITS else ""): limits
        for role, ranges in table.ranges(HEADER).items()
        for keyword, limits in ranges.items()
    }
    if found:
        return found
    columns = {_PROTOCOL_NAMES[name]: table.column(name) for name in PROTOCOL}
    return {name: (float(column.min()), float(column.max())) for name, column in columns.items()}


def _texts(recipe: Recipe, table: FeatureTable, metrics: Metrics) -> dict:
    v = recipe.validation
    positive = int(metrics["positive_cases"]["value"])
    return {
        "validation": (
            f"Simulated cases: {v['repeats']} times repeated stratified {v['folds']}-fold cross-validation; "
            "imputation, scaling, fit, calibration and threshold were repeated inside every training part. "
            f"Figures are means over the repeats, intervals 95 % bootstrap over cases "
            f"({v['bootstraps']} resamples). No external validation."
        ),
        "protocol_ranges": _protocol_ranges(table),
        "data_statement": (
            f"{len(table.cases)} simulated meningiomas ({positive} with {recipe.positive}), computed by "
            f"virtualbiopsy.simulate on the ICBM 152 template; no patient data. {' '.join(table.notes)} "
            "The outline is the simulated truth, not a reader's. Directions of the associations follow "
            "published studies, their sizes were chosen; Ki-67 and PR carry a simulated sampling error."
        ),
        "intended_use": (
            "To show and teach how radiomic predictions and their explanations work, and to test software. "
            f"{RESEARCH_USE_ONLY}. Not to be used for decisions about a patient."
        ),
        "limits": (
            "The model knows simulated tumours only. For a real tumour its answer has no known relation to "
            f"{recipe.endpoint}. Real scanners, outlines and tumours differ from the simulation in ways that "
            "were not modelled; the AUC on real patients is unknown and may be 0.5. Training images had no "
            "motion between the sequences and were not registered; in use, sequences on other grids are "
            "registered."
        ),
    }
