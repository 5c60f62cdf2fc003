"""Is everything there that the browser application and its tests need?

``python -m virtualbiopsy.web.preflight [--browser] [--install]`` prints what is found and what is missing,
with the command that brings it. ``--install`` runs that command on Debian and Ubuntu as root.

Imports neither slicer nor trame: it runs before them, and its answer must come before they can crash.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_PROBE = """
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkRenderingCore import vtkRenderWindow
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetSize(8, 8)
window.Render()
report = window.ReportCapabilities().splitlines()
lines = [line.split(":", 1)[1].strip() for line in report if "renderer string" in line]
if not window.SupportsOpenGL() or not lines:
    raise SystemExit("no OpenGL context: " + window.GetClassName())
print(window.GetClassName() + ": " + lines[0])
"""
_CHROMIUM_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "microsoft-edge",
)
_CHROMIUM_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_COMMANDS = {
    ("opengl", "debian"): "apt-get update && apt-get install -y libosmesa6",
    ("opengl", "fedora"): "dnf install -y mesa-libOSMesa mesa-libEGL mesa-dri-drivers",
    (
        "opengl",
        "linux",
    ): "install Mesa's libOSMesa, or EGL with llvmpipe, with your package manager",
    ("opengl", "macos"): "log in to the desktop of this Mac (OpenGL is part of macOS, but needs a session)",
    ("opengl", "windows"): "install the driver of the graphics adapter, or Mesa's opengl32.dll",
    ("chromium", "debian"): "apt-get update && apt-get install -y chromium",
    ("chromium", "ubuntu"): "python -m playwright install --with-deps chromium",
    ("chromium", "fedora"): "dnf install -y chromium",
    ("chromium", "linux"): "install chromium with your package manager",
    ("chromium", "macos"): "brew install --cask chromium",
    ("chromium", "windows"): "winget install --id Google.Chrome",
}


def opengl_available(timeout: float = 60.0) -> tuple[bool, str]:
    """Render one picture with VTK in a child process (VTK ends with a segmentation fault without any OpenGL).

    Returns
    -------
    Whether it worked, and the renderer's name or the reason.
    """
    try:
        result = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return False, f"the test picture was not ready after {timeout:g} s"
    if result.returncode == 0:
        return True, result.stdout.strip().splitlines()[-1]
    if "No module named 'vtk" in result.stderr:
        return False, "VTK is not installed in this Python (pip install 'virtualbiopsy[web]')"
    if result.returncode < 0 or result.returncode == 0xC0000005:
        return False, "no software OpenGL: the test picture crashed"
    last = result.stderr.strip().splitlines()[-1:] or [f"exit code {result.returncode}"]
    return False, last[0]


def chromium_path() -> str | None:
    """Path of Chromium, Chrome or Edge (VIRTUALBIOPSY_CHROMIUM comes first), or None if there is none."""
    chosen = os.environ.get("VIRTUALBIOPSY_CHROMIUM")
    if chosen:
        return chosen if Path(chosen).is_file() else shutil.which(chosen)
    for name in _CHROMIUM_NAMES:
        if found := shutil.which(name):
            return found
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    playwright = sorted(cache.glob("chromium-*/chrome-linux*/chrome"), reverse=True)
    places = [*map(str, playwright), *_CHROMIUM_PLACES]
    return next((place for place in places if Path(place).is_file()), None)


def system_name(os_release: Mapping[str, str] | None = None, system: str | None = None) -> str:
    """One of debian, ubuntu, fedora, linux, macos, windows."""
    system = system or platform.system()
    if system in ("Darwin", "Windows"):
        return {"Darwin": "macos", "Windows": "windows"}[system]
    if os_release is None:
        try:
            os_release = platform.freedesktop_os_release()
        except OSError:
            os_release = {}
    names = [os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()]
    for name in names:
        if name in ("debian", "ubuntu"):
            return name
        if name in ("fedora", "rhel", "centos"):
            return "fedora"
    return "linux"


def install_command(what: str, system: str | None = None) -> str:
    """The command, or advice, that brings ``what`` ("opengl" or "chromium") to this system."""
    system = system or system_name()
    if (what, system) not in _COMMANDS and system == "ubuntu":
        system = "debian"
    return _COMMANDS[what, system]


def install_hint(what: str, system: str | None = None) -> str:
    """One sentence: what is missing, and the command that brings it."""
    system = system or system_name()
    title = {"opengl": "Software OpenGL", "chromium": "Chromium"}[what]
    command = install_command(what, system)
    if system in ("debian", "ubuntu", "fedora"):
        return f"{title} is missing. As root, run: {command}"
    if command.startswith(("brew", "winget", "python")):
        return f"{title} is missing. Run: {command}"
    return f"{title} is missing: {command}."


def install(what: str) -> bool:
    """Install ``what`` on Debian or Ubuntu as root; False if that is not possible here, or failed."""
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}

    def run(*command: str) -> bool:
        return subprocess.run(command, env=environment, check=False).returncode == 0

    run("apt-get", "update")
    if what == "opengl":  # newer releases have no OSMesa any more; EGL with Mesa serves as well
        return run("apt-get", "install", "-y", "libosmesa6") or run(
            "apt-get", "install", "-y", "libegl1", "libgl1-mesa-dri"
        )
    if system_name() == "ubuntu":  # its package only fetches a snap, which containers cannot run
        return run(sys.executable, "-m", "playwright", "install", "--with-deps", "chromium")
    return run("apt-get", "install", "-y", "chromium")


def main(arguments: list[str] | None = None) -> int:
    """Print the state; 0 if all that was asked for is there, else 1."""
    parser = argparse.ArgumentParser(prog="python -m virtualbiopsy.web.preflight", description=__doc__)
    parser.add_argument("--install", action="store_true", help="install what is missing (as root)")
    parser.add_argument("--browser", action="store_true", help="chromium is needed too")
    options = parser.parse_args(arguments)

    def check(what: str) -> tuple[bool, str]:
        if what == "opengl":
            return opengl_available()
        path = chromium_path()
        return path is not None, path or "not found"

    complete = True
    for what in ("opengl", "chromium") if options.browser else ("opengl",):
        found, text = check(what)
        if not found and options.install and "VTK is not installed" not in text:
            print(f"{what}: {text}; installing", flush=True)
            install(what)
            found, text = check(what)
        print(f"{what}: {'ok' if found else 'MISSING'} ({text})")
        if not found and "VTK is not installed" not in text:
            print(install_hint(what))
        complete = complete and found
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
