"""The waist of the house: one case, its models and the caches; the only thing that a front end talks to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from . import __version__
from .case.clinical import check_clinical, encode_clinical
from .case.model import Case
from .errors import EmptyRegionError, FeatureError, MissingSequenceError
from .evidence.model import RuleOutcome
from .evidence.rules import evaluate_rules, load_rules
from .explain.delta import Delta, deltas
from .explain.explain import explain
from .explain.model import Explanation
from .explain.regional import Influence, RegionExplanation
from .explain.whatif import WhatIf, what_if
from .explain.workspace import Workspace
from .inquiry import Inquiry
from .measure import Measured, Measuring
from .models.inference import model_inputs, predict
from .models.prediction import Prediction
from .models.radmodel import RadModel, builtin_models
from .perturb import stability
from .prepare.model import Preparation, PreparedCase
from .prepare.prepare import prepare_case
from .progress import Progress, part, silent
from .radiomics.keys import FeatureKey, is_clinical
from .radiomics.vector import FeatureVector
from .regions.crop import crop_mask
from .regions.facts import region_facts
from .regions.model import RegionFacts
from .trust.card import assess
from .trust.images import CaseImages, image_facts
from .trust.model import ImageFacts, Stability, TrustCard

BINS_ADVISED = (4, 64)
EVIDENCE_ROLES = ("adc", "aptw")


@dataclass(frozen=True, eq=False)
class Result:
    """Everything that follows from one outline.

    Attributes
    ----------
    case_name : name of the case.
    region_digest : SHA-256 over the outline's voxels and geometry.
    facts : size and place of the outline.
    features : all values that the models asked for, clinical variables included.
    predictions, explanations : one for each model that could run, in the order of the models.
    evidence : published rules, evaluated on what is known about this case.
    skipped : why a model could not run, by model id.
    warnings : what the reader must know before the numbers, one sentence each.
    provenance : every step with its parameters, in processing order.
    stability : filled by :meth:`Session.stability`.
    trust : whether each prediction may be trusted, in the order of the predictions; again after
        :meth:`Session.stability`, which adds to it.
    deltas : what changed since the result before, by model; empty for the first one of a case.
    """

    case_name: str
    region_digest: str
    facts: RegionFacts
    features: FeatureVector
    predictions: tuple[Prediction, ...]
    explanations: tuple[Explanation, ...]
    evidence: tuple[RuleOutcome, ...]
    skipped: Mapping[str, str]
    warnings: tuple[str, ...]
    provenance: tuple[str, ...]
    stability: tuple[Stability, ...] = ()
    trust: tuple[TrustCard, ...] = ()
    deltas: tuple[Delta, ...] = ()


def region_digest(mask: sitk.Image) -> str:
    """SHA-256 over the voxels (> 0) and the geometry of a mask."""
    inside = sitk.GetArrayFromImage(mask) > 0
    digest = hashlib.sha256(np.packbits(inside).tobytes())
    geometry = (*mask.GetSize(), *mask.GetSpacing(), *mask.GetOrigin(), *mask.GetDirection())
    digest.update(np.round(np.asarray(geometry, dtype=np.float64), 6).tobytes())
    return digest.hexdigest()


class Session:
    """One case with its models. Methods may be called from one worker thread at a time.

    Questions about a result (:meth:`explain_regions` and the methods after it) may run beside it in another
    thread: they look at what was measured and change nothing.

    Parameters
    ----------
    case : the case as read.
    models : models to run; the bundled ones if None.
    """

    def __init__(self, case: Case, models: Sequence[RadModel] | None = None) -> None:
        self._lock = threading.RLock()
        self._case = case.with_clinical(check_clinical(case.clinical))
        self.models: tuple[RadModel, ...] = tuple(builtin_models() if models is None else models)
        self._rules = load_rules()
        self._changes: dict[str, Any] = {}
        self._prepared: dict[Preparation, PreparedCase] = {}
        self._measuring: dict[Preparation, Measuring] = {}
        self._images: dict[Preparation, CaseImages] = {}
        self._mask: sitk.Image | None = None
        self._result: Result | None = None
        self._before: Result | None = None
        self._inquiries: dict[str, Inquiry] = {}

    @property
    def case(self) -> Case:
        return self._case

    @property
    def result(self) -> Result | None:
        """The last result; None after a change that made it stale until :meth:`set_region` ran again."""
        return self._result

    @property
    def mask(self) -> sitk.Image | None:
        """The last outline, as it was given."""
        return self._mask

    def set_role(self, name: str, role: str) -> None:
        """Give the sequence called `name` another role; images are prepared again when next needed."""
        with self._lock:
            self._case = self._case.with_role(name, role)
            self._prepared.clear()
            self._measuring.clear()
            self._images.clear()
            self._result = self._before = None

    def set_clinical(self, values: Mapping[str, Any]) -> None:
        """Replace the clinical variables.

        Raises
        ------
        ClinicalValueError : a variable is unknown, of the wrong type or out of range; nothing is changed.
        """
        checked = check_clinical(values)
        with self._lock:
            self._case = self._case.with_clinical(checked)
            self._result = None

    def set_preparation(self, **changes: Any) -> None:
        """Depart from the models' own preparation (``register=False``, say); no argument reverts.

        Fields are those of :class:`virtualbiopsy.prepare.model.Preparation`. Every result says so.
        """
        replace(Preparation(), **changes)
        with self._lock:
            self._changes = dict(changes)
            self._result = None

    def preparation(self, model: RadModel) -> Preparation:
        return replace(model.preparation, **self._changes)

    def runnable(self) -> tuple[tuple[RadModel, ...], dict[str, str]]:
        """Return the models whose required sequences the case has, and why the others cannot run."""
        models, skipped = [], {}
        for model in self.models:
            try:
                for role in (model.preparation.reference, *model.required_sequences):
                    self._case.sequence(role)
            except MissingSequenceError as error:
                skipped[model.model_id] = str(error)
            else:
                models.append(model)
        return tuple(models), skipped

    def prepare(self, progress: Progress = silent) -> None:
        """Prepare the images for all models that can run; worth calling as soon as the roles are settled."""
        models, _ = self.runnable()
        for n, model in enumerate(models):
            self._prepared_for(model, part(progress, n / len(models), (n + 1) / len(models)))
            self._images_for(model)

    def prepared(self, model: RadModel) -> PreparedCase:
        """The prepared images that a model sees."""
        return self._prepared_for(model, silent)

    def facts(self, mask: sitk.Image) -> RegionFacts:
        """Size and place of an outline, without any model.

        Raises
        ------
        EmptyRegionError : if it holds no voxel.
        """
        return region_facts(mask)

    def set_region(self, mask: sitk.Image | None, progress: Progress = silent) -> Result | None:
        """Take a new outline of the tumour and compute everything that follows from it.

        Parameters
        ----------
        mask : binary image in the space of the reference sequence, any grid; None forgets the outline.

        Raises
        ------
        EmptyRegionError, RegionTooSmallError, FlatRegionError : the outline cannot be used.
        GeometryError : the outline does not lie on the reference sequence.
        MissingSequenceError : no model can run on the sequences of this case.
        Cancelled : through `progress`; the previous result stays.
        """
        with self._lock:
            if mask is None:
                self._mask = self._result = self._before = None
                self._inquiries = {}
                return None
            facts = region_facts(mask)
            models, skipped = self.runnable()
            if not models:
                raise MissingSequenceError(
                    "No model can run on this case.", " ".join(dict.fromkeys(skipped.values()))
                )
            outline = crop_mask(mask)
            features, measured = self._extract(models, outline, part(progress, 0.0, 0.8))
            workspaces = self._workspaces(models, measured)
            predictions, explanations = [], []
            for n, model in enumerate(models):
                progress(0.8 + 0.2 * n / len(models), f"Explaining {model.endpoint}")
                on = measured[model.model_id]
                workspace = workspaces[model.model_id]
                predictions.append(predict(model, features))
                explanations.append(
                    explain(model, features, on.arrays, on.masks, on.grid, workspace=workspace)
                )
            result = Result(
                case_name=self._case.name,
                region_digest=region_digest(mask),
                facts=facts,
                features=features,
                predictions=tuple(predictions),
                explanations=tuple(explanations),
                evidence=evaluate_rules(self._rules, self._evidence_facts(facts, outline, measured)),
                skipped=skipped,
                warnings=self._warnings(facts, features, measured),
                provenance=self._provenance(models, features, measured),
            )
            result = replace(
                result,
                trust=self._trust(models, result, mask),
                deltas=() if self._before is None else _deltas(self._before, result),
            )
            progress(1.0, "Done")
            self._mask, self._result, self._before = mask, result, result
            self._inquiries = self._opened(result, measured, workspaces)
            return result

    def stability(self, progress: Progress = silent) -> tuple[Stability, ...]:
        """Probability over small changes of the current outline; also kept in :attr:`result`.

        Raises
        ------
        EmptyRegionError : if there is no outline.
        """
        with self._lock:
            mask, result = self._mask, self._result
            if mask is None or result is None:
                raise EmptyRegionError("There is no outline yet.", "Outline the tumour first.")
            found: dict[str, Stability] = {}
            models, _ = self.runnable()
            for group in self._by_preparation(models).values():
                measuring = self._measuring_for(group, silent)
                measured = measuring.measure(crop_mask(mask))

                def predictions(vector: FeatureVector, group=group):
                    features = self._with_clinical(vector)
                    return {model.model_id: predict(model, features) for model in group}

                for entry in stability(measuring, measured, predictions, progress):
                    found[entry.model_id] = entry
            entries = tuple(found[model.model_id] for model in models)
            if self._result is result:
                steadied = replace(result, stability=entries)
                self._result = self._before = replace(steadied, trust=self._trust(models, steadied, mask))
            return entries

    def explain_regions(
        self,
        model_id: str,
        kind: str = "supervoxels",
        count: int = 8,
        game: str = "erase",
        drawn: np.ndarray | None = None,
        progress: Progress = silent,
    ) -> RegionExplanation:
        """Level 2: what the score of one model would be without parts of the current outline.

        Parameters
        ----------
        kind, count, drawn : see :func:`virtualbiopsy.explain.players.players`; `drawn` on the prepared grid.
        game : "erase" or "infill".

        Raises
        ------
        EmptyRegionError : there is no result. FeatureError : there is none of this model. Cancelled.
        """
        return self._inquiry(model_id).regions(kind, count, game, drawn, progress)

    def refine_regions(
        self, found: RegionExplanation, count: int = 2, pieces: int = 4, progress: Progress = silent
    ) -> RegionExplanation:
        """The `count` parts with the largest influence split into pieces that share it, for the same result.

        Raises
        ------
        As :meth:`explain_regions`.
        """
        return self._inquiry(found.model_id).refined(found, count, pieces, progress)

    def influence(
        self, model_id: str, parts: int = 24, shell_mm: float = 3.0, progress: Progress = silent
    ) -> Influence:
        """How the probability of one model would change if the outline changed in one place.

        Raises
        ------
        As :meth:`explain_regions`.
        """
        return self._inquiry(model_id).influence(parts, shell_mm, progress)

    def unstable_sign(self, model_id: str, progress: Progress = silent) -> sitk.Image:
        """Where the sign of a model's map depends on small changes of the outline (uint8, the map's grid).

        Raises
        ------
        As :meth:`explain_regions`.
        """
        return self._inquiry(model_id).unstable_sign(progress)

    def what_if(self, model_id: str, changes: Mapping[str, float]) -> WhatIf:
        """The answer of one model if some values were others; hypothetical.

        Raises
        ------
        EmptyRegionError : there is no result. FeatureError : there is none of this model, or a change
            cannot be used.
        """
        inquiry = self._inquiry(model_id)
        return what_if(inquiry.model, inquiry.features, changes)

    def feature_map(self, model_id: str, key: str) -> sitk.Image | None:
        """The part of one feature in a model's map, log-odds per voxel; None if it is not localised."""
        return self._inquiry(model_id).feature_map(key)

    def shares_at(self, model_id: str, point: tuple[float, float, float]) -> tuple[tuple[str, float], ...]:
        """Features behind the voxel at a point (mm, LPS) with their shares in log-odds, largest first."""
        return self._inquiry(model_id).shares_at(point)

    def native_maps(self, model_id: str) -> dict[str, sitk.Image]:
        """Level 3: a model's maps on the sequences' own grids, by role; sums are conserved."""
        return self._inquiry(model_id).native_maps()

    def _inquiry(self, model_id: str) -> Inquiry:
        """What a question about the current result of one model needs.

        Raises
        ------
        EmptyRegionError : there is no result. FeatureError : there is none of this model.
        """
        with self._lock:
            if self._result is None:
                raise EmptyRegionError("There is no result yet.", "Outline the tumour and predict first.")
            if model_id not in self._inquiries:
                raise FeatureError(f"There is no result of the model {model_id!r}.", "Choose one that ran.")
            return self._inquiries[model_id]

    def _opened(
        self, result: Result, measured: Mapping[str, Measured], workspaces: Mapping[str, Workspace]
    ) -> dict[str, Inquiry]:
        models = {model.model_id: model for model in self.models}
        found = {}
        for explanation in result.explanations:
            model = models[explanation.model_id]
            settings = self.preparation(model)
            found[model.model_id] = Inquiry(
                self._case,
                model,
                result.features,
                explanation,
                self._prepared[settings],
                self._measuring[settings],
                measured[model.model_id],
                workspaces[model.model_id],
            )
        return found

    def _trust(self, models: Sequence[RadModel], result: Result, mask: sitk.Image) -> tuple[TrustCard, ...]:
        steadiness = {entry.model_id: entry for entry in result.stability}
        facts: dict[Preparation, ImageFacts] = {}
        cards = []
        for model, prediction in zip(models, result.predictions, strict=True):
            settings = self.preparation(model)
            if settings not in facts:
                known = self._images_for(model)
                facts[settings] = image_facts(self._case, self._prepared[settings], None, mask, known)
            inputs = model_inputs(model, result.features)
            cards.append(assess(model, inputs, prediction, facts[settings], steadiness.get(model.model_id)))
        return tuple(cards)

    def _images_for(self, model: RadModel) -> CaseImages:
        """What the trust card knows about the prepared images, whatever the outline."""
        settings = self.preparation(model)
        if settings not in self._images:
            self._images[settings] = CaseImages(self._case, self._prepared_for(model, silent))
        return self._images[settings]

    def _workspaces(
        self, models: Iterable[RadModel], measured: Mapping[str, Measured]
    ) -> dict[str, Workspace]:
        """What the explanations look into, by model; models with the same preparation share it."""
        made: dict[int, Workspace] = {}
        for model in models:
            on = measured[model.model_id]
            if id(on) not in made:
                made[id(on)] = Workspace.of(self._measuring[self.preparation(model)], on)
        return {model.model_id: made[id(measured[model.model_id])] for model in models}

    def _by_preparation(self, models: Iterable[RadModel]) -> dict[Preparation, list[RadModel]]:
        groups: dict[Preparation, list[RadModel]] = {}
        for model in models:
            groups.setdefault(self.preparation(model), []).append(model)
        return groups

    def _prepared_for(self, model: RadModel, progress: Progress) -> PreparedCase:
        settings = self.preparation(model)
        if settings not in self._prepared:
            roles = {settings.reference, *EVIDENCE_ROLES}
            for other in self.models:
                if self.preparation(other) == settings:
                    roles.update(other.required_sequences, other.optional_sequences)
            chosen = tuple(s for s in self._case.sequences if s.role in roles)
            self._prepared[settings] = prepare_case(
                replace(self._case, sequences=chosen), settings, progress=progress
            )
        return self._prepared[settings]

    def _measuring_for(self, models: Sequence[RadModel], progress: Progress) -> Measuring:
        """What measures outlines for models that share a preparation."""
        settings = self.preparation(models[0])
        if settings not in self._measuring:
            wanted = dict.fromkeys(
                key for model in models for key in model.feature_keys if not is_clinical(key)
            )
            self._measuring[settings] = Measuring(
                self._prepared_for(models[0], progress), [FeatureKey.parse(key) for key in wanted]
            )
        return self._measuring[settings]

    def _with_clinical(self, vector: FeatureVector) -> FeatureVector:
        return replace(vector, values={**vector.values, **encode_clinical(self._case.clinical)})

    def _extract(
        self, models: Iterable[RadModel], mask: sitk.Image, progress: Progress
    ) -> tuple[FeatureVector, dict[str, Measured]]:
        """Measure for every preparation; return one merged vector and, per model, what it was measured on."""
        merged: FeatureVector | None = None
        measured: dict[str, Measured] = {}
        groups = self._by_preparation(models)
        for n, group in enumerate(groups.values()):
            step = part(progress, n / len(groups), (n + 1) / len(groups))
            measuring = self._measuring_for(group, part(step, 0.0, 0.9))
            on = measuring.measure(mask, part(step, 0.9, 1.0))
            measured.update({model.model_id: on for model in group})
            merged = on.vector if merged is None else _merge(merged, on.vector)
        return self._with_clinical(merged), measured

    def _evidence_facts(
        self, facts: RegionFacts, mask: sitk.Image, measured: Mapping[str, Measured]
    ) -> dict[str, object]:
        known: dict[str, object] = {
            **self._case.clinical,
            "diameter_mm": facts.diameter_mm,
            "volume_ml": facts.volume_ml,
        }
        first = next(iter(measured.values()))
        tumour = first.masks["tumour"]
        if "adc" in first.arrays:
            values = first.arrays["adc"][tumour]
            centred = values - values.mean()
            known["adc_mean"] = float(values.mean())
            known["adc_p10"] = float(np.percentile(values, 10))
            if values.std() > 0:
                known["adc_skewness"] = float((centred**3).mean() / values.std() ** 3)
        if self._case.has("t1c"):
            known.update(_enhancement(self._case.sequence("t1c").image, mask))
        if "aptw" in first.arrays:
            known["aptw_max"] = float(first.arrays["aptw"][tumour].max())
        return known

    def _warnings(
        self, facts: RegionFacts, features: FeatureVector, measured: Mapping[str, Measured]
    ) -> tuple[str, ...]:
        found = list(self._case.warnings)
        if facts.touches_border:
            found.append("The outline touches the border of the image: part of the tumour may be missing.")
        if facts.components > 1:
            found.append(
                f"The outline has {facts.components} separate parts; all of them count as one tumour."
            )
        left_out = dict.fromkeys(why for on in measured.values() for why in on.left_out.values())
        found += [f"{why}; it is not used." for why in left_out]
        low, high = BINS_ADVISED
        for name, bins in features.bins.items():
            if not low <= bins <= high:
                found.append(
                    f"{bins} grey levels in {name} (advised: {low}–{high}); texture features are unreliable."
                )
        if self._changes:
            listed = ", ".join(f"{k} = {v}" for k, v in sorted(self._changes.items()))
            found.append(f"The preparation departs from the models' own ({listed}).")
        return tuple(found)

    def _provenance(
        self, models: Iterable[RadModel], features: FeatureVector, measured: Mapping[str, Measured]
    ) -> tuple[str, ...]:
        steps = [f"VirtualBiopsy {__version__}"]
        for model in models:
            steps += [s for s in self._prepared_for(model, silent).steps if s not in steps]
        steps += [s for s in features.provenance if s not in steps]
        steps += [f"Model {m.model_id} {m.version}, SHA-256 {m.sha256}" for m in models]
        return tuple(steps)


def _deltas(before: Result, after: Result) -> tuple[Delta, ...]:
    return deltas((before.explanations, before.predictions), (after.explanations, after.predictions))


def _merge(first: FeatureVector, second: FeatureVector) -> FeatureVector:
    return FeatureVector(
        values={**first.values, **second.values},
        missing={**first.missing, **second.missing},
        bins={**first.bins, **second.bins},
        provenance=tuple(dict.fromkeys((*first.provenance, *second.provenance))),
    )


def _enhancement(image: sitk.Image, mask: sitk.Image) -> dict[str, float]:
    """Coefficient of variation of the contrast-enhanced image inside the outline, as acquired."""
    near = sitk.Resample(image, mask, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat64)
    values = sitk.GetArrayFromImage(near)[sitk.GetArrayFromImage(mask) > 0]
    if values.size == 0 or values.mean() <= 0:
        return {}
    return {"enhancement_cov": float(values.std() / values.mean())}
