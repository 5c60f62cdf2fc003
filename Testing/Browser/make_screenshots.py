"""Draw the pictures of the README again: ``python Testing/Browser/make_screenshots.py [FOLDER]``.

Clicks through the sample cases in headless Chromium and writes PNG files of at most 400 kB. Of a real study,
where VIRTUALBIOPSY_DATA has it, only panels are drawn.
"""

from __future__ import annotations

import io
import math
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "VirtualBiopsyCore"), str(Path(__file__).resolve().parent)]

from browser_support import Page, browser, opened, place  # noqa: E402
from virtualbiopsy.case.read import read_case  # noqa: E402
from virtualbiopsy.models.radmodel import builtin_models  # noqa: E402
from virtualbiopsy.resources import resource  # noqa: E402

PARTS = ["meningioma", "breast", "workbench", "real"]
SIZE = (1500, 900)
LIMIT = 400_000
REAL_STUDY = Path("volumes") / "breast_dce_dicom" / "UCSF-BR-06.zip"
MEASURED = ROOT / "Testing" / "Python" / "data" / "m11-simulated-features.csv"
FAULTY = """patient,age,site,split,t1c,mask,endpoint:Ki-67
P01,61,A,train,P01/t1c.nii.gz,P01/seg.nii.gz,0
P02,47,A,train,P02/t1c.nii.gz,P02/seg.nii.gz,1
P02,47,B,test,P02/t1c.nii.gz,P02/seg.nii.gz,1
P03,430,A,train,P03/t1c.nii.gz,P03/seg.nii.gz,maybe
"""
"""A table of nobody, with faults of every kind."""
REAL_LESION = (111.8, -45.5, -10.6)
"""A point of its lesion, LPS mm."""


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

    def shoot_panel(self, page: Page, name: str) -> None:
        """The panel at the left without the views."""
        page.page.mouse.move(SIZE[0] - 4, 4)
        page.settle()
        box = page.page.locator(".v-navigation-drawer").first.bounding_box()
        self.add(name, page.page.screenshot(clip=box))

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
    page.click("sample_meningioma")
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


def breast(page: Page, album: Album) -> None:
    """The simulated breast study: series, projection, proposal, maps, result, layer of a map."""
    page.page.wait_for_selector("#start_page")
    album.add("16-breast-start", page.page.screenshot())
    page.click("sample_breast")
    page.wait(lambda: page.state("case_name"), "the case")
    case = read_case(resource("Cases/breast-sample"))
    centre, radius, _ = largest_slice(case.regions["tumour"])
    reference = case.sequence("dce").image

    def at(view: str = "axial") -> tuple[float, float]:
        return place(reference, centre, page.box(view), view)

    page.tab("series")
    page.click("mode_phase")
    page.wait(lambda: not page.state("job_active"), "the preparation", 300)
    album.shoot(page, "17-breast-phases")
    page.click("mode_mip")
    page.page.wait_for_timeout(2500)
    album.shoot(page, "18-breast-subtraction")
    page.tab("outline")
    page.click("tool_propose")
    page.page.wait_for_timeout(500)
    box, (x, y) = page.box("axial"), at()
    page.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.wait(lambda: page.state("facts"), "the proposal", 120)
    page.click("mode_subtraction")
    page.click("centre")
    album.shoot(page, "19-breast-proposal")
    page.click("tool_none")
    page.tab("series")
    page.click("compute_maps")
    page.wait(lambda: page.state("map_rows"), "the maps", 300)
    page.click("mode_phase")
    page.click("colours_ktrans")
    page.page.evaluate("document.querySelector('#section_maps').scrollIntoView()")
    album.shoot(page, "20-breast-maps")
    page.click("map_off")
    if not builtin_models("breast"):
        return
    page.click("open_earlier")
    page.wait(lambda: page.state("earlier_name"), "the earlier examination", 300)
    page.predict(300)
    page.wait(lambda: all(c["has_stability"] for c in page.state("cards")), "the ranges", 300)
    page.show_numbers()
    page.tab("result")
    page.page.evaluate("document.getElementById('card_her2-ordinal-breast-demo').scrollIntoView()")
    album.shoot(page, "21-breast-result")
    page.tab("explain")
    for role in ("pe", "ktrans", "ser"):
        if page.page.locator(f"#line_{role}").count():
            page.click(f"line_{role}")
            break
    album.shoot(page, "22-breast-layer")


