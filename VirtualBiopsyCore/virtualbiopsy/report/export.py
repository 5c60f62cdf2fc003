"""Write a result to a folder: result.json, features.csv, explanation.nrrd, report.html.

``result.json`` (keys sorted; the same result gives the same bytes except for ``created``):

- ``format`` "virtualbiopsy-result", ``format_version`` 1, ``created`` (UTC, ISO 8601), ``research_use_only``
- ``software``: versions of virtualbiopsy, Python, numpy, scipy, SimpleITK
- ``case``: name, sequences (name, role, unit, reason), clinical, warnings
- ``dynamic``: phases with times, and the curve of the region; null without a dynamic series
- ``region``: digest and the fields of RegionFacts
- ``features``: key → value, unit, ibsi_code, label; ``missing``: key → reason; ``bins``
- ``models``: model_id, title, version, simulated, sha256, metrics
- ``predictions``: the fields of Prediction and of its Stability (null if not tried)
- ``trust``: the fields of TrustCard, one for each prediction that has one
- ``deltas``: the fields of Delta: what the last edit of the outline moved
- ``explanations``: model_id, method, baseline, log_odds, sums_to, shared (keys that share their credit),
  contributions, ledger (tree of path, phi,
  children; parents are sums of their children), map (file), map_sum, map_unit
- ``evidence``: the fields of RuleOutcome; ``skipped``: model_id → reason; ``warnings``; ``provenance``
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
import SimpleITK as sitk

from .. import RESEARCH_USE_ONLY, __version__
from ..case.model import Case
from ..errors import ExistingFileError
from ..explain.model import Explanation
from ..models.radmodel import RadModel
from ..progress import Progress, part, silent
from .dynamic import dynamic_document
from .html import html_report
from .labels import feature_label
from .tree import ledger_bars

if TYPE_CHECKING:
    from ..session import Result

FORMAT, FORMAT_VERSION = "virtualbiopsy-result", 1


def write_outputs(
    directory: str | os.PathLike[str],
    case: Case,
    result: Result,
    models: Sequence[RadModel],
    *,
    image: sitk.Image | None = None,
    mask: sitk.Image | None = None,
    overwrite: bool = False,
    created: datetime | None = None,
    progress: Progress = silent,
) -> dict[str, Path]:
    """Write all outputs of one result; either all files appear or none.

    Parameters
    ----------
    directory : made if it does not exist.
    image, mask : what the pictures of the report show; `image` None takes the models' reference sequence,
        else contrast T1, else the first sequence.
    overwrite : replace files that exist.
    created : time stamp; None is now.

    Returns
    -------
    Path by name: "result", "features", "report", and, where there is a map, "explanation" (the first model's)
    and ``explanation:<model_id>`` for each model if there are several.

    Raises
    ------
    ExistingFileError : if a file exists and `overwrite` is false; nothing is written.
    """
    folder = Path(directory)
    created = (created or datetime.now(UTC)).astimezone(UTC)
    maps = map_files(result.explanations)
    names = {"result": "result.json", "features": "features.csv", "report": "report.html"}
    targets = {key: folder / name for key, name in names.items()}
    targets |= {key: folder / name for key, (name, _) in maps.items()}
    _refuse_existing(targets, overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    picture = image if image is not None else background_image(case, models)
    with tempfile.TemporaryDirectory(prefix=".virtualbiopsy-", dir=folder) as scratch:
        made = {key: Path(scratch) / path.name for key, path in targets.items()}
        progress(0.0, "Writing numbers")
        made["result"].write_text(result_json(case, result, models, created, mask), encoding="utf-8")
        made["features"].write_text(features_csv(result), encoding="utf-8", newline="")
        for key, (_, explanation) in maps.items():
            write_map(explanation, made[key])
        inner = part(progress, 0.1, 0.98)
        report = html_report(case, result, models, image=picture, mask=mask, created=created, progress=inner)
        made["report"].write_text(report, encoding="utf-8")
        _refuse_existing(targets, overwrite)
        for key, path in targets.items():
            os.replace(made[key], path)
    progress(1.0, f"Written to {folder.name}")
    return targets


def _refuse_existing(targets: Mapping[str, Path], overwrite: bool) -> None:
    existing = [path.name for path in targets.values() if path.exists()]
    if existing and not overwrite:
        raise ExistingFileError(
            f"The folder {next(iter(targets.values())).parent} already holds {', '.join(sorted(existing))}.",
            "Choose another folder, or allow overwriting.",
        )


def background_image(case: Case, models: Sequence[RadModel]) -> sitk.Image | None:
    """Image to draw on: the models' reference sequence, else contrast T1, else the first sequence."""
    for role in [*(model.preparation.reference for model in models), "t1c"]:
        if case.has(role):
            return case.sequence(role).image
    return case.sequences[0].image if case.sequences else None


def map_files(explanations: Sequence[Explanation]) -> dict[str, tuple[str, Explanation]]:
    """File name and explanation by output name, for those that have a map."""
    with_map = [e for e in explanations if e.total is not None]
    if not with_map:
        return {}
    files = {"explanation": ("explanation.nrrd", with_map[0])}
    if len(with_map) > 1:
        for e in with_map:
            safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in e.model_id)
            files[f"explanation:{e.model_id}"] = (f"explanation-{safe}.nrrd", e)
    return files


