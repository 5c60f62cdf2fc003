"""Draw the pictures of the README again: ``python Testing/Browser/make_screenshots.py [FOLDER]``.

Clicks through the sample case in headless Chromium and writes PNG files of at most 400 kB.
"""

from __future__ import annotations

import io
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "VirtualBiopsyCore"), str(Path(__file__).resolve().parent)]

from browser_support import Page, browser, opened, place  # noqa: E402
from virtualbiopsy.case.read import read_case  # noqa: E402
from virtualbiopsy.resources import resource  # noqa: E402

SIZE = (1500, 900)
LIMIT = 400_000


def with_palette(picture: Image.Image) -> Image.Image:
    """256 colours, half of them kept for what is not grey: maps and legends keep their hue."""
    pixels = np.asarray(picture).reshape(-1, 3)
    coloured = np.ptp(pixels.astype(int), axis=1) > 24
    palette = b""
    for part, count in ((pixels[coloured], 140), (pixels[~coloured], 116)):
        few = Image.fromarray(np.ascontiguousarray(part[None])).quantize(count)
        palette += bytes(few.getpalette()[: 3 * count]).ljust(3 * count, b"\0")
    table = Image.new("P", (1, 1))
    table.putpalette(palette)
    return picture.quantize(palette=table, dither=Image.Dither.NONE)


