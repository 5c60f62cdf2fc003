"""The .ui files, the parameters and the code of the modules agree in their names."""

import ast
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from virtualbiopsy.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
PREDICTORS = [task.module for task in TASKS.values()]
MODULES = [ROOT / name / f"{name}.py" for name in (*PREDICTORS, "RadiomicsWorkbench")]
UI = ROOT / "Resources" / "UI"
PREDICTOR, WORKBENCH = "VirtualBiopsyPanel", "RadiomicsWorkbenchPanel"
DESKTOP = ROOT / "VirtualBiopsyCore" / "virtualbiopsy" / "desktop"

# what Slicer's parameterNodeWrapper can bind, by exact widget class
BINDABLE = {"QCheckBox": "bool", "ctkSliderWidget": "float", "QLineEdit": "str", "QSpinBox": "int"}


@pytest.fixture(params=(PREDICTOR, WORKBENCH))
def panel(request):
    """Name of a .ui file: that of the predictors, or that of the module that trains models."""
    return request.param


@pytest.fixture
def root(panel):
    return ET.parse(UI / f"{panel}.ui").getroot()


@pytest.fixture
def widgets(root):
    return {widget.get("name"): widget for widget in root.iter("widget")}


@pytest.fixture(scope="module")
def parameters():
    """Annotations of the parameters that all modules have, as source text."""
    for node in ast.parse((DESKTOP / "parameters.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == "PredictorParameters":
            return {
                line.target.id: (
                    ast.unparse(line.annotation),
                    ast.unparse(line.value) if line.value else None,
                )
                for line in node.body
                if isinstance(line, ast.AnnAssign)
            }
    raise AssertionError("no class PredictorParameters")


def prop(widget, name):
    for entry in widget.findall("property"):
        if entry.get("name") == name:
            return "".join(entry.itertext()).strip()
    return None


def bound(widgets):
    found = {}
    for name, widget in widgets.items():
        parameter = prop(widget, "SlicerParameterName")
        if parameter is not None:
            found[name] = parameter
    return found


def test_names_are_unique(root):
    names = [widget.get("name") for widget in root.iter("widget")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("panel", [PREDICTOR], indirect=True)
def test_parameter_names_exist_once_and_fit_their_widgets(widgets, parameters):
    pairs = bound(widgets)
    assert len(set(pairs.values())) == len(pairs) > 8
    for name, parameter in pairs.items():
        kind = BINDABLE[widgets[name].get("class")]
        annotation, _default = parameters[parameter]
        assert re.search(rf"\b{kind}\b", annotation), name


@pytest.mark.parametrize("panel", [PREDICTOR], indirect=True)
def test_sliders_have_a_range_and_the_default_of_the_parameter(widgets, parameters):
    for name, parameter in bound(widgets).items():
        widget = widgets[name]
        annotation, default = parameters[parameter]
        if widget.get("class") == "ctkSliderWidget":
            low, high = re.search(r"WithinRange\(([\d.]+), ([\d.]+)\)", annotation).groups()
            assert float(prop(widget, "minimum")) == float(low), name
            assert float(prop(widget, "maximum")) == float(high), name
            assert float(prop(widget, "value")) == float(default), name
        elif widget.get("class") == "QCheckBox":
            assert prop(widget, "checked").capitalize() == default, name


def used_names(panel):
    """Names that the code of a panel asks `ui` for, with the file."""
    found = set()
    for path in DESKTOP.glob("*.py"):
        if path.name.startswith("workbench") != (panel == WORKBENCH):
            continue
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"\b_?ui\.([A-Za-z]\w*)", text):
            found.add((path.name, name))
        for name in re.findall(r'"(\w+Label)"', text):
            found.add((path.name, name))
    return found


def test_code_uses_only_widgets_that_exist(panel, widgets):
    names = used_names(panel)
    assert len(names) > 25
    missing = sorted((path, name) for path, name in names if name not in widgets)
    assert not missing


def test_no_widget_is_forgotten(panel, widgets):
    """Whatever the user can press or choose is bound to a parameter or used by the code."""
    used = {name for _, name in used_names(panel)} | set(bound(widgets))
    kinds = ("QPushButton", "QComboBox", "QCheckBox", "QSpinBox", "ctkSliderWidget", "qMRMLNodeComboBox")
    kinds += ("ctkPathLineEdit", "QLineEdit", "ctkSearchBox", "QTableWidget", "QListWidget", "QTextBrowser")
    forgotten = [
        name for name, widget in widgets.items() if widget.get("class") in kinds and name not in used
    ]
    assert not forgotten


def test_scene_reaches_every_mrml_widget_but_the_editor(root, widgets):
    """The Segment Editor gets the scene in code, after its parameter node."""
    top = root.find("widget")
    assert top.get("class") == "qMRMLWidget"
    receivers = {
        c.findtext("receiver")
        for c in root.iter("connection")
        if c.findtext("sender") == top.get("name") and c.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    mrml = {name for name, widget in widgets.items() if widget.get("class").startswith("qMRML")}
    assert receivers == mrml - {top.get("name"), "editorWidget"}


def test_custom_widgets_are_declared(root, widgets):
    declared = {c.findtext("class"): c for c in root.iter("customwidget")}
    used = {
        w.get("class") for w in widgets.values() if w.get("class").startswith(("qMRML", "ctk", "qSlicer"))
    }
    assert set(declared) == used
    for name, entry in declared.items():
        assert entry.findtext("header") == f"{name}.h"
        container = entry.findtext("container") == "1"
        assert container == (name in ("qMRMLWidget", "ctkCollapsibleButton"))


def test_node_types_and_keys_are_not_translated(root):
    for entry in root.iter("property"):
        if entry.get("name") in ("nodeTypes", "hideChildNodeTypes"):
            assert entry.find("stringlist").get("notr") == "true"
        if entry.get("name") == "SlicerParameterName":
            assert entry.get("stdset") == "0" and entry.find("string").get("notr") == "true"


def test_what_the_user_presses_has_a_tool_tip(widgets):
    for name, widget in widgets.items():
        if widget.get("class") in ("QPushButton", "QCheckBox", "ctkSliderWidget", "qMRMLNodeComboBox"):
            assert prop(widget, "toolTip"), name


@pytest.mark.parametrize("panel", [WORKBENCH], indirect=True)
def test_every_field_of_the_workbench_has_a_tool_tip(widgets):
    layers = ("QLabel", "QFrame", "ctkCollapsibleButton", "qMRMLWidget", "QProgressBar")
    for name, widget in widgets.items():
        assert widget.get("class") in layers or prop(widget, "toolTip"), name


@pytest.mark.parametrize("panel", [WORKBENCH], indirect=True)
def test_numbers_are_within_what_the_form_takes(widgets):
    from virtualbiopsy.training.job import LEAST_SIMULATED
    from virtualbiopsy.workbench.form import MOST_SIMULATED

    box = widgets["simulatedSpinBox"]
    assert (int(prop(box, "minimum")), int(prop(box, "maximum"))) == (LEAST_SIMULATED, MOST_SIMULATED)
    for name in ("foldsSpinBox", "repeatsSpinBox"):
        assert prop(widgets[name], "minimum") == prop(widgets[name], "value") == "0"
        assert prop(widgets[name], "specialValueText")


def test_research_use_only_is_on_the_panel(root, widgets):
    from virtualbiopsy import RESEARCH_USE_ONLY

    assert RESEARCH_USE_ONLY in prop(widgets["researchUseLabel"], "text")


@pytest.mark.parametrize("path", [*MODULES, *sorted(DESKTOP.glob("*.py"))], ids=lambda p: p.name)
def test_translation_and_style_rules(path):
    """Literals only inside _(); no translated text in f-strings; `_` is never shadowed; no style sheets."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            assert len(node.args) == 1 and isinstance(node.args[0], ast.Constant), ast.unparse(node)
        if isinstance(node, ast.JoinedStr):
            calls = [c for c in ast.walk(node) if isinstance(c, ast.Call) and isinstance(c.func, ast.Name)]
            assert not [c for c in calls if c.func.id in ("_", "translate")], ast.unparse(node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assert node.id != "_", f"line {node.lineno}"
    assert "styleSheet" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_modules_hold_nothing_but_what_slicer_needs_by_name(path):
    """Four classes named like the file; everything else is shared. Imported at every start: light only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert [c.name for c in classes] == [f"{path.stem}{kind}" for kind in ("", "Widget", "Logic", "Test")]
    functions = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert functions == ["__init__"]
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    allowed = {"importlib.util", "os", "sys", "slicer.i18n.tr"}
    prefix = "" if path.stem in PREDICTORS else "workbench_"
    shared = {f"virtualbiopsy.desktop.{prefix}{name}" for name in ("module", "selftest")}
    assert {name for name in names if not name.startswith("virtualbiopsy.tasks.")} == allowed | shared


def test_modules_are_light_at_start():
    """What the module files import at file scope reaches nothing that takes time to import."""
    files = ("module", "selftest", "workbench_module", "workbench_selftest", "__init__")
    seen, todo = set(), [*(f"desktop/{name}.py" for name in files), "tasks.py"]
    package = DESKTOP.parent
    heavy = {"numpy", "scipy", "SimpleITK", "pydicom", "qt", "ctk"}
    while todo:
        path = package / todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                assert not heavy & {alias.name.split(".")[0] for alias in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert node.level or node.module.split(".")[0] not in heavy, path
                if node.level:
                    base = path.parent if node.level == 1 else path.parent.parent
                    found = base / (node.module or "").replace(".", "/")
                    files = [found.with_suffix(".py")] if node.module else []
                    files += [base / f"{alias.name}.py" for alias in node.names if not node.module]
                    todo += [str(f.relative_to(package)) for f in files if f.exists()]
    assert {path.name for path in seen} >= {"module.py", "selftest.py", "samples.py", "resources.py"}


def test_packages_are_installed_in_one_place_and_never_at_import():
    """Only after a question (workbench_packages.ensure), and nowhere at file scope."""
    paths = [*MODULES, *DESKTOP.glob("*.py")]
    found = [p.name for p in paths if re.search(r"pip_(install|ensure)", p.read_text(encoding="utf-8"))]
    assert found == ["workbench_packages.py"]
    tree = ast.parse((DESKTOP / "workbench_packages.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            assert not [c for c in ast.walk(node) if isinstance(c, ast.Call)], ast.unparse(node)
