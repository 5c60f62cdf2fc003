"""The bundled demonstration models, from a simulated cohort to the files; same seed, same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import RESEARCH_USE_ONLY, __version__
from ..engines.agreement import Agreement, refused_keys
from ..errors import FeatureError
from ..models.ordinal import Ordinal
from ..models.radmodel import SUFFIX, RadModel, save_radmodel
from ..models.recipe import Recipe, builtin_recipes
from ..progress import Progress, part, silent
from ..tasks import MENINGIOMA
from .card import model_card
from .demonstration import DEMONSTRATIONS, Demonstration
from .fit import fit, positives, rounded
from .fresh import fresh_figures
from .ranges import protocol_ranges
from .rows import IMAGE
from .table import FeatureTable, read_table, write_table
from .validate import Metrics, conformal_scores, figures, held_out_log_odds

_TASK = MENINGIOMA.task_id
CASES, SEED = DEMONSTRATIONS[_TASK].cases, DEMONSTRATIONS[_TASK].seed
TABLE_NAME = DEMONSTRATIONS[_TASK].table_name


def demo_recipes(task: str = _TASK) -> list[Recipe]:
    """The recipes of the bundled models of a task: those that are marked simulated."""
    return [recipe for recipe in builtin_recipes() if recipe.simulated and recipe.task == task]


def demo_keys(recipes: list[Recipe]) -> tuple[str, ...]:
    """All features that the recipes use, each once."""
    return tuple(dict.fromkeys(key for recipe in recipes for key in recipe.keys))


def train_demo(
    out_dir: Path | str,
    n: int | None = None,
    seed: int | None = None,
    features_csv: Path | str | None = None,
    progress: Progress = silent,
    *,
    agreement: Agreement | None = None,
    task: str = _TASK,
    fresh_csv: Path | str | None = None,
) -> list[Path]:
    """Make the demonstration models of a task and write them with their feature tables into `out_dir`.

    Parameters
    ----------
    n, seed : size and seed of the simulated cohort; None for those of the bundled models.
    features_csv : feature table to train from instead of simulating (`n` and `seed` are not used then).
    agreement : as for :func:`train_model`.
    fresh_csv : feature table of the fresh cohort, for tasks that have one; None takes the file of its usual
        name beside `features_csv` and, without that, simulates it.

    Returns
    -------
    The files written: the tables, then one .radmodel for each recipe.

    Raises
    ------
    VirtualBiopsyError : scikit-learn is not installed, or the table cannot be used.
    FeatureError : the engines disagree about a feature of a recipe.
    TemplateMissingError : the anatomical template is not installed.
    Cancelled : nothing was written.
    """
    out = Path(out_dir)
    demonstration = DEMONSTRATIONS[task]
    recipes = demo_recipes(task)
    for recipe in recipes:
        check_agreement(recipe.keys, agreement)
    made = (demo_keys(recipes), recipes[0].preparation)
    if features_csv is None:
        chosen = (n or demonstration.cases, demonstration.seed if seed is None else seed)
        table = demonstration.simulate(*chosen, *made, part(progress, 0.0, 0.6))
    else:
        table = read_table(Path(features_csv))
    tables = {demonstration.table_name: table}
    fresh: FeatureTable | None = None
    if demonstration.fresh is not None:
        if fresh_csv is None and features_csv is not None:
            fresh_csv = Path(features_csv).with_name(demonstration.fresh.table_name)
        if fresh_csv is None:
            cohort = demonstration.fresh
            fresh = cohort.simulate(cohort.cases, cohort.seed, *made, part(progress, 0.6, 0.9))
        else:
            fresh = read_table(Path(fresh_csv))
        tables[demonstration.fresh.table_name] = fresh
    models = []
    for number, recipe in enumerate(recipes):
        share = part(progress, 0.9 + 0.1 * number / len(recipes), 0.9 + 0.1 * (number + 1) / len(recipes))
        models.append(train_model(recipe, table, share, agreement=agreement, fresh=fresh))
    progress(1.0, "Models trained")
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, found in tables.items():
        write_table(found, out / name)
        written.append(out / name)
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
    fresh: FeatureTable | None = None,
) -> RadModel:
    """Cross-validate the recipe on the table, fit it on all of it, and return the model with its card.

    Parameters
    ----------
    agreement : record of a comparison of engines; features on which they disagree are refused, and the model
        keeps the summary.
    fresh : another cohort; the finished model's figures on it are kept as "fresh_…".

    Raises
    ------
    FeatureError : the engines disagree about a feature of the recipe.
    """
    check_agreement(recipe.keys, agreement)
    demonstration = DEMONSTRATIONS[recipe.task]
    table = chosen_cases(recipe, table)
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
        ordinal=Ordinal(recipe.classes, fitted.shifts) if recipe.classes else None,
        **_texts(recipe, demonstration, table, metrics),
    )
    if fresh is not None:
        found = fresh_figures(recipe, model, chosen_cases(recipe, fresh))
        model = replace(model, metrics={**metrics, **found})
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


def chosen_cases(recipe: Recipe, table: FeatureTable) -> FeatureTable:
    """The rows of the table that the recipe is about."""
    if not recipe.among:
        return table
    kept = table.column(recipe.among) > 0
    names = tuple(name for name, keep in zip(table.cases, kept, strict=True) if keep)
    return replace(table, cases=names, values=table.values[kept])


def _protocol_ranges(demonstration: Demonstration, table: FeatureTable) -> dict[str, tuple[float, float]]:
    """Ranges by "<role> <DICOM keyword> (<unit>)"; field strength and slices only, if no more is known."""
    found = protocol_ranges(table)
    if found:
        return found
    columns = {name: table.column(column) for column, name in demonstration.protocol.items()}
    return {name: (float(column.min()), float(column.max())) for name, column in columns.items()}


def _texts(recipe: Recipe, demonstration: Demonstration, table: FeatureTable, metrics: Metrics) -> dict:
    v = recipe.validation
    positive = int(metrics["positive_cases"]["value"])
    return {
        "validation": (
            f"Simulated cases: {v['repeats']} times repeated stratified {v['folds']}-fold cross-validation; "
            "imputation, scaling, fit, calibration and threshold were repeated inside every training part. "
            f"Figures are means over the repeats, intervals 95 % bootstrap over cases "
            f"({v['bootstraps']} resamples). {_tested(demonstration)}"
        ),
        "protocol_ranges": _protocol_ranges(demonstration, table),
        "data_statement": (
            f"{len(table.cases)} {demonstration.subject} ({positive} with {recipe.positive}), computed by "
            f"virtualbiopsy.simulate{demonstration.origin}; no patient data. {' '.join(table.notes)} "
            "The outline is the simulated truth, not a reader's. Directions of the associations follow "
            f"published studies, their sizes were chosen; {demonstration.biology}"
        ),
        "intended_use": (
            "To show and teach how radiomic predictions and their explanations work, and to test software. "
            f"{RESEARCH_USE_ONLY}. Not to be used for decisions about a patient."
        ),
        "limits": (
            "The model knows simulated tumours only. For a real tumour its answer has no known relation to "
            f"{recipe.endpoint}. Real scanners, outlines and tumours differ from the simulation in ways that "
            "were not modelled; the AUC on real patients is unknown and may be 0.5. "
            f"{demonstration.training_images}"
        ),
    }


def _tested(demonstration: Demonstration) -> str:
    if demonstration.fresh is None:
        return "No external validation."
    words = demonstration.fresh.words
    return (
        f"Figures on fresh cases: the finished model on another simulated cohort, {words}. No validation on "
        "patients."
    )
