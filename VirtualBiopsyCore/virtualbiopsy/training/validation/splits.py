"""Which cases a model is fitted on and which it is tested on; a patient is never on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from ..dataset import Dataset, Outcome
from ..method import Validation

SCHEMES = ("repeated_cv", "leave_one_site_out", "temporal", "split")


@dataclass(frozen=True, eq=False)
class Split:
    """One division of the cases.

    Attributes
    ----------
    name : for people ("repeat 2, fold 3", "site Lyon held out").
    repeat : number of the repeat, 0 first; within one repeat every case is tested once at most.
    train, test : row numbers, rising.
    """

    name: str
    repeat: int
    train: np.ndarray
    test: np.ndarray


def make_splits(data: Dataset, validation: Validation) -> tuple[Split, ...]:
    """Return the splits of a scheme.

    "repeated_cv": stratified by outcome (survival: by whether the event was seen), patients kept together.
    "leave_one_site_out": each site is tested once, by models that saw neither it nor its patients.
    "temporal": patients whose first examination is among the latest ``validation.test_share`` are tested;
    training rows are older than the first tested day. "split": as the data say.

    Raises
    ------
    TrainingError : the data do not hold what the scheme needs, or a patient is given on both sides.
    """
    if validation.scheme == "repeated_cv":
        return _repeated(data, validation)
    if validation.scheme == "leave_one_site_out":
        return _sites(data)
    if validation.scheme == "temporal":
        return _temporal(data, validation.test_share)
    if validation.scheme == "split":
        return _given(data)
    raise TrainingError(
        f"The validation scheme {validation.scheme[:40]!r} is not known.", f"Use one of {', '.join(SCHEMES)}."
    )


def strata(outcome: Outcome) -> np.ndarray:
    """(n,) int, what folds are balanced by: the class, or for survival whether the event was seen."""
    return np.asarray(outcome.labels, dtype=int)


def patient_folds(
    patients: np.ndarray, strata: np.ndarray, folds: int, rng: np.random.Generator
) -> np.ndarray:
    """Return a fold number (0 … folds − 1) for each row; rows of a patient share it.

    Patients are balanced by their highest stratum. Within a stratum they are taken in random order, those
    with the most rows first, each into the fold that has the fewest rows of the stratum (then the fewest
    rows at all), so that with one row a patient the folds differ by one case of a class at most.

    Raises
    ------
    TrainingError : there are fewer patients than folds, or fewer than two folds.
    """
    names, of_row = np.unique(patients, return_inverse=True)
    if folds < 2 or names.size < folds:
        raise TrainingError(
            f"{names.size} patients cannot be divided into {folds} folds.",
            "Ask for at least two folds, and for no more than there are patients.",
        )
    stratum = np.full(names.size, np.iinfo(int).min)
    np.maximum.at(stratum, of_row, strata)
    rows = np.bincount(of_row, minlength=names.size)
    number = np.empty(names.size, dtype=int)
    total = np.zeros(folds, dtype=int)
    for value in np.unique(stratum)[::-1]:
        members = rng.permutation(np.flatnonzero(stratum == value))
        members = members[np.argsort(-rows[members], kind="stable")]
        own = np.zeros(folds, dtype=int)
        for member in members:
            fold = int(np.lexsort((total, own))[0])
            number[member] = fold
            own[fold] += rows[member]
            total[fold] += rows[member]
    return number[of_row]


def overlapping_patients(data: Dataset, split: Split) -> tuple[str, ...]:
    """Patients with rows on both sides of a split."""
    both = set(data.patients[split.train].tolist()) & set(data.patients[split.test].tolist())
    return tuple(sorted(str(name) for name in both))


def _repeated(data: Dataset, validation: Validation) -> tuple[Split, ...]:
    rng = np.random.default_rng([validation.seed, 1])
    found = []
    for repeat in range(validation.repeats):
        number = patient_folds(data.patients, strata(data.outcome), validation.folds, rng)
        for fold in range(validation.folds):
            name = f"repeat {repeat + 1}, fold {fold + 1}"
            found.append(Split(name, repeat, np.flatnonzero(number != fold), np.flatnonzero(number == fold)))
    return tuple(found)


def _sites(data: Dataset) -> tuple[Split, ...]:
    site = _known(data.site, "site", data.cases)
    names = np.unique(site)
    if names.size < 2:
        raise TrainingError(
            f"Leaving one site out needs two sites; all cases are from {str(names[0])!r}.",
            "Use repeated cross-validation.",
        )
    found = []
    for name in names:
        test = site == name
        shared = np.isin(data.patients, data.patients[test])
        found.append(Split(f"site {name} held out", 0, np.flatnonzero(~test & ~shared), np.flatnonzero(test)))
    return tuple(found)


def _temporal(data: Dataset, share: float) -> tuple[Split, ...]:
    if not 0 < share < 1:
        raise TrainingError(f"The share of late patients is {share}.", "Give a share between 0 and 1.")
    day = _known(data.acquired, "day of examination", data.cases)
    names, of_row = np.unique(data.patients, return_inverse=True)
    first = np.full(names.size, np.inf)
    np.minimum.at(first, of_row, day)
    ordered = np.sort(first)
    border = ordered[min(int(np.ceil((1 - share) * names.size)), names.size - 1)]
    late = (first >= border)[of_row]
    train = ~late & (day < border)
    if not train.any():
        raise TrainingError(
            "No patient was examined before those that are to be tested.", "Check the days of examination."
        )
    return (Split(f"latest {late.sum()} of {late.size} cases", 0, *map(np.flatnonzero, (train, late))),)


def _given(data: Dataset) -> tuple[Split, ...]:
    split = data.split if data.split is not None else np.array([""] * len(data.cases))
    train, test = np.flatnonzero(split == "train"), np.flatnonzero(split == "test")
    if not train.size or not test.size:
        raise TrainingError(
            'The data do not say which cases are "train" and which are "test".', "Fill the column 'split'."
        )
    found = Split("given split", 0, train, test)
    both = overlapping_patients(data, found)
    if both:
        raise TrainingError(
            f"The given split has rows of the same patient in training and test: {_listed(both)}.",
            "Keep all rows of a patient on one side.",
        )
    return (found,)


def _known(values: np.ndarray | None, what: str, cases: Sequence[str]) -> np.ndarray:
    """The values, if every case has one."""
    if values is None:
        raise TrainingError(f"The data hold no {what}.", "Add it to the cohort table.")
    unknown = np.isnan(values) if values.dtype.kind == "f" else values == ""
    if unknown.any():
        lacking = tuple(cases[i] for i in np.flatnonzero(unknown))
        raise TrainingError(
            f"The {what} is unknown for {_listed(lacking)}.", "Fill it in, or leave these cases out."
        )
    return values


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
