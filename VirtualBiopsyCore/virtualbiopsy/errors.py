"""Typed errors: each says what is wrong, where, and what the user can do about it."""

from __future__ import annotations


class VirtualBiopsyError(Exception):
    """Base of all errors that are shown to the user.

    Parameters
    ----------
    message : what is wrong and where, in one sentence.
    hint : what the user can do, in one sentence; empty if there is nothing to do.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Cancelled(VirtualBiopsyError):
    """The user cancelled; nothing was changed."""

    def __init__(self, message: str = "Cancelled; nothing was changed.") -> None:
        super().__init__(message)


class RegionError(VirtualBiopsyError):
    """The region (outline) cannot be used."""


class EmptyRegionError(RegionError):
    """The region holds no voxel."""


class RegionTooSmallError(RegionError):
    """The region holds too few voxels for the requested features."""


class FlatRegionError(RegionError):
    """All voxels of the region have the same value."""


class OutsideBreastError(RegionError):
    """The outline of a lesion lies outside the breast."""


class ImageError(VirtualBiopsyError):
    """An image cannot be used."""


class NonFiniteError(ImageError):
    """The image holds NaN or infinite values where finite ones are needed."""


class ConstantImageError(ImageError):
    """All voxels of the image have the same value."""


class DimensionError(ImageError):
    """The image does not have three dimensions (4D or 2D where 3D is wanted)."""


class GeometryError(VirtualBiopsyError):
    """Two images that must share a grid or a frame of reference do not."""


class UnitError(VirtualBiopsyError):
    """Values are in another unit than stated (for example ADC in 10⁻³ instead of 10⁻⁶ mm²/s)."""


class MissingSequenceError(VirtualBiopsyError):
    """The case lacks a sequence that the model requires."""


class ClinicalValueError(VirtualBiopsyError):
    """A clinical variable is unknown, of the wrong type or out of its range."""


class UnreadableFileError(VirtualBiopsyError):
    """A file is missing, truncated, or of a kind that cannot be read."""


class OversizedFileError(VirtualBiopsyError):
    """A file is larger than the stated limit."""


class ModelFormatError(VirtualBiopsyError):
    """A .radmodel file is damaged, foreign, oversized, or not a .radmodel at all."""


class ModelMismatchError(VirtualBiopsyError):
    """The model is for another task, or needs features that this engine does not give."""


class FeatureError(VirtualBiopsyError):
    """A feature key is unknown or cannot be computed."""


class MemoryLimitError(VirtualBiopsyError):
    """The work would need more memory than is free; refused before anything is allocated."""


class EngineError(VirtualBiopsyError):
    """An extraction engine is not installed, failed, or does not know what it was asked for."""


class RegistrationError(VirtualBiopsyError):
    """Rigid registration failed or ended with an implausible transform."""


class RuleFormatError(VirtualBiopsyError):
    """A file of published rules is damaged or incomplete."""


class ExistingFileError(VirtualBiopsyError):
    """A result would overwrite a file that exists."""


class NotDicomError(VirtualBiopsyError):
    """DICOM objects are to be written for a case whose images do not come from DICOM files."""


class MissingPackageError(VirtualBiopsyError):
    """Something needs a Python package that is not installed."""


class DynamicSeriesError(VirtualBiopsyError):
    """A dynamic series cannot be used for what was asked."""


class PhaseCountError(DynamicSeriesError):
    """The dynamic series has too few phases."""


class PhaseGeometryError(DynamicSeriesError, GeometryError):
    """Phases of a dynamic series differ in size or lie on different grids."""


class PhaseTimeError(DynamicSeriesError):
    """Times of phases are missing, equal or unsorted."""


class PrecontrastError(DynamicSeriesError):
    """The dynamic series has no phase before the contrast agent, or none after it."""


class DiffusionSeriesError(VirtualBiopsyError):
    """b-values are missing, equal or too few."""


class ArterialInputError(VirtualBiopsyError):
    """The arterial input is empty, zero or negative, too short, or cannot be read."""


class KineticsError(VirtualBiopsyError):
    """A pharmacokinetic model or a T1 map cannot be fitted, or failed in every voxel."""


class CohortError(VirtualBiopsyError):
    """A cohort has faults; the message lists all of them."""


class TrainingError(VirtualBiopsyError):
    """A model cannot be trained or validated on these data."""


class FormError(VirtualBiopsyError):
    """Something that was filled in cannot be used; `field` names it.

    Parameters
    ----------
    field : name of the field, as in :class:`virtualbiopsy.workbench.form.Form`.
    message, hint : as for all errors.
    """

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.field = field
