"""Endpoints: from the cells of a column to classes and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..training.dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL
from .model import FAULT, WARNING, Endpoint, Fault
from .values import flag_of, is_unknown, number_of

MAX_CLASSES = 12
_GRADES = ("low", "high")  # with a third word between them they are classes of their own
KINDS = (BINARY, MULTICLASS, ORDINAL, SURVIVAL)


@dataclass(frozen=True)
class Definition:
    """How an endpoint is to be read.

    Attributes
    ----------
    name : of the endpoint. kind : "" to infer it from the values.
    column : with the value, "" for "endpoint:<name>"; for survival the event (1 seen, 0 censored).
    time : column of the time, "" for "time:<name>". unit : of the time.
    classes : names, class 0 first. values : class number by cell in lower case, beside the names themselves.
    cuts : of a number, ascending: class 1 from the first cut on, class 2 from the second, ….
    """

    name: str
    kind: str = ""
    column: str = ""
    time: str = ""
    unit: str = "days"
    classes: tuple[str, ...] = ()
    values: Mapping[str, int] = field(default_factory=dict)
    cuts: tuple[float, ...] = ()

    @property
    def value_column(self) -> str:
        return self.column or f"{'event' if self.kind == SURVIVAL else 'endpoint'}:{self.name}"

    @property
    def time_column(self) -> str:
        return self.time or f"time:{self.name}"


@dataclass(frozen=True)
class ReadEndpoint:
    """An endpoint with the labels and times of the rows, None where unknown; `endpoint` is None if it cannot
    be used."""

    endpoint: Endpoint | None
    labels: tuple[int | None, ...]
    times: tuple[float | None, ...] = ()
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def read_endpoint(definition: Definition, rows: Sequence[tuple[str, Mapping[str, str]]]) -> ReadEndpoint:
    """Read one endpoint from all rows.

    Parameters
    ----------
    rows : place for messages, and cells by column.
    """
    if definition.kind not in ("", *KINDS):
        what = f"The kind {definition.kind!r} of the endpoint {definition.name} is unknown."
        return _useless(rows, Fault("", what, f"Kinds are {', '.join(KINDS)}."))
    if definition.kind == SURVIVAL:
        return _survival(definition, rows)
    cells = [row.get(definition.value_column, "") for _, row in rows]
    if definition.cuts:
        return _cut(definition, rows, cells)
    if definition.classes or definition.values:
        return _stated(definition, rows, cells)
    return _inferred(definition, rows, cells)


def _survival(definition: Definition, rows: Sequence[tuple[str, Mapping[str, str]]]) -> ReadEndpoint:
    event_column, time_column = definition.value_column, definition.time_column
    faults: list[Fault] = []
    labels: list[int | None] = []
    times: list[float | None] = []
    for where, row in rows:
        event, time = row.get(event_column, ""), row.get(time_column, "")
        labels.append(None)
        times.append(None)
        if is_unknown(event) and is_unknown(time):
            continue
        if is_unknown(event) or is_unknown(time):
            lacking, there = (event_column, "time") if is_unknown(event) else (time_column, "event")
            what = f"The {there} is known, but not what belongs to it."
            hint = "Fill in the cell, or leave both empty."
            faults.append(Fault(where, what, hint, column=lacking))
            continue
        seen = definition.values.get(event.strip().lower(), flag_of(event))
        length = number_of(time)
        if seen is None:
            what = f"{event!r} is neither 1 (event seen) nor 0 (censored)."
            faults.append(Fault(where, what, column=event_column))
        if length is None or length < 0:
            what = f"{time!r} is not a time in {definition.unit}."
            faults.append(Fault(where, what, "Enter a number above 0.", column=time_column))
        if length == 0:
            what = f"The time is 0; the case is left out for {definition.name}."
            hint = "Where the event was seen at once, enter half a unit."
            faults.append(Fault(where, what, hint, WARNING, time_column))
        if seen is not None and length is not None and length > 0:
            labels[-1], times[-1] = seen, length
    known = [label for label in labels if label is not None]
    faults += _needed(definition, known, f"{event_column} and {time_column}")
    if known and not any(known):
        what = f"{definition.name}: no event was seen in {len(known)} cases."
        faults.append(Fault("", what, "Nothing can be learnt from censored cases alone.", WARNING))
    endpoint = Endpoint(definition.name, SURVIVAL, (), definition.unit, event_column)
    return ReadEndpoint(endpoint if known else None, tuple(labels), tuple(times), tuple(faults))


def _cut(
    definition: Definition, rows: Sequence[tuple[str, Mapping[str, str]]], cells: Sequence[str]
) -> ReadEndpoint:
    name, cuts = definition.name, definition.cuts
    if list(cuts) != sorted(set(cuts)):
        return _useless(rows, Fault("", f"The cuts of the endpoint {name} do not ascend."))
    classes = definition.classes or _cut_names(name, cuts)
    if len(classes) != len(cuts) + 1:
        what = f"The endpoint {name} has {len(cuts)} cuts and {len(classes)} classes."
        return _useless(rows, Fault("", what, "There is one class more than cuts."))
    labels: list[int | None] = []
    faults: list[Fault] = []
    for (where, _), cell in zip(rows, cells, strict=True):
        value = None if is_unknown(cell) else number_of(cell.rstrip(" %"))
        if value is None and not is_unknown(cell):
            faults.append(Fault(where, f"{cell!r} is not a number.", column=definition.value_column))
        labels.append(None if value is None else sum(value >= cut for cut in cuts))
    kind = definition.kind or (BINARY if len(cuts) == 1 else ORDINAL)
    return _finish(definition, kind, classes, labels, faults, ())


def _cut_names(name: str, cuts: Sequence[float]) -> tuple[str, ...]:
    if len(cuts) == 1:
        return (f"{name} < {cuts[0]:g}", f"{name} ≥ {cuts[0]:g}")
    inner = [f"{name} {low:g} to < {high:g}" for low, high in zip(cuts, cuts[1:], strict=False)]
    return (f"{name} < {cuts[0]:g}", *inner, f"{name} ≥ {cuts[-1]:g}")


def _stated(
    definition: Definition, rows: Sequence[tuple[str, Mapping[str, str]]], cells: Sequence[str]
) -> ReadEndpoint:
    """Cells that the definition gives classes for; names of classes and, without `values`, numbers too."""
    classes = definition.classes
    known = {name.lower(): n for n, name in enumerate(classes)}
    if not definition.values:
        known |= {str(n): n for n in range(len(classes))}
        if len(classes) == 2:
            known = {**{word: flag_of(word) for word in ("yes", "no", "positive", "negative")}, **known}
    known |= {text.strip().lower(): n for text, n in definition.values.items()}
    if any(not -1 <= n < max(len(classes), 1) for n in known.values()):
        return _useless(rows, Fault("", f"The endpoint {definition.name} has values without a class."))
    labels: list[int | None] = []
    faults: list[Fault] = []
    for (where, _), cell in zip(rows, cells, strict=True):
        text = cell.strip().lower()
        found = known.get(text, known.get(text.removesuffix(".0")))
        if found is None and not is_unknown(cell):
            what = f"{cell!r} is not a value of {definition.name}."
            hint = f"Known are {', '.join(sorted(known))}."
            faults.append(Fault(where, what, hint, column=definition.value_column))
        labels.append(None if found in (None, -1) else found)
    kind = definition.kind or (BINARY if len(classes) == 2 else MULTICLASS)
    return _finish(definition, kind, classes, labels, faults, ())


def _inferred(
    definition: Definition, rows: Sequence[tuple[str, Mapping[str, str]]], cells: Sequence[str]
) -> ReadEndpoint:
    name, column = definition.name, definition.value_column
    texts = sorted({cell.strip() for cell in cells if not is_unknown(cell)})
    if texts and all(flag_of(text) is not None for text in texts):
        labels = [None if is_unknown(cell) else flag_of(cell) for cell in cells]
        classes = (f"not {name}", name)
        return _finish(definition, definition.kind or BINARY, classes, labels, [], ())
    hint = f"State [endpoints.{name}] with classes, values or cuts in cohort.toml."
    if len(texts) == 2:
        what = f"{name} has the values {texts[0]!r} and {texts[1]!r}; nothing says which one is class 1."
        return _useless(rows, Fault("", what, hint, column=column))
    numeric = bool(texts) and all(number_of(text) is not None for text in texts)
    whole = numeric and all(float(number_of(text) or 0).is_integer() for text in texts)
    if len(texts) > MAX_CLASSES or (numeric and not whole):
        what = f"{name} has {len(texts)} different values, too many for classes."
        return _useless(rows, Fault("", what, hint, column=column))
    strange = [] if numeric else _beside_yes_and_no(texts)
    if strange:
        faults = tuple(
            Fault(where, f"{cell!r} is neither yes nor no, which other cases have.", hint, column=column)
            for (where, _), cell in zip(rows, cells, strict=True)
            if cell.strip() in strange
        )
        return ReadEndpoint(None, (None,) * len(rows), (), faults)
    if numeric:
        texts.sort(key=lambda text: number_of(text) or 0.0)
    at = {text: n for n, text in enumerate(texts)}
    kind = definition.kind or MULTICLASS
    if kind == ORDINAL and not numeric:
        what = f"Nothing says in which order the classes {', '.join(texts)} of {name} stand."
        return _useless(rows, Fault("", what, hint, column=column))
    labels = [at.get(cell.strip()) for cell in cells]
    classes = tuple(f"{name} {text}" for text in texts) if numeric else tuple(texts)
    note = (f"{name}: classes by the values of the column, {', '.join(texts)}.",) if texts else ()
    return _finish(definition, kind, classes, labels, [], note)


def _beside_yes_and_no(texts: Sequence[str]) -> list[str]:
    """What stands in a column of yes and no and is neither: a slip, or a class that must be stated."""
    flags = {flag_of(text) for text in texts if text.strip().lower() not in _GRADES}
    return [text for text in texts if flag_of(text) is None] if {0, 1} <= flags else []


def _finish(
    definition: Definition,
    kind: str,
    classes: tuple[str, ...],
    labels: Sequence[int | None],
    faults: list[Fault],
    notes: tuple[str, ...],
) -> ReadEndpoint:
    column = definition.value_column
    known = [label for label in labels if label is not None]
    faults = [*faults, *_needed(definition, known, column)]
    if kind == BINARY and len(classes) != 2:
        faults.append(
            Fault("", f"{definition.name} is binary and has {len(classes)} classes.", column=column)
        )
    if known and len(set(known)) == 1:
        what = f"{definition.name} is {classes[known[0]]!r} in all {len(known)} cases where it is known."
        faults.append(Fault("", what, "Nothing can be learnt from one class.", WARNING, column))
    elif known:
        for n, name in enumerate(classes):
            if n not in known:
                faults.append(Fault("", f"{definition.name}: no case is {name!r}.", "", WARNING, column))
    endpoint = Endpoint(definition.name, kind, classes, "", column) if known else None
    return ReadEndpoint(endpoint, tuple(labels), (), tuple(faults), notes)


def _needed(definition: Definition, known: Sequence[int], where: str) -> list[Fault]:
    if known:
        return []
    return [Fault("", f"{definition.name} is known for no case.", f"It is read from {where}.", WARNING)]


def _useless(rows: Sequence[object], fault: Fault) -> ReadEndpoint:
    assert fault.kind == FAULT
    return ReadEndpoint(None, (None,) * len(rows), (), (fault,))
