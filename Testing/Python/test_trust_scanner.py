"""A second simulated scanner is noticed, and fresh cases of the first one are not.

The rows of data/trust-scanners.csv are 40 cases of scanner A and 40 of scanner B, the same simulated
patients, from a seed that no model was trained on (90210): their features, what is measured on their images,
and their headers. Made like the training cohort: simulated without motion, prepared without registration.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from virtualbiopsy.measure import Measuring
from virtualbiopsy.models.inference import model_inputs, predict
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.simulate import SimulationSettings, simulate_meningioma
from virtualbiopsy.training.table import read_table
from virtualbiopsy.trust.card import assess
from virtualbiopsy.trust.identity import wrong_sequences
from virtualbiopsy.trust.images import HEADER, image_facts
from virtualbiopsy.trust.model import ImageFacts

MODELS = {model.model_id: model for model in builtin_models("meningioma")}


@pytest.fixture(scope="module")
def table():
    return read_table(Path(__file__).parent / "data" / "trust-scanners.csv")


def cases(table, scanner):
    """(features, facts) of every case of a scanner."""
    for name, values in zip(table.cases, table.values, strict=True):
        if name.endswith("-B") != (scanner == "B"):
            continue
        features, figures, protocol = {}, {}, {}
        for column, value in zip(table.columns, values.tolist(), strict=True):
            if value != value:
                continue
            kind, _, rest = column.partition(":")
            if kind in ("image", "protocol"):
                role, _, entry = rest.partition(":")
                {"image": figures, "protocol": protocol}[kind].setdefault(role, {})[entry] = value
            else:
                features[column] = value
        facts = ImageFacts(protocol, figures, tuple(wrong_sequences(figures)))
        yield FeatureVector(features, {}, {}, ()), facts


def flagged(model, features, facts) -> bool:
    """Whether the card says that the case is unlike the training cases; missing inputs are something else."""
    card = assess(model, model_inputs(model, features), predict(model, features), facts)
    return any(reason.light != "green" and reason.code != "missing_inputs" for reason in card.reasons)


def with_headers(facts):
    return facts


def without_headers(facts):
    """As after a conversion to NIfTI: what remains is measured on the images."""
    kept = {r: {k: v for k, v in row.items() if k not in HEADER} for r, row in facts.protocol.items()}
    return ImageFacts(kept, facts.figures, facts.findings)


def voxels_only(facts):
    """Not even the size of the voxels."""
    return ImageFacts({}, facts.figures, facts.findings)


@pytest.mark.parametrize("known", [with_headers, without_headers, voxels_only])
@pytest.mark.parametrize("model_id", list(MODELS))
def test_scanner_b_is_noticed_and_fresh_cases_of_a_are_not(table, model_id, known):
    model = MODELS[model_id]
    share = {}
    for scanner in "AB":
        answers = [flagged(model, features, known(facts)) for features, facts in cases(table, scanner)]
        assert len(answers) == 40
        share[scanner] = sum(answers) / len(answers)
    assert share["B"] >= 0.95, share
    assert share["A"] <= 0.10, share


def test_the_features_alone_do_not_notice(table):
    """What the image side is for: in feature space scanner B looks like A."""
    model = MODELS["ki67-meningioma-demo"]
    answers = [flagged(model, features, None) for features, _ in cases(table, "B")]
    assert sum(answers) / len(answers) < 0.5


@pytest.mark.skipif(
    importlib.util.find_spec("nilearn") is None, reason="the template comes with nilearn (extra: simulate)"
)
def test_a_case_simulated_now():
    """The rows are not out of date: one case of scanner B, whole."""
    settings = SimulationSettings(sequences=("t1c",), motion=0.0, scanner="B")
    case = simulate_meningioma(123, settings=settings).as_case()
    prepared = prepare_case(case, Preparation(register=False, interpolator="linear"))
    model = MODELS["ki67-meningioma-demo"]
    measured = Measuring(prepared, model.radiomic_keys).measure(case.regions["tumour"])
    facts = image_facts(case, prepared, measured, case.regions["tumour"])
    for known in (with_headers, without_headers, voxels_only):
        assert flagged(model, measured.vector, known(facts))
