"""Engines behind one protocol, their agreement, its record, and what training makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from support import toy_model
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.engines import agreement as module
from virtualbiopsy.engines import pyradiomics
from virtualbiopsy.engines.agreement import (
    AGREE,
    DISAGREE,
    NONE,
    SINGLE,
    agree,
    combine,
    load_agreement,
    refused_keys,
)
from virtualbiopsy.engines.agreement_report import write_agreement
from virtualbiopsy.engines.builtin import BuiltinEngine
from virtualbiopsy.engines.names import group_keys, key_settings, pyradiomics_name
from virtualbiopsy.engines.protocol import Engine, ExtractionSettings
from virtualbiopsy.engines.pyradiomics import VARIABLE, PyradiomicsEngine
from virtualbiopsy.engines.registry import all_engines, find_engine
from virtualbiopsy.errors import (
    Cancelled,
    EngineError,
    ExistingFileError,
    FeatureError,
    UnreadableFileError,
)
from virtualbiopsy.models.radmodel import from_bytes, to_bytes
from virtualbiopsy.models.recipe import builtin_recipes
from virtualbiopsy.radiomics.definitions import all_keys
from virtualbiopsy.radiomics.keys import FeatureKey
from virtualbiopsy.resources import resource
from virtualbiopsy.training.demo import check_agreement, train_demo


@pytest.fixture(scope="module")
def case() -> tuple[dict[str, sitk.Image], dict[str, sitk.Image]]:
    rng = np.random.default_rng(4)
    mask = np.zeros((14, 18, 20), dtype=np.uint8)
    mask[3:11, 5:13, 6:15] = rng.random((8, 8, 9)) < 0.9
    image = sitk.GetImageFromArray(rng.normal(300, 80, mask.shape).round().astype(np.int16))
    outline = sitk.GetImageFromArray(mask)
    for volume in (image, outline):
        volume.SetSpacing((0.9, 1.1, 2.3))
    return {"t1": image}, {"tumour": outline}


def parity_keys(**options) -> list[FeatureKey]:
    return all_keys("t1", **{"profile": "pyradiomics", "discretisation": "fbw25", **options})


class Scaled:
    """Our engine with every value of some families multiplied."""

    name = "scaled"
    version = "1"

    def __init__(self, factor: float, families: tuple[str, ...] = ("glcm",)) -> None:
        self.factor, self.families, self.inner = factor, families, BuiltinEngine()

    def availability(self) -> None:
        return None

    def supports(self, key) -> bool:
        return True

    def extract(self, *arguments, **options):
        found = self.inner.extract(*arguments, **options)
        changed = {
            key: value * (self.factor if FeatureKey.parse(key).family in self.families else 1.0)
            for key, value in found.values.items()
        }
        return replace(found, values=changed)


AGGREGATIONS = [
    "3d_average",
    "3d_merged",
    "3d_average(distance=2)",
    "3d_merged(weight=chebyshev)",
    "3d_merged(weight=manhattan)",
    "3d_merged(weight=euclidean)",
    "2.5d_average",
    "2.5d_merged",
]


@pytest.mark.oracle
@pytest.mark.parametrize(
    "settings",
    [
        ExtractionSettings(),
        ExtractionSettings(spacing=(1.0, 1.0, 1.0)),
        ExtractionSettings(spacing=(1.5, 1.5, 0.0), interpolator="linear", pad_distance=2),
        ExtractionSettings(normalise=True, normalise_scale=100.0, remove_outliers=2.5),
    ],
)
def test_engines_agree_on_settings_and_aggregations(settings, case, oracle_python):
    keys = all_keys("mask", profile="pyradiomics")
    for number, aggregation in enumerate(AGGREGATIONS):
        keys += parity_keys(aggregation=aggregation, discretisation=("fbw25", "fbn16")[number % 2])
    keys += parity_keys(region="tumour(outlier=1.5)") + parity_keys(image="log(sigma=2)")
    if not settings.normalise:
        keys += parity_keys(region="tumour(range=250..420)")
    keys += [replace(key, aggregation="3d(alpha=1)") for key in parity_keys() if key.family == "ngldm"]
    keys = list(dict.fromkeys(keys))
    engines = (BuiltinEngine(), PyradiomicsEngine(oracle_python))
    assert all(isinstance(engine, Engine) for engine in engines)
    assert all(engine.supports(key) for engine in engines for key in keys)
    found = agree(*case, keys, settings, engines)
    assert found.engines["pyradiomics"].startswith("3.0.1")
    assert {feature.verdict for feature in found.features} == {AGREE}
    assert len(found.features) == len(keys) > 500


@pytest.mark.oracle
def test_shape_in_one_slice_agrees(oracle_python):
    mask = np.zeros((5, 16, 18), dtype=np.uint8)
    mask[2, 4:11, 5:13] = 1
    mask[2, 6, 7] = 0
    images = [sitk.GetImageFromArray(array) for array in (mask.astype(np.int16), mask)]
    keys = all_keys("mask", profile="pyradiomics", aggregation="2.5d_average")
    flat = [key for key in keys if key.family == "shape2d"]
    found = agree(
        {"t1": images[0]},
        {"tumour": images[1]},
        flat,
        engines=(BuiltinEngine(), PyradiomicsEngine(oracle_python)),
    )
    assert len(flat) > 5 and found.count(AGREE) == len(flat)


@pytest.mark.oracle
def test_what_one_engine_lacks_is_listed_with_the_reason(case, oracle_python):
    keys = [*all_keys("t1")[:3], "t2:tumour:original:statistics:mean:3d:none:pyradiomics"]
    found = agree(*case, keys, engines=(BuiltinEngine(), PyradiomicsEngine(oracle_python)))
    assert [feature.verdict for feature in found.features] == [SINGLE] * 3 + [NONE]
    assert "pyradiomics has no feature" in found.features[0].reasons["pyradiomics"]
    assert "no t2" in found.features[3].reasons["virtualbiopsy"]


@pytest.mark.oracle
def test_an_extraction_elsewhere_can_be_cancelled_and_has_a_limit(case, oracle_python):
    def stop(fraction: float, message: str) -> None:
        if fraction > 0:
            raise Cancelled()

    slow = parity_keys(image="lbp3d(output=k)") + parity_keys()
    with pytest.raises(Cancelled):
        PyradiomicsEngine(oracle_python).extract(*case, slow, progress=stop)
    with pytest.raises(EngineError, match="did not end within"):
        PyradiomicsEngine(oracle_python, timeout=0.5).extract(*case, slow)


def test_both_profiles_report_the_grey_levels_found(case):
    keys = [*parity_keys(), *parity_keys(image="square"), *all_keys("t1", discretisation="fbn8")]
    found = BuiltinEngine().extract(*case, keys)
    assert {"t1:tumour:fbw25", "t1:tumour:square:fbw25", "t1:tumour:fbn8"} <= set(found.bins)
    assert found.bins["t1:tumour:fbn8"] == 8 and not found.missing
    assert list(found.values) == [str(key) for key in keys]


def test_engines_that_cannot_be_used_say_why(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert "SlicerRadiomics" in PyradiomicsEngine().availability()
    assert "no Python interpreter" in PyradiomicsEngine(tmp_path / "python").availability()
    assert "cannot import" in PyradiomicsEngine(sys.executable).availability()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert "no Python interpreter" in all_engines()[1].availability()
    with pytest.raises(EngineError):
        find_engine("pyradiomics")
    with pytest.raises(EngineError, match="no engine called"):
        find_engine("other")
    with pytest.raises(EngineError):
        PyradiomicsEngine().extract({}, {}, [])


def test_a_folder_of_the_same_name_is_not_pyradiomics(monkeypatch, tmp_path):
    (tmp_path / "radiomics").mkdir()
    (tmp_path / "radiomics" / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert "not installed" in PyradiomicsEngine().availability()


def test_another_interpreter_does_not_inherit_what_is_ours(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "ours")
    monkeypatch.setenv("LD_LIBRARY_PATH", "launcher")
    monkeypatch.delenv("SLICER_HOME", raising=False)
    assert {"PYTHONPATH", "LD_LIBRARY_PATH"} & set(pyradiomics._own_environment()) == {"LD_LIBRARY_PATH"}
    monkeypatch.setenv("SLICER_HOME", "slicer")
    assert not {"PYTHONPATH", "LD_LIBRARY_PATH"} & set(pyradiomics._own_environment())


def test_an_engine_that_is_absent_is_part_of_the_record(case, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    found = agree(*case, parity_keys()[:4])
    assert found.engines == {"virtualbiopsy": BuiltinEngine().version, "pyradiomics": ""}
    assert found.count(SINGLE) == 4
    assert "not installed" in found.features[0].reasons["pyradiomics"]


@pytest.mark.parametrize(("factor", "verdict"), [(1 + 0.9e-6, AGREE), (1 + 1.1e-6, DISAGREE)])
def test_the_tolerance_decides(factor, verdict, case):
    found = agree(*case, parity_keys(), engines=(BuiltinEngine(), Scaled(factor)))
    assert {f.verdict for f in found.features if ":glcm:" in f.key} == {verdict}
    assert {f.verdict for f in found.features if ":glcm:" not in f.key} == {AGREE}


def test_the_record_comes_back_and_reports_say_what_it_is(case, tmp_path):
    engines = (BuiltinEngine(), Scaled(2.0))
    settings = ExtractionSettings(spacing=(2.0, 2.0, 2.0))
    found = agree(
        *case, parity_keys(), settings, engines, created="2026-01-02 03:04 UTC", case="<made> of numbers"
    )
    written = write_agreement(tmp_path, found)
    assert load_agreement(written[0]) == found
    page = written[2].read_text(encoding="utf-8")
    assert RESEARCH_USE_ONLY in page and "2026-01-02 03:04 UTC" in page and "&lt;made&gt;" in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    table = written[1].read_text(encoding="utf-8").splitlines()
    assert RESEARCH_USE_ONLY in table[0] and len(table) == 3 + len(found.features)
    assert sum(",disagree," in line for line in table) == found.count(DISAGREE) == 24
    with pytest.raises(ExistingFileError):
        write_agreement(tmp_path, found)


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c.pop("features"),
        lambda c: c.update(format="other"),
        lambda c: c["features"][0].update(verdict="perhaps"),
        lambda c: c["features"][0].update(key="glcm"),
        lambda c: c["features"][0]["values"].update(a="1e999"),
        lambda c: c.update(tolerance=True),
        lambda c: c.update(engines=[1]),
    ],
)
def test_a_damaged_record_is_refused(damage, case, tmp_path):
    found = agree(*case, parity_keys()[:2], engines=(BuiltinEngine(),))
    path = write_agreement(tmp_path, found)[0]
    content = json.loads(path.read_text(encoding="utf-8"))
    damage(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="no record of agreement"):
        load_agreement(path)


def test_several_cases_make_one_record_of_the_worst(case):
    keys = parity_keys()[:30]
    good = agree(*case, keys, engines=(BuiltinEngine(), Scaled(1.0)), case="first")
    bad = agree(*case, keys, engines=(BuiltinEngine(), Scaled(3.0, ("statistics",))), case="second")
    both = combine([good, bad])
    assert both.cases == ("first", "second")
    assert both.count(DISAGREE) == bad.count(DISAGREE) > 0
    with pytest.raises(EngineError):
        combine([good, replace(bad, tolerance=0.1)])


def test_features_on_which_engines_disagree_are_refused(case):
    found = agree(*case, parity_keys(), engines=(BuiltinEngine(), Scaled(2.0)))
    glcm = "adc:ring5:original:glcm:contrast:3d_average:fbw25:pyradiomics"
    other = "adc:ring5:original:glcm:contrast:3d_average:fbn32:pyradiomics"
    same = "adc:ring5:original:ngtdm:contrast:3d:fbw25:pyradiomics"
    assert list(refused_keys([glcm, other, same, "clinical:age"], found)) == [glcm]
    check_agreement([other, "clinical:age"], found)
    check_agreement([glcm], None)
    with pytest.raises(FeatureError, match="1 of 2 features cannot enter a model.*contrast"):
        check_agreement([glcm, other], found)


def test_training_refuses_them_before_it_simulates(tmp_path):
    key = next(key for key in builtin_recipes()[0].keys if not key.startswith("clinical:"))
    entry = module.FeatureAgreement(key, DISAGREE, {"a": 1.0, "b": 2.0}, 0.5)
    record = module.Agreement({"a": "1", "b": "2"}, 1e-6, (entry,))
    table = resource("Models/meningioma-demo-features.csv")
    with pytest.raises(FeatureError, match="cannot enter a model"):
        train_demo(tmp_path / "out", features_csv=table, agreement=record)
    assert not (tmp_path / "out").exists()


def test_a_model_keeps_what_computed_its_features():
    plain = toy_model()
    assert b'"engine"' not in to_bytes(plain) and from_bytes(to_bytes(plain)).engine == ""
    told = replace(plain, engine="Features by VirtualBiopsy 0.1.0.")
    assert from_bytes(to_bytes(told)).engine == "Features by VirtualBiopsy 0.1.0."


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (
            "t1:tumour:log(sigma=2.5):glcm:joint_entropy:3d_average:fbw25:pyradiomics",
            "log-sigma-2-5-mm-3D_glcm_JointEntropy",
        ),
        (
            "t1:tumour:wavelet(family=coif1;bands=LLH;level=2):ngldm:dependence_count_entropy:3d:fbn8:pyradiomics",
            "wavelet2-LLH_gldm_DependenceEntropy",
        ),
        ("mask:tumour:original:morphology:volume:3d:none:pyradiomics", "original_shape_MeshVolume"),
        ("t1:tumour:lbp3d(output=k):statistics:mean:3d:none:pyradiomics", "lbp-3D-k_firstorder_Mean"),
    ],
)
def test_names_are_those_of_pyradiomics(key, name):
    assert pyradiomics_name(FeatureKey.parse(key)) == name


@pytest.mark.parametrize(
    "key",
    [
        "t1:tumour:original:glcm:joint_entropy:3d_average:fbw25:ibsi",
        "t1:tumour:laws(kernels=L5E5E5):statistics:mean:3d:none:pyradiomics",
        "t1:tumour:log(sigma=3;truncate=5):statistics:mean:3d:none:pyradiomics",
        "t1:tumour(range=0..9;outlier=3):original:statistics:mean:3d:none:pyradiomics",
    ],
)
def test_what_pyradiomics_cannot_is_not_asked_of_it(key):
    assert not PyradiomicsEngine().supports(key)
    assert BuiltinEngine().supports(key)


def test_keys_share_calls_where_their_settings_allow():
    keys = [key for kind in ("original", "log(sigma=1)", "log(sigma=2)") for key in parity_keys(image=kind)]
    (group,) = group_keys(keys)
    assert group.image_types["LoG"] == {"sigma": [1.0, 2.0]}
    assert len(group.names) == len(keys)
    assert len(group_keys([*keys, *parity_keys(discretisation="fbn8")])) == 2
    assert key_settings(parity_keys(discretisation="fbn8")[-1])["binCount"] == 8


IN_ONE_PROCESS = """
import numpy as np, SimpleITK as sitk, sys
from virtualbiopsy.engines.agreement import agree
from virtualbiopsy.radiomics.definitions import all_keys