class Album:
    """The folder of the pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, png: bytes) -> None:
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        out = io.BytesIO()
        picture.save(out, "PNG", optimize=True)
        if out.tell() > LIMIT:
            out = io.BytesIO()
            with_palette(picture).save(out, "PNG", optimize=True)
        path = self.folder / f"{name}.png"
        path.write_bytes(out.getvalue())
        print(f"{path}  {picture.width} × {picture.height}  {out.tell() // 1000} kB", flush=True)

    def shoot(self, page: Page, name: str) -> None:
        page.page.mouse.move(SIZE[0] - 4, 4)
        page.settle()
        self.add(name, page.page.screenshot())


def largest_slice(mask: sitk.Image) -> tuple[tuple[float, float, float], float, np.ndarray]:
    """Deepest point (LPS) of the largest axial slice of a mask, radius (mm) of the slice, and the slice."""
    inside = sitk.GetArrayFromImage(mask) > 0
    k = int(inside.sum(axis=(1, 2)).argmax())
    distance = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(mask[:, :, k] > 0, insideIsPositive=True))
    j, i = np.unravel_index(distance.argmax(), distance.shape)
    area = inside[k].sum() * np.prod(mask.GetSpacing()[:2])
    return mask.TransformIndexToPhysicalPoint((int(i), int(j), k)), math.sqrt(area / math.pi), inside[k]


def walk(page: Page, album: Album, work: Path) -> None:
    """Go through the steps of the tutorial, and the check of the engine."""
    case = read_case(resource("Cases/meningioma-sample"))
    mask, reference = case.regions["tumour"], case.sequence("t1c").image
    centre, radius, _ = largest_slice(mask)

    page.wait(lambda: page.state("case_name"), "the case")
    page.wait(lambda: not page.state("job_active"), "the preparation", 120)
    page.tab("case")
    page.fill("case_path", "Resources/Cases/meningioma-sample")
    album.shoot(page, "01-case-and-roles")

    page.tab("outline")
    page.click("load_case_mask")
    page.wait(lambda: page.state("facts"), "the outline")
    page.click("undo")
    page.wait(lambda: not page.state("facts"), "no outline")

    def at(dx: float, dy: float, dz: float = 0.0, view: str = "axial") -> tuple[float, float]:
        point = (centre[0] + dx, centre[1] + dy, centre[2] + dz)
        return place(reference, point, page.box(view), view)

    page.click("tool_paint")
    page.slide("brush_mm", 5)
    page.page.wait_for_timeout(400)
    half, around = 0.35 * radius, [(math.cos(a), math.sin(a)) for a in np.linspace(0.1, 6.2, 25)]
    page.stroke("axial", [at(-half, -half), at(half, -half / 2), at(-half / 2, half), at(half, half)])
    page.stroke("coronal", [at(-half, 0, half, "coronal"), at(half, 0, -half, "coronal")])
    page.click("segment_background")
    page.page.wait_for_timeout(400)
    page.stroke("axial", [at(1.8 * radius * x, 1.8 * radius * y) for x, y in around])
    page.stroke("coronal", [at(1.8 * radius * x, 0, 1.8 * radius * y, "coronal") for x, y in around])
    page.page.wait_for_timeout(600)
    album.shoot(page, "02-seeds")
    page.click("grow_seeds")
    page.page.wait_for_timeout(1500)
    album.shoot(page, "03-grown-outline")

    page.click("segment_tumour")
    page.click("load_case_mask")
    page.page.wait_for_timeout(1000)
    page.predict()
    page.wait(lambda: all(c["has_stability"] for c in page.state("cards")), "the ranges", 120)
    page.tab("result")
    album.shoot(page, "04-result")
    page.tab("explain")
    album.shoot(page, "05-explanation")
    page.page.evaluate("document.querySelector('#section_map').scrollIntoView()")
    album.shoot(page, "06-map-controls")
    page.tab("features")
    page.page.locator("#features summary").first.click()
    album.shoot(page, "07-features")
    page.tab("evidence")
    album.shoot(page, "08-evidence")

    page.tab("outline")
    page.click("segment_tumour")
    page.click("tool_erase")
    page.slide("brush_mm", 18)
    page.slide("brush_sphere", True)
    page.page.wait_for_timeout(400)
    count = page.state("update_count")
    page.stroke(
        "axial", [at(-0.8 * radius, -0.9 * radius), at(0, -0.85 * radius), at(0.8 * radius, -0.9 * radius)]
    )
    page.wait_for_update(count)
    page.tab("result")
    page.wait(lambda: all(c["has_stability"] for c in page.state("cards")), "the ranges", 120)
    album.shoot(page, "09-edited-outline")
    page.tab("outline")
    count = page.state("update_count")
    page.click("undo")
    page.wait_for_update(count)
    page.click("tool_none")

    page.tab("save")
    page.fill("export_path", str(work / "results"))
    page.click("export")
    page.wait(lambda: page.state("exported"), "the files", 120)
    report = page.page.context.new_page()
    report.set_viewport_size({"width": 1000, "height": 1200})
    report.goto((work / "results" / "report.html").as_uri())
    report.wait_for_timeout(800)
    album.add("10-report", report.screenshot())
    report.close()

    for alert in page.state("alerts"):  # it names a folder of this machine
        page.click(f"dismiss_{alert['id']}")
    page.wait(lambda: not page.alerts(), "the message to go")
    page.tab("engine")
    page.click("certify")
    page.wait(lambda: page.state("engine_checks"), "the reference tests", 180)
    page.page.evaluate("document.querySelector('#section_certify').scrollIntoView()")
    album.shoot(page, "11-engine")
    explanations(page, album, at)


def explanations(page: Page, album: Album, at: Callable[..., tuple[float, float]]) -> None:
    """Trust card, ledger, and the layers that ask what if; `at` places a point of the tumour in a view."""
    page.wait(lambda: all(c["has_stability"] for c in page.state("cards")), "the ranges", 120)
    page.tab("result")
    page.page.evaluate("document.querySelector('#panel').scrollTo(0, 0)")
    album.shoot(page, "12-trust-card")

    page.tab("explain")
    page.page.evaluate("document.querySelector('#panel').scrollTo(0, 0)")
    page.click("line_t1c")
    page.click("open_adc")
    for line in ("open_t1c", "open_t1c/glcm"):
        page.click(line)
    page.page.locator('[id^="tell_t1c/glcm"]').first.click()
    page.wait(lambda: page.state("hatching_note"), "where the sign is steady", 120)
    page.settle()
    box, (x, y) = page.box("axial"), at(0, 0)
    page.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    page.wait(lambda: page.state("probe"), "what lies under the pointer")
    page.settle()
    album.add("13-ledger", page.page.screenshot())

    page.page.evaluate("document.querySelector('#section_map').scrollIntoView()")
    page.click("layer_missing")
    page.click("ask_parts")
    page.wait(lambda: page.state("parts_rows"), "the parts", 120)
    album.shoot(page, "14-what-if-missing")
    page.click("layer_outline")
    page.wait(lambda: page.state("influence_rows"), "the influence map", 120)
    album.shoot(page, "15-influence")


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Resources" / "Screenshots"
    with tempfile.TemporaryDirectory(prefix="virtualbiopsy-") as scratch, browser() as chromium:
        work = Path(scratch)
        with opened(chromium, folder=work, size=SIZE) as page:
            walk(page, Album(folder), work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
