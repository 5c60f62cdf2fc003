"""What the images of one case give before anything is outlined: maps, prepared images, what measures them.

Everything is computed when it is first asked for and kept; a case with other images gets a new groundwork.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import SimpleITK as sitk

from .case.model import DYNAMIC_MAPS, Case
from .errors import MissingSequenceError
from .measure import Measured, Measuring
from .models.radmodel import RadModel
from .prepare.diffusion.adc import with_adc
from .prepare.kinetics.aif import ArterialInput
from .prepare.kinetics.derive import Derived, derive_maps
from .prepare.model import Kinetics, Preparation, PreparedCase
from .prepare.prepare import prepare_case
from .progress import Progress, part, silent
from .radiomics.keys import measured_keys
from .radiomics.vector import FeatureVector
from .tasks import Task
from .trust.images import CaseImages

EVIDENCE_ROLES = ("adc", "aptw")
MAPS_SHARE = 0.3
"""Share of the progress of a preparation that computing maps takes."""


@dataclass(frozen=True, eq=False)
class Departures:
    """Where a user departs from the models' own preparation; every result says so.

    Attributes
    ----------
    preparation, kinetics : fields of `Preparation` and of its `Kinetics` that are overruled.
    arterial : arterial input of the kinetic models; None for what the preparation says.
    """

    preparation: Mapping[str, Any] = field(default_factory=dict)
    kinetics: Mapping[str, Any] = field(default_factory=dict)
    arterial: ArterialInput | None = None

    def of(self, own: Preparation) -> Preparation:
        """The preparation of a model, with what is overruled."""
        changed = replace(own, **self.preparation)
        if self.kinetics and changed.kinetics is not None:
            changed = replace(changed, kinetics=replace(changed.kinetics, **self.kinetics))
        return changed

    def __str__(self) -> str:
        given = sorted((*self.preparation.items(), *self.kinetics.items()))
        told = [f"{name} = {value}" for name, value in given]
        return ", ".join([*told, *([f"arterial input: {self.arterial.source}"] if self.arterial else [])])


NO_DEPARTURES = Departures()


class Groundwork:
    """One case, prepared for some models.

    Parameters
    ----------
    case : as read; its clinical values are not used.
    models : models that may be asked for.
    task : models for other tasks cannot run.
    departures : from the models' own preparation.
    """

    def __init__(
        self,
        case: Case,
        models: Sequence[RadModel],
        task: Task,
        departures: Departures = NO_DEPARTURES,
    ) -> None:
        self.case = case
        self.models = tuple(models)
        self.task = task
        self.departures = departures
        self._with_adc: Derived | None = None
        self._derived: dict[Kinetics, Derived] = {}
        self._prepared: dict[Preparation, PreparedCase] = {}
        self._measuring: dict[tuple[str, ...], Measuring] = {}
        self._images: dict[Preparation, CaseImages] = {}

    def departing(self, departures: Departures) -> Groundwork:
        """The same case with other departures; maps and images that still hold are kept."""
        found = Groundwork(self.case, self.models, self.task, departures)
        found._with_adc = self._with_adc
        if departures.arterial is self.departures.arterial:
            found._derived = self._derived
            found._prepared, found._images = self._prepared, self._images
        return found

    def settings(self, model: RadModel) -> Preparation:
        """How the images are prepared for a model."""
        return self.departures.of(model.preparation)

    def groups(self, models: Iterable[RadModel]) -> list[list[RadModel]]:
        """The models, those with the same preparation together."""
        found: dict[Preparation, list[RadModel]] = {}
        for model in models:
            found.setdefault(self.settings(model), []).append(model)
        return list(found.values())

    def runnable(self) -> tuple[tuple[RadModel, ...], dict[str, str]]:
        """The models whose required sequences the case has, and why the others cannot run.

        A map that can be computed from a dynamic series counts as there until it was tried.
        """
        models, skipped = [], {}
        for model in self.models:
            if model.task != self.task.task_id:
                skipped[model.model_id] = f"The model is for another task than {self.task.title.lower()}."
                continue
            left_out = self.left_out(model)
            try:
                for role in (model.preparation.reference, *model.required_sequences):
                    self._require(model, role, left_out)
            except MissingSequenceError as error:
                skipped[model.model_id] = str(error)
            else:
                models.append(model)
        return tuple(models), skipped

    def complete(self, models: Iterable[RadModel], progress: Progress = silent) -> None:
        """Compute the maps that these models need, and the ADC where only diffusion images were read.

        Raises
        ------
        MemoryLimitError : they do not fit into the free memory. Cancelled.
        """
        self._diffuse(part(progress, 0.0, 0.2))
        progress = part(progress, 0.2, 1.0)
        wanted = dict.fromkeys(k for m in models if (k := self.settings(m).kinetics) is not None)
        for n, kinetics in enumerate(wanted):
            self._derive(kinetics, part(progress, n / len(wanted), (n + 1) / len(wanted)))

    def completed(self, model: RadModel) -> Case:
        """The case with the maps that were computed for a model."""
        derived = self._known(model) or self._with_adc
        return self.case if derived is None else derived.case

    def derived_cases(self, kinetics: Kinetics) -> list[Case]:
        """The case with maps that were computed this way already."""
        return [self._derived[kinetics].case] if kinetics in self._derived else []

    def left_out(self, model: RadModel) -> Mapping[str, str]:
        """Why a map could not be computed, by role."""
        found = [d.left_out for d in (self._with_adc, self._known(model)) if d is not None]
        return {role: why for left_out in found for role, why in left_out.items()}

    def prepared(self, model: RadModel, progress: Progress = silent) -> PreparedCase:
        """The images that a model sees, on the common grid.

        Raises
        ------
        As :meth:`complete` and :func:`virtualbiopsy.prepare.prepare.prepare_case`.
        """
        settings = self.settings(model)
        if settings not in self._prepared:
            self.complete([model], part(progress, 0.0, MAPS_SHARE))
            case = self.completed(model)
            roles = {settings.reference, *EVIDENCE_ROLES}
            for other in self.models:
                if self.settings(other) == settings:
                    roles.update(other.required_sequences, other.optional_sequences)
            chosen = tuple(s for s in case.sequences if s.role in roles)
            found = prepare_case(
                replace(case, sequences=chosen), settings, progress=part(progress, MAPS_SHARE, 1.0)
            )
            for derived in (self._known(model), self._with_adc):
                if derived is not None:
                    found = replace(found, steps=(*derived.steps, *found.steps))
            self._prepared[settings] = found
        return self._prepared[settings]

    def measuring(self, models: Sequence[RadModel], progress: Progress = silent) -> Measuring:
        """What measures outlines for models that share a preparation."""
        name = tuple(model.model_id for model in models)
        if name not in self._measuring:
            keys = measured_keys(dict.fromkeys(key for model in models for key in model.feature_keys))
            self._measuring[name] = Measuring(self.prepared(models[0], progress), keys)
        return self._measuring[name]

    def measuring_by_model(self, models: Iterable[RadModel]) -> dict[str, Measuring]:
        """What measures outlines for each of these models."""
        return {m.model_id: self.measuring(group) for group in self.groups(models) for m in group}

    def images(self, model: RadModel) -> CaseImages:
        """What the trust card knows about the prepared images, whatever the outline."""
        settings = self.settings(model)
        if settings not in self._images:
            self._images[settings] = CaseImages(self.completed(model), self.prepared(model))
        return self._images[settings]

    def measure(
        self, models: Iterable[RadModel], mask: sitk.Image, progress: Progress = silent
    ) -> tuple[FeatureVector, dict[str, Measured]]:
        """Measure an outline for every preparation.

        Returns
        -------
        One merged vector of radiomic features and, by model, what it was measured on.

        Raises
        ------
        As :meth:`virtualbiopsy.measure.Measuring.measure`.
        """
        merged: FeatureVector | None = None
        measured: dict[str, Measured] = {}
        groups = self.groups(models)
        for n, group in enumerate(groups):
            step = part(progress, n / len(groups), (n + 1) / len(groups))
            measuring = self.measuring(group, part(step, 0.0, 0.9))
            on = measuring.measure(mask, part(step, 0.9, 1.0))
            measured.update({model.model_id: on for model in group})
            merged = on.vector if merged is None else _merge(merged, on.vector)
        return merged, measured

    def _require(self, model: RadModel, role: str, left_out: Mapping[str, str]) -> None:
        if role in left_out:
            raise MissingSequenceError(f"{role}: {left_out[role]}")
        if not self._untried(model, role):
            self.completed(model).sequence(role)

    def _untried(self, model: RadModel, role: str) -> bool:
        """Whether the case may yet get a sequence with this role."""
        if role == "adc":
            return self.case.diffusion is not None and self._with_adc is None
        kinetics = self.settings(model).kinetics
        return (
            role in DYNAMIC_MAPS
            and kinetics is not None
            and self.case.dynamic is not None
            and kinetics not in self._derived
        )

    def _known(self, model: RadModel) -> Derived | None:
        kinetics = self.settings(model).kinetics
        return None if kinetics is None else self._derived.get(kinetics)

    def _diffuse(self, progress: Progress) -> None:
        if self._with_adc is None:
            case, why, steps = with_adc(self.case, progress)
            self._with_adc = Derived(case, {"adc": why} if why else {}, steps)

    def _derive(self, kinetics: Kinetics, progress: Progress) -> None:
        if kinetics not in self._derived:
            roles = dict.fromkeys(
                role
                for model in self.models
                if self.settings(model).kinetics == kinetics
                for role in (*model.required_sequences, *model.optional_sequences)
                if role in DYNAMIC_MAPS
            )
            self._derived[kinetics] = derive_maps(
                self._with_adc.case, kinetics, tuple(roles), progress, arterial=self.departures.arterial
            )


def _merge(first: FeatureVector, second: FeatureVector) -> FeatureVector:
    return FeatureVector(
        values={**first.values, **second.values},
        missing={**first.missing, **second.missing},
        bins={**first.bins, **second.bins},
        provenance=tuple(dict.fromkeys((*first.provenance, *second.provenance))),
    )
