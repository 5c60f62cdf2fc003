"""From extracted features and a cohort to what a model is trained from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ..case.clinical import encode_clinical
from ..errors import CohortError
from ..radiomics.keys import CLINICAL_PREFIX
from ..training.dataset import Dataset
from ..training.rows import HEADER, IMAGE
from ..training.table import FeatureTable
from .model import Cohort, CohortCase

Rows = FeatureTable | Sequence[tuple[str, Mapping[str, float]]]


def to_dataset(
    rows: Rows | None,
    cohort: Cohort,
    endpoint: str,
    *,
    columns: Collection[str] | None = None,
    clinical: bool = True,
    notes: Sequence[str] = (),
) -> Dataset:
    """Join features and endpoint by the names of the cases.

    Parameters
    ----------
    rows : features by case, as a table or as (case, values by column); None for the cohort's own features.
    endpoint : name in the cohort. Cases where it is unknown, and cases without features, are left out; the
        provenance tells which.
    columns : features to keep, in this order; None for all. What was measured on images and headers for
        training ranges ("image:", "protocol:") is no feature and never kept without being named.
    clinical : add the clinical values of the cohort as ``clinical:`` columns, where `columns` has them.
    notes : how the features came about, for the provenance.

    Raises
    ------
    CohortError : no case has both features and the endpoint, a row belongs to no case, a case has two rows,
        or a column is not there; all of these are listed.
    """
    table = _table(cohort.features if rows is None else rows)
    cases = {case.name: case for case in cohort.cases}
    faults = [f"{name} has two rows of features" for name in _twice(table.cases)]
    strangers = [name for name in table.cases if name not in cases]
    if strangers:
        faults.append(f"rows of features belong to no case: {_shown(strangers)}")
    at = {name: n for n, name in enumerate(table.cases)}
    known = cohort.with_endpoint(endpoint)
    chosen = [case for case in known if case.name in at]
    if not chosen:
        faults.append(f"no case has features and {endpoint}")
    encoded = {case.name: encode_clinical(case.clinical) for case in chosen} if clinical else {}
    wanted = _columns(table.columns, encoded, columns, faults)
    if faults:
        raise CohortError(
            f"Features and cohort {cohort.name} do not fit: {'; '.join(faults)}.",
            "Extract the features again, or check the names of the cases.",
        )
    return Dataset(
        cases=tuple(case.name for case in chosen),
        patients=np.array([case.patient for case in chosen]),
        columns=tuple(wanted),
        values=_values(table, at, chosen, wanted, encoded),
        outcome=cohort.outcome(endpoint, chosen),
        site=_texts(chosen, "site"),
        scanner=_texts(chosen, "scanner"),
        acquired=_days(chosen),
        split=_texts(chosen, "split"),
        subgroups=_subgroups(chosen),
        provenance=tuple(
            dict.fromkeys((*cohort.notes, *table.notes, *notes, *_left_out(cohort, known, at, endpoint)))
        ),
    )


def _table(rows: Rows | None) -> FeatureTable:
    if rows is None:
        raise CohortError("The cohort has no features.", "Extract them first.")
    if isinstance(rows, FeatureTable):
        return rows
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    values = np.array([[row.get(name, np.nan) for name in columns] for _, row in rows], dtype=float)
    names = tuple(name for name, _ in rows)
    return FeatureTable(names, tuple(columns), values.reshape(len(names), len(columns)))


def _columns(
    there: Sequence[str],
    encoded: Mapping[str, Mapping[str, float]],
    columns: Collection[str] | None,
    faults: list[str],
) -> list[str]:
    added = sorted({key for values in encoded.values() for key in values} - set(there))
    if columns is None:
        return [*(name for name in there if not name.startswith((IMAGE, HEADER))), *added]
    wanted = list(dict.fromkeys(columns))
    lacking = [
        name
        for name in wanted
        if name not in there and name not in added and not (encoded and name.startswith(CLINICAL_PREFIX))
    ]
    if lacking:
        faults.append(f"there is no column {_shown(lacking)}")
    return wanted


def _values(
    table: FeatureTable,
    at: Mapping[str, int],
    chosen: Sequence[CohortCase],
    wanted: Sequence[str],
    encoded: Mapping[str, Mapping[str, float]],
) -> np.ndarray:
    """(cases, columns) float64; the clinical values of the cohort stand before those of the table."""
    column = {name: n for n, name in enumerate(table.columns)}
    index = [at[case.name] for case in chosen]
    values = np.full((len(chosen), len(wanted)), np.nan)
    for n, name in enumerate(wanted):
        if name in column:
            values[:, n] = table.values[index, column[name]]
        if name.startswith(CLINICAL_PREFIX) and encoded:
            own = np.array([encoded[case.name].get(name, np.nan) for case in chosen])
            values[:, n] = np.where(np.isnan(own), values[:, n], own)
    return values


def _texts(cases: Sequence[CohortCase], name: str) -> np.ndarray | None:
    values = np.array([getattr(case, name) for case in cases])
    return values if any(values) else None


def _days(cases: Sequence[CohortCase]) -> np.ndarray | None:
    values = np.array([np.nan if case.acquired is None else case.acquired for case in cases])
    return None if np.isnan(values).all() else values


def _subgroups(cases: Sequence[CohortCase]) -> dict[str, np.ndarray]:
    """Those of the cohort, and the clinical variables: choices (sex, grade, …) as words, age as a number."""
    found: dict[str, np.ndarray] = {}
    names = dict.fromkeys(name for case in cases for name in case.subgroups)
    for name in names:
        found[name] = np.array([case.subgroups.get(name, "") for case in cases])
    for name in dict.fromkeys(name for case in cases for name in case.clinical):
        values = [case.clinical.get(name) for case in cases]
        if any(isinstance(value, float) for value in values):
            found.setdefault(name, np.array([np.nan if v is None else float(v) for v in values]))
        else:
            found.setdefault(name, np.array(["" if v is None else _word(v) for v in values]))
    return found


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _left_out(
    cohort: Cohort, known: Sequence[CohortCase], at: Mapping[str, int], endpoint: str
) -> tuple[str, ...]:
    inside = {case.name for case in known}
    unknown = [case.name for case in cohort.cases if case.name not in inside]
    unmeasured = [case.name for case in known if case.name not in at]
    told = []
    if unknown:
        told.append(f"{len(unknown)} cases left out because {endpoint} is not known: {_shown(unknown)}.")
    if unmeasured:
        told.append(f"{len(unmeasured)} cases left out because they have no features: {_shown(unmeasured)}.")
    return tuple(told)


def _twice(names: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    return list(dict.fromkeys(name for name in names if name in seen or seen.add(name)))


def _shown(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