assert "radiomics" not in sys.modules
rng = np.random.default_rng(4)
mask = np.zeros((9, 12, 14), dtype=np.uint8)
mask[2:7, 3:9, 4:11] = 1
image = sitk.GetImageFromArray(rng.normal(300, 80, mask.shape).round().astype(np.int16))
keys = all_keys("mask", profile="pyradiomics")
keys += all_keys("t1", profile="pyradiomics", discretisation="fbw25")
before = sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance()
found = agree({"t1": image}, {"tumour": sitk.GetImageFromArray(mask)}, keys)
assert sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance() == before
print(found.engines["pyradiomics"], found.count("agree"), len(keys))
"""


@pytest.mark.oracle
def test_pyradiomics_of_the_same_interpreter_is_found(oracle_python):
    """As SlicerRadiomics provides it: imported only when asked for, tolerances of ITK put back."""
    core = Path(__file__).resolve().parents[2] / "VirtualBiopsyCore"
    environment = {k: v for k, v in os.environ.items() if k != VARIABLE} | {"PYTHONPATH": str(core)}
    done = subprocess.run(
        [oracle_python, "-c", IN_ONE_PROCESS], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    version, agreeing, asked = done.stdout.split()
    assert version == "3.0.1" and int(agreeing) == int(asked) == 110
