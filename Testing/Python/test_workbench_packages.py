"""Packages by consent: what a run needs, what the question says, and that pip changes nothing else."""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from recipes_support import PLANS
from virtualbiopsy.errors import MissingPackageError
from virtualbiopsy.workbench.form import Form

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


class Desk:
    """A Slicer that answers questions and runs pip."""

    def __init__(self, monkeypatch, hidden):
        self.hidden, self.agrees, self.works = set(hidden), True, True
        self.questions, self.ran, self.constraints = [], [], ""
        slicer, i18n = types.ModuleType("slicer"), types.ModuleType("slicer.i18n")
        i18n.tr = lambda text: text
        slicer.util = types.SimpleNamespace(
            confirmOkCancelDisplay=self.ask, pip_install=self.pip_install, WaitCursor=WaitCursor
        )
        monkeypatch.setitem(sys.modules, "slicer", slicer)
        monkeypatch.setitem(sys.modules, "slicer.i18n", i18n)
        monkeypatch.delitem(sys.modules, "virtualbiopsy.desktop.workbench_packages", raising=False)
        find = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *more: None if name in self.hidden else find(name, *more),
        )
        import virtualbiopsy.desktop.workbench_packages as module

        self.packages = module
        self.slicer = slicer

    def ask(self, text, windowTitle=""):
        self.questions.append(text)
        return self.agrees

    def pip_install(self, arguments):
        """As in Slicer 5.10: a list of arguments of pip install."""
        self.ran.append(arguments)
        self.constraints = Path(arguments[arguments.index("--constraint") + 1]).read_text()
        if not self.works:
            raise subprocess.CalledProcessError(1, "pip")
        self.hidden.clear()


class WaitCursor:
    def __enter__(self):
        pass

    def __exit__(self, *error):
        pass


@pytest.fixture
def desk(monkeypatch):
    pytest.importorskip("sklearn")
    yield Desk(monkeypatch, {"sklearn"})
    sys.modules.pop("virtualbiopsy.desktop.workbench_packages", None)


def names(found):
    return [package.module for package in found]


def test_what_a_run_needs_follows_from_recipe_and_cases(desk, tmp_path):
    wanted, boosted = desk.packages.to_train, "xgboost"
    kinds = {name: plan.method.estimator.kind for name, plan in PLANS.items()}
    with_trees = next(name for name, kind in kinds.items() if kind == boosted)
    assert names(wanted(Form(recipe="M11", cohort="x"))) == ["sklearn"]
    assert names(wanted(Form(recipe=with_trees, cohort="x"))) == ["sklearn", boosted]
    assert names(wanted(Form(recipe="M11", simulated=30))) == ["sklearn", "nilearn"]
    breast = next(name for name, plan in PLANS.items() if plan.stand_in.task == "breast")
    assert "nilearn" not in names(wanted(Form(recipe=breast, simulated=30)))
    assert names(wanted(Form(recipe="M11", cohort="a/b.XLSX"))) == ["sklearn", "openpyxl"]
    (tmp_path / "cohort.xlsx").touch()
    assert names(desk.packages.to_examine(Form(cohort=str(tmp_path)))) == ["openpyxl"]
    assert names(desk.packages.to_examine(Form(cohort="table.csv", labels="l.xlsx"))) == ["openpyxl"]
    assert desk.packages.to_examine(Form(recipe="M11", cohort="table.csv")) == ()


def test_versions_are_those_of_the_package_itself(desk):
    """The extras of pyproject.toml say the same."""
    text = PYPROJECT.read_text(encoding="utf-8")
    module = desk.packages
    for package in (module._scikit_learn(), module._xgboost(), module._template(), module._workbooks()):
        requirement = package.requirement.replace("xgboost-cpu", "xgboost")
        assert f'"{requirement}"' in text, requirement


def test_the_question_names_packages_size_and_network(desk):
    form = Form(recipe="M11", simulated=30, cohort="")
    desk.hidden.add("nilearn")
    desk.agrees = False
    assert not desk.packages.ensure(desk.packages.to_train(form))
    (question,) = desk.questions
    for words in ("scikit-learn>=1.8 (about 11 MB)", "nilearn>=0.10 (about 30 MB)", "network connection"):
        assert words in question
    assert "a network connection is made" in question and "no data of yours are sent" in question
    assert desk.ran == [], "refused: nothing was done"


def test_nothing_is_asked_when_all_is_there(desk):
    desk.hidden.clear()
    assert desk.packages.ensure(desk.packages.to_train(Form(recipe="M11", cohort="x")))
    assert not desk.questions and not desk.ran


def test_pip_adds_what_is_missing_and_moves_nothing_else(desk):
    assert desk.packages.ensure(desk.packages.to_train(Form(recipe="M11", cohort="x")))
    (arguments,) = desk.ran
    assert arguments[0] == "scikit-learn>=1.8" and len(arguments) == 3
    kept = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in desk.constraints.splitlines()}
    assert {"numpy", "scipy", "pydicom", "simpleitk"} <= kept and "scikit-learn" not in kept
    assert f"numpy=={importlib.metadata.version('numpy')}" in desk.constraints
    assert not Path(arguments[2]).exists(), "the file of versions is removed"


def test_too_old_counts_as_missing(desk, monkeypatch):
    desk.hidden.clear()
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.7.2" if name == "scikit-learn" else version(name)
    )
    assert names(desk.packages.missing([desk.packages._scikit_learn()])) == ["sklearn"]
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.10")
    assert desk.packages.missing([desk.packages._scikit_learn()]) == (), "1.10 is later than 1.8"


def test_what_cannot_be_installed_is_told_with_the_way_to_do_it_by_hand(desk):
    desk.works = False
    with pytest.raises(MissingPackageError) as caught:
        desk.packages.ensure([desk.packages._scikit_learn()])
    assert "could not be installed" in caught.value.message
    assert 'PythonSlicer -m pip install "scikit-learn>=1.8"' in caught.value.hint


def test_from_slicer_5_11_its_own_packaging_is_used(desk, monkeypatch):
    asked = {}

    def pip_ensure(requirements, **options):
        asked.update(options, requirements=requirements, kept=Path(options["constraints"]).read_text())
        desk.hidden.clear()

    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_ensure = pip_ensure
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    assert desk.packages.ensure([desk.packages._scikit_learn()])
    assert asked["requirements"] == ["scikit-learn>=1.8"] and not desk.ran
    assert asked["prompt_install"] is False, "it was asked already, and with more words"
    assert asked["requester"] == "Radiomics Workbench" and "numpy==" in asked["kept"]


def test_in_testing_mode_slicer_installs_nothing_and_that_is_told(desk, monkeypatch):
    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_ensure = lambda requirements, **options: None
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    with pytest.raises(MissingPackageError, match="scikit-learn"):
        desk.packages.ensure([desk.packages._scikit_learn()])
