"""Plain stand-ins for Qt widgets and for what a desktop Slicer adds to slicer-core, enough to run the panel.

They are not strict about names; names are checked against the .ui file elsewhere.
"""

from __future__ import annotations

import sys
import types
import xml.etree.ElementTree as ET
from pathlib import Path

import slicer
import slicer.util

UI = Path(__file__).resolve().parents[2] / "Resources/UI/VirtualBiopsyPanel.ui"


DYNAMIC_SETTINGS = {
    "dynamic": None,
    "earlier": None,
    "earlierSegmentation": None,
    "earlierSegmentId": "",
    "dynamicMap": "",
    "arterialInput": "",
    "arterialTable": "",
    "tissueT1": 0.0,
}


class Widget:
    """Keeps what was set; `emit` is what the user does."""

    def __init__(self, kind="QWidget"):
        self.kind, self.slots, self.items, self.children = kind, {}, [], []
        self.enabled, self.visible, self.text, self.toolTip = True, True, "", ""
        self.accessibleName, self.currentIndex, self.value, self.palette = "", -1, -1, None
        self.directory, self.html, self.node, self.segment_id = "", "", None, ""
        self.properties, self.rowCount, self.cells, self.currentPath = {}, 0, {}, ""

    def connect(self, signal, slot):
        self.slots.setdefault(signal, []).append(slot)

    def emit(self, signal, *args):
        for slot in list(self.slots.get(signal, [])):
            slot(*args)

    def addItem(self, text, data=None):
        self.items.append(text)
        if self.currentIndex < 0:
            self.setCurrentIndex(0)

    def clear(self):
        self.items, self.text = [], ""
        if self.kind == "QComboBox":
            self.setCurrentIndex(-1)

    def setCurrentIndex(self, index):
        if index != self.currentIndex:
            self.currentIndex = index
            self.emit("currentIndexChanged(int)", index)

    def setProperty(self, name, value):
        self.properties[name] = value

    def setRowCount(self, count):
        self.rowCount, self.cells = count, {}

    def setItem(self, row, column, cell):
        self.cells[row, column] = cell

    def setValue(self, value):
        if value != self.value:
            self.value = value
            self.emit("valueChanged(int)", value)
            self.emit("valueChanged(double)", value)

    def setCurrentPath(self, path):
        self.currentPath = path
        self.emit("currentPathChanged(QString)", path)

    def setText(self, text):
        self.text = text

    def setHtml(self, html):
        self.html = html

    def setVisible(self, visible):
        self.visible = visible

    def currentNode(self):
        return self.node

    def setCurrentNode(self, node):
        self.node = node

    def currentSegmentID(self):
        return self.segment_id

    def setCurrentSegmentID(self, segment_id):
        self.segment_id = segment_id

    def segmentationNode(self):
        return self.node

    setSegmentationNode = setCurrentNode

    def sourceVolumeNode(self):
        return self.__dict__.get("source")

    def setSourceVolumeNode(self, node):
        self.source = node

    def layout(self):
        return self

    def addRow(self, *widgets):
        self.children.extend(widgets)

    def addTopLevelItem(self, item):
        self.items.append(item)

    def indexOfTopLevelItem(self, item):
        return self.items.index(item)

    def takeTopLevelItem(self, index):
        return self.items.pop(index)

    def addWidget(self, widget):
        self.children.append(widget)

    def __getattr__(self, name):
        if name.startswith(("set", "install", "uninstall", "remove", "update")):
            return lambda *args: None
        raise AttributeError(name)


class Timer(Widget):
    def __init__(self):
        super().__init__("QTimer")
        self.active = False

    def start(self):
        self.active = True

    def stop(self):
        self.active = False


class TreeItem:
    """A line of a tree."""

    def __init__(self):
        self.texts, self.value, self.children, self.expanded = {}, None, [], False

    def setText(self, column, text):
        self.texts[column] = text

    def setToolTip(self, column, text):
        pass

    def setData(self, column, role, value):
        self.value = value

    def data(self, column, role):
        return self.value

    def addChild(self, item):
        self.children.append(item)

    def removeChild(self, item):
        self.children.remove(item)

    def setExpanded(self, expanded):
        self.expanded = expanded

    def isExpanded(self):
        return self.expanded


