"""The application in its own process, and a page of headless Chromium on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from virtualbiopsy.web import preflight

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
]
READY = """
() => {
  const pictures = [...document.querySelectorAll('img.image-display-area')]
    .filter(e => e.getBoundingClientRect().width > 0);
  return pictures.length >= 1
    && pictures.every(e => e.naturalWidth > 0 && e.getBoundingClientRect().width > 50);
}
"""
PICTURE = (
    "xpath=//*[@id='fit_{view}']/ancestor::*[.//img[contains(@class,'image-display-area')]][1]"
    "//img[contains(@class,'image-display-area')]"
)


def end(process: subprocess.Popen) -> None:
    """Ask a server to stop, and kill it if it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


class Application:
    """``python -m virtualbiopsy.web`` on a free loopback port."""

    def __init__(self, *arguments: str | Path, log: Path, start: list[str] | None = None) -> None:
        command = start or [sys.executable, "-m", "virtualbiopsy.web"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TRAME", "WSLINK"))}
        package = str(ROOT / "VirtualBiopsyCore")
        environment["PYTHONPATH"] = os.pathsep.join([package, environment.get("PYTHONPATH", "")])
        environment["XDG_STATE_HOME"] = str(log.parent / "state")  # choices of the tests are no user's
        environment["VIRTUALBIOPSY_MODELS"] = str(log.parent / "models")
        self.log = log
        self._file = log.open("w")
        self.process = subprocess.Popen(
            [*command, *map(str, arguments), "--port", "0", "--no-open"],
            stdout=subprocess.PIPE,
            stderr=self._file,
            text=True,
            env=environment,
            cwd=str(log.parent),
        )
        self.url = ""
        for line in self.process.stdout:
            if line.startswith("Open http"):
                self.url = line.split()[1]
                break
        if not self.url:
            self.stop()
            raise RuntimeError("the application did not start:\n" + log.read_text()[-3000:])
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self) -> None:
        end(self.process)
        self._file.close()


