"""Models that the user installs: checked, copied whole, beside the bundled ones, never in their way."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from virtualbiopsy.case.read import read_case
from virtualbiopsy.cli import main
from virtualbiopsy.errors import MissingSequenceError, ModelFormatError
from virtualbiopsy.models import library
from virtualbiopsy.models.library import (
    available_models,
    find_model,
    install_model,
    installed_models,
    library_folder,
    remove_model,
    trained_on,
    why_not_tried,
)
from virtualbiopsy.models.radmodel import builtin_models, load_radmodel, save_radmodel
from virtualbiopsy.resources import resource
from virtualbiopsy.session import Session

BUNDLED = {model.model_id: model for model in builtin_models()}
OWN = replace(
    BUNDLED["ki67-meningioma-demo"],
    model_id="m11-hospital",
    title="High Ki-67: hospital",
    simulated=False,
    data_statement="212 cases of the cohort hospital (table). Patients from the column patient.",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VIRTUALBIOPSY_MODELS", str(tmp_path / "library"))
    return tmp_path / "library"


def saved(path: Path, **changes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_radmodel(replace(OWN, **changes), path)
    return path


def test_without_models_nothing_is_made(folder):
    assert installed_models().models == () == installed_models().broken
    assert [m.model_id for m in available_models()] == list(BUNDLED) and not folder.exists()


def test_an_installed_model_stands_beside_the_bundled_ones(folder, tmp_path):
    path = install_model(saved(tmp_path / "my model.radmodel"))
    assert path == folder / "m11-hospital.radmodel"
    assert path.read_bytes() == (tmp_path / "my model.radmodel").read_bytes()
    assert [m.model_id for m in available_models()] == [*BUNDLED, "m11-hospital"]
    assert "m11-hospital" in {m.model_id for m in available_models("meningioma")}
    assert "m11-hospital" not in {m.model_id for m in available_models("breast")}
    assert find_model("m11-hospital").sha256 == load_radmodel(path).sha256
    assert list(folder.iterdir()) == [path], "nothing half written stays"


def test_the_session_uses_it_without_being_told(folder, tmp_path):
    install_model(saved(tmp_path / "a.radmodel"))
    case = read_case(resource("Cases") / "meningioma-sample")
    assert "m11-hospital" in {model.model_id for model in Session(case).models}


def test_the_same_model_may_be_installed_again_and_another_only_replaces_it_when_asked(folder, tmp_path):
    first = saved(tmp_path / "a.radmodel")
    before = install_model(first).stat().st_mtime_ns
    assert install_model(first).stat().st_mtime_ns == before
    other = saved(tmp_path / "b.radmodel", version="2.0.0")
    with pytest.raises(ModelFormatError, match="Another model with the id m11-hospital is installed"):
        install_model(other)
    assert find_model("m11-hospital").version == OWN.version
    install_model(other, replace=True)
    assert find_model("m11-hospital").version == "2.0.0" and len(installed_models().models) == 1


@pytest.mark.parametrize("replacing", [False, True])
def test_the_id_of_a_bundled_model_is_refused(folder, tmp_path, replacing):
    path = saved(tmp_path / "a.radmodel", model_id="ki67-meningioma-demo")
    with pytest.raises(ModelFormatError, match="is the id of a bundled model"):
        install_model(path, replace=replacing)
    assert not folder.exists()


def test_what_is_no_model_is_refused_and_leaves_nothing(folder, tmp_path):
    (tmp_path / "a.radmodel").write_bytes(b"\x80\x04pickle")
    for name in ("a.radmodel", "none.radmodel"):
        with pytest.raises(ModelFormatError):
            install_model(tmp_path / name)
    damaged = bytearray(saved(tmp_path / "b.radmodel").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "b.radmodel").write_bytes(damaged)
    with pytest.raises(ModelFormatError):
        install_model(tmp_path / "b.radmodel")
    assert not folder.exists()


def test_broken_files_are_told_and_the_others_run(folder, tmp_path):
    install_model(saved(tmp_path / "a.radmodel"))
    (folder / "z.radmodel").write_bytes(b"junk")
    saved(folder / "bundled.radmodel", model_id="ki67-meningioma-demo")
    saved(folder / "twin.radmodel", version="3.0.0")
    (folder / "notes.txt").write_text("not looked at")
    (folder / "._a.radmodel").write_bytes(b"left by another system")
    found = installed_models()
    assert [model.version for model in found.models] == [OWN.version]
    why = {path.name: text for path, text in found.broken}
    assert set(why) == {"z.radmodel", "bundled.radmodel", "twin.radmodel"}
    assert "as a bundled model" in why["bundled.radmodel"] and "m11-hospital.radmodel" in why["twin.radmodel"]
    assert all(name in text for name, text in zip(sorted(why), sorted(found.warnings), strict=True))
    assert [m.model_id for m in available_models()] == [*BUNDLED, "m11-hospital"]
    assert available_models()[3].simulated, "a bundled model keeps its id"


def test_a_file_in_the_place_of_the_folder_is_told(folder, tmp_path):
    folder.write_text("")
    assert "cannot be read" in installed_models().warnings[0] and len(available_models()) == len(BUNDLED)
    with pytest.raises(ModelFormatError, match="cannot be made"):
        install_model(saved(tmp_path / "a.radmodel"))


def test_a_foreign_file_is_not_overwritten(folder, tmp_path):
    there = saved(folder / "m11-hospital.radmodel", model_id="another")
    with pytest.raises(
        ModelFormatError, match="m11-hospital.radmodel among the installed models holds another"
    ):
        install_model(saved(tmp_path / "a.radmodel"), replace=True)
    assert load_radmodel(there).model_id == "another"
    there.rename(folder / "any name.radmodel")
    install_model(saved(tmp_path / "b.radmodel", model_id="another", version="9"), replace=True)
    assert load_radmodel(folder / "any name.radmodel").version == "9", "it is replaced where it lies"


def test_models_are_removed_by_id_and_damaged_files_by_name(folder, tmp_path):
    install_model(saved(tmp_path / "a.radmodel"))
    (folder / "z.radmodel").write_bytes(b"junk")
    twin = saved(folder / "twin.radmodel")
    with pytest.raises(ModelFormatError, match="is a bundled model"):
        remove_model("ki67-meningioma-demo")
    for name in ("none", "../a", "", "twin", str(tmp_path / "a.radmodel")):
        with pytest.raises(ModelFormatError, match="No installed model"):
            remove_model(name)
    assert remove_model("z") == folder / "z.radmodel"
    assert remove_model("twin.radmodel") == twin
    remove_model("m11-hospital")
    assert list(folder.iterdir()) == [] and (tmp_path / "a.radmodel").is_file()


def test_a_model_for_an_unknown_task_is_installed_listed_and_not_run(folder, tmp_path, capsys):
    path = saved(tmp_path / "a.radmodel", task="prostate")
    assert main(["models", "install", str(path)]) == 0
    assert "cannot be tried here: it is for “prostate”" in capsys.readouterr().err
    assert main(["models"]) == 0
    (line,) = [text for text in capsys.readouterr().out.splitlines() if text.startswith("m11-hospital")]
    assert "prostate" in line and "cannot be tried here" in line and "installed" in line
    model = find_model("m11-hospital")
    assert model.task == "prostate" and why_not_tried("meningioma") == ""
    case = read_case(resource("Cases") / "meningioma-sample")
    case = replace(case, sequences=(case.sequence("t1c"),))
    with pytest.raises(MissingSequenceError, match="for another task than meningioma"):
        Session(case, [model]).set_region(case.regions["tumour"])
    running, skipped = Session(case, [BUNDLED["pr-meningioma-demo"], model]).runnable()
    assert [m.model_id for m in running] == ["pr-meningioma-demo"] and "another task" in skipped[
        "m11-hospital"
    ]


def test_it_is_told_what_a_model_was_trained_on():
    assert trained_on(OWN) == "trained on 212 cases of the cohort hospital (table)"
    assert trained_on(BUNDLED["ki67-meningioma-demo"]) == "trained on simulated cases"
    assert "does not say" in trained_on(replace(OWN, data_statement=" "))


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/virtualbiopsy/models"),
        ("linux", {}, "/home/me/.local/share/virtualbiopsy/models"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/me/Library/Application Support/virtualbiopsy/models"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/virtualbiopsy/models"),
        ("win32", {}, "/home/me/AppData/Local/virtualbiopsy/models"),
    ],
)
def test_the_folder_is_where_the_platform_keeps_such_things(monkeypatch, platform, variables, expected):
    for name in ("VIRTUALBIOPSY_MODELS", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(library.sys, "platform", platform)
    monkeypatch.setattr(library.Path, "home", classmethod(lambda cls: cls("/home/me")))
    assert library_folder() == Path(expected)


def test_no_test_sees_the_models_of_the_developer():
    assert Path(os.environ["VIRTUALBIOPSY_MODELS"]) == library_folder()
    assert installed_models().models == ()


def test_the_command_lists_shows_installs_and_removes(folder, tmp_path, capsys):
    path = saved(tmp_path / "a.radmodel")
    assert main(["models", "install", str(path)]) == 0
    assert "Installed" in capsys.readouterr().out
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(BUNDLED) + 1 and sum(line.endswith("; installed") for line in lines) == 1
    own = lines[-1]
    assert own.startswith("m11-hospital") and "trained on 212 cases of the cohort hospital" in own
    assert "imulated" not in own
    assert main(["models", "show", "m11-hospital"]) == 0
    shown = capsys.readouterr().out
    assert main(["models", "m11-hospital"]) == 0
    assert capsys.readouterr().out == shown
    saved(path, version="2.0.0")
    assert main(["models", "install", str(path)]) == 2
    assert "Another model" in capsys.readouterr().err
    assert main(["models", "install", str(path), "--replace"]) == 0
    assert main(["models", "remove", "m11-hospital"]) == 0
    assert main(["models", "remove", "m11-hospital"]) == 2
    capsys.readouterr()
    assert main(["models", "folder"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    for wrong in (["install"], ["list", "x"], ["nothing-of-that-name"]):
        assert main(["models", *wrong]) == 2


def test_a_prediction_uses_it_and_tells_of_broken_ones(folder, tmp_path, capsys):
    install_model(saved(tmp_path / "a.radmodel"))
    (folder / "z.radmodel").write_bytes(b"junk")
    case = tmp_path / "case"
    case.mkdir()
    for name in ("t1c.nii.gz", "tumour_mask.nii.gz"):
        shutil.copy(resource("Cases") / "meningioma-sample" / name, case)
    out = tmp_path / "out"
    assert main(["predict", str(case), "--out", str(out), "--no-stability", "--no-register", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "— m11-hospital, trained on 212 cases of the cohort hospital (table)" in text
    assert "— ki67-meningioma-demo, trained on simulated cases" in text
    assert "Warning: The installed model z.radmodel is not used" in text
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "trained on 212 cases of the cohort hospital (table)" in report
