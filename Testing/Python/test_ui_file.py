"""The .ui file of the module, the parameter node and the code agree in their names."""

import ast
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "MeningiomaPredictor" / "MeningiomaPredictor.py"
UI = ROOT / "MeningiomaPredictor" / "Resources" / "UI" / "MeningiomaPredictor.ui"
DESKTOP = ROOT / "VirtualBiopsyCore" / "virtualbiopsy" / "desktop"

# what Slicer's parameterNodeWrapper can bind, by exact widget class
BINDABLE = {
    "QCheckBox": "bool",
    "ctkSliderWidget": "float",
    "qMRMLNodeComboBox": "node",
    "QLineEdit": "str",
    "QSpinBox": "int",
}


@pytest.fixture(scope="module")
def root():
    return ET.parse(UI).getroot()


@pytest.fixture(scope="module")
def widgets(root):
    return {widget.get("name"): widget for widget in root.iter("widget")}


@pytest.fixture(scope="module")
def parameters():
    """Annotations of the parameter node class, as source text."""
    for node in ast.parse(MODULE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == "MeningiomaPredictorParameterNode":
            return {
                line.target.id: (
                    ast.unparse(line.annotation),
                    ast.unparse(line.value) if line.value else None,
                )
                for line in node.body
                if isinstance(line, ast.AnnAssign)
            }
    raise AssertionError("no parameter node class")


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


def test_parameter_names_exist_once_and_fit_their_widgets(widgets, parameters):
    pairs = bound(widgets)
    assert len(set(pairs.values())) == len(pairs) > 8
    for name, parameter in pairs.items():
        kind = BINDABLE[widgets[name].get("class")]
        annotation, _default = parameters[parameter]
        if kind == "node":
            assert annotation.startswith("vtkMRML"), name
        else:
            assert re.search(rf"\b{kind}\b", annotation), name


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


def used_names():
    """Names that the code asks `ui` for, with the file."""
    found = set()
    for path in (MODULE, *DESKTOP.glob("*.py")):
        for name in re.findall(r"\bui\.([A-Za-z]\w*)", path.read_text(encoding="utf-8")):
            found.add((path.name, name))
    panel = ast.parse((DESKTOP / "panel.py").read_text(encoding="utf-8"))
    for node in panel.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "CLINICAL_WIDGETS":
            found |= {("panel.py", name) for name in ast.literal_eval(node.value).values()}
    return found


def test_code_uses_only_widgets_that_exist(widgets):
    names = used_names()
    assert len(names) > 25
    missing = sorted((path, name) for path, name in names if name not in widgets)
    assert not missing


def test_no_widget_is_forgotten(widgets):
    """Whatever the user can press or choose is bound to a parameter or used by the code."""
    used = {name for _, name in used_names()} | set(bound(widgets))
    kinds = ("QPushButton", "QComboBox", "QCheckBox", "QSpinBox", "ctkSliderWidget", "qMRMLNodeComboBox")
    forgotten = [
        name for name, widget in widgets.items() if widget.get("class") in kinds and name not in used
    ]
    assert not forgotten


def test_clinical_form_has_a_widget_for_every_variable():
    from virtualbiopsy.tasks import MENINGIOMA

    source = (DESKTOP / "panel.py").read_text(encoding="utf-8")
    table = re.search(r"CLINICAL_WIDGETS = (\{.*?\})", source, re.DOTALL).group(1)
    assert list(ast.literal_eval(table)) == list(MENINGIOMA.clinical)


def test_age_may_be_unknown(widgets):
    from virtualbiopsy.case.clinical import CLINICAL

    age = widgets["ageSpinBox"]
    assert prop(age, "minimum") == "-1" == prop(age, "value") and prop(age, "specialValueText") == "unknown"
    assert float(prop(age, "maximum")) == CLINICAL["age"].maximum


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


def test_research_use_only_is_on_the_panel(root, widgets):
    from virtualbiopsy import RESEARCH_USE_ONLY

    assert RESEARCH_USE_ONLY in prop(widgets["researchUseLabel"], "text")


@pytest.mark.parametrize("path", [MODULE, *sorted(DESKTOP.glob("*.py"))], ids=lambda p: p.name)
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


def test_file_scope_imports_of_the_module():
    """Everything is imported at every start of Slicer: only what is always there and light."""
    allowed = {
        "hashlib",
        "importlib",
        "logging",
        "os",
        "sys",
        "typing",
        "slicer",
        "vtk",
        "qt",
        "ctk",
        "numpy",
    }
    for node in ast.parse(MODULE.read_text(encoding="utf-8")).body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        assert {name.split(".")[0] for name in names} <= allowed
    assert "pip_install" not in MODULE.read_text(encoding="utf-8")
