"""In the browser: from letting go of the mouse after a brush stroke to the new number and the new map.

Headless Chromium clicks through the sample case (simulated). The page itself takes the times: the release of
the button, the change of the number, and every picture of the axial view, which is compared with the picture
in the end; the new map is there from the first picture on that stays like the last. Both count from the frame
that the browser draws with them.
"""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path
from typing import Any

from cases import SAMPLE
from context import SUFFIX, Context

ROOT = Path(__file__).resolve().parents[3]
BROWSER = ROOT / "Testing" / "Browser"
NAME = "edit_to_picture_s"
STROKES = 12
BRUSH_MM = 6.0
RECORD = """
() => {
  const edit = window.vbEdit = { up: 0, numbers: [], pictures: [] };
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 240;
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const axial = document.querySelectorAll('img.image-display-area')[0];
  for (const kind of ['pointerup', 'mouseup'])
    addEventListener(kind, () => { if (!edit.up) edit.up = performance.now(); }, true);
  axial.addEventListener('load', () => {
    if (!edit.up) return;
    const picture = { time: performance.now() };
    edit.pictures.push(picture);
    requestAnimationFrame(() => { picture.time = performance.now(); });
    pen.drawImage(axial, 0, 0, 240, 240);
    picture.data = pen.getImageData(0, 0, 240, 240).data;
  });
  const number = document.querySelector('[id^="head_"]');
  new MutationObserver(() => {
    if (!edit.up) return;
    requestAnimationFrame(() => edit.numbers.push({ time: performance.now(), text: number.dataset.p }));
  }).observe(number, { attributes: true, attributeFilter: ['data-p'] });
}
"""
BEGIN = "() => { Object.assign(window.vbEdit, { up: 0, numbers: [], pictures: [] }); }"
READ = """
() => {
  const { up, numbers, pictures } = window.vbEdit;
  const last = pictures[pictures.length - 1];
  const differs = one => {
    let far = 0;
    for (let n = 0; n < last.data.length; n += 4) {
      const d = Math.max(Math.abs(one.data[n] - last.data[n]), Math.abs(one.data[n + 1] - last.data[n + 1]),
                         Math.abs(one.data[n + 2] - last.data[n + 2]));
      if (d > 48) far += 1;
    }
    return far;
  };
  const far = pictures.map(differs);
  let first = pictures.length - 1;
  while (first > 0 && far[first - 1] <= 3) first -= 1;
  return {
    number: numbers.length ? numbers[0].time - up : null,
    picture: pictures.length ? pictures[first].time - up : null,
    frames: pictures.map((p, n) => [p.time - up, far[n]]),
  };
}
"""


def measure(context: Context) -> dict[str, dict[str, Any]]:
    for folder in (BROWSER, ROOT / "Testing" / "Python"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    from virtualbiopsy.web import preflight

    if preflight.chromium_path() is None:
        raise RuntimeError("there is no Chromium")
    from browser_support import browser, opened

    found = {}
    for kernels in context.kernels:
        before = os.environ.get("VIRTUALBIOPSY_KERNELS")
        os.environ["VIRTUALBIOPSY_KERNELS"] = kernels
        folder = context.folder / f"browser-{kernels}"
        folder.mkdir()
        try:
            with browser() as chromium, opened(chromium, folder=folder) as page:
                strokes = _strokes(page, context.runs(STROKES))
        finally:
            if before is None:
                del os.environ["VIRTUALBIOPSY_KERNELS"]
            else:
                os.environ["VIRTUALBIOPSY_KERNELS"] = before
        name = NAME + SUFFIX[kernels]
        found[name] = _entry(strokes, kernels)
        for what in ("number", "picture"):
            context.say(f"  {name}, {what}: {[round(s[what]) for s in strokes]} ms")
    return found


def _entry(strokes: list[dict[str, Any]], kernels: str) -> dict[str, Any]:
    picture, number, computing = (
        [stroke[what] / 1000 for stroke in strokes] for what in ("picture", "number", "update_ms")
    )
    return {
        "ours_s": statistics.median(picture),
        "number_s": statistics.median(number),
        "computing_s": statistics.median(computing),
        "worst_s": max(picture),
        "peer_s": None,
        "peer": None,
        "ratio": None,
        "n": len(strokes),
        "cases": [SAMPLE],
        "kernels": kernels,
    }


def _strokes(page: Any, count: int) -> list[dict[str, Any]]:
    """Paint and erase at the rim of the outline in turn; times of each stroke in ms."""
    import numpy as np
    from browser_support import place
    from virtualbiopsy.case.read import read_case
    from virtualbiopsy.resources import resource

    case = read_case(resource("Cases/meningioma-sample"))
    mask, reference = case.regions["tumour"], case.sequence("t1c").image
    inside = _array(mask)
    k = int(inside.sum(axis=(1, 2)).argmax())
    rows, columns = np.nonzero(inside[k])
    page.wait(lambda: page.state("case_name"), "the case")
    page.wait(lambda: not page.state("job_active"), "the preparation", 180)
    page.tab("outline")
    page.click("load_case_mask")
    page.wait(lambda: page.state("facts"), "the outline")
    page.predict()
    page.tab("outline")
    page.click("segment_tumour")
    page.settle()
    box = page.box("axial")
    middle = np.array([rows.mean(), columns.mean()])
    angles = np.arctan2(rows - middle[0], columns - middle[1])
    distance = np.hypot(rows - middle[0], columns - middle[1])
    page.page.evaluate(RECORD)
    found = []
    for n in range(count):
        near = np.abs(angles - (-2.6 + 5.2 * n / max(1, count - 1))) < 0.1
        at = np.flatnonzero(near)[distance[near].argmax()]
        point = mask.TransformIndexToPhysicalPoint((int(columns[at]), int(rows[at]), k))
        page.click("tool_paint" if n % 2 == 0 else "tool_erase")
        page.slide("brush_mm", BRUSH_MM)
        found.append(_stroke(page, place(reference, point, box), box))
    return found


def _stroke(page: Any, at: tuple[float, float], box: dict[str, float]) -> dict[str, Any]:
    x, y = box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"]
    count, mouse = page.state("update_count"), page.page.mouse
    mouse.move(x, y)
    page.page.wait_for_timeout(1800)  # the range over small changes of the stroke before is done
    page.wait(lambda: not page.state("job_active"), "the worker to be idle")
    page.settle()
    page.page.evaluate(BEGIN)
    mouse.down()
    mouse.move(x + 4, y + 3, steps=4)
    page.page.wait_for_timeout(80)
    mouse.up()
    page.wait_for_update(count)
    page.page.wait_for_timeout(700)
    page.settle()
    times = page.page.evaluate(READ)
    if times["number"] is None or times["picture"] is None:
        raise RuntimeError("after a stroke of the brush the page showed no new number or no new picture")
    return {**times, "update_ms": page.state("update_ms")}


def _array(mask: Any) -> Any:
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(mask) > 0
