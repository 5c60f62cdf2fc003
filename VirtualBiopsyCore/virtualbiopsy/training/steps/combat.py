"""ComBat as a step: batches are learnt from training cases and taken out of others.

A case is harmonised from its own batch only; the outcome is neither protected nor looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ...errors import TrainingError
from ..dataset import Dataset
from .base import KEEP, complete, may_go, one_of
from .batch_effects import Effects, Standard, batch_effects, standard
from .covariates import Covariate, fit_covariate

UNKNOWN = ("refuse", "as_is", "sample")


@dataclass(frozen=True)
class Combat:
    """How batches are harmonised.

    Attributes
    ----------
    batch : "site" or "scanner" of the data.
    covariates : columns or subgroups whose effect is kept ("clinical:age"); the outcome cannot be one.
    categorical : those of them that are classes although they are numbers.
    eb, parametric, mean_only : as in :func:`virtualbiopsy.training.steps.batch_effects.batch_effects`.
    reference : batch that the others are brought to; "" for the mean of all.
    unknown : what happens with a batch that was not in the training data: "refuse"; "as_is" leaves it as it
        is; "sample" learns it from the features of the cases that are to be harmonised (never from outcomes).
    smallest : how many cases a sample must have.
    keep : beginnings of names of columns that are left as they are.
    """

    batch: str = "site"
    covariates: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    eb: bool = True
    parametric: bool = True
    mean_only: bool = False
    reference: str = ""
    unknown: str = "refuse"
    smallest: int = 5
    keep: tuple[str, ...] = KEEP

    def __post_init__(self) -> None:
        one_of("combat", "batch", self.batch, ("site", "scanner"))
        one_of("combat", "unknown", self.unknown, UNKNOWN)

    def fit(self, data: Dataset, rng: np.random.Generator) -> FittedCombat:
        """Fit on training data.

        Raises
        ------
        TrainingError : batches are unknown, there is one only, one has a single case, batches and covariates
            cannot be told apart, values are missing, or a covariate is the outcome.
        """
        names, number = self._batches(data)
        chosen = may_go(data, self.keep) & ~np.isin(data.columns, self.covariates)
        values = complete(data, chosen, "combat")
        covariates = tuple(fit_covariate(data, name, self.categorical) for name in self.covariates)
        design = encode(covariates, data)
        whole = np.hstack([np.eye(len(names))[number], design])
        if np.linalg.matrix_rank(whole) < whole.shape[1]:
            raise TrainingError(
                f"The {self.batch} and the covariates {', '.join(self.covariates)} cannot be told apart.",
                "Leave out the covariate that differs between batches only.",
            )
        reference = names.index(self.reference) if self.reference else None
        found = standard(values, number, design, reference)
        # What does not vary within batches has no scale to harmonise and stays as it is.
        steady = found.scale <= 1e-12 * np.maximum(np.abs(values).max(axis=0), 1e-300)
        chosen[np.flatnonzero(chosen)[steady]] = False
        if not chosen.any():
            raise TrainingError("No column varies within the batches.", "Check the table of features.")
        found = Standard(found.grand[~steady], found.coefficients[:, ~steady], found.scale[~steady])
        scaled = (values[:, ~steady] - found.expected(design)) / found.scale
        if self.eb and scaled.shape[1] < 2:
            raise TrainingError("Empirical Bayes needs at least two features.", "Set the option eb to false.")
        effects = {name: self.effects(scaled[number == i]) for i, name in enumerate(names)}
        if reference is not None:
            ones = np.ones(scaled.shape[1])
            effects[self.reference] = Effects(0 * ones, ones)
        counts = {name: int((number == i).sum()) for i, name in enumerate(names)}
        listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
        told = f"Harmonised {int(chosen.sum())} features over {len(names)} {self.batch}s by ComBat: {listed}."
        return FittedCombat(data.columns, told, self, chosen, covariates, found, effects)

    def effects(self, standardised: np.ndarray) -> Effects:
        """What one batch adds, from its standardised values (n, p)."""
        return batch_effects(standardised, eb=self.eb, parametric=self.parametric, mean_only=self.mean_only)

    def _batches(self, data: Dataset) -> tuple[list[str], np.ndarray]:
        found = batches(data, self.batch)
        names, number, counts = np.unique(found, return_inverse=True, return_counts=True)
        listed = names.tolist()
        if len(listed) < 2:
            raise TrainingError(
                f"All training cases come from one {self.batch} ({listed[0]}): nothing to harmonise.",
                'Leave out the step "combat".',
            )
        least = 1 if self.mean_only else 2
        for name, count in zip(listed, counts, strict=True):
            if count < least:
                raise TrainingError(
                    f"The {self.batch} {name} has {count} training case; its spread cannot be known.",
                    "Merge it with a similar one, leave it out, or set the option mean_only.",
                )
        if self.reference and self.reference not in listed:
            raise TrainingError(
                f"The reference {self.reference} is not among the {self.batch}s {', '.join(listed)}."
            )
        return listed, number


@dataclass(frozen=True, eq=False)
class FittedCombat:
    """Harmonisation after its fit.

    Attributes
    ----------
    columns, told : as for every step. settings : the step.
    chosen : (p,) bool, the columns that are harmonised; the arrays of `standard` and `effects` are theirs.
    covariates : how they become numbers. standard : where features lie without batches.
    effects : by batch.
    """

    columns: tuple[str, ...]
    told: str
    settings: Combat
    chosen: np.ndarray
    covariates: tuple[Covariate, ...]
    standard: Standard
    effects: Mapping[str, Effects] = field(default_factory=dict)

    def apply(self, data: Dataset) -> Dataset:
        """The data harmonised; gaps stay gaps.

        Raises
        ------
        TrainingError : a batch is not known and the settings refuse it, or its sample is too small.
        """
        data = data.features(self.columns)
        names = batches(data, self.settings.batch)
        design = encode(self.covariates, data)
        expected = self.standard.expected(design)
        values = data.values[:, self.chosen]
        adjusted = values.copy()
        for name in np.unique(names).tolist():
            at = names == name
            effects = self._effects(name, values[at], expected[at])
            if effects is not None:
                scaled = (values[at] - expected[at]) / self.standard.scale
                scaled = (scaled - effects.shift) / np.sqrt(effects.spread)
                adjusted[at] = scaled * self.standard.scale + expected[at]
        result = data.values.copy()
        result[:, self.chosen] = adjusted
        return replace(data, values=result)

    def with_batch(self, name: str, sample: Dataset) -> FittedCombat:
        """The harmonisation with one more batch, learnt from a sample of its cases; outcomes are not used.

        What was learnt from the training cases (mean, effects of covariates, scale) stays.

        Parameters
        ----------
        name : of the new site or scanner. sample : its cases, complete.

        Raises
        ------
        TrainingError : the sample is too small, incomplete, or the batch is known already.
        """
        if name in self.effects:
            raise TrainingError(f"The {self.settings.batch} {name} is known already.")
        sample = sample.features(self.columns)
        values = complete(sample, self.chosen, "combat")
        expected = self.standard.expected(encode(self.covariates, sample))
        effects = {**self.effects, name: self._learn(name, values, expected)}
        told = f"{self.told} {name} was added from {len(values)} cases of its own."
        return replace(self, effects=effects, told=told)

    def affine(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(shift, factor), each (p,): harmonised = shift + factor · value for a case of a batch.

        With covariates the shift is that at their training means. Columns that are left alone have 0 and 1.

        Raises
        ------
        TrainingError : the batch is not known and the settings refuse it.
        """
        shift, factor = np.zeros(self.chosen.size), np.ones(self.chosen.size)
        if name not in self.effects and self.settings.unknown == "as_is":
            return shift, factor
        if name not in self.effects:
            raise self._refused(name)
        means = np.concatenate([[], *(one.filled for one in self.covariates)])
        expected = self.standard.expected(means[None, :])[0]
        effects = self.effects[name]
        own = 1.0 / np.sqrt(effects.spread)
        factor[self.chosen] = own
        shift[self.chosen] = expected * (1 - own) - own * effects.shift * self.standard.scale
        return shift, factor

    def _effects(self, name: str, values: np.ndarray, expected: np.ndarray) -> Effects | None:
        if name in self.effects:
            return self.effects[name]
        if self.settings.unknown == "as_is":
            return None
        if self.settings.unknown == "sample":
            known = np.isfinite(values).all(axis=1)
            return self._learn(name, values[known], expected[known])
        raise self._refused(name)

    def _learn(self, name: str, values: np.ndarray, expected: np.ndarray) -> Effects:
        if len(values) < max(self.settings.smallest, 1 if self.settings.mean_only else 2):
            raise TrainingError(
                f"The {self.settings.batch} {name} has {len(values)} complete cases to learn from; "
                f"{self.settings.smallest} are needed.",
                'Collect more, or set the option unknown to "as_is".',
            )
        return self.settings.effects((values - expected) / self.standard.scale)

    def _refused(self, name: str) -> TrainingError:
        return TrainingError(
            f'The {self.settings.batch} "{name}" was not among the training cases '
            f"({', '.join(self.effects)}), so that its batch effect is not known.",
            'Set the option unknown of "combat" to "sample" or "as_is".',
        )


def batches(data: Dataset, kind: str) -> np.ndarray:
    """(n,) str, site or scanner of every case.

    Raises
    ------
    TrainingError : it is not known for all cases.
    """
    found = data.site if kind == "site" else data.scanner
    if found is None or (np.asarray(found).astype(str) == "").any():
        raise TrainingError(
            f'The step "combat" needs the {kind} of every case; some are unknown.',
            f"Add the column {kind} to the cohort.",
        )
    return np.asarray(found).astype(str)


def encode(covariates: tuple[Covariate, ...], data: Dataset) -> np.ndarray:
    """(n, c) numbers of all covariates."""
    parts = [one.encode(data) for one in covariates]
    return np.hstack([np.empty((len(data.cases), 0)), *parts])
