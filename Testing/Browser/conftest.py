"""Fixtures of the browser tests."""

from __future__ import annotations

import pytest
from virtualbiopsy.web import preflight


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium; skips without it, or without the browser application."""
    pytest.importorskip("trame_slicer", reason="the browser application is not installed")
    pytest.importorskip("playwright", reason="playwright is not installed")
    if preflight.chromium_path() is None:
        pytest.skip(preflight.install_hint("chromium"))
    from browser_support import browser

    with browser() as found:
        yield found
