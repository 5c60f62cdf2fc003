"""Level 2 on phantoms whose truth is known: planted parts, doses, deletions, turned and flipped images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from regions_support import HOT_KEYS, ROUGH_KEYS, Scene, hot_model, scene
from support import TOY_KEYS, SyntheticTumour, oblique_grid, synthetic_tumour, toy_model
from virtualbiopsy.explain.players import players
from virtualbiopsy.explain.regions import explain_regions
from virtualbiopsy.models.inference import log_odds
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey, is_clinical

FAMILIES = (
    *TOY_KEYS,
    "t1c:tumour:original:glszm:zone_percentage:3d:fbn8:ibsi",
    "t1c:tumour:original:ngtdm:coarseness:3d:fbn8:ibsi",
)


def phantom(seed: int, oblique: bool = True, spread: float = 0.1) -> SyntheticTumour:
    """A tumour whose own texture is weak beside what is planted in it."""
    tumour = synthetic_tumour(
        shape=(18, 24, 22), spacing=(1.5, 1.0, 1.2), radius_mm=9.0, seed=seed, roles=("t1c",), oblique=oblique
    )
    image, mask = tumour.images["t1c"].copy(), tumour.masks["tumour"]
    values = image[mask]
    image[mask] = 1.6 + spread * (values - values.mean()) / values.std()
    return replace(tumour, images={"t1c": image})


def planted(
    tumour: SyntheticTumour, centre: np.ndarray, dose: float = 0.8, rough: bool = False
) -> tuple[SyntheticTumour, np.ndarray]:
    """A ball of 4 mm around a voxel: brighter by the dose, or as rough."""
    place = (np.indices(tumour.masks["tumour"].shape).T - centre).T * np.reshape(tumour.spacing, (3, 1, 1, 1))
    ball = ((place**2).sum(axis=0) < 4.0**2) & tumour.masks["tumour"]
    added = dose * ball
    if rough:
        added = added * np.random.default_rng(3).standard_normal(ball.shape)
    return replace(tumour, images={"t1c": tumour.images["t1c"] + added}), ball


def on_grid(here: Scene, array: np.ndarray) -> np.ndarray:
    return array[here.measured.box]


#: What is planted, and features that rise with it wherever it lies. Others need not: a skewness comes from
#: plant and surround together, and with a fixed number of bins a rough plant smooths the rest.
PLANTS = {"bright": (HOT_KEYS, 0.8, False), "rough": (ROUGH_KEYS, 0.4, True)}


def hits(plant: str, game: str, kind: str, seeds: range, places: int) -> list[bool]:
    """Whether the part with the largest value is the one that holds most of what was planted.

    Plants of which no part holds half are passed over.
    """
    keys, dose, rough = PLANTS[plant]
    found = []
    for seed in seeds:
        tumour = phantom(seed)
        inside = np.argwhere(tumour.masks["tumour"])
        rng = np.random.default_rng(seed)
        for centre in inside[rng.choice(len(inside), places, replace=False)]:
            case, ball = planted(tumour, centre, dose, rough)
            here = scene(case, hot_model(keys))
            labels = players(kind, here.mask, here.measured.spacing, count=8 if game == "erase" else 6)
            held = np.bincount(labels[on_grid(here, ball)], minlength=labels.max() + 1)[1:]
            if 2 * held.max() < held.sum():
                continue
            psi = explain_regions(*here.first, labels, kind, game).psi
            found.append(bool(psi.argmax() == held.argmax()))
    return found


@pytest.mark.parametrize("plant", sorted(PLANTS))
@pytest.mark.parametrize("game", ["erase", "infill"])
@pytest.mark.parametrize("kind", ["supervoxels", "rim"])
def test_a_planted_part_is_found(plant, game, kind):
    """D4 test 7."""
    found = hits(plant, game, kind, range(4), 5)
    assert len(found) > 12 and np.mean(found) >= 0.8, found


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_the_largest_value_moves_with_the_plant(plant):
    """D4 test 7: planted into the middle of each part of one tumour in turn."""
    keys, dose, rough = PLANTS[plant]
    tumour = phantom(2)
    labels = players("supervoxels", tumour.masks["tumour"], tumour.spacing, count=6)
    for part in range(1, 7):
        case, _ = planted(tumour, np.argwhere(labels == part).mean(axis=0), dose, rough)
        here = scene(case, hot_model(keys))
        psi = explain_regions(*here.first, on_grid(here, labels), "supervoxels").psi
        assert psi.argmax() == part - 1


def test_habitats_find_what_was_planted():
    tumour, ball = planted(phantom(1), np.array([9, 12, 11]), dose=1.2)
    here = scene(tumour, hot_model())
    labels = players("habitats", here.mask, here.measured.spacing, here.measured.arrays, 4)
    psi = explain_regions(*here.first, labels, "habitats").psi
    top = labels == psi.argmax() + 1
    assert on_grid(here, ball)[top].mean() > 0.8


def test_the_value_of_a_part_rises_with_the_dose():
    """D4 test 8, second half."""
    centre = np.array([7, 12, 8])
    tumour = phantom(5)
    parts = players("supervoxels", scene(tumour, hot_model()).mask, tumour.spacing, count=8)
    psi = []
    for dose in (0.0, 0.2, 0.4, 0.8, 1.6, 3.2):
        case, ball = planted(tumour, centre, dose)
        here = scene(case, hot_model())
        part = np.bincount(parts[on_grid(here, ball)]).argmax()
        psi.append(explain_regions(*here.first, parts, "supervoxels").psi[part - 1])
    assert (np.diff(psi) > 0).all(), psi


@pytest.fixture(scope="module")
def many_parts():
    """A tumour with two hot spots, 20 parts, their values, and the score of any union, by extraction."""
    tumour, _ = planted(phantom(8), np.array([7, 9, 8]))
    tumour, _ = planted(tumour, np.array([12, 15, 14]))
    here = scene(tumour, hot_model())
    labels = players("supervoxels", here.mask, here.measured.spacing, count=20)
    found = explain_regions(*here.first, labels, "supervoxels")
    assert found.orders and (found.error > 0).all()
    row = np.array([here.features.values[key] for key in HOT_KEYS])
    follow = [j for j, key in enumerate(HOT_KEYS) if not is_clinical(key) and key.split(":")[0] != "mask"]
    keys = [FeatureKey.parse(HOT_KEYS[j]) for j in follow]

    def score(parts) -> float:
        mask = np.isin(labels, np.asarray(parts) + 1)
        values = extract(here.measured.arrays, {"tumour": mask}, here.measured.spacing, keys).values
        filled = row.copy()
        filled[follow] = [values[str(key)] for key in keys]
        return float(log_odds(here.model, filled[None])[0])

    return found, score


def test_removing_the_top_decile_lowers_the_score_more_than_random_parts(many_parts):
    """D4 test 8: 200 random pairs of 20 parts."""
    found, score = many_parts
    rng = np.random.default_rng(0)
    everything = np.arange(20)
    top = np.argsort(-found.psi)[:2]
    dropped = found.log_odds - score(np.setdiff1d(everything, top))
    random = [
        found.log_odds - score(np.setdiff1d(everything, rng.choice(20, 2, replace=False))) for _ in range(200)
    ]
    assert dropped > 0 and dropped > np.mean(random)
    assert np.mean(np.array(random) < dropped) >= 0.95


def test_the_top_decile_alone_scores_higher_than_random_parts(many_parts):
    found, score = many_parts
    rng = np.random.default_rng(1)
    kept = score(np.argsort(-found.psi)[:2])
    random = [score(rng.choice(20, 2, replace=False)) for _ in range(200)]
    assert np.mean(np.array(random) < kept) >= 0.95


def moved(tumour: SyntheticTumour, move: Callable[[np.ndarray], np.ndarray], spacing) -> SyntheticTumour:
    mask = np.ascontiguousarray(move(tumour.masks["tumour"]))
    images = {role: np.ascontiguousarray(move(image)) for role, image in tumour.images.items()}
    return SyntheticTumour(images, {"tumour": mask}, oblique_grid(mask.shape, spacing))


@pytest.mark.parametrize(
    "move, order",
    [
        (lambda a: a[::-1], (0, 1, 2)),
        (lambda a: a[:, ::-1, ::-1], (0, 1, 2)),
        (lambda a: a.transpose(0, 2, 1)[:, :, ::-1], (0, 2, 1)),
        (lambda a: a.transpose(2, 0, 1), (2, 0, 1)),
    ],
    ids=["flip", "half turn", "quarter turn", "axes exchanged"],
)
@pytest.mark.parametrize("kind", ["gaussian_nb", "gradient_boosting"])
def test_values_turn_and_flip_with_the_image(move, order, kind):
    """D4 test 7, exact: parts that are turned with the image have the same values."""
    tumour = replace(phantom(9), images={**phantom(9).images, "adc": 900 + 100 * phantom(10).images["t1c"]})
    tumour = replace(tumour, masks={"tumour": tumour.masks["tumour"]})
    model = toy_model(kind, FAMILIES)
    here = scene(tumour, model)
    parts = np.zeros(here.measured.masks["tumour"].shape, dtype=np.int32)
    parts[:] = players("supervoxels", here.mask, here.measured.spacing, count=5)
    expected = explain_regions(*here.first, parts, "supervoxels")

    whole = np.zeros(tumour.masks["tumour"].shape, dtype=np.int32)
    whole[here.measured.box] = parts
    spacing = tuple(tumour.spacing[axis] for axis in order)
    other = scene(moved(tumour, move, spacing), model)
    found = explain_regions(*other.first, on_grid(other, move(whole)), "supervoxels")
    np.testing.assert_allclose(found.psi, expected.psi, atol=1e-9)
    assert abs(found.nonspatial - expected.nonspatial) <= 1e-9
    assert np.ptp(expected.psi) > 1e-3


@pytest.mark.parametrize("game", ["erase", "infill"])
@pytest.mark.parametrize("kind", ["supervoxels", "rim"])
def test_values_move_with_the_tumour(game, kind):
    """D4 test 7: a tumour elsewhere in the image has the same parts and the same values."""
    tumour = phantom(11)

    def shifted(array: np.ndarray) -> np.ndarray:
        mode = "constant" if array.dtype == bool else "edge"
        return np.pad(array, ((5, 2), (0, 3), (4, 1)), mode=mode)

    psi = []
    for case in (tumour, moved(tumour, shifted, tumour.spacing)):
        here = scene(case, hot_model())
        labels = players(kind, here.mask, here.measured.spacing, count=6)
        found = explain_regions(*here.first, labels, kind, game)
        psi.append(found.psi)
        inside = sitk.GetArrayFromImage(found.labels) > 0
        assert inside.sum() == tumour.masks["tumour"].sum()
    np.testing.assert_allclose(psi[0], psi[1], atol=1e-12)
