"""The games of level 2: what the model says if only some parts of the outline are there."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from ..case.arrays import grow_box
from ..errors import FeatureError, GeometryError, RegionError
from ..measure import Measured, Measuring
from ..models.inference import Inputs, explained_score, model_inputs, sums_to
from ..models.radmodel import RadModel
from ..progress import Progress, silent
from ..radiomics.coalitions.coalitions import Coalitions
from ..radiomics.definitions import MASK
from ..radiomics.extract import extract
from ..radiomics.keys import FeatureKey, is_clinical, is_delta
from ..radiomics.plan import plan
from ..radiomics.resegment import parse_region
from ..radiomics.vector import FeatureVector
from .reference_texture import reference_texture

GAMES = ("erase", "infill")
TUMOUR = "tumour"
FROZEN_SHAPE, FROZEN_CLINICAL, FROZEN_IMPUTED = "shape", "clinical", "imputed"
FROZEN_REGION, FROZEN_CHANGE = "other region", "change between two time points"

_ROWS_AT_ONCE = 32768


class RegionGame:
    """Worth of coalitions of parts, in log-odds: v(all) = g(x), g the model's score.

    Only features of the tumour's intensities follow the coalition. All others are kept at their value
    (:attr:`frozen`): shape and clinical variables, imputed values, and features of other regions (a ring, the
    largest slice), which belong to the outline as it is.

    * "erase": the features of the union of the parts, as if it were the outline. v(none) = E_B[g | U = u],
      the mean over the model's background rows with the frozen features at their values.
    * "infill": the outline stays, the voxels of the missing parts hold a reference texture
      (:mod:`.reference_texture`). v(none) is the score of the outline that holds nothing else, so that a part
      that equals the reference has no share.

    A feature that a small union does not define (one voxel, no neighbours, a single grey level) is averaged
    over the background, like all of them in v(none): what is unknown is treated in one way, and the score
    goes over into v(none) as unions vanish. v(all) is the score of the outline itself, so that the sum is
    exact.

    Parameters
    ----------
    features : the values of the outline. labels : (k, j, i) on the grid of `measured`, 0 outside, 1…K.
    seed : of the reference texture.

    Attributes
    ----------
    parts : K. volume_ml : (K,). frozen : why, by key. recounted : keys that are counted anew for every
        coalition. baseline : E_B[g]. log_odds : g(x). sums_to : what these are.

    Raises
    ------
    FeatureError : unknown game. GeometryError : the labels do not fit the outline.
    """

    def __init__(
        self,
        model: RadModel,
        measuring: Measuring,
        measured: Measured,
        features: FeatureVector,
        labels: np.ndarray,
        game: str = "erase",
        seed: int = 0,
    ) -> None:
        if game not in GAMES:
            raise FeatureError(f"Unknown game {game!r}.", f"Use {' or '.join(GAMES)}.")
        labels = _checked(labels, measured.masks[TUMOUR])
        self.model, self.game, self._labels = model, game, labels
        inputs = model_inputs(model, features)
        self.frozen = _frozen(model, inputs, measured)
        self._row = inputs.row
        self._columns = [j for j, key in enumerate(model.feature_keys) if key not in self.frozen]
        self._keys = [FeatureKey.parse(model.feature_keys[j]) for j in self._columns]
        self.parts = int(labels.max())
        sizes = np.bincount(labels.ravel(), minlength=self.parts + 1)[1:]
        self.volume_ml = sizes * math.prod(measured.spacing) / 1000.0
        self.baseline = float(explained_score(model, model.background).mean())
        self.log_odds = float(explained_score(model, self._row[None])[0])
        self.sums_to = sums_to(model)
        self._spacing = measured.spacing
        self.recounted: tuple[str, ...] = tuple(map(str, self._keys))
        if game == "infill":
            self._images, self._box = _room(measuring, measured, self._keys)
            inside = np.zeros(next(iter(self._images.values())).shape if self._images else labels.shape, bool)
            inside[self._box] = labels > 0
            self._filled = {
                role: reference_texture(image, inside, zlib.crc32(role.encode()) + seed)
                for role, image in self._images.items()
            }
        elif self._keys:
            self._unions = Coalitions(
                measured.arrays, labels, measured.spacing, self._keys, responses=measuring.responses(measured)
            )
            self.recounted = self._unions.recounted

    def worth(self, chosen: np.ndarray, progress: Progress = silent) -> np.ndarray:
        """Log-odds (C,) of coalitions (C, K) bool.

        Raises
        ------
        Cancelled
        """
        chosen = np.asarray(chosen, dtype=bool)
        found = np.full(len(chosen), self.log_odds)
        rows = np.flatnonzero(~chosen.all(axis=1))
        if rows.size:
            found[rows] = self._scores(self._features(chosen[rows], progress))
        return found

    def _features(self, chosen: np.ndarray, progress: Progress) -> np.ndarray:
        """(C, spatial features), NaN where undefined."""
        if not self._keys:
            return np.empty((len(chosen), 0))
        if self.game == "erase":
            return self._unions.evaluate(chosen, progress)
        found = np.full((len(chosen), len(self._keys)), np.nan)
        inside = np.zeros(next(iter(self._images.values())).shape, dtype=bool)
        inside[self._box] = self._labels > 0
        for row, parts in enumerate(chosen):
            progress(row / len(chosen), "Parts of the outline")
            kept = np.zeros(inside.shape, dtype=bool)
            kept[self._box] = np.append(False, parts)[self._labels]
            images = {role: np.where(kept, image, self._filled[role]) for role, image in self._images.items()}
            try:
                values = extract(images, {TUMOUR: inside}, self._spacing, self._keys).values
            except RegionError:
                continue
            found[row] = [values.get(str(key), math.nan) for key in self._keys]
        return found

    def _scores(self, values: np.ndarray) -> np.ndarray:
        rows = np.repeat(self._row[None], len(values), axis=0)
        rows[:, self._columns] = values
        unknown = np.isnan(rows)
        found = np.empty(len(rows))
        whole = ~unknown.any(axis=1)
        found[whole] = explained_score(self.model, rows[whole])
        background = self.model.background
        gaps = np.flatnonzero(~whole)
        step = max(1, _ROWS_AT_ONCE // len(background))
        for start in range(0, len(gaps), step):
            some = gaps[start : start + step]
            filled = np.where(unknown[some, None, :], background[None], rows[some, None, :])
            scores = explained_score(self.model, filled.reshape(-1, rows.shape[1]))
            found[some] = scores.reshape(len(some), -1).mean(axis=1)
        return found


def _checked(labels: np.ndarray, inside: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != inside.shape or not np.issubdtype(labels.dtype, np.integer):
        raise GeometryError("The parts are not whole numbers on the grid of the outline.")
    if not np.array_equal(labels > 0, inside):
        raise GeometryError(
            "The parts and the outline are not the same voxels.", "Split the outline as it is now."
        )
    if np.count_nonzero(np.bincount(labels[inside])[1:]) != labels.max():
        raise GeometryError("The parts are not numbered without gaps from 1.")
    return labels


def _frozen(model: RadModel, inputs: Inputs, measured: Measured) -> dict[str, str]:
    found = {}
    for key in model.feature_keys:
        if is_clinical(key):
            found[key] = FROZEN_CLINICAL
            continue
        if is_delta(key):
            found[key] = FROZEN_CHANGE
            continue
        parsed = FeatureKey.parse(key)
        if parsed.sequence == MASK:
            found[key] = FROZEN_SHAPE
        elif key in inputs.imputed or parsed.sequence not in measured.arrays:
            found[key] = FROZEN_IMPUTED
        elif parse_region(parsed.region).name != TUMOUR:
            found[key] = FROZEN_REGION
    return found


def _room(
    measuring: Measuring, measured: Measured, keys: list[FeatureKey]
) -> tuple[Mapping[str, np.ndarray], tuple[slice, slice, slice]]:
    """Images with as much around the outline as filters see; where the outline's grid lies in them."""
    roles = {key.sequence for key in keys}
    shape = next(iter(measured.masks.values())).shape
    planned = plan(keys)
    if not planned.responses:
        arrays = {role: measured.arrays[role] for role in sorted(roles)}
        return arrays, tuple(slice(0, n) for n in shape)
    whole = measuring.prepared.grid.GetSize()[::-1]
    reach = planned.reach(measured.spacing)
    box = tuple(slice(0, n) for n in whole) if reach is None else grow_box(measured.box, whole, reach)
    arrays = {
        role: np.array(sitk.GetArrayViewFromImage(measuring.prepared.images[role])[box])
        for role in sorted(roles)
    }
    inner = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(measured.box, box, strict=True))
    return arrays, tuple(inner)