class TableItem:
    """A cell of a table."""

    def __init__(self, text=""):
        self.words, self.state, self.flags = text, 0, 0

    def text(self):
        return self.words

    def setFlags(self, flags):
        self.flags = flags

    def checkState(self):
        return self.state

    def setCheckState(self, state):
        self.state = state


class Pixmap:
    def loadFromData(self, data, kind):
        assert kind == "SVG" and data.startswith(b"<svg")
        return True


class Settings:
    """A parameter node: attributes, and a call for every change."""

    def __init__(self, task):
        self.__dict__.update(
            {
                **dict.fromkeys((*task.roles, *task.maps)),
                **({} if not task.dynamic else DYNAMIC_SETTINGS),
                "segmentation": None,
                "segmentId": "",
                "clinical": {},
                "liveUpdate": True,
                "explainedModel": "",
                "overlayMap": "",
                "overlayVisible": True,
                "overlayOpacity": 0.75,
                "overlayWindow": 100.0,
                "overlayColors": "blue-red",
                "legendVisible": True,
                "diameterVisible": True,
                "hatchingVisible": True,
                "flipMarksVisible": True,
                "strongestVisible": False,
                "followInfluence": False,
                "on_change": lambda: None,
            }
        )

    def __setattr__(self, name, value):
        assert name in self.__dict__, name
        self.__dict__[name] = value
        self.on_change()

    def StartModify(self):
        return 0

    def EndModify(self, was):
        self.on_change()


def widgets() -> types.SimpleNamespace:
    """One stand-in for each widget of the .ui file."""
    found = {w.get("name"): Widget(w.get("class")) for w in ET.parse(UI).getroot().iter("widget")}
    return types.SimpleNamespace(**found)


def desktop(monkeypatch) -> list[tuple[str, str]]:
    """Add what a desktop has; return the list that collects messages to the user."""
    qt = types.ModuleType("qt")
    qt.QTimer, qt.QLabel, qt.QPixmap = Timer, lambda: Widget("QLabel"), Pixmap
    qt.QPushButton, qt.QTreeWidgetItem = lambda: Widget("QPushButton"), TreeItem
    qt.QFormLayout = qt.QVBoxLayout = lambda parent: Widget("layout")
    qt.QDoubleSpinBox = lambda: Widget("QDoubleSpinBox")
    qt.QSpinBox, qt.QComboBox = lambda: Widget("QSpinBox"), lambda: Widget("QComboBox")
    ctk = types.ModuleType("ctk")
    ctk.ctkCollapsibleGroupBox = lambda: Widget("ctkCollapsibleGroupBox")
    ctk.ctkPathLineEdit = lambda: Widget("ctkPathLineEdit")
    monkeypatch.setitem(sys.modules, "ctk", ctk)
    monkeypatch.setattr(slicer, "qMRMLNodeComboBox", lambda: Widget("qMRMLNodeComboBox"), raising=False)
    qt.QTableWidgetItem = TableItem
    qt.Qt = types.SimpleNamespace(
        UserRole=256,
        Unchecked=0,
        Checked=2,
        ItemIsSelectable=1,
        ItemIsEditable=2,
        ItemIsUserCheckable=16,
        ItemIsEnabled=32,
    )
    i18n = types.ModuleType("slicer.i18n")
    i18n.tr = i18n.translate = lambda *texts: texts[-1]
    monkeypatch.setitem(sys.modules, "qt", qt)
    monkeypatch.setitem(sys.modules, "slicer.i18n", i18n)
    app = types.SimpleNamespace(
        processEvents=lambda: None,
        pauseRender=lambda: None,
        resumeRender=lambda: None,
        layoutManager=lambda: None,
    )
    monkeypatch.setattr(slicer, "app", app, raising=False)
    factory = types.SimpleNamespace(instance=lambda: None)
    monkeypatch.setattr(slicer, "qSlicerSegmentEditorEffectFactory", factory, raising=False)
    messages: list[tuple[str, str]] = []
    for name in ("errorDisplay", "showStatusMessage", "confirmOkCancelDisplay"):
        monkeypatch.setattr(
            slicer.util,
            name,
            lambda text, *a, _name=name, **k: messages.append((_name, text)) or True,
            raising=False,
        )
    for name in [name for name in sys.modules if name.startswith("virtualbiopsy.desktop.")]:
        monkeypatch.delitem(sys.modules, name)
    return messages
