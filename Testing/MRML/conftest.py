import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

try:
    import slicer

    available = hasattr(slicer, "vtkMRMLScene")
except ImportError:
    available = False

if not available:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def stage():
    from scene_support import Stage

    return Stage()


@pytest.fixture(scope="session")
def opengl():
    from scene_support import can_render

    if not can_render():
        pytest.skip("no OpenGL (install libosmesa6 or EGL with Mesa)")
