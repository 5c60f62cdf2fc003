"""Features of filtered images: one filter that does not fit leaves the others alone."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.filters.apply import apply_filter

SPACING = (2.0, 1.0, 1.0)
RNG = np.random.default_rng(11)
IMAGE = RNG.normal(100, 20, (10, 16, 16))
MASK = np.zeros(IMAGE.shape, dtype=bool)
MASK[3:7, 4:12, 5:13] = True


def _key(image: str, profile: str = "ibsi") -> str:
    return f"t1:tumour:{image}:statistics:mean:3d:none:{profile}"


@pytest.mark.parametrize("profile", ["ibsi", "pyradiomics"])
def test_one_filter_that_fails(profile):
    good = ["log(sigma=2)", "square", "wavelet(family=coif1;bands=HLL;level=1)"]
    bad = {"ibsi": "log(sigma=1)", "pyradiomics": "mean(support=3)"}[profile]
    found = extract({"t1": IMAGE}, {"tumour": MASK}, SPACING, [_key(t, profile) for t in (*good, bad)])
    assert list(found.missing) == [_key(bad, profile)]
    assert bad.partition("(")[0] in found.missing[_key(bad, profile)]
    for text in good:
        response = apply_filter(IMAGE, SPACING, text, parity=profile == "pyradiomics")
        assert found.values[_key(text, profile)] == pytest.approx(response[MASK].mean(), rel=1e-6)


def test_voxels_out_of_reach_that_are_not_finite():
    """NaN far from the region: whole-image filtering says so for the filters, the original is usable."""
    image = IMAGE.copy()
    image[0, 0, 0] = np.nan
    found = extract({"t1": image}, {"tumour": MASK}, SPACING, [_key("original"), _key("log(sigma=2)")])
    assert list(found.values) == [_key("original")]
    assert "NaN" in found.missing[_key("log(sigma=2)")]
