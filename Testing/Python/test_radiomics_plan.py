"""The plan names each image, discretisation and matrix once; the cache computes each response once."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.errors import FeatureError, MemoryLimitError
from virtualbiopsy.memory import LIMIT_VARIABLE
from virtualbiopsy.radiomics import images
from virtualbiopsy.radiomics.filters.apply import apply_filters
from virtualbiopsy.radiomics.images import ImageCache, whole
from virtualbiopsy.radiomics.plan import plan

SPACING = (1.0, 1.0, 1.0)
LOG, MEAN = "log(sigma=2)", "mean(support=5)"


def key(
    name, sequence="t1c", image="original", aggregation="3d_average", spec="fbn32", region="tumour"
) -> str:
    family, feature = name.split(".")
    return f"{sequence}:{region}:{image}:{family}:{feature}:{aggregation}:{spec}:ibsi"


KEYS = (
    key("glcm.contrast"),
    key("glcm.joint_entropy"),
    key("glcm.contrast", aggregation="3d_merged"),
    key("glcm.contrast", aggregation="2d_average"),
    key("glrlm.run_entropy"),
    key("histogram.entropy", aggregation="3d"),
    key("glcm.contrast", image=LOG),
    key("statistics.mean", image=LOG, aggregation="3d", spec="none"),
    key("statistics.mean", image=MEAN, aggregation="3d", spec="none"),
    key("statistics.mean", sequence="adc", aggregation="3d", spec="none"),
    key("morphology.volume", sequence="mask", aggregation="3d", spec="none"),
    key("glcm.contrast"),
)


def test_each_image_level_and_matrix_is_made_once():
    made = plan(KEYS)
    assert len(made.keys) == len(KEYS) - 1
    assert dict(made.images) == {"t1c": ("original", LOG, MEAN), "adc": ("original",)}
    assert made.filters("t1c") == (LOG, MEAN) and made.filters("adc") == () == made.filters("t2")
    assert len(made.levels) == 2
    families = [(matrix[2], matrix[5], matrix[6]) for matrix in made.matrices]
    assert families == [
        ("original", "glcm", "3d"),
        ("original", "glcm", "2d"),
        ("original", "glrlm", "3d"),
        (LOG, "glcm", "3d"),
    ]
    assert "11 features from 2 sequences, 2 filtered images, 2 discretisations, 4 matrices" in made.sentence()


def test_the_reach_is_that_of_the_filters_at_this_spacing():
    assert plan(KEYS[:6]).reach(SPACING) == (0, 0, 0)
    assert min(plan(KEYS).reach(SPACING)) >= 8
    assert plan(KEYS).reach((4.0, 1.0, 1.0))[0] < plan(KEYS).reach((1.0, 1.0, 1.0))[0]
    assert (
        plan([key("statistics.mean", image="simoncelli(level=1)", aggregation="3d", spec="none")]).reach(
            SPACING
        )
        is None
    )


def test_unknown_keys_are_refused():
    with pytest.raises(FeatureError):
        plan(["t1c:tumour:original:glcm:beauty:3d_average:fbn32:ibsi"])
    with pytest.raises(FeatureError):
        plan([key("glcm.contrast", image="log(tau=3)")])


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(5).normal(100, 20, (30, 32, 34))


def box(start: int, size: int):
    return (slice(start, start + size),) * 3


def test_a_response_is_computed_once_and_cut_from_what_is_kept(image, monkeypatch):
    calls = []

    def counted(*arguments, **settings):
        calls.append(arguments[2])
        return apply_filters(*arguments, **settings)

    monkeypatch.setattr(images, "apply_filters", counted)
    cache = ImageCache({"t1c": image}, SPACING)
    first = cache.responses("t1c", (LOG, MEAN), box(5, 16))
    inner = cache.responses("t1c", (LOG,), box(8, 6))
    assert len(calls) == 1 and len(calls[0]) == 2
    assert np.array_equal(inner[LOG], first[LOG][3:9, 3:9, 3:9])
    cache.responses("t1c", (LOG, MEAN), box(4, 16))
    assert len(calls) == 2
    with pytest.raises(ValueError, match="read-only"):
        first[LOG][0, 0, 0] = 1


def test_the_same_voxel_has_the_same_response_in_every_box(image):
    everywhere = ImageCache({"t1c": image}, SPACING).responses("t1c", (LOG, MEAN), whole(image.shape))
    for where in (box(0, 9), box(11, 5), box(20, 10)):
        found = ImageCache({"t1c": image}, SPACING).responses("t1c", (LOG, MEAN), where)
        for text, response in found.items():
            assert np.array_equal(response, everywhere[text][where]), text


def test_the_least_recently_used_responses_are_given_up(image):
    one = 8 * 16**3
    cache = ImageCache({"t1c": image}, SPACING, max_bytes=2 * one)
    sigmas = [f"log(sigma={n})" for n in (2, 3, 4)]
    cache.responses("t1c", sigmas[:1], box(3, 16))
    cache.responses("t1c", sigmas[1:2], box(3, 16))
    cache.responses("t1c", sigmas[:1], box(3, 16))
    cache.responses("t1c", sigmas[2:], box(3, 16))
    assert cache.bytes == 2 * one
    assert {text for _, text, _ in cache._entries} == {sigmas[0], sigmas[2]}


def test_too_many_responses_for_the_memory_are_refused(image, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "200000")
    with pytest.raises(MemoryLimitError, match="Filtering t1c"):
        ImageCache({"t1c": image}, SPACING).responses("t1c", (LOG, MEAN), whole(image.shape))


def test_an_unknown_sequence_is_refused(image):
    with pytest.raises(FeatureError, match="adc"):
        ImageCache({"t1c": image}, SPACING).responses("adc", (LOG,), box(3, 4))
