"""The check that runs before the browser application: real child processes, no slicer, no trame."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from virtualbiopsy.web import preflight

VTK = importlib.util.find_spec("vtkmodules") is not None
PACKAGE = str(Path(preflight.__file__).parents[2])


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "virtualbiopsy.web.preflight", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": PACKAGE, **environment},
    )


@pytest.mark.skipif(not VTK, reason="VTK is not installed")
def test_probe_agrees_with_what_vtk_does():
    available, text = preflight.opengl_available()
    code = (
        "import vtkmodules.vtkRenderingOpenGL2, vtkmodules.vtkRenderingCore as core\n"
        "window = core.vtkRenderWindow(); window.SetOffScreenRendering(1); window.SetSize(8, 8)\n"
        "window.Render(); raise SystemExit(0 if window.SupportsOpenGL() else 1)"
    )
    direct = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, check=False)
    assert available == (direct.returncode == 0)
    assert ("RenderWindow" in text) == available


@pytest.mark.parametrize(
    ("child", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "no software OpenGL"),
        ("raise SystemExit('no OpenGL context: vtkWindow')", "no OpenGL context"),
        ("import nobody_has_this", "nobody_has_this"),
        ("raise ModuleNotFoundError(\"No module named 'vtkmodules'\")", "not installed"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_failing_child_is_a_reason_not_a_crash(monkeypatch, child, reason):
    monkeypatch.setattr(preflight, "_PROBE", child)
    available, text = preflight.opengl_available()
    assert not available and reason in text


def test_a_hanging_child_is_given_up(monkeypatch):
    monkeypatch.setattr(preflight, "_PROBE", "import time; time.sleep(60)")
    assert preflight.opengl_available(timeout=0.5) == (False, "the test picture was not ready after 0.5 s")


def test_it_imports_neither_slicer_nor_trame():
    code = (
        "import sys, virtualbiopsy.web.preflight\n"
        "heavy = ('slicer', 'trame', 'vtk', 'vtkmodules', 'numpy')\n"
        "print([m for m in sys.modules if m.split('.')[0] in heavy])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": PACKAGE},
    )
    assert done.stdout.strip() == "[]"


def executable(folder: Path, name: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


@pytest.mark.skipif(sys.platform != "linux", reason="places of Linux")
def test_chromium_is_found_where_it_is(monkeypatch, tmp_path):
    monkeypatch.delenv("VIRTUALBIOPSY_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "cache"))
    assert preflight.chromium_path() is None
    cached = executable(tmp_path, "cache/chromium-1/chrome-linux/chrome")
    assert preflight.chromium_path() == str(cached)
    installed = executable(tmp_path, "bin/google-chrome")
    assert preflight.chromium_path() == str(installed)
    chosen = executable(tmp_path, "elsewhere/my-chrome")
    monkeypatch.setenv("VIRTUALBIOPSY_CHROMIUM", str(chosen))
    assert preflight.chromium_path() == str(chosen)
    monkeypatch.setenv("VIRTUALBIOPSY_CHROMIUM", str(tmp_path / "nothing"))
    assert preflight.chromium_path() is None


@pytest.mark.parametrize(
    ("release", "system", "name"),
    [
        ({"ID": "debian"}, "Linux", "debian"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "Linux", "ubuntu"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "Linux", "ubuntu"),
        ({"ID": "raspbian", "ID_LIKE": "debian"}, "Linux", "debian"),
        ({"ID": "fedora"}, "Linux", "fedora"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "Linux", "fedora"),
        ({"ID": "arch"}, "Linux", "linux"),
        ({}, "Linux", "linux"),
        ({}, "Darwin", "macos"),
        ({}, "Windows", "windows"),
    ],
)
def test_system_and_its_hints(release, system, name):
    assert preflight.system_name(release, system) == name
    for what, title in (("opengl", "OpenGL"), ("chromium", "Chromium")):
        hint = preflight.install_hint(what, name)
        assert title in hint and "missing" in hint and len(hint) < 200


def test_hints_name_the_package_and_command():
    assert "apt-get install -y libosmesa6" in preflight.install_hint("opengl", "debian")
    assert "apt-get install -y libosmesa6" in preflight.install_hint("opengl", "ubuntu")
    assert "apt-get install -y chromium" in preflight.install_hint("chromium", "debian")
    assert "dnf install" in preflight.install_hint("opengl", "fedora")
    assert "brew install" in preflight.install_hint("chromium", "macos")
    assert "winget install" in preflight.install_hint("chromium", "windows")


@pytest.mark.skipif(sys.platform != "linux", reason="places of Linux")
def test_missing_chromium_ends_with_the_command(tmp_path):
    done = run(
        "--browser",
        VIRTUALBIOPSY_CHROMIUM=str(tmp_path / "nothing"),
    )
    assert done.returncode == 1
    assert "chromium: MISSING" in done.stdout and preflight.install_hint("chromium") in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="apt-get is of Debian")
@pytest.mark.parametrize("update", ["works", "fails"])
def test_install_calls_apt_get_and_looks_again(tmp_path, update):
    """A stand-in for apt-get notes its calls and brings the browser."""
    if os.geteuid() != 0 or preflight.system_name() != "debian":
        pytest.skip("needs root on Debian")
    calls, browser = tmp_path / "calls", tmp_path / "bin" / "chromium"
    script = executable(tmp_path, "bin/apt-get")
    code = 1 if update == "fails" else 0
    script.write_text(
        f'#!/bin/sh\necho "$@ $DEBIAN_FRONTEND" >> {calls}\n'
        f'case "$1" in update) exit {code};; install) printf "#!/bin/sh\\n" > {browser}; '
        f"/bin/chmod +x {browser};; esac\n"
    )
    done = run(
        "--browser",
        "--install",
        PATH=str(tmp_path / "bin"),
        VIRTUALBIOPSY_CHROMIUM=str(browser),
    )
    lines = calls.read_text().splitlines()
    assert "update noninteractive" in lines and "install -y chromium noninteractive" in lines
    assert f"chromium: ok ({browser})" in done.stdout


@pytest.mark.skipif(not VTK, reason="VTK is not installed")
def test_state_is_printed():
    done = run()
    available, _ = preflight.opengl_available()
    assert done.returncode == (0 if available else 1)
    assert done.stdout.startswith("opengl: ok" if available else "opengl: MISSING")
    assert "chromium" not in done.stdout
