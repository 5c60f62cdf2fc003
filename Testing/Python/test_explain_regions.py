"""Level 2: the sum rule, the values by re-extraction, what is frozen, what is undefined, refinement."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from regions_support import Scene, scene, small
from support import TOY_KEYS, synthetic_tumour, toy_model
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import Cancelled, FeatureError, GeometryError, RegionError
from virtualbiopsy.explain.players import players
from virtualbiopsy.explain.reference_texture import reference_texture
from virtualbiopsy.explain.region_game import RegionGame
from virtualbiopsy.explain.regions import explain_regions, refine
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.classifier import SPECS
from virtualbiopsy.models.inference import baseline, log_odds, predict
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.progress import CancelToken
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey, is_clinical
from virtualbiopsy.session import Session

RICH_KEYS = (
    *TOY_KEYS,
    "adc:tumour:original:statistics:percentile_10:3d:none:ibsi",
    "t1c:tumour:original:histogram:uniformity:3d:fbn16:ibsi",
    "t1c:tumour:original:glrlm:short_runs_emphasis:3d_merged:fbn16:ibsi",
    "t1c:tumour:log(sigma=3):statistics:percentile_90:3d:none:ibsi",
    "t1c:ring5:original:statistics:mean:3d:none:ibsi",
    "t1c:largest_slice:original:statistics:mean:3d:none:ibsi",
    "mask:tumour:original:morphology:sphericity:3d:none:ibsi",
)
FOLLOWS = [
    j
    for j, key in enumerate(RICH_KEYS)
    if not is_clinical(key) and key.split(":")[0] != "mask" and key.split(":")[1] == "tumour"
]


def total(found) -> float:
    return found.baseline + found.nonspatial + found.psi.sum() - found.log_odds


@pytest.fixture(scope="module")
def rich() -> Scene:
    """In an image that is larger than what is measured around the outline, with a filter that sees more."""
    return scene(small(3, shape=(32, 44, 40)), toy_model("gaussian_nb", RICH_KEYS))


@pytest.fixture(scope="module")
def plain() -> Scene:
    return scene(small(3), toy_model("gaussian_nb"))


def by_extraction(here: Scene, labels, inside: set[int], keys, follows) -> float:
    """Score of some parts: extracted as an outline of its own, frozen features from the whole outline."""
    model, on = here.model, here.measured
    row = np.array([here.features.values[key] for key in keys])
    wanted = [FeatureKey.parse(keys[j]) for j in follows]
    union = np.isin(labels, [part + 1 for part in inside])
    try:
        found = extract(on.arrays, {"tumour": union}, on.spacing, wanted, here.measuring.responses(on)).values
    except RegionError:
        found = {}
    rows = np.repeat(row[None], len(model.background), axis=0)
    for j in follows:
        rows[:, j] = found.get(keys[j], math.nan)
        if math.isnan(rows[0, j]):
            rows[:, j] = model.background[:, j]
    return float(log_odds(model, rows).mean())


def shapley_by_orders(values, parts: int) -> np.ndarray:
    psi = np.zeros(parts)
    for order in itertools.permutations(range(parts)):
        for n, player in enumerate(order):
            psi[player] += values[frozenset(order[: n + 1])] - values[frozenset(order[:n])]
    return psi / math.factorial(parts)


@pytest.mark.parametrize("kind", ["gaussian_nb", "logistic", "random_forest"])
def test_values_are_those_of_extracting_every_union(rich, kind):
    parts = 4 if kind != "gaussian_nb" else 6
    here = replace(rich, model=toy_model(kind, RICH_KEYS, seed=2))
    labels = players("supervoxels", here.mask, here.measured.spacing, count=parts)
    values = {
        frozenset(union): by_extraction(here, labels, set(union), RICH_KEYS, FOLLOWS)
        for size in range(parts + 1)
        for union in itertools.combinations(range(parts), size)
    }
    found = explain_regions(*here.first, labels, "supervoxels")
    scale = max(1.0, np.abs(list(values.values())).max())
    np.testing.assert_allclose(found.psi, shapley_by_orders(values, parts), atol=1e-9 * scale)
    assert abs(found.nonspatial - (values[frozenset()] - baseline(here.model))) <= 1e-9 * scale
    assert abs(found.log_odds - values[frozenset(range(parts))]) <= 1e-9 * scale
    assert found.method == f"exact enumeration, {2**parts} evaluations" and not found.error.any()


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(SPECS)),
    parts=st.sampled_from(["supervoxels", "rim", "habitats"]),
    game=st.sampled_from(["erase", "infill"]),
    count=st.integers(1, 7),
    max_exact=st.sampled_from([3, 10]),
    seed=st.integers(0, 10**6),
    spacing=st.tuples(*[st.floats(0.5, 3.0)] * 3),
    oblique=st.booleans(),
    slope=st.floats(0.2, 3.0),
)
def test_local_accuracy(kind, parts, game, count, max_exact, seed, spacing, oblique, slope):
    tumour = synthetic_tumour(
        shape=(11, 13, 12),
        spacing=spacing,
        radius_mm=4.0 * max(spacing),
        oblique=oblique,
        seed=seed,
        roles=("t1c", "adc"),
    )
    model = toy_model(kind, seed=seed, n_background=8, calibrator=Calibrator("platt", slope, 0.3))
    here = scene(tumour, model)
    labels = players(parts, here.mask, here.measured.spacing, here.measured.arrays, count, seed=seed)
    found = explain_regions(*here.first, labels, parts, game, max_exact, orders=8, seed=seed)
    prediction = predict(model, here.features)
    assert abs(total(found)) <= 1e-9 * max(1.0, abs(found.log_odds - found.baseline))
    assert found.log_odds == prediction.log_odds and found.baseline == prediction.baseline
    assert len(found.psi) == len(found.error) == len(found.volume_ml) == labels.max()
    if found.orders:
        assert labels.max() > max_exact and found.method.startswith("8 sampled orders")
    else:
        assert not found.error.any() and found.evaluations == 2 ** labels.max()


def test_the_picture_lies_on_the_prepared_grid(plain):
    labels = players("rim", plain.mask, plain.measured.spacing, count=5)
    found = explain_regions(*plain.first, labels, "rim")
    grid = plain.measured.grid
    assert found.kind == "rim" and found.labels.GetPixelID() == sitk.sitkInt32
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.labels), labels)
    for name in ("GetOrigin", "GetSpacing", "GetDirection", "GetSize"):
        assert getattr(found.labels, name)() == getattr(grid, name)()
    volume = np.prod(grid.GetSpacing()) / 1000
    np.testing.assert_allclose(found.volume_ml, np.bincount(labels.ravel())[1:] * volume)


def test_what_is_frozen_is_said_with_the_reason(rich):
    labels = players("supervoxels", rich.mask, rich.measured.spacing, count=3)
    features = replace(
        rich.features,
        values={key: v for key, v in rich.features.values.items() if not key.startswith("adc")},
    )
    found = explain_regions(rich.model, rich.measuring, rich.measured, features, labels, "supervoxels")
    assert found.frozen == {
        RICH_KEYS[0]: "shape",
        RICH_KEYS[-1]: "shape",
        RICH_KEYS[-3]: "other region",
        RICH_KEYS[-2]: "other region",
        "clinical:age": "clinical",
        RICH_KEYS[5]: "imputed",
        RICH_KEYS[7]: "imputed",
    }
    assert found.recounted == (RICH_KEYS[9],)
    assert abs(total(found)) <= 1e-9


def test_a_model_without_features_of_the_tumour_has_no_values_of_parts(plain):
    keys = (TOY_KEYS[0], "clinical:age")
    here = scene(small(3), toy_model("gaussian_nb", keys))
    labels = players("supervoxels", here.mask, here.measured.spacing, count=4)
    for game in ("erase", "infill"):
        found = explain_regions(*here.first, labels, "supervoxels", game)
        assert np.abs(found.psi).max() <= 1e-14 and abs(total(found)) <= 1e-12


@pytest.mark.parametrize("model", builtin_models("meningioma"), ids=lambda model: model.model_id)
def test_the_bundled_models_need_no_recount(model):
    """What 2⁸ coalitions of their features cost is the cost of tables."""
    here = scene(small(3, roles=("t1c", "t2", "adc")), model)
    labels = players("supervoxels", here.mask, here.measured.spacing, count=8)
    found = explain_regions(*here.first, labels, "supervoxels")
    assert found.recounted == () and found.evaluations == 256
    assert abs(total(found)) <= 1e-9 * max(1.0, abs(found.log_odds - found.baseline))


def test_a_session_explains_parts_that_were_drawn_on_its_prepared_grid():
    tumour = synthetic_tumour(shape=(26, 36, 34), spacing=(2.0, 1.0, 1.1), radius_mm=8.0)
    case = Case("synthetic", tuple(Sequence(role, role, tumour.image(role)) for role in ("t1c", "adc")))
    session = Session(case, [toy_model("gaussian_nb")])
    session.set_preparation(normalise="none", register=False)
    result = session.set_region(tumour.mask())
    drawn = np.zeros(session.prepared(session.models[0]).grid.GetSize()[::-1], dtype=bool)
    drawn[:, : drawn.shape[1] // 2] = True
    found = session.explain_regions("toy-gaussian-nb", "drawn", drawn=drawn)
    assert found.kind == "drawn" and len(found.psi) == 2 and abs(total(found)) <= 1e-9
    assert found.log_odds == result.predictions[0].log_odds
    place = sitk.Resample(
        found.labels, session.prepared(session.models[0]).grid, sitk.Transform(), sitk.sitkNearestNeighbor
    )
    parts = sitk.GetArrayFromImage(place)
    assert drawn[parts == 1].all() and not drawn[parts == 2].any()
    assert found.volume_ml.sum() == pytest.approx(result.facts.volume_ml, rel=0.03)


def test_an_isotonic_calibrator_forbids_the_word_log_odds(plain):
    """D4 test 16 on level 2: the parts add up to the score before calibration, and say so."""
    step = Calibrator("isotonic", x=(-1.0, 0.0, 1.0), y=(0.1, 0.4, 0.9))
    here = replace(plain, model=replace(plain.model, calibrator=step))
    labels = players("supervoxels", here.mask, here.measured.spacing, count=4)
    found = explain_regions(*here.first, labels, "supervoxels")
    raw = explain_regions(*plain.first, labels, "supervoxels")
    assert found.sums_to == "uncalibrated log-odds" and raw.sums_to == "log-odds"
    np.testing.assert_array_equal(found.psi, raw.psi)
    assert found.log_odds == raw.log_odds and abs(total(found)) <= 1e-9


def test_an_affine_calibrator_scales_every_part(plain):
    for calibrator, slope in ((Calibrator("platt", 1.7, 0.4), 1.7), (Calibrator("temperature", 0.5), 0.5)):
        here = replace(plain, model=replace(plain.model, calibrator=calibrator))
        labels = players("supervoxels", here.mask, here.measured.spacing, count=4)
        found, raw = (explain_regions(*s.first, labels, "supervoxels") for s in (here, plain))
        np.testing.assert_allclose(found.psi, slope * raw.psi, atol=1e-12)
        assert found.nonspatial == pytest.approx(slope * raw.nonspatial) and found.sums_to == "log-odds"


def test_mirrored_twins_have_equal_values():
    """D4 test 4, for every family of features."""
    tumour = small(6, shape=(16, 20, 19), roles=("t1c", "adc"))
    images = {role: image + image[:, :, ::-1] for role, image in tumour.images.items()}
    mask = tumour.masks["tumour"] & tumour.masks["tumour"][:, :, ::-1]
    here = scene(replace(tumour, images=images, masks={"tumour": mask}), toy_model("gaussian_nb", RICH_KEYS))
    mask = here.mask
    middle = mask.shape[2] // 2
    assert np.array_equal(mask, mask[:, :, ::-1])
    half = mask.copy()
    half[:, :, middle:] = False
    labels = players("supervoxels", half, here.measured.spacing, count=3)
    labels = labels + np.where(labels[:, :, ::-1] > 0, labels[:, :, ::-1] + 3, 0)
    labels[:, :, middle][mask[:, :, middle]] = 7
    found = explain_regions(*here.first, labels, "drawn")
    np.testing.assert_allclose(found.psi[:3], found.psi[3:6], atol=1e-9)
    assert np.ptp(found.psi[:3]) > 1e-3


def test_sampled_values_lie_around_the_exact_ones(plain):
    labels = players("supervoxels", plain.mask, plain.measured.spacing, count=8)
    exact = explain_regions(*plain.first, labels, "supervoxels")
    runs = [
        explain_regions(*plain.first, labels, "supervoxels", max_exact=4, orders=16, seed=seed)
        for seed in range(40)
    ]
    psi = np.array([run.psi for run in runs])
    error = psi.std(axis=0, ddof=1)
    assert (np.abs(psi.mean(axis=0) - exact.psi) < 4 * error / math.sqrt(len(runs))).all()
    stated = np.sqrt(np.mean([run.error**2 for run in runs], axis=0))
    np.testing.assert_allclose(stated, error, rtol=0.5)
    assert all(abs(total(run)) <= 1e-9 for run in runs)
    assert runs[0].orders == 16 and runs[3].seed == 3
    again = explain_regions(*plain.first, labels, "supervoxels", max_exact=4, orders=16, seed=0)
    assert again.psi.tobytes() == runs[0].psi.tobytes()


class TestUndefined:
    """Unions that are too small for a feature."""

    def test_one_voxel_is_worth_as_much_as_none(self, plain):
        labels = np.where(plain.mask, 2, 0)
        labels[tuple(np.argwhere(plain.mask)[0])] = 1
        game = RegionGame(*plain.first, labels)
        worth = game.worth(np.array([[False, False], [True, False]]))
        assert worth[0] == worth[1]
        found = explain_regions(*plain.first, labels, "drawn")
        assert abs(total(found)) <= 1e-9 and np.isfinite(found.psi).all()

    def test_a_part_with_one_intensity_is_averaged_over_the_background(self):
        tumour = small(3)
        flat = tumour.masks["tumour"].copy()
        flat[8:] = False
        tumour.images["t1c"][flat] = 1.5
        here = scene(tumour, toy_model("gaussian_nb"))
        labels = np.where(here.mask, 2, 0)
        labels[here.mask & (here.measured.arrays["t1c"] == 1.5)] = 1
        worth = RegionGame(*here.first, labels).worth(np.array([[True, False]]))[0]
        rows = np.array([[here.features.values[key] for key in TOY_KEYS]] * 40)
        rows[:, 1:5] = here.model.background[:, 1:5]
        rows[:, 5] = here.measured.arrays["adc"][labels == 1].mean()
        assert worth == pytest.approx(log_odds(here.model, rows).mean(), abs=1e-9)
        assert abs(total(explain_regions(*here.first, labels, "drawn"))) <= 1e-9

    def test_every_voxel_a_part(self):
        mask = np.zeros((16, 20, 18), dtype=bool)
        mask[8, 9, 6:11] = True
        here = scene(replace(small(3), masks={"tumour": mask}), toy_model("logistic"))
        labels = players("supervoxels", here.mask, here.measured.spacing, count=50)
        assert labels.max() == 5
        found = explain_regions(*here.first, labels, "supervoxels")
        assert abs(total(found)) <= 1e-9 and np.isfinite(found.psi).all()


class TestInfill:
    def test_values_are_those_of_extracting_every_filling(self, rich):
        here, on = rich, rich.measured
        labels = players("supervoxels", here.mask, on.spacing, count=3)
        game = RegionGame(*here.first, labels, "infill", seed=4)
        fill = {role: game._filled[role][game._box] for role in on.arrays}
        keys = [FeatureKey.parse(RICH_KEYS[j]) for j in FOLLOWS if "log(" not in RICH_KEYS[j]]
        for chosen in ([True, False, False], [False, True, True], [False, False, False]):
            kept = np.append(False, chosen)[labels]
            images = {role: np.where(kept, on.arrays[role], fill[role]) for role in on.arrays}
            values = extract(images, {"tumour": here.mask}, on.spacing, keys).values
            found = dict(
                zip(map(str, game._keys), game._features(np.array([chosen]), lambda *_: 0)[0], strict=True)
            )
            for key in keys:
                assert found[str(key)] == pytest.approx(values[str(key)], rel=1e-12), key

    def test_filters_see_the_filling(self, rich):
        """The whole image, filled and filtered, gives the same as the cut that the game works on."""
        here, on = rich, rich.measured
        labels = players("supervoxels", here.mask, on.spacing, count=3)
        game = RegionGame(*here.first, labels, "infill")
        assert next(iter(game._images.values())).size > here.mask.size
        whole = sitk.GetArrayFromImage(here.measuring.prepared.images["t1c"])
        kept = np.ones(whole.shape, dtype=bool)
        kept[on.box] = np.append(True, [False, True, True])[labels]
        filled = whole.copy()
        filled[on.box] = np.where(here.mask, game._filled["t1c"][game._box], whole[on.box])
        mask = np.zeros(whole.shape, dtype=bool)
        mask[on.box] = here.mask
        key = next(key for key in RICH_KEYS if "log(" in key)
        expected = extract(
            {"t1c": np.where(kept, whole, filled)}, {"tumour": mask}, on.spacing, [FeatureKey.parse(key)]
        )
        found = game._features(np.array([[False, True, True]]), lambda *_: 0)[0]
        assert found[[str(k) for k in game._keys].index(key)] == pytest.approx(expected.values[key], rel=1e-9)

    def test_a_part_that_equals_the_reference_has_no_share(self, plain):
        """And the seed is all that the texture depends on."""
        labels = players("supervoxels", plain.mask, plain.measured.spacing, count=4)
        game = RegionGame(*plain.first, labels, "infill")
        arrays = {
            role: np.where(labels == 2, game._filled[role], array)
            for role, array in plain.measured.arrays.items()
        }
        game._images = arrays
        chosen = np.array([[True, False, True, False], [True, True, True, False]])
        worth = game.worth(chosen)
        assert worth[0] == worth[1]
        again = explain_regions(*plain.first, labels, "supervoxels", "infill")
        other = explain_regions(*plain.first, labels, "supervoxels", "infill", seed=1)
        assert (
            again.psi.tobytes()
            == explain_regions(*plain.first, labels, "supervoxels", "infill").psi.tobytes()
        )
        assert again.psi.tobytes() != other.psi.tobytes()
        assert len(again.recounted) == 5

    def test_the_texture_resembles_the_outline(self):
        tumour = synthetic_tumour(shape=(30, 44, 42), radius_mm=16.0, seed=2)
        image, mask = tumour.images["t1c"], tumour.masks["tumour"]
        texture = reference_texture(image, mask, seed=1)
        np.testing.assert_array_equal(texture[~mask], image[~mask])
        low, middle, high = np.percentile(image[mask], [25, 50, 75])
        assert texture[mask].mean() == pytest.approx(middle, abs=1e-12)
        assert texture[mask].std() == pytest.approx((high - low) / 1.3489795003921634, abs=1e-12)
        for axis in range(3):
            found, wanted = (_neighbours(a, mask, axis) for a in (texture, image))
            assert found == pytest.approx(wanted, abs=0.02)

    def test_a_conspicuous_part_is_not_in_the_texture(self):
        tumour = small(2)
        image, mask = tumour.images["t1c"].copy(), tumour.masks["tumour"]
        hot = mask.copy()
        hot[:, :13] = False
        assert hot.sum() < 0.25 * mask.sum()
        image[hot] += 50.0
        texture = reference_texture(image, mask)
        assert texture[mask].max() < image[mask & ~hot].max() + 1.0


def _neighbours(image: np.ndarray, mask: np.ndarray, axis: int) -> float:
    a, m = np.moveaxis(image, axis, 0), np.moveaxis(mask, axis, 0)
    both = m[1:] & m[:-1]
    return float(np.corrcoef(a[1:][both], a[:-1][both])[0, 1])


class TestRefine:
    @pytest.mark.parametrize("max_exact", [10, 2])
    def test_pieces_add_up_to_their_part(self, plain, max_exact):
        labels = players("supervoxels", plain.mask, plain.measured.spacing, count=6)
        found = explain_regions(*plain.first, labels, "supervoxels", max_exact=max_exact, orders=32)
        refined = refine(found, *plain.first, count=2, pieces=3)
        split = set((np.argsort(-np.abs(found.psi))[:2] + 1).tolist())
        assert len(refined.psi) == 10 and abs(total(refined)) <= 1e-9
        parents = np.array(refined.parents)
        fine = sitk.GetArrayFromImage(refined.labels)
        assert (np.diff(parents) >= 0).all()
        for part in range(1, 7):
            mine = parents == part
            assert mine.sum() == (3 if part in split else 1)
            assert refined.psi[mine].sum() == pytest.approx(found.psi[part - 1], abs=1e-9)
            assert refined.volume_ml[mine].sum() == pytest.approx(found.volume_ml[part - 1])
            np.testing.assert_array_equal(np.isin(fine, np.flatnonzero(mine) + 1), labels == part)
        assert refined.evaluations > found.evaluations
        if max_exact == 2:
            assert (refined.error > 0).all()
            whole = found.error[sorted(split)[0] - 1]
            assert 0.05 * whole < refined.error[parents == sorted(split)[0]].min()

    def test_pieces_have_owen_values(self, plain):
        """By the definition: the mean over all orders that keep the pieces of a part together."""
        labels = players("supervoxels", plain.mask, plain.measured.spacing, count=3)
        found = explain_regions(*plain.first, labels, "supervoxels")
        refined = refine(found, *plain.first, count=1, pieces=3)
        game = RegionGame(*plain.first, sitk.GetArrayFromImage(refined.labels))
        groups = [[p for p in range(5) if refined.parents[p] == g] for g in (1, 2, 3)]
        psi, orders = np.zeros(5), 0
        for outer in itertools.permutations(groups):
            for inner in itertools.product(*(itertools.permutations(group) for group in outer)):
                order = [player for group in inner for player in group]
                before = np.zeros((6, 5), dtype=bool)
                for n, player in enumerate(order):
                    before[n + 1 :, player] = True
                psi[order] += np.diff(game.worth(before))
                orders += 1
        np.testing.assert_allclose(refined.psi, psi / orders, atol=1e-9)

    def test_what_is_refused(self, plain):
        labels = players("supervoxels", plain.mask, plain.measured.spacing, count=3)
        found = explain_regions(*plain.first, labels, "supervoxels")
        refined = refine(found, *plain.first, count=1, pieces=2)
        with pytest.raises(FeatureError, match="refined"):
            refine(refined, *plain.first)
        with pytest.raises(FeatureError, match="another outline"):
            refine(replace(found, log_odds=found.log_odds + 0.1), *plain.first)


class TestCancelled:
    @pytest.mark.parametrize("game", ["erase", "infill"])
    @pytest.mark.parametrize("after", [0, 3, 10])
    def test_cancelling_leaves_nothing_behind(self, plain, game, after):
        labels = players("supervoxels", plain.mask, plain.measured.spacing, count=6)
        expected = explain_regions(*plain.first, labels, "supervoxels", game)
        token, calls = CancelToken(), []

        def count(fraction: float, message: str) -> None:
            assert 0.0 <= fraction <= 1.0
            calls.append(message)
            if len(calls) > after:
                token.cancel()

        with pytest.raises(Cancelled):
            explain_regions(*plain.first, labels, "supervoxels", game, progress=token.watch(count))
        again = explain_regions(*plain.first, labels, "supervoxels", game)
        assert again.psi.tobytes() == expected.psi.tobytes()

    def test_a_refinement_can_be_cancelled(self, plain):
        labels = players("supervoxels", plain.mask, plain.measured.spacing, count=4)
        found = explain_regions(*plain.first, labels, "supervoxels")
        token = CancelToken()
        token.cancel()
        with pytest.raises(Cancelled):
            refine(found, *plain.first, progress=token.watch())


def test_parts_must_fit_the_outline(plain):
    labels = players("supervoxels", plain.mask, plain.measured.spacing, count=3)
    for wrong in (
        labels[1:],
        labels * 1.0,
        np.where(labels == 1, 0, labels),
        np.where(labels == 2, 5, labels),
    ):
        with pytest.raises(GeometryError):
            explain_regions(*plain.first, wrong, "drawn")
    with pytest.raises(FeatureError, match="Unknown game"):
        explain_regions(*plain.first, labels, "drawn", "blur")
