"""The waist of the house: one case, its models and the caches; the only thing that a front end talks to."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import SimpleITK as sitk

from .asking import Asking
from .case.clinical import check_clinical, encode_clinical
from .case.dynamic import DynamicSeries
from .case.dynamic_series import with_dynamic
from .case.model import Case
from .case.phase_times import check_series
from .case.task import guess_task
from .dynamics import Dynamics
from .earlier import NO_EARLIER_STUDY, Earlier
from .errors import EmptyRegionError, MissingSequenceError
from .evidence.gate import gate_outcomes
from .evidence.rules import evaluate_rules, read_rules
from .explain.delta import Delta, deltas
from .explain.explain import explain
from .explain.workspace import Workspace
from .findings import evidence_facts, outline_warnings, provenance
from .groundwork import MAPS_SHARE, NO_DEPARTURES, Departures, Groundwork
from .inquiry import Inquiry
from .measure import Measured, Measuring
from .models.inference import model_inputs, predict
from .models.library import available_models
from .models.radmodel import RadModel
from .perturb import stability
from .prepare.kinetics.aif import ArterialInput
from .prepare.kinetics.pharmacokinetic import VESSEL
from .prepare.model import Kinetics, Preparation, PreparedCase
from .progress import Progress, part, silent
from .radiomics.delta import with_deltas
from .radiomics.vector import FeatureVector
from .regions.crop import crop_mask
from .regions.facts import region_facts
from .regions.model import RegionFacts
from .resources import resource
from .result import Result, region_digest
from .tasks import TASKS, Task
from .trust.card import assess
from .trust.images import image_facts
from .trust.model import ImageFacts, Stability, TrustCard

__all__ = ["Result", "Session", "region_digest"]


class Session(Asking):
    """One case with its models. Methods may be called from one worker thread at a time.

    Questions about a result (:class:`virtualbiopsy.asking.Asking`) may run beside it in another thread.

    Parameters
    ----------
    case : the case as read.
    models : models to run; the bundled and installed ones of the task if None.
    task : what the case is for; guessed from the case if None, or that of the models if they have one in
        common.
    """

    def __init__(
        self, case: Case, models: Sequence[RadModel] | None = None, task: Task | None = None
    ) -> None:
        self._lock = threading.RLock()
        self._case = case.with_clinical(check_clinical(case.clinical))
        self.task = task if task is not None else _task(case, models)
        self.models: tuple[RadModel, ...] = tuple(
            available_models(self.task.task_id) if models is None else models
        )
        self._rules = read_rules(resource("Rules") / self.task.rules)
        self._departures = NO_DEPARTURES
        self._ground = Groundwork(self._case, self.models, self.task)
        self._dynamics: Dynamics | None = None
        self._earlier: Earlier | None = None
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
            self._use(self._case.with_role(name, role))

    def _use(self, case: Case) -> None:
        """Start anew with a case whose images differ."""
        self._case = case
        self._ground = Groundwork(case, self.models, self.task, self._departures)
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
        self._depart(replace(self._departures, preparation=dict(changes)))

    def set_kinetics(
        self, arterial: ArterialInput | None = None, vessel: sitk.Image | None = None, **changes: Any
    ) -> None:
        """Depart from the models' own kinetics (``t1_ms=1300``, say); no argument reverts.

        Parameters
        ----------
        arterial : arterial input of the kinetic models, for example from a table.
        vessel : outline of an artery in which the input is measured (``aif="measured"``), in the space of
            the dynamic series.
        changes : fields of :class:`virtualbiopsy.prepare.model.Kinetics`. Every result says so.
        """
        replace(Kinetics(), **changes)
        with self._lock:
            if vessel is not None:
                self._use(self._case.with_region(VESSEL, vessel))
            self._depart(replace(self._departures, kinetics=dict(changes), arterial=arterial))

    def _depart(self, departures: Departures) -> None:
        with self._lock:
            self._departures = departures
            self._ground = self._ground.departing(departures)
            if self._earlier is not None:
                self._earlier = self._earlier.departing(departures)
            self._result = None

    def preparation(self, model: RadModel) -> Preparation:
        return self._ground.settings(model)

    def runnable(self) -> tuple[tuple[RadModel, ...], dict[str, str]]:
        """Return the models whose required sequences the case has, and why the others cannot run.

        A map that can be computed from a dynamic series counts as there until it was tried.
        """
        models, skipped = self._ground.runnable()
        if self._earlier is None:
            skipped |= {m.model_id: NO_EARLIER_STUDY for m in models if m.needs_earlier}
        return tuple(m for m in models if m.model_id not in skipped), skipped

    def prepare(self, progress: Progress = silent) -> None:
        """Prepare the images for all models that can run; worth calling as soon as the roles are settled."""
        with self._lock:
            self._ground.complete(self.runnable()[0], part(progress, 0.0, MAPS_SHARE))
            models, _ = self.runnable()
            rest = part(progress, MAPS_SHARE, 1.0)
            for n, model in enumerate(models):
                self._ground.prepared(model, part(rest, n / len(models), (n + 1) / len(models)))
                self._ground.images(model)

    def prepared(self, model: RadModel) -> PreparedCase:
        """The prepared images that a model sees."""
        return self._ground.prepared(model)

    @property
    def dynamics(self) -> Dynamics:
        """Maps, proposals and curves of the case's dynamic series."""
        with self._lock:
            if self._dynamics is None or self._dynamics.ground is not self._ground:
                self._dynamics = Dynamics(self._ground)
            return self._dynamics

    def set_dynamic(self, series: DynamicSeries) -> None:
        """Take a dynamic series whose phases were marked or aligned otherwise; everything starts anew.

        Raises
        ------
        DynamicSeriesError : it cannot be used; nothing is changed.
        """
        with self._lock:
            check_series(series)
            self._use(with_dynamic(self._case, series))

    @property
    def earlier(self) -> Earlier | None:
        """The earlier examination of the same lesion, for models of change."""
        return self._earlier

    def set_earlier(
        self, case: Case | None, mask: sitk.Image | None = None, progress: Progress = silent
    ) -> None:
        """Take an earlier examination with the outline of the lesion in it; None for none.

        Raises
        ------
        EmptyRegionError : no outline, or it holds no voxel. As :meth:`set_region`: the examination or its
            outline cannot be measured; the one before stays. Cancelled.
        """
        with self._lock:
            if case is None:
                self._earlier = self._result = None
                return
            if mask is None:
                raise EmptyRegionError(
                    "The earlier examination has no outline of the lesion.", "Outline it there first."
                )
            earlier = Earlier(case, mask, self.models, self.task, replace(self._departures, arterial=None))
            earlier.measure(progress)
            self._earlier, self._result = earlier, None

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
            self._ground.complete(self.runnable()[0], part(progress, 0.0, 0.3))
            models, skipped = self.runnable()
            if not models:
                raise MissingSequenceError(
                    "No model can run on this case.", " ".join(dict.fromkeys(skipped.values()))
                )
            outline = crop_mask(mask)
            vector, measured = self._ground.measure(models, outline, part(progress, 0.3, 0.8))
            features = self._completed(vector, models)
            measuring = self._ground.measuring_by_model(models)
            workspaces = _workspaces(measuring, measured)
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
                evidence=(
                    *evaluate_rules(self._rules, evidence_facts(self._case, facts, outline, measured)),
                    *gate_outcomes(self._rules, models),
                ),
                skipped=skipped,
                warnings=(
                    *outline_warnings(self._case, facts, features, measured, self._ground, models),
                    *self._time_point_warning(models),
                ),
                provenance=provenance(self._ground, models, features),
            )
            result = replace(
                result,
                trust=self._trust(models, result, mask),
                deltas=() if self._before is None else _deltas(self._before, result),
            )
            progress(1.0, "Done")
            self._mask, self._result, self._before = mask, result, result
            self._inquiries = self._opened(result, measuring, measured, workspaces)
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
            for group in self._ground.groups(models):
                measuring = self._ground.measuring(group)
                measured = measuring.measure(crop_mask(mask))

                def predictions(vector: FeatureVector, group=group):
                    features = self._completed(vector, group)
                    return {model.model_id: predict(model, features) for model in group}

                for entry in stability(measuring, measured, predictions, progress):
                    found[entry.model_id] = entry
            entries = tuple(found[model.model_id] for model in models)
            if self._result is result:
                steadied = replace(result, stability=entries)
                self._result = self._before = replace(steadied, trust=self._trust(models, steadied, mask))
            return entries

    def _opened(
        self,
        result: Result,
        measuring: Mapping[str, Measuring],
        measured: Mapping[str, Measured],
        workspaces: Mapping[str, Workspace],
    ) -> dict[str, Inquiry]:
        models = {model.model_id: model for model in self.models}
        return {
            model_id: Inquiry(
                self._ground.completed(models[model_id]),
                models[model_id],
                result.features,
                explanation,
                self._ground.prepared(models[model_id]),
                measuring[model_id],
                measured[model_id],
                workspaces[model_id],
            )
            for explanation in result.explanations
            for model_id in [explanation.model_id]
        }

    def _trust(self, models: Sequence[RadModel], result: Result, mask: sitk.Image) -> tuple[TrustCard, ...]:
        steadiness = {entry.model_id: entry for entry in result.stability}
        facts: dict[Preparation, ImageFacts] = {}
        cards = []
        for model, prediction in zip(models, result.predictions, strict=True):
            settings = self.preparation(model)
            if settings not in facts:
                case, prepared = self._ground.completed(model), self._ground.prepared(model)
                facts[settings] = image_facts(case, prepared, None, mask, self._ground.images(model))
            inputs = model_inputs(model, result.features)
            cards.append(assess(model, inputs, prediction, facts[settings], steadiness.get(model.model_id)))
        return tuple(cards)

    def _time_point_warning(self, models: Sequence[RadModel]) -> tuple[str, ...]:
        single = [model.endpoint for model in models if not model.needs_earlier]
        if self._earlier is None or not single:
            return ()
        return (
            f"An earlier examination is open. The models of {', '.join(dict.fromkeys(single))} look at the "
            "later one alone; treatment in between may have changed what they learnt to look for.",
        )

    def _completed(self, vector: FeatureVector, models: Sequence[RadModel]) -> FeatureVector:
        """The features of an outline with clinical variables and changes since the earlier time point."""
        values = {**vector.values, **encode_clinical(self._case.clinical)}
        earlier = {} if self._earlier is None else self._earlier.values(models)
        keys = dict.fromkeys(key for model in models for key in model.feature_keys)
        return with_deltas(replace(vector, values=values, earlier=earlier), keys)


def _task(case: Case, models: Sequence[RadModel] | None) -> Task:
    tasks = {model.task for model in models or ()}
    known = TASKS.get(tasks.pop()) if len(tasks) == 1 else None
    return guess_task(case).task if known is None else known


def _workspaces(measuring: Mapping[str, Measuring], measured: Mapping[str, Measured]) -> dict[str, Workspace]:
    """What the explanations look into, by model; models with the same preparation share it."""
    made: dict[int, Workspace] = {}
    for model_id, on in measured.items():
        if id(on) not in made:
            made[id(on)] = Workspace.of(measuring[model_id], on)
    return {model_id: made[id(on)] for model_id, on in measured.items()}


def _deltas(before: Result, after: Result) -> tuple[Delta, ...]:
    return deltas((before.explanations, before.predictions), (after.explanations, after.predictions))
