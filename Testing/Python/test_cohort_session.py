"""A row of a cohort is what the session shows for the same case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from virtualbiopsy.case.read import read_case
from virtualbiopsy.cohort.extract import extract_cohort
from virtualbiopsy.cohort.measured import Extraction
from virtualbiopsy.cohort.read import read_cohort
from virtualbiopsy.groundwork import Departures, Groundwork
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.resources import resource
from virtualbiopsy.tasks import TASKS
from virtualbiopsy.training.demo import demo_recipes
from virtualbiopsy.training.rows import image_columns


@pytest.mark.parametrize("task", ["meningioma", "breast"])
def test_the_sample_case_gives_the_same_features(tmp_path, task):
    models = [m for m in builtin_models() if m.task == task and not m.needs_earlier]
    if not models:
        pytest.skip("There are no bundled models of this task.")
    folder = resource("Cases") / TASKS[task].sample
    (tmp_path / "cohort.csv").write_text(f"patient,folder,endpoint:x\nsample,{folder},1\n")
    cohort = read_cohort(tmp_path)
    recipes = [r for r in demo_recipes(task) if not any("delta:" in key for key in r.keys)]
    extraction = Extraction.of_recipes(recipes)
    still = replace(extraction.preparation, register=False)  # which takes most of the time
    extraction = replace(extraction, preparation=still)
    found = extract_cohort(cohort, extraction, tmp_path / "out", processes=1)
    assert not found.failed
    row = dict(zip(found.table.columns, found.table.values[0], strict=True))
    case = read_case(folder)
    ground = Groundwork(case, models, TASKS[task], Departures({"register": False}))
    vector, _ = ground.measure(models, case.regions["tumour"])
    keys = [key for key in extraction.keys if key in vector.values]
    assert len(keys) > 8
    for key in keys:
        assert row[key] == pytest.approx(vector.values[key], rel=1e-6), key
    prepared = ground.prepared(models[0])
    shown = image_columns(ground.completed(models[0]), prepared, case.regions["tumour"])
    ours = {name for name in row if name.startswith(("image:", "protocol:"))}
    assert ours and ours <= set(shown)
    for name in ours:
        assert row[name] == pytest.approx(shown[name], rel=1e-6), name
