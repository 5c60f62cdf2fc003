"""The command ``virtualbiopsy dynamic``: phases, maps, curves and a proposed lesion of a dynamic series."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from . import RESEARCH_USE_ONLY
from .errors import ExistingFileError, PrecontrastError, VirtualBiopsyError
from .progress import Progress, show, silent
from .tasks import BREAST

if TYPE_CHECKING:
    from .regions.curves import Curve
    from .session import Session


def register(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "dynamic", help="phases, kinetic maps, curves and a proposed lesion of a dynamic series"
    )
    parser.add_argument("case", type=Path, nargs="+", help="case folder, DICOM folder, or image files")
    parser.add_argument(
        "--precontrast", action="append", default=[], metavar="PHASE", help="phase before the contrast agent"
    )
    parser.add_argument("--align", action="store_true", help="align the phases rigidly to the early phase")
    parser.add_argument(
        "--point", type=_point, metavar="X,Y,Z", help="propose a lesion around this point (mm, LPS)"
    )
    parser.add_argument("--region", type=Path, help="mask file for the curve; the case's own if left out")
    add_kinetics(parser)
    parser.add_argument(
        "--out", type=Path, help="folder for maps, curve and proposal; the screen if left out"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=_run)


def add_kinetics(parser: argparse.ArgumentParser) -> None:
    """Add the options of :func:`apply_kinetics`."""
    parser.add_argument(
        "--aif", choices=("parker", "georgiou", "weinmann"), help="population arterial input of the models"
    )
    parser.add_argument("--artery", type=Path, help="mask of an artery in which the input is measured")
    parser.add_argument(
        "--aif-table", type=Path, metavar="CSV", help="arterial input as a table of seconds and mmol/L"
    )
    parser.add_argument("--t1", type=float, metavar="MS", help="assumed T1 of tissue before contrast agent")


def apply_kinetics(session: Session, options: argparse.Namespace) -> None:
    """Depart from the models' own kinetics where the options say so.

    Raises
    ------
    ArterialInputError, UnreadableFileError, … : a file cannot be used.
    """
    from .case.read import read_mask
    from .prepare.kinetics.aif import read_input_table
    from .prepare.model import Kinetics

    changes = {}
    if options.aif:
        changes["aif"] = options.aif
    if options.t1 is not None:
        changes["t1_ms"] = options.t1
    vessel = arterial = None
    if options.artery is not None:
        vessel, changes["aif"] = read_mask(options.artery), "measured"
    if options.aif_table is not None:
        arterial = read_input_table(options.aif_table, haematocrit=Kinetics().haematocrit)
        changes["aif"] = "table"
    if changes:
        session.set_kinetics(arterial, vessel, **changes)


def _point(text: str) -> tuple[float, float, float]:
    x, y, z = (float(part) for part in text.split(","))
    return x, y, z


def _run(options: argparse.Namespace) -> None:
    from .case.phase_times import with_precontrast
    from .case.read import read_case
    from .session import Session

    progress = silent if options.quiet else show
    session = Session(read_case(options.case, progress=progress), (), BREAST)
    if options.precontrast:
        _check_names(session, options.precontrast)
        session.set_dynamic(with_precontrast(session.dynamics.series, options.precontrast))
    if options.align:
        _align(session, progress)
    apply_kinetics(session, options)
    series = session.dynamics.series
    print(RESEARCH_USE_ONLY)
    print(phase_table(session))
    for motion in series.motion:
        print(
            f"{motion.name}: {motion.shift_mm:.2f} mm, {motion.rotation_degrees:.2f}°, similarity "
            f"{motion.similarity_before:.4f} → {motion.similarity_after:.4f}"
        )
    mask = _mask(session, options, progress)
    if options.out is None:
        if mask is not None:
            print(curve_csv(session.dynamics.curve_of(mask)), end="")
        return
    for path in _write(session, mask, options, progress):
        print(path)


def _check_names(session: Session, names: list[str]) -> None:
    known = [phase.name for phase in session.dynamics.series.phases]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise PrecontrastError(f"There is no phase called {unknown[0]!r}.", f"Phases: {', '.join(known)}.")


def _align(session: Session, progress: Progress) -> None:
    from .prepare.kinetics.motion import correct_motion

    session.set_dynamic(correct_motion(session.dynamics.series, progress))


def _mask(session: Session, options: argparse.Namespace, progress: Progress):
    from .case.read import read_mask

    if options.point is not None:
        proposal = session.dynamics.propose(options.point, progress)
        print(proposal.note)
        return proposal.mask
    return read_mask(options.region) if options.region else session.case.regions.get("tumour")


def phase_table(session: Session) -> str:
    """The phases with their times and where these came from, as text."""
    from .case.phase_times import phase_rows

    series = session.dynamics.series
    lines = [f"{series.name}: {len(series.phases)} phases"]
    for row in phase_rows(series):
        start, centre = (
            "unknown" if value is None else f"{value:.1f} s" for value in (row.start_s, row.effective_s)
        )
        mark = "pre-contrast" if row.precontrast else ""
        lines.append(f"{row.name:16} began {start:>10}  centre {centre:>10}  {mark:12}  {row.time_source}")
    lines += [text for text in (series.precontrast_reason, series.injection_source) if text]
    return "\n".join(lines)


def curve_csv(curve: Curve) -> str:
    """A curve as a table: one line for every phase."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("phase", "seconds_after_injection", "mean", "sd", "percent_enhancement"))
    percent = curve.enhancement or ("",) * len(curve.phases)
    table.writerows(zip(curve.phases, curve.times_s, curve.mean, curve.sd, percent, strict=True))
    return out.getvalue()


def _write(session: Session, mask, options: argparse.Namespace, progress: Progress) -> list[Path]:
    import SimpleITK as sitk

    from .report.curve import curve_svg

    maps = session.dynamics.maps(progress)
    writers: dict[str, Callable[[Path], object]] = {
        f"{found.role}.nrrd": lambda path, found=found: sitk.WriteImage(found.image, str(path), True)
        for found in maps
    }
    if mask is not None:
        curve = session.dynamics.curve_of(mask)
        writers["curve.csv"] = lambda path: path.write_text(curve_csv(curve), encoding="utf-8")
        writers["curve.svg"] = lambda path: path.write_text(
            curve_svg([("region", curve)], dark=False), encoding="utf-8"
        )
    if options.point is not None:
        writers["proposed_mask.nrrd"] = lambda path: sitk.WriteImage(mask, str(path), True)
    for role, why in session.dynamics.left_out(progress).items():
        print(f"Not computed: {role} ({why})")
    return _written(options.out, writers, options.overwrite)


def _written(folder: Path, writers: Mapping[str, Callable[[Path], object]], overwrite: bool) -> list[Path]:
    there = [name for name in writers if (folder / name).exists()]
    if there and not overwrite:
        raise ExistingFileError(
            f"The folder {folder} already holds {', '.join(sorted(there))}.",
            "Choose another folder, or allow overwriting.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in writers.items():
        try:
            write(folder / name)
        except (OSError, RuntimeError) as error:
            raise VirtualBiopsyError(f"{folder / name} cannot be written ({error}).") from error
    return [folder / name for name in writers]
