"""The ledger of an explanation as rows for the page: baseline → sequences → classes → features → total.

A row's identifier is its path joined by "/": ``t1c``, ``t1c/glcm``, ``t1c/glcm/<feature key>``; it names the
layer that a click on the row asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import SimpleITK as sitk

from ..case.model import ROLES
from ..explain.groups import CHANGE, CLINICAL, SHAPE, bars
from ..explain.model import Bar, Contribution, Explanation
from ..models.prediction import Prediction
from ..report import numbers
from ..report.highlow import high_low_svg, high_low_words
from ..report.labels import feature_label, role_words

BASELINE, TOTAL, PROBABILITY = "baseline", "total", "probability"
NO_PLACE = (SHAPE, CLINICAL, CHANGE)
GROUP_WORDS = {SHAPE: "Shape of the outline", CLINICAL: "Clinical", CHANGE: "Change between time points"}
CLASS_WORDS = {
    "first order": "Grey values (first order)",
    "glcm": "Neighbouring grey values (GLCM)",
    "glrlm": "Runs of one grey value (GLRLM)",
    "glszm": "Zones of one grey value (GLSZM)",
    "gldzm": "Zones and their depth (GLDZM)",
    "ngtdm": "Tone against the neighbourhood (NGTDM)",
    "ngldm": "Neighbours alike (NGLDM)",
    "morphology": "Shape",
    "clinical": "Clinical variables",
}
SUMS = "A line is the sum of the lines below it."


def _class_words(name: str) -> str:
    """Words for the second step of a path: a class of features, or the sequence of a change."""
    return CLASS_WORDS.get(name, role_words(name))


def ledger_rows(explanation: Explanation, prediction: Prediction) -> list[dict[str, Any]]:
    """All lines of the ledger, parents before their children, what has no place in the image last."""
    by_key = {c.key: c for c in explanation.contributions}
    tree = explanation.bars or bars(list(by_key), [c.phi for c in by_key.values()])
    tree = sorted(tree, key=lambda bar: bar.path[0] in NO_PLACE)
    largest = max((abs(bar.phi) for bar in _all(tree)), default=0.0) or 1.0
    rows = [_edge(BASELINE, "Average training case", explanation.baseline)]
    if explanation.sums_to != "log-odds":
        rows[0]["probability"] = ""
    if explanation.sums_to != "log-odds":
        rows[0]["probability"] = ""
    for bar in _all(tree):
        rows.append(_row(bar, by_key, largest, explanation))
    score = "This case" if explanation.sums_to == "log-odds" else "This case, before calibration"
    rows.append(_edge(TOTAL, score, explanation.log_odds))
    rows[-1]["detail"] = "sum layer of all sequences" if explanation.total is not None else ""
    rows[-1]["probability"] = ""
    rows.append(_edge(PROBABILITY, f"Estimated probability of {prediction.positive}", prediction.log_odds))
    rows[-1].update(phi=numbers.percent(prediction.probability), probability="")
    return rows


def _all(tree: Any) -> Iterator[Bar]:
    for bar in tree:
        yield bar
        yield from _all(bar.children)


def _edge(identity: str, label: str, log_odds: float) -> dict[str, Any]:
    return {
        "id": identity,
        "level": 0,
        "label": label,
        "detail": "",
        "phi": numbers.signed(log_odds),
        "exact": repr(float(log_odds)),
        "probability": numbers.percent(numbers.probability_of(log_odds)),
        "sign": 0,
        "size": 0,
        "parents": [],
        "more": False,
        "key": "",
        "note": "",
        "edge": True,
    }


def _row(
    bar: Bar, by_key: Mapping[str, Contribution], largest: float, explanation: Explanation
) -> dict[str, Any]:
    path = bar.path
    key = path[2] if len(path) == 3 else ""
    contribution = by_key.get(key)
    label, detail, note = _words(path, contribution)
    if len(path) == 1 and path[0] not in NO_PLACE and path[0] not in explanation.maps:
        note = "not in the map"
    if path[0] in NO_PLACE and len(path) == 1:
        note = "not in the image"
    return {
        "id": "/".join(path),
        "level": len(path),
        "label": label,
        "detail": detail,
        "phi": numbers.signed(bar.phi),
        "exact": repr(float(bar.phi)),
        "probability": "",
        "sign": (bar.phi > 0) - (bar.phi < 0),
        "size": round(50 * abs(bar.phi) / largest, 2),
        "parents": ["/".join(path[:n]) for n in range(1, len(path))],
        "more": bool(bar.children),
        "key": key,
        "note": note,
        "edge": False,
    }


def _words(path: tuple[str, ...], contribution: Contribution | None) -> tuple[str, str, str]:
    """Label, smaller words behind it, and why the line is not in the map."""
    if len(path) == 1:
        full = ROLES.get(path[0], "")
        return GROUP_WORDS.get(path[0], role_words(path[0])), "" if path[0] in NO_PLACE else full, ""
    if len(path) == 2:
        return _class_words(path[1]), "", ""
    label = feature_label(path[2])
    if contribution is None:
        return label.name, "", ""
    detail = (
        f"{numbers.value(contribution.value, label.short_unit)}, "
        f"average {numbers.value(contribution.reference)}"
    )
    if contribution.error > 0:
        detail += f"; ± {contribution.error:.2g} (sampled)"
    where = ", ".join(label.where.split(", ")[1:]) if ", " in label.where else ""
    name = f"{label.name}, {where}" if where else label.name
    return name, detail, "" if contribution.localised or path[0] in NO_PLACE else contribution.note


def feature_words(explanation: Explanation) -> dict[str, dict[str, str]]:
    """By feature key: definition in plain words, and a picture of what low and high look like."""
    words = {}
    for contribution in explanation.contributions:
        key = contribution.key
        label = feature_label(key)
        low, high = high_low_words(key)
        words[key] = {
            "definition": label.definition,
            "code": label.ibsi_code,
            "picture": high_low_svg(key),
            "low": low,
            "high": high,
        }
    return words


def first_open(rows: list[dict[str, Any]]) -> list[str]:
    """What is open at first: the sequence that moves the score most, with its classes."""
    sequences = [row for row in rows if row["level"] == 1]
    if not sequences:
        return []
    strongest = max(sequences, key=lambda row: row["size"])["id"]
    return [row["id"] for row in rows if row["id"] == strongest or row["parents"] == [strongest]]


def layer_of(
    explanation: Explanation, identity: str, own: Mapping[str, sitk.Image]
) -> tuple[sitk.Image | None, str, str]:
    """The map that a line asks for.

    Parameters
    ----------
    identity : of the line. own : maps of single features by key, as far as they are known.

    Returns
    -------
    image : log-odds per voxel, or None if nothing of it has a place in the image.
    name : for the legend; "" for the sum layer.
    note : what is shown instead, or why nothing is; "" if the map is just that of the line.
    """
    path = identity.split("/", 2)
    if path[0] in (TOTAL, BASELINE, PROBABILITY, ""):
        missing = "No feature of this model has a place in the image."
        return explanation.total, "", "" if explanation.total is not None else missing
    if path[0] in NO_PLACE:
        group = GROUP_WORDS[path[0]]
        return None, group, f"{group}: no place in the image. Its share is in the ledger only."
    sequence = role_words(path[0])
    whole = explanation.maps.get(path[0])
    if len(path) == 1:
        note = "" if whole is not None else f"No feature of {sequence} has a place in the image."
        return whole, sequence, note
    wanted = [
        bar.path[2]
        for bar in _all(explanation.bars or _bars_of(explanation))
        if len(bar.path) == 3 and bar.path[: len(path)] == tuple(path)
    ]
    localised = {c.key for c in explanation.contributions if c.localised}.intersection(wanted)
    found = [own[key] for key in wanted if key in own]
    what = feature_label(path[2]).name if len(path) == 3 else _class_words(path[1])
    if found and len(found) == len(localised):
        return _sum(found), f"{what}, {sequence}", ""
    if whole is None or not localised:
        notes = {c.note for c in explanation.contributions if c.key in wanted and c.note}
        return None, what, f"{what}: not in the map ({', '.join(sorted(notes)) or 'no exact voxel split'})."
    return whole, sequence, f"{what} is part of the map of {sequence}, which is shown."


def _bars_of(explanation: Explanation) -> tuple[Bar, ...]:
    return bars([c.key for c in explanation.contributions], [c.phi for c in explanation.contributions])


def _sum(images: list[sitk.Image]) -> sitk.Image:
    total = images[0]
    for image in images[1:]:
        total = total + image
    return total