def write_map(explanation: Explanation, path: Path) -> None:
    """Write the total map as float64 NRRD, shares of the score per voxel, with what it is in the header."""
    image = sitk.Cast(explanation.total, sitk.sitkFloat64)
    for key, text in (
        ("virtualbiopsy_model", explanation.model_id),
        ("virtualbiopsy_unit", f"{explanation.sums_to} per voxel"),
        ("virtualbiopsy_note", f"{RESEARCH_USE_ONLY}. Explains the model, not the biology."),
    ):
        image.SetMetaData(key, text)
    sitk.WriteImage(image, str(path), useCompression=True)


def features_csv(result: Result) -> str:
    """Features as CSV: key, label, value, unit, ibsi_code, definition; values read back exactly."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("key", "label", "value", "unit", "ibsi_code", "definition"))
    for key, number in sorted(result.features.values.items()):
        label = feature_label(key)
        row = (key, label.full, repr(float(number)), label.unit, label.ibsi_code, label.definition)
        writer.writerow(row)
    return out.getvalue()


def result_json(
    case: Case,
    result: Result,
    models: Sequence[RadModel],
    created: datetime,
    mask: sitk.Image | None = None,
) -> str:
    """The result as JSON text; see the module's docstring for the schema."""
    stability = {s.model_id: asdict(s) for s in result.stability}
    maps = {e.model_id: name for name, e in map_files(result.explanations).values()}
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "created": created.isoformat(timespec="seconds"),
        "research_use_only": RESEARCH_USE_ONLY,
        "software": {
            "virtualbiopsy": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "simpleitk": sitk.Version.VersionString(),
        },
        "case": {
            "name": result.case_name,
            "sequences": [
                {"name": s.name, "role": s.role, "unit": s.unit, "reason": s.reason} for s in case.sequences
            ],
            "clinical": dict(case.clinical),
            "warnings": list(case.warnings),
        },
        "dynamic": dynamic_document(case.dynamic, mask),
        "region": {"digest": result.region_digest, **asdict(result.facts)},
        "features": {key: _feature(key, number) for key, number in result.features.values.items()},
        "missing": dict(result.features.missing),
        "bins": dict(result.features.bins),
        "models": [
            {
                "model_id": m.model_id,
                "title": m.title,
                "version": m.version,
                "simulated": m.simulated,
                "sha256": m.sha256,
                "metrics": {name: dict(figures) for name, figures in m.metrics.items()},
            }
            for m in models
        ],
        "predictions": [{**asdict(p), "stability": stability.get(p.model_id)} for p in result.predictions],
        "trust": [asdict(card) for card in result.trust],
        "deltas": [asdict(delta) for delta in result.deltas],
        "explanations": [_explanation(e, maps.get(e.model_id)) for e in result.explanations],
        "evidence": [asdict(outcome) for outcome in result.evidence],
        "skipped": dict(result.skipped),
        "warnings": list(result.warnings),
        "provenance": list(result.provenance),
    }
    return json.dumps(plain(content), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _feature(key: str, number: float) -> dict[str, Any]:
    label = feature_label(key)
    return {"value": number, "unit": label.unit, "ibsi_code": label.ibsi_code, "label": label.full}


def _explanation(explanation: Explanation, file: str | None) -> dict[str, Any]:
    total = explanation.total
    return {
        "model_id": explanation.model_id,
        "method": explanation.method,
        "baseline": explanation.baseline,
        "log_odds": explanation.log_odds,
        "sums_to": explanation.sums_to,
        "shared": [list(group) for group in explanation.shared],
        "contributions": [asdict(c) for c in explanation.contributions],
        "ledger": [asdict(bar) for bar in ledger_bars(explanation)],
        "map": file,
        "map_sum": None if total is None else math.fsum(sitk.GetArrayViewFromImage(total).ravel()),
        "map_unit": f"{explanation.sums_to} per voxel",
    }


def plain(content: Any) -> Any:
    """Turn numpy scalars, tuples and mappings into what JSON knows; what is not finite becomes null."""
    if isinstance(content, Mapping):
        return {str(key): plain(entry) for key, entry in content.items()}
    if isinstance(content, list | tuple):
        return [plain(entry) for entry in content]
    if isinstance(content, np.generic):
        content = content.item()
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
