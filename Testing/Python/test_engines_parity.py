"""Profile "pyradiomics", image and mask to features, against pyradiomics 3.0.1 on all real volumes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.engines.image_types import image_type
from virtualbiopsy.engines.parity import extract_pyradiomics
from virtualbiopsy.errors import Cancelled, FeatureError, NonFiniteError

pytestmark = pytest.mark.oracle

RELATIVE = 1e-6
ZERO = 1e-7
"""Values below this are zero but for rounding (of a constant image, say) in both."""

LOG = tuple(f"log(sigma={sigma})" for sigma in range(1, 6))
WAVELETS = tuple(
    f"wavelet(family=coif1;bands={''.join(bands)};level=1)" for bands in itertools.product("LH", repeat=3)
)
LBP3D = tuple(f"lbp3d(output={output})" for output in ("m1", "m2", "k"))
POINTWISE = ("square", "squareroot", "logarithm", "exponential", "gradient")
EVERYTHING = ("original", *LOG, *WAVELETS, *POINTWISE, "lbp2d", *LBP3D)

PYRADIOMICS = ("brain1", "brain2", "breast1")
SARCOMAS = tuple(
    f"STS_{number:03d}" for number in (4, 6, 8, 13, 16, 18, 19, 23, 25, 29, 34, 38, 39, 43, 49, 50)
)
TURNS = (
    LOG[:1],
    LOG[2:3],
    LOG[4:],
    POINTWISE[:1],
    POINTWISE[1:2],
    POINTWISE[2:3],
    POINTWISE[3:4],
    POINTWISE[4:],
    ("lbp2d",),
    WAVELETS,
)

DEVIATIONS = {
    ("brain2", "lbp-3D-m2_firstorder_RobustMeanAbsoluteDeviation"): 2e-3,
}
"""Relative difference allowed, with the cause in Docs/engine.md."""


def paths(data_dir, name: str) -> tuple[str, str]:
    if name in PYRADIOMICS:
        folder = data_dir / "volumes" / "pyradiomics"
        return str(folder / f"{name}_image.nrrd"), str(folder / f"{name}_label.nrrd")
    folder = data_dir / "volumes" / "sts_mr_t1" / name
    return str(folder / "MR_T1_image.nii.gz"), str(folder / "MR_T1_mask.nii.gz")


def options(kinds) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for kind in kinds:
        known = image_type(kind)
        given = found.setdefault(known.kind, dict(known.options))
        if "sigma" in given:
            given["sigma"] = sorted({*given["sigma"], *known.options["sigma"]})
    return found


def compare(
    ask, where, name: str, kinds, spacing, bin_width: float = 25.0, expected: int | None = None
) -> None:
    image, mask = where
    theirs = ask(
        image=image,
        mask=mask,
        settings={"binWidth": bin_width, "resampledPixelSpacing": spacing},
        image_types=options(kinds),
    )
    ours = extract_pyradiomics(
        sitk.ReadImage(image),
        sitk.ReadImage(mask),
        image_types=kinds,
        bin_width=bin_width,
        resampled_spacing=spacing,
    )
    assert len(theirs) == (expected or 14 + 93 * len(kinds))
    assert set(ours) == set(theirs)
    different = {
        feature: (value, theirs[feature])
        for feature, value in ours.items()
        if not abs(value - theirs[feature])
        <= max(ZERO * (abs(value) < ZERO), DEVIATIONS.get((name, feature), RELATIVE) * abs(theirs[feature]))
    }
    assert not different


@pytest.mark.parametrize("name", ["brain1", "brain2", "breast1", "STS_008", "STS_025"])
def test_every_image_type_at_one_millimetre(name, data_dir, pyradiomics_server):
    compare(pyradiomics_server, paths(data_dir, name), name, EVERYTHING, (1.0, 1.0, 1.0))


@pytest.mark.parametrize(("name", "kinds"), tuple(zip(SARCOMAS, itertools.cycle(TURNS), strict=False)))
def test_every_sarcoma_with_image_types_in_turn(name, kinds, data_dir, pyradiomics_server):
    """At 3 mm with filters; the original as it is."""
    where = paths(data_dir, name)
    if name != "STS_013":  # pyradiomics alone takes 9 seconds
        compare(pyradiomics_server, where, name, ("original",), None)
    compare(pyradiomics_server, where, name, ("original", *kinds), (3.0, 3.0, 3.0))


@pytest.mark.parametrize("name", PYRADIOMICS)
def test_filters_on_the_whole_image_without_resampling(name, data_dir, pyradiomics_server):
    kinds = ("original", LOG[1], WAVELETS[5], "square", "gradient")
    theirs = 14 + 93 * (4 + 8)
    where = paths(data_dir, name)
    ours = (*kinds[:2], *WAVELETS, *kinds[3:])
    compare(pyradiomics_server, where, name, ours, None, expected=theirs)


@pytest.mark.parametrize("width", [5.0, 3.7])
def test_other_bin_widths(width, data_dir, pyradiomics_server):
    where = paths(data_dir, "breast1")
    compare(pyradiomics_server, where, "breast1", EVERYTHING, (1.0, 1.0, 1.0), width)


def test_grey_levels_that_are_rare_in_a_large_region(data_dir, pyradiomics_server):
    """There pyradiomics' epsilon changes the maximal correlation coefficient."""
    where = paths(data_dir, "STS_043")
    compare(pyradiomics_server, where, "STS_043", ("original",), (1.0, 1.0, 1.0), 3.7)


