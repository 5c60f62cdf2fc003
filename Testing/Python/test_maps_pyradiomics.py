"""Profile "pyradiomics": every map against pyradiomics 3.0.1's voxel-based extraction, computed live."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from maps_support import features_of, textured
from virtualbiopsy.radiomics.definitions import DEFINITIONS
from virtualbiopsy.radiomics.maps.compute import feature_maps

pytestmark = pytest.mark.oracle

ORACLES = Path(__file__).resolve().parents[1] / "Oracles"
SPACING = (2.0, 0.9, 1.1)
RELATIVE = 1e-8


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """``maps(image, mask, settings)``: pyradiomics' maps (k, j, i) by name, or skip."""
    built = subprocess.run([sys.executable, ORACLES / "build_pyradiomics.py"], capture_output=True, text=True)
    if built.returncode:
        pytest.skip(f"The pyradiomics oracle cannot be built. {built.stderr.strip()}")
    python = built.stdout.split()[-1]
    folder = tmp_path_factory.mktemp("maps")

    def maps(image: np.ndarray, mask: np.ndarray, settings: dict) -> dict[str, np.ndarray]:
        paths = folder / "image.nrrd", folder / "mask.nrrd", folder / "maps.npz"
        for path, array in zip(paths, (image, mask.astype(np.uint8)), strict=False):
            volume = sitk.GetImageFromArray(array)
            volume.SetSpacing(SPACING[::-1])
            sitk.WriteImage(volume, str(path))
        command = [python, ORACLES / "pyradiomics_maps.py", *paths, json.dumps({"settings": settings})]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        assert json.loads(done.stdout)["version"].lstrip("v").startswith("3.0.1")
        with np.load(paths[2]) as found:
            return dict(found)

    return maps


def _compare(theirs, image, mask, spec: str, failed=(), **choices) -> dict[str, np.ndarray]:
    ours = feature_maps(
        image,
        mask,
        SPACING,
        features_of("pyradiomics"),
        discretisation=spec,
        profile="pyradiomics",
        **choices,
    )
    named = {DEFINITIONS[tuple(label.split(":"))].pyradiomics_name: found for label, found in ours.items()}
    assert set(named) == set(theirs)
    different = {}
    for name, expected in theirs.items():
        assert np.isnan(named[name][~mask]).all()
        if name in failed:
            assert np.isnan(expected).all()
            continue
        if name == "ngtdm_Busyness":
            # Where all levels times their shares are the same, it divides by rounding noise.
            noise = expected > 1e9
            assert (named[name][noise] == 0).all()
            expected = np.where(noise, 0.0, expected)
        if not np.allclose(named[name][mask], expected[mask], rtol=RELATIVE, atol=1e-12, equal_nan=True):
            different[name] = np.nanmax(np.abs(named[name] - expected)[mask])
    assert not different
    return ours


def test_masked_kernels_in_a_real_region(oracle, data_dir):
    """Kernels of every shape at the border; a fixed bin width gives 30 levels, some of them empty."""
    folder = data_dir / "volumes" / "pyradiomics"
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "brain1_image.nrrd"))).astype(np.float64)
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "brain1_label.nrrd"))) == 1
    box = np.s_[12:18, 88:108, 162:176]
    image, mask = image[box], mask[box]
    assert mask.sum() > 200 and not mask.all()
    theirs = oracle(image, mask, {"binWidth": 25, "kernelRadius": 1})
    ours = _compare(theirs, image, mask, "fbw25", failed=("glcm_MCC",), radius=1)
    assert np.isnan(ours["glcm:joint_average"][mask]).any()
    assert not np.isnan(ours["glcm:maximal_correlation_coefficient"][mask]).any()


@pytest.mark.parametrize(
    "settings, spec, choices",
    [
        ({"binWidth": 80, "kernelRadius": 1}, "fbw80", {"radius": 1}),
        ({"binCount": 8, "kernelRadius": 2}, "fbn8", {"radius": 2}),
        (
            {"binCount": 16, "kernelRadius": 1, "maskedKernel": False},
            "fbn16",
            {"radius": 1, "kernel": "full"},
        ),
    ],
)
def test_kernels_in_a_block(settings, spec, choices, oracle):
    """No direction is empty, so that the maximal correlation coefficient has values as well."""
    image = textured((8, 9, 8)).round()
    mask = np.zeros(image.shape, dtype=bool)
    mask[2:6, 2:7, 3:6] = True
    _compare(oracle(image, mask, settings), image, mask, spec, **choices)


def test_lone_voxels_and_flat_kernels(oracle):
    rng = np.random.default_rng(5)
    mask = np.zeros((7, 9, 8), dtype=bool)
    mask[1:6, 1:8, 1:7] = rng.random((5, 7, 6)) < 0.15
    image = np.where(rng.random(mask.shape) < 0.3, 100.0, 160.0)
    theirs = oracle(image, mask, {"binWidth": 25, "kernelRadius": 1})
    ours = _compare(theirs, image, mask, "fbw25", failed=("glcm_MCC",), radius=1)
    assert np.isnan(ours["glcm:contrast"][mask]).any()
    assert (ours["statistics:skewness"][mask] == 0).any()


def test_merged_directions(oracle):
    """Directions in which no line holds two voxels of a kernel give no runs."""
    rng = np.random.default_rng(8)
    mask = np.zeros((6, 8, 8), dtype=bool)
    mask[1:5, 1:7, 1:7] = rng.random((4, 6, 6)) < 0.3
    image = textured(mask.shape).round()
    theirs = oracle(image, mask, {"binWidth": 120, "kernelRadius": 1, "weightingNorm": "no_weighting"})
    _compare(theirs, image, mask, "fbw120", radius=1, aggregation="3d_merged")


def test_one_slice(oracle):
    """Nine of the thirteen directions are empty everywhere; pyradiomics leaves them out."""
    mask = np.zeros((5, 9, 8), dtype=bool)
    mask[2, 1:8, 1:7] = np.random.default_rng(2).random((7, 6)) < 0.8
    image = textured(mask.shape).round()
    theirs = oracle(image, mask, {"binWidth": 60, "kernelRadius": 1})
    _compare(theirs, image, mask, "fbw60", failed=("glcm_MCC",), radius=1)
