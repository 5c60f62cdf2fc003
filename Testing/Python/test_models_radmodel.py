"""The .radmodel file: round trip, equal bytes, and refusal of everything that is not one."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import TOY_KEYS, toy_classifier, toy_model
from virtualbiopsy.errors import ModelFormatError
from virtualbiopsy.models import radmodel
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.classifier import SPECS, Classifier
from virtualbiopsy.models.container import pack
from virtualbiopsy.models.inference import log_odds
from virtualbiopsy.models.npz import pack_arrays
from virtualbiopsy.models.radmodel import from_bytes, load_radmodel, save_radmodel, to_bytes
from virtualbiopsy.prepare.model import Kinetics, Preparation


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def arrays_of(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(members(data)["arrays.npz"]), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def signed(document: dict, arrays: bytes, card: bytes = b"# toy\n") -> bytes:
    """A container whose SHA-256 is right, whatever it holds."""
    document = {key: value for key, value in document.items() if key != "sha256"}
    body = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
    whole = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in (body, arrays, card)))
    document["sha256"] = whole.hexdigest()
    body = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
    return pack({"model.json": body, "arrays.npz": arrays, "card.md": card})


def rich(kind: str = "random_forest", **changes):
    """A toy model with everything that a file may lack."""
    rng = np.random.default_rng(5)
    optional = {
        "engine": "Features by a toy.",
        "conformal_scores": (rng.standard_normal(30), (np.arange(30) % 3 == 0).astype(np.uint8)),
        "image_statistics": {"t1c": {"snr": (9.0, 31.0), "fat": (0.5, 0.5)}, "adc": {"snr": (4.0, 8.0)}},
        "published": "Published: AUC 0.9 internal, 0.6 external.",
        "task": "breast",
        "preparation": Preparation(
            normalise="zscore_breast", kinetics=Kinetics(early_s=90.0, motion="rigid")
        ),
    }
    return toy_model(kind, **{**optional, **changes})


OPTIONAL = {"engine", "published", "image_statistics", "task"}


@pytest.fixture(scope="module")
def whole() -> bytes:
    return to_bytes(rich())


@pytest.fixture(scope="module")
def document(whole) -> dict:
    return json.loads(members(whole)["model.json"])


def refused(data: bytes, match: str) -> None:
    with pytest.raises(ModelFormatError, match=match) as caught:
        from_bytes(data, "file.radmodel")
    assert "file.radmodel" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("kind", SPECS)
def test_round_trip_keeps_every_field(kind, tmp_path):
    model = toy_model(kind)
    saved = save_radmodel(model, tmp_path / "toy.radmodel")
    again = load_radmodel(tmp_path / "toy.radmodel")
    for item in fields(model):
        if item.name not in ("classifier", "background", "conformal_scores", "sha256"):
            assert getattr(again, item.name) == getattr(model, item.name), item.name
    assert again.conformal_scores == ()
    assert again.sha256 == saved.sha256 and len(again.sha256) == 64
    assert np.array_equal(again.background, model.background)
    assert again.classifier.kind == kind
    for name, array in model.classifier.arrays.items():
        assert np.array_equal(again.classifier.arrays[name], array)
    assert np.array_equal(log_odds(again, model.background), log_odds(model, model.background))
    assert [p.name for p in tmp_path.iterdir()] == ["toy.radmodel"]


def test_round_trip_keeps_what_a_file_may_lack():
    model = rich()
    again = from_bytes(to_bytes(model))
    assert again.published == model.published and again.engine == model.engine
    assert again.image_statistics == model.image_statistics
    assert (again.task, again.preparation) == ("breast", model.preparation)
    for array, other in zip(again.conformal_scores, model.conformal_scores, strict=True):
        assert np.array_equal(array, other) and not array.flags.writeable
    assert again.conformal_scores[1].dtype == np.uint8
    assert to_bytes(again) == to_bytes(model)


def test_files_from_before_these_fields_load_and_keep_their_bytes():
    """Without optional fields a model is written as the first version wrote it."""
    data = to_bytes(toy_model())
    text = members(data)["model.json"].decode()
    assert not [
        name
        for name in ("conformal", "image_statistics", "published", "engine", "task", "kinetics")
        if name in text
    ]
    assert set(arrays_of(data)) == {"background", "classifier_coef", "classifier_intercept"}
    old = from_bytes(data)
    assert (old.conformal_scores, old.image_statistics, old.published) == ((), {}, "")
    assert (old.task, old.preparation.kinetics) == ("meningioma", None)


@pytest.mark.parametrize(
    ("scores", "match"),
    [
        ((np.zeros(3),), "log-odds and labels"),
        ((np.zeros(3), np.array([0, 1])), "shapes"),
        ((np.zeros((2, 2)), np.array([[0, 1], [0, 1]])), "shapes"),
        ((np.zeros(0), np.zeros(0)), "shapes"),
        ((np.zeros(20001), np.arange(20001) % 2), "20000"),
        ((np.array([0.0, np.nan]), np.array([0, 1])), "NaN"),
        ((np.zeros(3), np.zeros(3)), "both"),
        ((np.zeros(3), np.array([0.0, 0.5, 1.0])), "both"),
        ((np.zeros(3), np.array([0, 1, 257])), "both"),
    ],
)
def test_conformal_scores_that_make_no_sense_are_not_written(scores, match):
    with pytest.raises(ModelFormatError, match=match):
        to_bytes(rich(conformal_scores=scores))


def test_equal_models_give_equal_bytes_and_other_models_others():
    assert to_bytes(toy_model()) == to_bytes(toy_model())
    data = to_bytes(toy_model())
    assert to_bytes(from_bytes(data)) == data
    other = from_bytes(to_bytes(replace(toy_model(), threshold=0.51)))
    assert other.sha256 != from_bytes(data).sha256


def test_it_is_readable_without_us(whole):
    names = list(members(whole))
    assert names == ["model.json", "arrays.npz", "card.md"]
    text = members(whole)["model.json"].decode()
    assert '"endpoint": "Ki-67"' in text and "≥" in text
    keys = list(json.loads(text))
    assert keys == sorted(keys)
    assert arrays_of(whole)["background"].shape == (40, len(TOY_KEYS))


def test_spacing_may_be_none_and_regions_are_listed():
    model = toy_model()
    model = replace(model, preparation=replace(model.preparation, spacing=None))
    assert from_bytes(to_bytes(model)).preparation == model.preparation
    assert model.regions == ("tumour",)
    ring = replace_key(TOY_KEYS[1], "tumour", "ring5")
    assert toy_model(keys=(ring, "clinical:age")).regions == ("tumour", "ring5")


def replace_key(key: str, old: str, new: str) -> str:
    return key.replace(f":{old}:", f":{new}:")


# -- what is not a model --------------------------------


class Evil:
    ran = False

    def __reduce__(self):
        return (exec, ("import test_models_radmodel as t; t.Evil.ran = True",))


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_renamed_is_refused_and_never_run(protocol, tmp_path):
    path = tmp_path / "evil.radmodel"
    path.write_bytes(pickle.dumps(Evil(), protocol))
    with pytest.raises(ModelFormatError, match="not a .radmodel file") as caught:
        load_radmodel(path)
    assert "pickle" in str(caught.value).lower()
    assert "never opened" in caught.value.hint
    assert not Evil.ran


def test_joblib_files_are_refused(tmp_path):
    joblib = pytest.importorskip("joblib")
    from sklearn.linear_model import LogisticRegression

    estimator = LogisticRegression().fit(np.arange(6.0)[:, None], [0, 1, 0, 1, 0, 1])
    for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)):
        path = tmp_path / "model.radmodel"
        joblib.dump(estimator, path, compress=compress)
        with pytest.raises(ModelFormatError, match="pickle|joblib"):
            load_radmodel(path)


def test_other_files_are_refused(tmp_path):
    for data in (
        b"",
        b"\x89PNG\r\n",
        b"hello",
        b'{"format": "radmodel"}',
        b"\x93NUMPY\x01\x00",
        b"\0" * 1000,
    ):
        refused(data, "is not a .radmodel file")
    with pytest.raises(ModelFormatError, match="There is no file"):
        load_radmodel(tmp_path / "absent.radmodel")
    with pytest.raises(ModelFormatError):
        load_radmodel(tmp_path)


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.radmodel"
    with path.open("wb") as stream:
        stream.write(b"PK\x03\x04")
        stream.truncate(40 * 2**20)
    with pytest.raises(ModelFormatError, match="40 MiB"):
        load_radmodel(path)


# -- damage --------------------------------


def test_every_truncation_is_refused(whole):
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        with pytest.raises(ModelFormatError):
            from_bytes(whole[:length])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_changes_nothing_or_is_refused(whole, data):
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        model = from_bytes(bytes(damaged))
    except ModelFormatError:
        return
    assert to_bytes(model) == whole  # time stamps and attributes of the zip do not matter


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_never_raise_anything_else(tail):
    with pytest.raises(ModelFormatError):
        from_bytes(b"PK\x03\x04" + tail)


def test_changed_contents_do_not_match_the_digest(whole):
    parts = members(whole)
    parts["card.md"] += b"\nTrust me.\n"
    refused(pack(parts), "SHA-256")


# -- the container --------------------------------


@pytest.mark.parametrize(
    "name", ["../escape.txt", "/etc/passwd", "extra.json", "model.json/", "a\\b", "model.JSON"]
)
def test_extra_members_are_refused(whole, name):
    refused(pack({**members(whole), name: b"x"}), "does not belong")


def test_lacking_and_repeated_members_are_refused(whole):
    parts = members(whole)
    refused(pack({k: v for k, v in parts.items() if k != "card.md"}), "lacks card.md")
    buffer = io.BytesIO(whole)
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning):
        archive.writestr("card.md", b"second")
    refused(buffer.getvalue(), "twice")


def test_a_zip_bomb_is_refused(whole):
    parts = members(whole)
    for limit, match in ((900_000, "times its packed size"), (3 * 2**20, "more than")):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in parts.items():
                archive.writestr(name, b" " * limit if name == "card.md" else data)
        refused(buffer.getvalue(), match)


def test_a_compressed_container_is_read(whole):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members(whole).items():
            archive.writestr(name, data)
    assert to_bytes(from_bytes(buffer.getvalue())) == whole


# -- the arrays --------------------------------


def with_arrays(document: dict, whole: bytes, **changes) -> bytes:
    arrays = {**arrays_of(whole), **changes}
    return signed(document, pack_arrays({k: v for k, v in arrays.items() if v is not None}))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"background": np.zeros((40, 3))}, "does not fit"),
        ({"background": np.zeros(280)}, "1 dimensions"),
        ({"background": np.full((40, 7), np.nan)}, "NaN"),
        ({"background": np.full((40, 7), np.inf)}, "NaN"),
        ({"background": np.zeros((40, 7), np.float32)}, "float32"),
        ({"background": np.zeros((40, 7), ">f8")}, "type"),
        ({"background": np.zeros((0, 7))}, "does not fit"),
        ({"background": np.zeros((6000, 7))}, "6000"),
        ({"background": np.asfortranarray(np.ones((40, 7)))}, None),
        ({"classifier_value": None}, "lacks classifier_value"),
        ({"classifier_extra": np.zeros(3)}, "does not belong"),
        ({"classifier_feature": np.full(105, 99)}, "outside 0…6"),
        ({"classifier_left": np.zeros(105, np.int64)}, "outside its own tree"),
        ({"classifier_right": np.full(105, 2**40)}, "outside its own tree"),
        ({"classifier_right": toy_classifier("random_forest", 7).arrays["left"]}, "child of two nodes"),
        ({"classifier_tree_start": np.array([0, 50])}, "tree_start"),
        ({"classifier_value": np.full(105, 3.0)}, "not a probability"),
        ({"classifier_floor": np.zeros(1)}, "floor"),
        ({"conformal_log_odds": None}, "lacks conformal_log_odds"),
        ({"conformal_labels": None}, "lacks conformal_labels"),
        ({"conformal_log_odds": np.zeros(29)}, "does not fit"),
        ({"conformal_labels": np.ones(31, np.uint8)}, "does not fit"),
        ({"conformal_log_odds": np.zeros((30, 1))}, "2 dimensions"),
        ({"conformal_log_odds": np.full(30, np.nan)}, "NaN"),
        ({"conformal_log_odds": np.zeros(30, np.float32)}, "float32"),
        ({"conformal_labels": np.arange(30) % 2}, "int64"),
        ({"conformal_labels": np.ones(30, np.uint8)}, "both"),
        ({"conformal_labels": np.arange(30, dtype=np.uint8) % 3}, "both"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(document, whole, changes, match):
    data = with_arrays(document, whole, **changes)
    if match is None:
        from_bytes(data)
    else:
        refused(data, match)


def npy(header: str, body: bytes = b"\0" * 64, version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin1")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + body


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (134217728, 7), }"), "promises 7516192768"),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9, 7), }"),
            "promises 504 bytes and holds 64",
        ),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (40, 7), }"), "type object"),
        (npy("{'descr': '<f8', 'fortran_order': True, 'shape': (8, 7), }"), "Fortran"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 7), }"), "does not fit"),
        (npy("{'descr': '<f8', 'shape': (40, 7), }"), "header"),
        (npy("__import__('os').system('true')"), "header"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (40, 7), }" + " " * 9000), "header"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (40, 7), }", version=b"\x03\x00"), "header"),
        (b"", "header"),
        (b"\x80\x04K\x01.", "header"),
    ],
)
def test_array_headers_are_checked_before_memory_is_taken(document, whole, data, match):
    parts = {name + ".npy": io.BytesIO() for name in arrays_of(whole)}
    for name, array in arrays_of(whole).items():
        np.save(parts[name + ".npy"], array)
    raw = {name: stream.getvalue() for name, stream in parts.items()}
    raw["background.npy"] = data
    refused(signed(document, pack(raw)), match)


def test_each_kind_refuses_what_makes_no_sense():
    bad = {
        "gaussian_nb": ("variance", np.zeros((2, 7)), "variance"),
        "rbf_svm": ("gamma", np.zeros(1), "gamma"),
        "logistic": ("coef", np.full(7, np.nan), "NaN"),
    }
    for kind, (name, array, match) in bad.items():
        good = toy_classifier(kind, 7)
        model = toy_model(kind, classifier=Classifier(kind, {**good.arrays, name: array}))
        with pytest.raises(ModelFormatError, match=match):
            to_bytes(model)
    with pytest.raises(ModelFormatError, match="without Platt"):
        to_bytes(toy_model("rbf_svm", calibrator=Calibrator()))


# -- the document --------------------------------


KNOTS = {"kind": "isotonic", "slope": 1, "intercept": 0, "x": [0, 1], "y": [0.1, 0.2]}


def changed(document: dict, path: str, value) -> dict:
    """A copy with document[a][b]… = value for the path "a.b"; the value `...` removes it."""
    copy = json.loads(json.dumps(document))
    *parents, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    table = copy
    for parent in parents:
        table = table[parent]
    if value is ...:
        del table[last]
    else:
        table[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        ("format", "other", "format"),
        ("format_version", 2, "version 2"),
        ("format_version", True, "version"),
        ("surprise", 1, "unknown 'surprise'"),
        ("title", ..., "lacks title"),
        ("title", 3, "title is not text"),
        ("title", "A real model", "does not say so"),
        ("model_id", "../../x", "model id"),
        ("simulated", 1, "simulated"),
        ("threshold", 1.5, "threshold"),
        ("threshold", True, "threshold is not a number"),
        ("threshold", "0.5", "threshold is not a number"),
        ("threshold", 10**400, "threshold is not finite"),
        ("features", [], "features"),
        ("features", {}, "features"),
        ("features.0", 1, "feature 0"),
        ("features.0.key", "a:b", "eight"),
        ("features.0.key", TOY_KEYS[1], "twice"),
        ("features.0.key", "clinical:../x", "clinical key"),
        ("features.0.key", "swi:tumour:original:statistics:mean:3d:none:ibsi", "'swi'"),
        ("features.0.scale", 0, "scale is not positive"),
        ("features.0.low", 1e9, "ends before"),
        ("features.0.secret", 1, "unknown"),
        ("required_sequences", ["t1c", "t1c"], "twice"),
        ("required_sequences", ["ct"], "unknown"),
        ("required_sequences", "t1c", "list of roles"),
        ("classifier.kind", "neural", "classifier kind"),
        ("classifier.kind", ["logistic"], "classifier kind"),
        ("classifier.kind", "logistic", "lacks classifier_coef"),
        ("classifier.code", "x", "unknown"),
        ("calibrator.kind", "beta", "calibrator kind"),
        ("calibrator.kind", "isotonic", "lacks x, y"),
        ("calibrator", {**KNOTS, "x": "ab"}, "x is not a list"),
        ("calibrator", {**KNOTS, "y": [0.1, "b"]}, "y is not a number"),
        ("calibrator.slope", 2, "slope 1"),
        ("preparation.spacing", [1, 1], "spacing"),
        ("preparation.spacing", [0, 1, 1], "spacing"),
        ("preparation.normalise", "magic", "normalise"),
        ("preparation.register", 1, "register"),
        ("preparation.extra", 1, "unknown"),
        ("preparation.kinetics", [], "kinetics is not a table"),
        ("preparation.kinetics.aif", ..., "kinetics lacks aif"),
        ("preparation.kinetics.aif", "mine", "kinetics.aif is not one of"),
        ("preparation.kinetics.motion", True, "kinetics.motion is not one of"),
        ("preparation.kinetics.early_s", "soon", "kinetics.early_s is not a number"),
        ("preparation.kinetics.early_s", 0, "kinetics.early_s is not positive"),
        ("preparation.kinetics.haematocrit", 1, "between 0 and 1"),
        ("task", "Ovary!", "the task 'Ovary!'"),
        ("task", 3, "the task '3'"),
        ("metrics.auc", 0.9, "metric"),
        ("metrics.auc.high", "x", "metric"),
        ("protocol_ranges.slice_thickness_mm", [3, 1], "protocol range"),
        ("conformal_cases", ..., "does not belong"),
        ("conformal_cases", 0, "unknown 'conformal_cases'"),
        ("conformal_cases", -1, "conformal_cases is not a number"),
        ("conformal_cases", True, "conformal_cases is not a number"),
        ("conformal_cases", 30.0, "conformal_cases is not a number"),
        ("conformal_cases", 20001, "1 to 20000"),
        ("conformal_cases", 10**400, "1 to 20000"),
        ("conformal_cases", 31, "does not fit"),
        ("image_statistics", {}, "unknown 'image_statistics'"),
        ("image_statistics", [1], "table by role"),
        ("image_statistics", {"ct": {}}, "'ct' is unknown"),
        ("image_statistics.t1c", [1, 2], "image figure of t1c"),
        ("image_statistics.t1c", {str(n): [0, 1] for n in range(51)}, "at most 50"),
        ("image_statistics.t1c.snr", 3, "pair"),
        ("image_statistics.t1c.snr", [1, 2, 3], "pair"),
        ("image_statistics.t1c.snr", [2, 1], "ends before"),
        ("image_statistics.t1c.snr", [1, "2"], "not a number"),
        ("image_statistics.t1c.snr", [1, 10**400], "not finite"),
        ("published", 3, "published is not text"),
        ("published", "", "unknown 'published'"),
        ("published", "x" * 20001, "published is not text"),
        ("sha256", 5, "sha256"),
    ],
)
def test_documents_with_a_wrong_field_are_refused(document, whole, path, value, match):
    bad = changed(document, path, value)
    if path == "sha256":
        body = json.dumps(bad).encode()
        refused(pack({**members(whole), "model.json": body}), match)
    else:
        refused(signed(bad, members(whole)["arrays.npz"]), match)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"format": "radmodel", "format": "radmodel"}',
        b'{"format": NaN}',
        b'{"format": Infinity}',
        b"[" * 100000,
        b'{"format": ' + b"9" * 5000 + b"}",
    ],
)
def test_text_that_is_not_strict_json_is_refused(whole, body):
    refused(pack({**members(whole), "model.json": body}), "model.json")


def test_every_field_of_the_document_is_needed(document, whole):
    for name in set(document) - {"sha256"} - OPTIONAL:
        bad = {key: value for key, value in document.items() if key != name}
        with pytest.raises(ModelFormatError):
            from_bytes(signed(bad, members(whole)["arrays.npz"]))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_field_of_any_type_gives_a_model_or_a_typed_error(document, whole, data):
    json_value = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
    name = data.draw(st.sampled_from(sorted(set(document) - {"sha256"})))
    value = data.draw(json_value)
    try:
        model = from_bytes(signed({**document, name: value}, members(whole)["arrays.npz"]))
    except ModelFormatError:
        return
    assert model.model_id


def test_a_failed_save_leaves_nothing_behind(tmp_path, monkeypatch):
    with pytest.raises(ModelFormatError):
        save_radmodel(replace(toy_model(), threshold=2.0), tmp_path / "a.radmodel")
    with pytest.raises(ModelFormatError, match="cannot be written"):
        save_radmodel(toy_model(), tmp_path / "absent" / "a.radmodel")
    assert list(tmp_path.iterdir()) == []


def test_builtin_models_are_the_files_in_resources():
    found = radmodel.builtin_models()
    assert [m.model_id for m in found] == sorted(m.model_id for m in found)
    for model in found:
        assert model.simulated and "simulated" in model.title.lower()
        wanted = {"meningioma": ("t1c",), "breast": ("dce", "pe", "ser")}
        assert model.required_sequences == wanted[model.task]