def test_wavelets_of_the_second_level(data_dir, pyradiomics_server):
    """pyradiomics filters the low-pass image again with the same taps, and leaves out LLL of level 1."""
    first = [kind for kind in WAVELETS if "LLL" not in kind]
    where = paths(data_dir, "breast1")
    second = [kind.replace("level=1", "level=2") for kind in WAVELETS]
    theirs = pyradiomics_server(
        image=where[0],
        mask=where[1],
        settings={"binWidth": 25, "resampledPixelSpacing": (1, 1, 1)},
        image_types={"Wavelet": {"wavelet": "coif1", "level": 2}},
    )
    ours = extract_pyradiomics(*map(sitk.ReadImage, where), image_types=(*first, *second))
    assert set(ours) == set(theirs) and len(theirs) == 14 + 93 * 15
    assert all(abs(ours[name] - theirs[name]) <= RELATIVE * abs(theirs[name]) for name in theirs)


def small(seed: int = 1) -> tuple[sitk.Image, sitk.Image]:
    rng = np.random.default_rng(seed)
    mask = np.zeros((16, 18, 20), dtype=np.uint8)
    mask[4:12, 5:13, 6:15] = 7
    mask[6, 7, 8] = 0
    image = sitk.GetImageFromArray(rng.normal(300, 80, mask.shape).astype(np.float32))
    return image, sitk.GetImageFromArray(mask)


def test_threads_do_not_change_a_bit():
    image, mask = small()
    kinds = EVERYTHING[:8]
    one, two = (extract_pyradiomics(image, mask, image_types=kinds, label=7, threads=n) for n in (1, 2))
    assert one == two


def test_a_filter_that_does_not_fit_is_left_out_as_in_pyradiomics(tmp_path, pyradiomics_server):
    """Three voxels are too few for the recursive Laplacian."""
    rng = np.random.default_rng(3)
    mask = np.zeros((3, 20, 22), dtype=np.uint8)
    mask[:, 5:12, 6:14] = 1
    where = str(tmp_path / "image.nrrd"), str(tmp_path / "mask.nrrd")
    for path, array in zip(where, (rng.normal(300, 80, mask.shape), mask), strict=True):
        sitk.WriteImage(sitk.GetImageFromArray(array), path)
    kinds = ("original", "log(sigma=1)", "square")
    compare(pyradiomics_server, where, "thin", kinds, None, expected=14 + 93 * 2)


def test_an_unknown_image_type_is_refused():
    with pytest.raises(FeatureError):
        extract_pyradiomics(*small(), image_types=("blur",), label=7)


def test_a_voxel_of_the_region_that_is_not_finite_is_refused():
    image, mask = small()
    image[8, 8, 8] = float("inf")
    with pytest.raises(NonFiniteError):
        extract_pyradiomics(image, mask, resampled_spacing=None, label=7)


def test_cancelling_ends_the_extraction():
    from virtualbiopsy.engines.chain import prepare
    from virtualbiopsy.engines.parity import features
    from virtualbiopsy.engines.protocol import ExtractionSettings
    from virtualbiopsy.radiomics.definitions import all_keys

    def stop(fraction: float, message: str) -> None:
        if fraction > 0:
            raise Cancelled()

    prepared = prepare(*small(), ExtractionSettings(label=7))
    keys = [key for kind in LOG for key in all_keys("t1", profile="pyradiomics", image=kind)]
    with pytest.raises(Cancelled):
        features(prepared, keys, threads=2, progress=stop)
