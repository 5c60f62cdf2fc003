"""Filters in parity mode against the images that pyradiomics 3.0.1 itself makes."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
import SimpleITK as sitk
from conftest import ORACLES
from virtualbiopsy.errors import FeatureError
from virtualbiopsy.radiomics.filters.apply import apply_filters

pytestmark = pytest.mark.oracle

SHAPE, SPACING = (11, 16, 13), (2.0, 0.9, 1.1)
BANDS = [a + b + c for a in "LH" for b in "LH" for c in "LH"]
REQUEST = {
    "Original": {},
    "LoG": {"sigma": [1.0, 2.5, 5.0]},
    "Wavelet": {"wavelet": "coif1", "level": 2},
    "Square": {},
    "SquareRoot": {},
    "Logarithm": {},
    "Exponential": {},
    "Gradient": {},
    "LBP2D": {},
    "LBP3D": {"lbp3DLevels": 3},
}
NAMED = {
    "original": "original",
    "square": "square",
    "squareroot": "squareroot",
    "logarithm": "logarithm",
    "exponential": "exponential",
    "gradient": "gradient",
    "lbp-2D": "lbp2d",
    "lbp-3D-m1": "lbp3d(output=m1)",
    "lbp-3D-m2": "lbp3d(output=m2)",
    "lbp-3D-m3": "lbp3d(output=m3)",
    "lbp-3D-k": "lbp3d(output=k)",
    "log-sigma-1-0-mm-3D": "log(sigma=1)",
    "log-sigma-2-5-mm-3D": "log(sigma=2.5)",
    "log-sigma-5-0-mm-3D": "log(sigma=5)",
    **{f"wavelet-{band}": f"wavelet(family=coif1;bands={band};level=1)" for band in BANDS[1:]},
    **{f"wavelet2-{band}": f"wavelet(family=coif1;bands={band};level=2)" for band in BANDS},
}
EQUAL = {"original", "gradient", "lbp2d", *(text for text in NAMED.values() if text.startswith("log("))}
"""Responses that are equal bit for bit."""


@pytest.fixture(scope="module")
def images_of(oracle_python, tmp_path_factory):
    def run(values: np.ndarray, request: dict) -> dict[str, np.ndarray]:
        folder = tmp_path_factory.mktemp("images")
        paths = [folder / "image.nrrd", folder / "mask.nrrd"]
        for array, path in zip((values, _mask(values.shape).astype(np.uint8)), paths, strict=True):
            volume = sitk.GetImageFromArray(array)
            volume.SetSpacing(SPACING[::-1])
            sitk.WriteImage(volume, str(path))
        command = [oracle_python, ORACLES / "pyradiomics_images.py", *paths, json.dumps(request), folder]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return {path.stem: np.load(path) for path in folder.glob("*.npy")}

    return run


def _mask(shape) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[3:9, 4:12, 2:11] = True
    return mask


def _values(kind: str) -> np.ndarray:
    values = np.random.default_rng(4).normal(300, 200, SHAPE)
    return values.round().astype(kind) if kind == "int16" else values.astype(kind)


@pytest.mark.parametrize("kind", ["int16", "float32", "float64"])
def test_images_equal_pyradiomics(kind, images_of):
    values = _values(kind)
    theirs = images_of(values, REQUEST)
    assert set(NAMED) <= set(theirs)
    mask = _mask(values.shape)
    ours = apply_filters(values, SPACING, NAMED.values(), parity=True, mask=mask)
    for name, text in NAMED.items():
        wanted, found = theirs[name].astype(np.float64), ours[text].astype(np.float64)
        if text.startswith("lbp3d"):
            wanted, found = wanted[mask], found[mask]
        assert found.shape == wanted.shape
        error = np.abs(found - wanted).max()
        limit = 0.0 if text in EQUAL else 1e-12 * np.abs(wanted).max()
        if text.startswith("wavelet") and kind == "float32":
            assert ours[text].dtype == np.float32
            limit = 0.0
        assert error <= limit, (text, error)


@pytest.mark.parametrize(
    ("family", "options"), [("haar", {}), ("db3", {}), ("coif5", {}), ("db2", {"level": 3}), ("db20", {})]
)
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_wavelets_equal_pyradiomics(family, options, kind, images_of):
    values = _values(kind)
    theirs = images_of(values, {"Wavelet": {"wavelet": family, **options}})
    level = options.get("level", 1)
    for number in range(1, level + 1):
        bands = BANDS if number == level else BANDS[1:]
        texts = {f"wavelet(family={family};bands={band};level={number})": band for band in bands}
        ours = apply_filters(values, SPACING, texts, parity=True)
        for text, band in texts.items():
            wanted = theirs[f"wavelet{number if number > 1 else ''}-{band}"]
            limit = 1e-12 if kind == "float64" else 1e-6
            assert ours[text].dtype == wanted.dtype
            assert np.abs(ours[text] - wanted).max() <= limit * np.abs(values).max() * 3**number


def test_start_level_and_slices_equal_pyradiomics(images_of):
    """start_level 1 leaves the first set out: its first set is our level 2. force2D: two letters."""
    values = _values("float64")
    theirs = images_of(values, {"Wavelet": {"wavelet": "coif1", "level": 1, "start_level": 1}})
    ours = apply_filters(values, SPACING, ["wavelet(family=coif1;bands=HLH;level=2)"], parity=True)
    assert np.allclose(*ours.values(), theirs["wavelet-HLH"], rtol=0, atol=1e-9)
    theirs = images_of(values, {"Wavelet": {"force2D": True}, "Gradient": {"gradientUseSpacing": False}})
    ours = apply_filters(values, SPACING, ["wavelet(family=coif1;bands=HL;level=1)"], parity=True)
    assert np.allclose(*ours.values(), theirs["wavelet-HL"], rtol=0, atol=1e-9)
    ours = apply_filters(values, SPACING, ["gradient(spacing=voxel)"], parity=True)
    assert np.array_equal(*ours.values(), theirs["gradient"])


@pytest.mark.parametrize(
    "options", [{"lbp2DMethod": "ror"}, {"lbp2DMethod": "default"}, {"lbp2DRadius": 2.5, "lbp2DSamples": 11}]
)
def test_patterns_in_slices_equal_pyradiomics(options, images_of):
    values = _values("float64")
    theirs = images_of(values, {"LBP2D": {**options, "force2D": True, "force2Ddimension": 1}})["lbp-2D"]
    names = {"lbp2DRadius": "radius", "lbp2DSamples": "samples", "lbp2DMethod": "method"}
    written = ";".join(f"{names[key]}={value}" for key, value in options.items())
    ours = apply_filters(values, SPACING, [f"lbp2d({written};axis=1)"], parity=True)
    assert np.array_equal(*ours.values(), theirs)


def test_finer_icosphere_equals_pyradiomics(images_of):
    values = _values("float64")
    options = {"lbp3DIcosphereSubdivision": 2, "lbp3DIcosphereRadius": 1.5}
    theirs = images_of(values, {"LBP3D": options})["lbp-3D-m2"]
    ours = apply_filters(values, SPACING, ["lbp3d(output=m2;radius=1.5;subdivision=2)"], parity=True)
    inside = _mask(values.shape)
    assert np.allclose(next(iter(ours.values()))[inside], theirs[inside], rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["int16", "float32", "float64"])
def test_recursive_laplacian_on_a_box_equals_simpleitk(kind):
    """Bit for bit, for a box at the border and one inside, very unequal steps and a large sigma."""
    values = _values(kind)
    volume = sitk.GetImageFromArray(values)
    volume.SetSpacing((0.7, 1.3, 3.0))
    for sigma in (0.4, 2.0, 8.0):
        smooth = sitk.LaplacianRecursiveGaussianImageFilter()
        smooth.SetSigma(sigma)
        smooth.SetNormalizeAcrossScale(True)
        wanted = sitk.GetArrayFromImage(smooth.Execute(volume))
        for box in (None, (slice(0, 6), slice(3, 16), slice(5, 6)), (slice(4, 7), slice(2, 9), slice(3, 12))):
            found = apply_filters(values, (3.0, 1.3, 0.7), [f"log(sigma={sigma:g})"], box, parity=True)
            (response,) = found.values()
            assert response.dtype == np.float32
            part = wanted if box is None else wanted[box]
            assert np.abs(response - part).max() <= 2e-7 * np.abs(wanted).max()
            assert np.mean(response != part) < 1e-3


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_wavelets_on_a_box_are_those_of_the_whole_image(kind):
    values = np.random.default_rng(9).normal(300, 200, (21, 26, 30)).astype(kind)
    texts = [f"wavelet(family=coif1;bands={band};level=1)" for band in (*BANDS, "HL", "LL")]
    texts += ["wavelet(family=haar;bands=LLH;level=2)", "wavelet(family=db2;bands=HH;level=1)"]
    everywhere = apply_filters(values, SPACING, texts, parity=True)
    for box in (
        (slice(8, 13), slice(9, 17), slice(10, 19)),
        (slice(0, 4), slice(7, 26), slice(11, 12)),
        (slice(20, 21), slice(25, 26), slice(0, 30)),
    ):
        for text, response in apply_filters(values, SPACING, texts, box, parity=True).items():
            assert np.array_equal(response, everywhere[text][box]), text


def test_what_pyradiomics_leaves_out_is_refused():
    values = _values("float64")
    with pytest.raises(FeatureError, match="too small"):
        apply_filters(values[:3], SPACING, ["log(sigma=1)"], parity=True)
    with pytest.raises(FeatureError, match="too small"):
        apply_filters(values, SPACING, ["log(sigma=30)"], parity=True)
    with pytest.raises(FeatureError, match="pyradiomics has no filter"):
        apply_filters(values, SPACING, ["log(sigma=3;dims=2)"], parity=True)
    with pytest.raises(FeatureError, match="pyradiomics has no filter"):
        apply_filters(values, SPACING, ["mean(support=3)"], parity=True)
