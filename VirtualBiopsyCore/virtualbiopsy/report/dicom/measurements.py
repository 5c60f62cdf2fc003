"""Estimate and contributions as a DICOM Comprehensive 3D SR (TID 1500, Measurement Report)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from pydicom.sr.codedict import codes

from ... import RESEARCH_USE_ONLY
from ...explain.model import Explanation
from ...models.prediction import Prediction
from ...models.radmodel import RadModel
from ..labels import feature_label
from ..trust import card_of, headline
from . import identity as vb
from .library import highdicom

if TYPE_CHECKING:
    from ...session import Result

SERIES_NUMBER = 9102


def map_sum(explanation: Explanation) -> float:
    """Sum of the voxels of the map; 0 without a map."""
    if explanation.total is None:
        return 0.0
    return math.fsum(np.ravel(sitk.GetArrayViewFromImage(explanation.total)))


def measurement_report(
    result: Result, models: Sequence[RadModel], headers: Sequence[Any], maps: Sequence[Any] = ()
) -> Any:
    """One measurement group for each estimate: probability, log-odds, baseline, sums and contributions.

    Baseline + sum of the map + sum without a place = log-odds, and baseline + contributions = log-odds.

    Parameters
    ----------
    headers : of the reference series. maps : parametric maps made from the same result, for reference.

    Returns
    -------
    pydicom Dataset (highdicom.sr.Comprehensive3DSR).

    Raises
    ------
    MissingPackageError : highdicom is not installed.
    """
    hd = highdicom()
    by_id = {model.model_id: model for model in models}
    groups = [
        _group(hd, result, prediction, explanation, by_id.get(prediction.model_id))
        for prediction, explanation in zip(result.predictions, result.explanations, strict=True)
    ]
    study = str(headers[0].StudyInstanceUID)
    shas = [by_id[p.model_id].sha256 for p in result.predictions if p.model_id in by_id]
    observer = hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=vb.uid("device"), name="VirtualBiopsy", model_name="VirtualBiopsy"
        ),
    )
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=vb.MAGNETIC_RESONANCE,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    made = hd.sr.Comprehensive3DSR(
        evidence=[*headers, *maps],
        content=content,
        series_instance_uid=vb.uid("report series", study, result.region_digest),
        series_number=SERIES_NUMBER,
        sop_instance_uid=vb.uid("report", study, result.region_digest, *shas),
        instance_number=1,
        manufacturer=vb.MAKER["manufacturer"],
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description=RESEARCH_USE_ONLY,
        specific_character_set=vb.UTF8,
    )
    made.CompletionFlagDescription = RESEARCH_USE_ONLY
    return made


def _group(
    hd: Any, result: Result, prediction: Prediction, explanation: Explanation, model: RadModel | None
) -> Any:
    localised = map_sum(explanation)
    rest = math.fsum(c.phi for c in explanation.not_localised)

    scale = vb.scale_of(explanation.sums_to)

    def measured(name: Any, number: float, unit: Any = scale.unit, tracking: str = "") -> Any:
        tracked = hd.sr.TrackingIdentifier(identifier=tracking) if tracking else None
        return hd.sr.Measurement(name=name, value=float(number), unit=unit, tracking_identifier=tracked)

    measurements = [
        measured(vb.PROBABILITY, prediction.probability, vb.NO_UNITS),
        measured(vb.THRESHOLD, prediction.threshold, vb.NO_UNITS),
        measured(scale.total, explanation.log_odds),
        measured(scale.baseline, explanation.baseline),
        measured(vb.MAP_SUM, localised),
        measured(vb.REST, rest),
    ]
    measurements += [
        measured(
            vb.free_code("VBC", c.key, f"Contribution: {feature_label(c.key).full}"), c.phi, tracking=c.key
        )
        for c in explanation.contributions
    ]

    def said(name: Any, value: Any) -> Any:
        return hd.sr.QualitativeEvaluation(name=name, value=value)

    endpoint = prediction.positive
    words = [
        said(vb.NOTICE, vb.RESEARCH),
        said(vb.NOTICE, vb.MODEL_NOT_BIOLOGY),
        said(vb.ENDPOINT, vb.free_code("VBE", endpoint, endpoint)),
        said(vb.SUMS_TO, vb.free_code("VBS", explanation.sums_to, explanation.sums_to)),
    ]
    if model is None or model.simulated:
        words.append(said(vb.TRAINING, vb.SIMULATED))
    card = card_of(result.trust, prediction.model_id)
    if card is not None:
        words.append(said(vb.TRUST, vb.free_code("VBT", card.light, headline(card))))
        words += [
            said(vb.REASON, vb.free_code("VBR", reason.code + reason.text, reason.text))
            for reason in card.reasons
            if reason.light != "green"
        ]
    title = model.title if model is not None else prediction.model_id
    version = model.version if model is not None else "0"
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=vb.uid("measurements", result.region_digest, prediction.model_id),
            identifier=vb.short(f"{title}, outline {result.region_digest[:12]}"),
        ),
        algorithm_id=hd.sr.AlgorithmIdentification(
            name=vb.short(title), version=vb.short(version), parameters=[prediction.model_id]
        ),
        measurements=measurements,
        qualitative_evaluations=words,
    )