def real_study(page: Page, album: Album) -> None:
    """Panels of a real study; its images stay out of the pictures."""
    page.wait(lambda: page.state("case_name"), "the case", 120)
    image = read_case(page.state("case_path")).sequence("dce").image
    page.tab("outline")
    page.click("mode_mip")
    page.page.wait_for_timeout(2500)
    page.click("tool_propose")
    page.page.wait_for_timeout(500)
    box = page.box("sagittal")
    x, y = place(image, REAL_LESION, box, "sagittal")
    page.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.wait(lambda: page.state("facts"), "the proposal", 120)
    page.click("tool_none")
    page.tab("series")
    page.wait(lambda: page.state("curve_svg"), "the curve", 120)
    page.wait(lambda: not page.state("job_active"), "the preparation", 300)
    album.shoot_panel(page, "23-real-study-phases")
    if not builtin_models("breast"):
        return
    page.predict(300)
    page.wait(lambda: all(c["has_stability"] for c in page.state("cards")), "the ranges", 300)
    page.tab("result")
    album.shoot_panel(page, "24-real-study-trust")


def workbench(page: Page, album: Album, work: Path) -> None:
    """The workbench: recipes, faults of a cohort, a run on simulated cases, its model on the sample case.

    So few cases give a model that is no better than chance: its card is red, and its number stands behind it.
    """
    page.click("open_workbench")
    page.page.wait_for_selector("#bench_table tbody tr")
    page.click("recipe_M11")
    page.page.wait_for_selector("#bench_take")
    album.add("25-workbench-recipes", page.page.screenshot())

    page.click("bench_take")
    (work / "my-cohort.csv").write_text(FAULTY, encoding="utf-8")
    page.fill("bench_cohort", "my-cohort.csv")  # from the folder in which the application was started
    page.click("bench_examine")
    page.page.wait_for_selector("#bench_faults")
    album.add("26-workbench-faults", page.page.screenshot())

    out = work / "m11"
    out.mkdir()
    shutil.copy(MEASURED, out / "meningioma-trial-features.csv")
    page.click("source_simulated")
    page.fill("bench_simulated", "24")
    page.click("bench_to_run")
    page.fill("bench_out", out.name)
    page.click("bench_run")
    page.page.wait_for_selector("#bench_outcome", timeout=120000)
    album.add("27-workbench-result", page.page.screenshot())

    page.click("bench_try_sample")
    page.page.wait_for_selector("#card_m11-simulated", state="attached", timeout=300000)
    page.wait(lambda: all(c["has_stability"] for c in page.state("cards")), "the ranges", 300)
    album.shoot(page, "28-workbench-new-model")


def unpacked(folder: Path) -> Path | None:
    """The real study as a folder; None without the data."""
    archive = Path(os.environ.get("VIRTUALBIOPSY_DATA", "")) / REAL_STUDY
    if not archive.is_file():
        return None
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder / "unpacked")
    return next((folder / "unpacked").iterdir()).rename(folder / "real-study")


def main() -> int:
    """Arguments: the folder of the pictures, and which parts to draw (PARTS)."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Resources" / "Screenshots"
    parts, album = sys.argv[2:] or PARTS, Album(folder)
    with tempfile.TemporaryDirectory(prefix="virtualbiopsy-") as scratch, browser() as chromium:
        work = Path(scratch)
        if "meningioma" in parts:
            with opened(chromium, folder=work, size=SIZE) as page:
                walk(page, album, work)
        if "breast" in parts:
            with opened(chromium, folder=work, size=SIZE) as page:
                breast(page, album)
        if "workbench" in parts:
            (own := work / "workbench").mkdir()
            with opened(chromium, folder=own, size=SIZE) as page:
                workbench(page, album, own)
        study = unpacked(work) if "real" in parts else None
        if study is not None:
            with opened(chromium, study, folder=work, size=SIZE) as page:
                real_study(page, album)
    return 0


if __name__ == "__main__":
    sys.exit(main())
