"""Every file is packaged: CMake lists against the tree."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Testing"))
import update_cmake_lists as lists  # noqa: E402

PREDICTORS = ("MeningiomaPredictor", "BreastHER2")
MODULES = ("VirtualBiopsyCore", *PREDICTORS, "RadiomicsWorkbench")


def cmake_lists(path: Path) -> dict[str, list[str]]:
    """Return the values of all set() commands of a CMake file, comments stripped."""
    text = re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8"))
    found = {}
    for name, body in re.findall(r"\bset\((\w+)((?:\s+[^()\s]+)*)\s*\)", text):
        found[name] = body.split()
    return found


def test_package_and_resources_are_listed_completely():
    listed = cmake_lists(ROOT / "VirtualBiopsyCore" / "PackageFiles.cmake")
    for name, wanted in lists.lists().items():
        missing, gone = sorted(set(wanted) - set(listed[name])), sorted(set(listed[name]) - set(wanted))
        assert not missing and not gone, f"run python Testing/update_cmake_lists.py ({missing=}, {gone=})"
    assert len(listed["PACKAGE_SCRIPTS"]) > 50


def test_the_tool_finds_what_was_forgotten(tmp_path):
    """A new file in package or resources changes the list; hidden and compiled ones do not."""
    package = tmp_path / "VirtualBiopsyCore" / "virtualbiopsy"
    (package / "scene" / "__pycache__").mkdir(parents=True)
    (package / "scene" / "new.py").write_text("")
    (package / "scene" / "table.csv").write_text("")
    (package / "scene" / "__pycache__" / "new.cpython-312.pyc").write_text("")
    (package / ".hidden.py").write_text("")
    (tmp_path / "Resources" / "Rules").mkdir(parents=True)
    (tmp_path / "Resources" / "Rules" / "a b.toml").write_text("")
    found = lists.lists(tmp_path)
    assert found["PACKAGE_SCRIPTS"] == ["virtualbiopsy/scene/new.py"]
    assert found["PACKAGE_DATA"] == ["virtualbiopsy/scene/table.csv"]
    assert found["PACKAGE_RESOURCES"] == ["Rules/a b.toml"]


def test_listed_paths_need_no_quoting():
    for paths in lists.lists().values():
        assert not [path for path in paths if re.search(r"[^\w./+-]", path)]


@pytest.mark.parametrize("module", MODULES)
def test_modules_list_their_own_files(module):
    folder = ROOT / module
    text = (folder / "CMakeLists.txt").read_text(encoding="utf-8").replace("${MODULE_NAME}", module)
    if module != "VirtualBiopsyCore":
        assert f"virtualbiopsy_add_module({module}\n" in text
        text += (ROOT / "CMake" / "VirtualBiopsyModule.cmake").read_text().replace("${NAME}", module)
    own = [
        path.relative_to(folder).as_posix()
        for path in lists._files(folder)
        if path.name not in ("CMakeLists.txt", "PackageFiles.cmake") and "virtualbiopsy" not in path.parts
    ]
    for path in own:
        assert re.search(rf"(?<![\w/]){re.escape(path)}(?![\w/])", text), f"{module} does not list {path}"
    for path in re.findall(r"^\s+(Resources/\S+|\w+\.py)\s*$", text, re.MULTILINE):
        assert (folder / path).exists(), f"{module} lists {path}, which does not exist"


def test_only_module_files_lie_in_module_folders():
    """Slicer takes every Python file in a module's folder for a module."""
    for module in MODULES:
        assert [path.name for path in (ROOT / module).glob("*.py")] == [f"{module}.py"]


def test_every_module_is_built_and_predictors_are_those_of_the_tasks():
    from virtualbiopsy.tasks import TASKS

    assert sorted(task.module for task in TASKS.values()) == sorted(PREDICTORS)
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.findall(r"^add_subdirectory\((\w+)\)$", text, re.MULTILINE) == list(MODULES)
    assert text.index("include(CMake/VirtualBiopsyModule.cmake)") < text.index("add_subdirectory(")


def test_no_two_modules_install_the_same_path():
    seen: dict[str, str] = {}
    for module in MODULES:
        for path in lists._files(ROOT / module):
            if path.suffix in (".txt", ".cmake"):
                continue
            relative = path.relative_to(ROOT / module).as_posix()
            assert relative not in seen, f"{relative} is in {module} and in {seen[relative]}"
            seen[relative] = module


def test_extension_description():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"^project\(VirtualBiopsy\)$", text, re.MULTILINE)
    for name in ("EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"):
        url = re.search(rf'^set\({name} "(\S+)"\)$', text, re.MULTILINE).group(1)
        assert url.startswith("https://raw.githubusercontent.com/") and url.endswith(".png")
    assert 'set(EXTENSION_DEPENDS "NA")' in text
    description = re.search(r'EXTENSION_DESCRIPTION "([^"]+)"', text).group(1)
    for word in ("Quantification", "Research use only", "simulated", "patents"):
        assert word in description
    for name in ("LICENSE", "Resources/Icons/VirtualBiopsy.png"):
        assert (ROOT / name).exists()
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_check_says_no_when_the_list_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lists, "TARGET", tmp_path / "PackageFiles.cmake")
    monkeypatch.setattr(sys, "argv", ["update", "--check"])
    assert lists.main() == 1
    (tmp_path / "PackageFiles.cmake").write_text(lists.text(), encoding="utf-8")
    assert lists.main() == 0


def test_the_tool_runs_from_anywhere(tmp_path):
    script = ROOT / "Testing" / "update_cmake_lists.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "up to date" in done.stdout or "out of date" in done.stdout