class Page:
    """What a user does in the page. `view` is axial, coronal, sagittal or solid."""

    def __init__(self, page: Any, application: Application) -> None:
        self.page = page
        self.application = application

    def open(self) -> None:
        self.page.goto(self.application.url)
        self.ready()

    def ready(self) -> None:
        """Every picture has arrived and been laid out, and stays the same for a moment."""
        self.page.wait_for_selector("#predict", timeout=30000)
        self.page.wait_for_function(READY, timeout=60000)
        self.settle()

    def settle(self, seconds: float = 12.0) -> None:
        """Wait until the axial picture stays the same for 0.8 s."""
        end, previous, since = time.monotonic() + seconds, "", time.monotonic()
        while time.monotonic() < end:
            source = self.page.evaluate(
                "() => [...document.querySelectorAll('img.image-display-area')].map(e => e.src).join()"
            )
            if source != previous:
                previous, since = source, time.monotonic()
            elif time.monotonic() - since > 0.8:
                return
            time.sleep(0.1)

    def tab(self, name: str) -> None:
        """Open a tab; clicked again if a line that came or went above it moved it away from the pointer."""
        panel = self.page.locator(f"#panel_{name}")
        for _ in range(6):
            self.page.click(f"#tab_{name}")
            end = time.monotonic() + 5
            while time.monotonic() < end:
                if panel.is_visible():
                    return
                self.page.wait_for_timeout(50)
        self.page.wait_for_selector(f"#panel_{name}", state="visible")

    def click(self, identity: str) -> None:
        self.page.click(f'[id="{identity}"]')

    def fill(self, identity: str, text: str) -> None:
        self.page.fill(f'[id="{identity}"]', text)

    def choose(self, identity: str, text: str) -> None:
        """Choose an item of a drop-down by the beginning of its text."""
        field = self.page.locator(f'[id="{identity}"]')
        field.locator("xpath=ancestor-or-self::*[contains(@class,'v-select')][1]").click()
        item = self.page.locator(".v-overlay--active .v-list-item").filter(has_text=text).first
        item.click()
        self.page.wait_for_function("() => !document.querySelector('.v-overlay--active .v-list')")

    def slide(self, identity: str, value: float) -> None:
        """Set a slider through the shared state, as dragging its thumb does."""
        self.state(identity, value)

    def state(self, name: str, value: Any = None) -> Any:
        """Read a state variable of the page, or set it if a value is given."""
        if value is not None:
            self.page.evaluate("([n, v]) => window.trame.state.set(n, v)", [name, value])
            return value
        return self.page.evaluate("n => window.trame.state.get(n)", name)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError(f"timeout: {what}; alerts: {self.alerts()}")

    def alerts(self) -> list[str]:
        return self.page.eval_on_selector_all(".vb-alert", "all => all.map(e => e.innerText)")

    def probability(self, model: str | None = None) -> float:
        """The exact probability on the first card (or that of `model`)."""
        selector = f'[id="card_{model}"]' if model else ".vb-card[data-p]"
        return float(self.page.get_attribute(f"{selector} >> nth=0", "data-p"))

    def show_numbers(self) -> None:
        """Ask for the numbers behind red cards."""
        self.tab("result")
        for card in self.state("cards"):
            if card["trust"]["light"] == "red" and self.page.is_visible(f"#card_anyway_{card['id']}"):
                self.click(f"card_anyway_{card['id']}")

    def predict(self, seconds: float = 120.0) -> float:
        before = self.state("update_count")
        self.click("predict")
        self.wait(lambda: self.state("update_count") > before, "a prediction", seconds)
        self.wait(lambda: not self.state("stale"), "a fresh prediction")
        return self.probability()

    def wait_for_update(self, before: int, seconds: float = 60.0) -> float:
        """Wait for the live update after `before`; returns the new probability."""
        self.wait(
            lambda: self.state("update_count") > before and not self.state("stale"), "a live update", seconds
        )
        return self.probability()

    def picture(self, view: str) -> Any:
        """The picture of a view, wherever the layout has it."""
        return self.page.locator(PICTURE.format(view=view))

    def box(self, view: str) -> dict[str, float]:
        return self.picture(view).bounding_box()

    def stroke(self, view: str, points: list[tuple[float, float]]) -> None:
        """Drag with the left button through points in fractions of the view."""
        box = self.box(view)
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        mouse = self.page.mouse
        mouse.move(*at[0])
        self.page.wait_for_timeout(150)
        mouse.down()
        for point in at[1:]:
            mouse.move(*point, steps=6)
            self.page.wait_for_timeout(60)
        self.page.wait_for_timeout(100)
        mouse.up()
        self.page.wait_for_timeout(100)
        mouse.move(220, 22)

    def pixels(self, view: str) -> np.ndarray:
        """The view as uint8 (rows, columns, 3), 0…255."""
        data = self.picture(view).screenshot()
        path = self.application.log.parent / "view.png"
        path.write_bytes(data)
        return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[..., :3]

    def count_colours(self, view: str) -> tuple[int, int]:
        """Number of clearly red and clearly blue pixels, legend (left quarter) left out."""
        picture = self.pixels(view).astype(int)
        picture = picture[:, picture.shape[1] // 4 :]
        red, green, blue = (picture[..., c] for c in range(3))
        return (
            int(((red - blue > 60) & (red - green > 40)).sum()),
            int(((blue - red > 60) & (blue - green > 10)).sum()),
        )


@contextmanager
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=preflight.chromium_path(), args=CHROMIUM_ARGUMENTS
        )
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def opened(
    chromium: Any,
    *arguments: str | Path,
    folder: Path,
    size: tuple[int, int] = (1600, 950),
    start: list[str] | None = None,
) -> Iterator[Page]:
    """The application and a page on it; both are gone afterwards."""
    application = Application(*arguments, log=folder / "application.log", start=start)
    try:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, accept_downloads=True, color_scheme="dark"
        )
        page = Page(context.new_page(), application)
        page.errors = []
        page.page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.open()
        yield page
        context.close()
    finally:
        application.stop()


def place(
    image: sitk.Image, lps: tuple[float, float, float], box: dict[str, float], view: str = "axial"
) -> tuple[float, float]:
    """Where a point lies in a slice view that was fitted to an upright volume, in fractions of the view."""
    corners = np.array(
        [
            image.TransformContinuousIndexToPhysicalPoint(
                [float(c * n - 0.5) for c, n in zip(corner, image.GetSize(), strict=True)]
            )
            for corner in np.ndindex(2, 2, 2)
        ]
    )
    low, high = corners.min(0), corners.max(0)
    across, down, sign = {"axial": (0, 1, 1), "coronal": (0, 2, -1), "sagittal": (1, 2, -1)}[view]
    extent, middle = high - low, (low + high) / 2
    millimetres = max(extent[across] / box["width"], extent[down] / box["height"])
    return (
        0.5 + (lps[across] - middle[across]) / millimetres / box["width"],
        0.5 + sign * (lps[down] - middle[down]) / millimetres / box["height"],
    )
